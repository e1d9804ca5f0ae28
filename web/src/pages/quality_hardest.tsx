/** Queries of the trees: which are the hardest, with clips to look at, and how answers to each part. */

import { useState } from "react";
import { Link } from "wouter";
import type { Quality } from "../api/quality_types";
import type { Project } from "../api/types";
import { ClipLoop } from "../parts/clip_loop";
import { Counted, MeasuredNumber } from "../parts/counted";
import { formatTimecode } from "../player/timecode";
import { formatShare } from "../quality/exam_words";
import type { Codebook } from "../tree/codebook";

interface Props { readonly project: Project; readonly quality: Quality; readonly codebook: Codebook }
type Hard = Quality["hardest_queries"][number];
const MOST = 6;

export function HardestQueries({ project, quality, codebook }: Props) {
  const hard = quality.hardest_queries.slice(0, MOST);
  const [open, setOpen] = useState<number | null>(0);
  if (hard.length === 0) return null;
  return (
    <section aria-labelledby="hardest">
      <h2 id="hardest">The hardest queries</h2>
      <p className="faint">Those on which people differ most, of those that several people were asked about the same thing. Write a guideline for them, with clips of either answer.</p>
      <ol className="hard">{hard.map((one, k) => (
        <li key={`${one.set_id}/${one.query}`} className="card">
          <button type="button" className="hard-head" aria-expanded={open === k} onClick={() => setOpen(open === k ? null : k)}>
            <span className="hard-text">{one.text} <span className="faint">{codebook.getName(one.set_id)}</span></span>
            <span className="bar" role="img" aria-label={`${formatShare(one.share)} differ`}><span className="short" style={{ width: `${100 * one.share}%` }} /></span>
            <span className="hard-count">{one.num_disagreements} of {one.num} differ</span>
          </button>
          {open === k && <Examples project={project} hard={one} />}
        </li>
      ))}</ol>
    </section>
  );
}

function Examples({ project, hard }: { project: Project; hard: Hard }) {
  return (
    <>
      <p className="row faint">
        <Counted project={project} row={hard} what={`Differ on: ${hard.text}`}>The items where people differ</Counted>
        <Link href={`/projects/${project.id}/guidelines?page=${encodeURIComponent(`query:${hard.query}`)}`}>The guideline of this query</Link>
      </p>
      <ul className="clips">{hard.examples.slice(0, 3).map((one) => (
        <li key={`${one.item_id}/${one.start_frame}`}>
          <ClipLoop item={one.item_id} startFrame={one.start_frame} endFrame={one.end_frame} title={`${one.record.name} at ${formatTimecode(one.start_ms)}`} />
          <p className="row"><span className="faint">{one.record.name} at {formatTimecode(one.start_ms)}</span></p>
          <p className="row">{one.answers.map(({ person, answer }) => <span key={person.id}>{person.name}: {answer === null ? <span className="faint">not asked</span> : <span className={`answer ${answer}`}>{answer}</span>}</span>)}</p>
        </li>
      ))}</ul>
    </>
  );
}

export function QueryConfusions({ project, quality, codebook }: Props) {
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
          <tr key={`${one.set_id}/${one.query}`}>
            <th scope="row" className="wrap">{one.text} <span className="faint">{codebook.getName(one.set_id)}</span></th>
            <td className="number">{one.yes_yes}</td>
            <td className="number"><Counted project={project} row={one} what={`Asked of several: ${one.text}`}>{one.yes_no}</Counted></td>
            <td className="number">{one.no_no}</td><td className="number">{one.unsure}</td>
            <td className="number"><MeasuredNumber project={project} row={one} what={`Asked of several: ${one.text}`} measured={one.alpha} format={(value) => value.toFixed(3)} /></td>
          </tr>
        ))}</tbody>
      </table></div>
      {sorted.length > shown.length && <button type="button" onClick={() => setIsAll(true)}>All {sorted.length} queries</button>}
    </section>
  );
}
