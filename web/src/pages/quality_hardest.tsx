/** Queries of the trees: which are the hardest, with clips to look at, and how answers to each part. */

import { useState } from "react";
import { Link } from "wouter";
import type { Quality } from "../api/quality_types";
import type { Project } from "../api/types";
import { ClipLoop } from "../parts/clip_loop";
import { Counted } from "../parts/counted";
import { formatTimecode } from "../player/timecode";
import { linkBehind } from "../quality/behind";
import { formatShare } from "../quality/exam_words";

type Hard = Quality["hardest_queries"][number];
const MOST = 6;

export function HardestQueries({ project, quality }: { project: Project; quality: Quality }) {
  const hard = quality.hardest_queries.slice(0, MOST);
  const [open, setOpen] = useState<string | null>(hard[0]?.query ?? null);
  if (hard.length === 0) return null;
  return (
    <section aria-labelledby="hardest">
      <h2 id="hardest">The hardest queries</h2>
      <p className="faint">Those on which people differ most, of those that several people were asked about the same thing. Write a guideline for them, with clips of either answer.</p>
      <ol className="hard">{hard.map((one) => (
        <li key={one.query} className="card">
          <button type="button" className="hard-head" aria-expanded={open === one.query} onClick={() => setOpen(open === one.query ? null : one.query)}>
            <span className="hard-text">{one.text}</span>
            <span className="bar" role="img" aria-label={`${formatShare(one.share)} differ`}><span className="short" style={{ width: `${100 * one.share}%` }} /></span>
            <span className="hard-count">{one.num_disagreements} of {one.num} differ</span>
          </button>
          {open === one.query && <Examples project={project} hard={one} />}
        </li>
      ))}</ol>
    </section>
  );
}

function Examples({ project, hard }: { project: Project; hard: Hard }) {
  return (
    <>
      <p className="row faint">
        <Link href={linkBehind(project.id, [...new Set(hard.examples.map((one) => one.item_id))], hard.text)}>The items of these clips</Link>
        <Link href={`/projects/${project.id}/guidelines?page=${encodeURIComponent(`query:${hard.query}`)}`}>The guideline of this query</Link>
        {hard.alpha !== null && <span>Krippendorff's alpha {hard.alpha.toFixed(3)}</span>}
      </p>
      <ul className="clips">{hard.examples.slice(0, 3).map((one) => (
        <li key={`${one.item_id}/${one.start_frame}`}>
          <ClipLoop item={one.item_id} startFrame={one.start_frame} endFrame={one.end_frame} title={`${one.record.name} at ${formatTimecode(one.start_ms)}`} />
          <p className="row"><span className="faint">{one.record.name} at {formatTimecode(one.start_ms)}</span></p>
          <p className="row">{one.answers.map(({ person, answer }) => <span key={person.id}>{person.name}: <span className={`answer ${answer}`}>{answer}</span></span>)}</p>
        </li>
      ))}</ul>
    </>
  );
}

export function QueryConfusions({ project, quality }: { project: Project; quality: Quality }) {
  const [isAll, setIsAll] = useState(false);
  const sorted = [...quality.query_confusions].sort((left, right) => right.yes_no + right.unsure - left.yes_no - left.unsure);
  const shown = isAll ? sorted : sorted.slice(0, 10);
  if (shown.length === 0) return null;
  return (
    <section aria-labelledby="answers">
      <h2 id="answers">Answers to the same query</h2>
      <div className="table-wrap" tabIndex={0} role="region" aria-labelledby="answers"><table className="table">
        <thead><tr><th scope="col">Query</th><th scope="col" className="number">Both yes</th><th scope="col" className="number">Yes and no</th><th scope="col" className="number">Both no</th><th scope="col" className="number">One unsure</th><th scope="col" className="number">Alpha</th></tr></thead>
        <tbody>{shown.map((one) => (
          <tr key={one.query}>
            <th scope="row" className="wrap">{one.text}</th>
            <td className="number">{one.yes_yes}</td>
            <td className="number"><Counted project={project} value={one.yes_no} ids={one.yes_no === 0 ? [] : one.item_ids} what={`Yes and no: ${one.text}`} /></td>
            <td className="number">{one.no_no}</td><td className="number">{one.unsure}</td>
            <td className="number">{one.alpha === null ? <span className="faint">– <span className="why">{one.why}</span></span> : one.alpha.toFixed(3)}</td>
          </tr>
        ))}</tbody>
      </table></div>
      {sorted.length > shown.length && <button type="button" onClick={() => setIsAll(true)}>All {sorted.length} queries</button>}
    </section>
  );
}
