/** What waits for a reviewer: signed-off work, routines met in two chunks, and items whose path in the tree changed. */

import { Link } from "wouter";
import { useAnswerOverlap, useAnswerRecheck, useOverlaps, useRechecks, useReviews } from "../api/lead_queries";
import { useCodebook } from "../api/queries";
import type { Project } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { formatTimecode } from "../player/timecode";
import { describePart } from "./project";

export function ReviewPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Review">{(project) => <><Compared project={project} /><Submitted id={id} /><Overlaps id={id} /><Rechecks id={id} /></>}</ProjectShell>;
}

/** The way to items that several people did. */
function Compared({ project }: { project: Project }) {
  const count = project.counts.adjudicate ?? 0;
  return (
    <p className={count > 0 ? "note row" : "row"}>
      <span>{count === 0 ? "No item waits for a decision between its passes." : `${count} ${count === 1 ? "item waits" : "items wait"} for a decision: the people who did them differ.`}</span>
      <Link href={`/projects/${project.id}/comparisons`}>Compared work</Link>
    </p>
  );
}

function Submitted({ id }: { id: string }) {
  const reviews = useReviews(id);
  if (reviews.isPending) return <Loading what="what waits" />;
  if (reviews.isError) return <Failure error={reviews.error} retry={() => void reviews.refetch()} />;
  const rows = reviews.data.flatMap((item) => item.passes.filter((one) => one.state === "submitted").map((pass) => ({ item, pass })));
  return (
    <section aria-labelledby="signed-off">
      <h2 id="signed-off">Signed off <span className="count">{rows.length}</span></h2>
      {rows.length === 0 ? <p className="empty">Nothing waits.</p> : (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Record</th><th scope="col">Stage</th><th scope="col">Part</th><th scope="col">By</th><th scope="col" className="number">Segments</th><th scope="col">Signed off</th></tr></thead>
          <tbody>{rows.map(({ item, pass }) => (
            <tr key={pass.id}>
              <th scope="row"><Link href={`/passes/${pass.id}`}>{item.record.name}</Link></th><td>{item.stage}</td><td>{describePart(item)}</td>
              <td>{pass.person.name}</td><td className="number">{pass.num_segments}</td><td>{pass.signed_off_at === null ? "" : formatDateTime(pass.signed_off_at)}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </section>
  );
}

function Overlaps({ id }: { id: string }) {
  const overlaps = useOverlaps(id);
  const answer = useAnswerOverlap(id);
  const codebook = useCodebook(id);
  if (overlaps.data === undefined || overlaps.data.length === 0) return null;
  return (
    <section aria-labelledby="overlaps">
      <h2 id="overlaps">Met in two chunks <span className="count">{overlaps.data.length}</span></h2>
      <p className="faint">Where chunks overlap, two people may have marked one routine. Say whether it is one, and whose edges stay.</p>
      <FormError error={answer.error} />
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Record</th><th scope="col">Left chunk</th><th scope="col">Right chunk</th><th scope="col" className="number">Overlap</th><th scope="col">Answer</th></tr></thead>
        <tbody>{overlaps.data.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.record.name}</th>
            {[one.left, one.right].map((segment) => <td key={segment.id}>{segment.label === null ? "" : codebook.data?.getName(segment.label)} {formatTimecode(segment.start_ms)} to {formatTimecode(segment.end_ms)}</td>)}
            <td className="number">{Math.round(100 * one.tiou)} %</td>
            <td><div className="row">
              <button type="button" onClick={() => answer.mutate({ overlap: one.id, answer: "same", keep: "left" })}>One, left stays</button>
              <button type="button" onClick={() => answer.mutate({ overlap: one.id, answer: "same", keep: "right" })}>One, right stays</button>
              <button type="button" onClick={() => answer.mutate({ overlap: one.id, answer: "different", keep: null })}>Two</button>
            </div></td>
          </tr>
        ))}</tbody>
      </table></div>
    </section>
  );
}

/** Labels that a new codebook gives another meaning; the label is kept, or its annotator walks the tree again. */
export function Rechecks({ id }: { id: string }) {
  const rechecks = useRechecks(id);
  const answer = useAnswerRecheck(id);
  if (rechecks.data === undefined || rechecks.data.length === 0) return null;
  return (
    <section aria-labelledby="rechecks">
      <h2 id="rechecks">The codebook changed <span className="count">{rechecks.data.length}</span></h2>
      <FormError error={answer.error} />
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Segment</th><th scope="col">Record</th><th scope="col">Why</th><th scope="col">Answer</th></tr></thead>
        <tbody>{rechecks.data.map((one) => (
          <tr key={one.id}>
            <th scope="row"><Link href={`/passes/${one.pass_id}`}>{one.segment.label ?? "no element"} at {formatTimecode(one.segment.start_ms)}</Link></th><td>{one.record_name}</td><td className="wrap">{one.reason}</td>
            <td><div className="row"><button type="button" onClick={() => answer.mutate({ recheck: one.id, answer: "keep" })}>Keep</button><button type="button" onClick={() => answer.mutate({ recheck: one.id, answer: "redo" })}>Walk again</button></div></td>
          </tr>
        ))}</tbody>
      </table></div>
    </section>
  );
}
