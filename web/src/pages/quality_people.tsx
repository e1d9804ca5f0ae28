/** Annotators side by side, and what the work costs. */

import { Link } from "wouter";
import type { Measured, Quality } from "../api/quality_types";
import type { Project } from "../api/types";
import { Counted, describeInterval, MeasuredNumber, Undefined } from "../parts/counted";
import { linkBehind } from "../quality/behind";
import { formatOffset } from "../quality/differences";
import { formatScore, formatShare } from "../quality/exam_words";

export function People({ project, quality }: { project: Project; quality: Quality }) {
  if (quality.people.length === 0) return null;
  const most = Math.max(1, ...quality.people.flatMap((one) => [one.start_bias_ms.value, one.end_bias_ms.value]).map((bias) => Math.abs(bias ?? 0)));
  const edges = quality.stage !== "elements"; // where edges are given there is nothing to be early or late with
  return (
    <section aria-labelledby="side-by-side">
      <h2 id="side-by-side">Annotators side by side</h2>
      <div className="table-wrap" tabIndex={0} role="region" aria-labelledby="side-by-side"><table className="table">
        <thead><tr><th scope="col">Person</th><th scope="col" className="number">Items</th>
          {edges && <><th scope="col" className="number">Found (F1)</th><th scope="col">Starts</th><th scope="col">Ends</th></>}
          <th scope="col" className="number">Same label</th>{!edges && <th scope="col" className="number">Same answers</th>}<th scope="col" className="number">Gold right</th><th scope="col" className="number">At work</th><th scope="col" className="number">A minute of video</th></tr></thead>
        <tbody>{quality.people.map((one) => {
          const { person } = one;
          const measured = (value: Measured, what: string, format: (value: number) => string) => <MeasuredNumber project={project} row={one} what={`${person.name}: ${what}`} measured={value} format={format} />;
          return (
            <tr key={person.id}>
              <th scope="row">{person.name}</th>
              <td className="number"><Counted project={project} row={one} what={`Items of ${person.name}`}>{one.num_items}</Counted> {one.num_shared_items < one.num_items && <span className="faint">({one.num_shared_items} shared)</span>}</td>
              {one.num_shared_items === 0 ? <td colSpan={edges ? 4 : 2} className="faint">nothing that others did too</td> : (
                <>
                  {edges && <><td className="number">{measured(one.detection_f1, "found (F1)", (value) => value.toFixed(3))}</td>
                    <td><Bias measured={one.start_bias_ms} most={most} name={`${person.name}: starts`} /></td><td><Bias measured={one.end_bias_ms} most={most} name={`${person.name}: ends`} /></td></>}
                  <td className="number">{measured(one.label_agreement, "same label as the others", formatShare)}</td>
                  {!edges && <td className="number">{measured(one.answer_agreement, "same answers as the others", formatShare)}</td>}
                </>
              )}
              <td className="number">{one.num_gold === 0 ? <span className="faint">–</span> : <><Link href={`/projects/${project.id}/gold/${person.id}/${quality.stage}`}>{formatScore(one.gold_score)}</Link> <span className="faint">of {one.num_gold}</span></>}</td>
              <td className="number">{one.active_minutes.toFixed(0)} min</td>
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
function Bias({ measured, most, name }: { measured: Measured; most: number; name: string }) {
  const ms = measured.value;
  if (ms === null) return <Undefined why={measured.why} />;
  const share = (50 * Math.abs(ms)) / most;
  return (
    <span className="bias" title={describeInterval(measured, formatOffset)}>
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
        <div><dt>An item, in the middle</dt><dd><Counted project={project} row={costs} what="Items with their time at work">{formatTime(costs.median_active_s)}</Counted></dd></div>
        <div><dt>One in ten takes more than</dt><dd>{formatTime(costs.p90_active_s)}</dd></div>
        <div><dt>A segment</dt><dd>{formatTime(costs.active_s_per_segment)} <span className="faint">of {costs.num_segments}</span></dd></div>
        <div><dt>All of it</dt><dd>{costs.active_hours.toFixed(1)} h <span className="faint">for {(60 * costs.video_hours).toFixed(1)} min of video</span></dd></div>
        {costs.num_untimed > 0 && <div><dt>Without a time</dt><dd>{costs.num_untimed} <span className="faint">left out</span></dd></div>}
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
