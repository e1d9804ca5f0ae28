/** Annotators side by side, and what the work costs. */

import { Link } from "wouter";
import type { Quality } from "../api/quality_types";
import type { Project } from "../api/types";
import { Counted } from "../parts/counted";
import { linkBehind } from "../quality/behind";
import { formatOffset } from "../quality/differences";
import { formatScore } from "../quality/exam_words";

export function People({ project, quality }: { project: Project; quality: Quality }) {
  if (quality.people.length === 0) return null;
  const most = Math.max(1, ...quality.people.flatMap((one) => [one.start_bias_ms, one.end_bias_ms]).map((bias) => Math.abs(bias ?? 0)));
  const edges = quality.stage !== "elements"; // where edges are given there is nothing to be early or late with
  return (
    <section aria-labelledby="side-by-side">
      <h2 id="side-by-side">Annotators side by side</h2>
      <div className="table-wrap" tabIndex={0} role="region" aria-labelledby="side-by-side"><table className="table">
        <thead><tr><th scope="col">Person</th><th scope="col" className="number">Items</th>
          {edges && <><th scope="col" className="number">Found (F1)</th><th scope="col">Starts</th><th scope="col">Ends</th></>}
          <th scope="col" className="number">Same label</th><th scope="col" className="number">Gold right</th><th scope="col" className="number">Minutes at work</th><th scope="col" className="number">A minute of video</th></tr></thead>
        <tbody>{quality.people.map((one) => {
          const { person } = one;
          const behind = (value: string | null, what: string) => <Counted project={project} value={value} ids={one.item_ids} total={one.num_items} what={`${person.name}: ${what}`} />;
          return (
            <tr key={person.id}>
              <th scope="row">{person.name}</th>
              <td className="number">{behind(String(one.num_items), "items that others did too")}</td>
              {edges && <><td className="number">{behind(one.detection_f1?.toFixed(3) ?? null, "found (F1)")}</td>
                <td><Bias ms={one.start_bias_ms} most={most} name={`${person.name}: starts`} /></td><td><Bias ms={one.end_bias_ms} most={most} name={`${person.name}: ends`} /></td></>}
              <td className="number">{behind(one.label_agreement === null ? null : formatScore(one.label_agreement), "same label as the others")}</td>
              <td className="number">{one.num_gold === 0 ? <span className="faint">–</span> : <>{formatScore(one.gold_score)} <span className="faint">of {one.num_gold}</span></>}</td>
              <td className="number">{one.active_minutes.toFixed(1)}</td>
              <td className="number">{one.minutes_per_video_minute === null ? "–" : `${one.minutes_per_video_minute.toFixed(1)} min`}</td>
            </tr>
          );
        })}</tbody>
      </table></div>
      {edges && <p className="faint">Starts and ends: how much later (to the right) or earlier the edges of a person are than those of the others, in the middle. The same way everywhere, it is another rule in her head, not carelessness.</p>}
    </section>
  );
}

/** To the right of the middle: later than the others. */
function Bias({ ms, most, name }: { ms: number | null; most: number; name: string }) {
  if (ms === null) return <span className="faint">–</span>;
  const share = (50 * Math.abs(ms)) / most;
  return (
    <span className="bias">
      <span className="bias-bar" role="img" aria-label={`${name} ${formatOffset(ms)}`}><i style={{ left: `${ms < 0 ? 50 - share : 50}%`, width: `${share}%` }} /></span>
      <span className="bias-text">{formatOffset(ms)}</span>
    </span>
  );
}

const formatTime = (seconds: number | null): string => (seconds === null ? "–" : seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`);

export function Costs({ project, quality }: { project: Project; quality: Quality }) {
  const { costs } = quality;
  if (costs.num_items === 0) return null;
  const dearest = costs.items.slice(0, 8);
  const most = Math.max(1, ...dearest.map((one) => one.active_s));
  return (
    <section aria-labelledby="costs">
      <h2 id="costs">What it costs</h2>
      <dl className="facts">
        <div><dt>An item, in the middle</dt><dd><Counted project={project} value={formatTime(costs.median_active_s)} ids={costs.items.map((one) => one.item_id)} total={costs.num_items} what="Time at work an item, the dearest first" /></dd></div>
        <div><dt>One in ten takes more than</dt><dd>{formatTime(costs.p90_active_s)}</dd></div>
        <div><dt>A segment</dt><dd>{formatTime(costs.active_s_per_segment)} <span className="faint">of {costs.num_segments}</span></dd></div>
        <div><dt>All of it</dt><dd>{costs.active_hours.toFixed(1)} h <span className="faint">for {(60 * costs.video_hours).toFixed(1)} min of video</span></dd></div>
      </dl>
      <h3>The dearest items</h3>
      <ul className="dear">{dearest.map((one, k) => (
        <li key={one.item_id}>
          <Link href={linkBehind(project.id, [one.item_id], `${formatTime(one.active_s)} at work, ${one.num_passes} passes`)}>{formatTime(one.active_s)}</Link>
          <span className="bar"><span style={{ width: `${(100 * one.active_s) / most}%` }} /></span>
          <span className="faint">{one.num_passes} {one.num_passes === 1 ? "pass" : "passes"}{k === 0 ? ", the dearest" : ""}</span>
        </li>
      ))}</ul>
    </section>
  );
}
