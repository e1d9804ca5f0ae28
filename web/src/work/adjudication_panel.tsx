/** The differences between the passes over an item: who says what, the votes on each query, and the decision with its reason. */

import { useState, type FormEvent, type ReactNode } from "react";
import { useLocation } from "wouter";
import { useForget } from "../api/lead_queries";
import type { AdjudicationUnit } from "../api/quality_types";
import { FormError } from "../parts/feedback";
import { formatTimecode } from "../player/timecode";
import { describeChoice, formatOffset, isDifference, isOpen, listReasons, sortQueries, type Choice } from "../quality/differences";
import { formatShare } from "../quality/exam_words";
import type { Adjudicator } from "./adjudicator";
import { useLog, useWork } from "./context";

type Describe = (segment: { readonly label: string | null; readonly is_no_element: boolean }) => { readonly text: string };

export function AdjudicationPanel({ adjudicator, byHand, describe, signOff }: { adjudicator: Adjudicator; byHand: ReactNode; describe: Describe; signOff: () => void }) {
  const { units, unit, isByHand, setByHand } = adjudicator;
  const differences = units.filter(isDifference);
  const numOpen = units.filter(isOpen).length;
  return (
    <>
      <div className="switch" role="group" aria-label="What the panel shows">
        <button type="button" aria-pressed={!isByHand} onClick={() => setByHand(false)}>Differences <span className="count">{differences.length}</span></button>
        <button type="button" aria-pressed={isByHand} onClick={() => setByHand(true)}>The result, by hand <kbd>V</kbd></button>
      </div>
      {isByHand ? byHand : (
        <>
          {unit !== null && <Difference key={`${unit.id}/${unit.decision?.at ?? ""}`} unit={unit} adjudicator={adjudicator} describe={describe} />}
          <h2>All differences <span className="count">{numOpen === 0 ? "all decided" : `${numOpen} to decide`}</span></h2>
          {differences.length === 0 && <p className="empty">The passes say the same everywhere.</p>}
          <DifferenceList units={differences} adjudicator={adjudicator} describe={describe} />
          <Finish numOpen={numOpen} signOff={signOff} />
        </>
      )}
    </>
  );
}

function DifferenceList({ units, adjudicator, describe }: { units: readonly AdjudicationUnit[]; adjudicator: Adjudicator; describe: Describe }) {
  return (
    <ol className="segments">{units.map((one) => (
      <li key={one.id}>
        <button type="button" className="segment" aria-current={one.id === adjudicator.unit?.id} onClick={() => adjudicator.show(one)}>
          <span className="segment-text">{describe(one).text}</span>
          {one.needs_decision && <span className={`badge ${one.decision === null ? "returned" : "done"}`}>{one.decision === null ? "to decide" : "decided"}</span>}
          <span className="segment-time">{formatTimecode(one.start_ms).slice(2)}</span>
        </button>
      </li>
    ))}</ol>
  );
}

function Difference({ unit, adjudicator, describe }: { unit: AdjudicationUnit; adjudicator: Adjudicator; describe: Describe }) {
  const { adjudication } = useWork();
  const { lanes } = adjudication!;
  return (
    <section className="difference" aria-label="The difference">
      {unit.reasons.map((reason) => <p key={reason} className="warn">{reason}</p>)}
      <Votes unit={unit} adjudicator={adjudicator} describe={describe} />
      {unit.decision !== null && (
        <p className="verdict good"><strong>Decided: {describeChoice(unit.decision.choice, lanes)}.</strong> {unit.decision.by.name}: {unit.decision.reason}</p>
      )}
      <DecisionForm adjudicator={adjudicator} />
      {unit.queries.length > 0 && <QueryVotes unit={unit} />}
    </section>
  );
}

/** Who says what; each can be taken, by its key as well. */
function Votes({ unit, adjudicator, describe }: { unit: AdjudicationUnit; adjudicator: Adjudicator; describe: Describe }) {
  const { adjudication, pass } = useWork();
  const { choice, choose } = adjudicator;
  const hasEdges = pass.stage !== "elements"; // else edges are given, and every segment is there

  const take = (what: Choice, key: string, name: ReactNode) =>
    <button type="button" aria-pressed={choice === what} onClick={() => choose(what)}><kbd>{key}</kbd> {name}</button>;
  return (
    <>
      <table className="votes">
        <thead><tr><th scope="col">Take</th><th scope="col">Label</th>{hasEdges && <><th scope="col" className="number">Start</th><th scope="col" className="number">End</th></>}</tr></thead>
        <tbody>{adjudication!.lanes.map((lane, k) => {
          const vote = unit.votes.find((one) => one.pass_id === lane.pass_id);
          const isThere = vote !== undefined && vote.segment_id !== null;
          return (
            <tr key={lane.pass_id} className={choice === lane.pass_id ? "chosen" : ""}>
              <th scope="row" title={lane.person.name}>{take(lane.pass_id, String(k + 1), lane.name)}</th>
              <td>{isThere ? describe({ label: vote.label, is_no_element: false }).text : <span className="faint">nothing here</span>}</td>
              {hasEdges && <><td className="number">{isThere && formatOffset(vote.start_off_ms)}</td><td className="number">{isThere && formatOffset(vote.end_off_ms)}</td></>}
            </tr>
          );
        })}</tbody>
      </table>
      <p className="faint">Consensus: {unit.is_left_out ? "leave it out" : describe(unit).text}, {formatShare(Math.round(100 * unit.confidence) / 100)} sure.</p>
      <div className="tool-group" role="group" aria-label="Or take">{take("consensus", "A", "consensus")}{hasEdges && take("none", "D", "nothing there")}{take("own", "⇧A", "as I changed it")}</div>
    </>
  );
}

function QueryVotes({ unit }: { unit: AdjudicationUnit }) {
  const { adjudication } = useWork();
  const { lanes } = adjudication!;
  return (
    <table className="votes">
      <thead><tr><th scope="col">Query</th>{lanes.map((lane) => <th key={lane.pass_id} scope="col" title={lane.person.name}>{lane.name}</th>)}<th scope="col">Most</th></tr></thead>
      <tbody>{sortQueries(unit).map(({ query, isSplit }) => (
        <tr key={query.query} className={isSplit ? "split" : ""}>
          <th scope="row" className="wrap">{query.text}</th>
          {lanes.map((lane) => {
            const answer = query.votes.find((vote) => vote.pass_id === lane.pass_id)?.answer ?? null;
            return <td key={lane.pass_id}>{answer === null ? <span className="faint" title="was not asked">–</span> : <span className={`answer ${answer}`}>{answer}</span>}</td>;
          })}
          <td>{query.majority ?? <span className="faint">–</span>}{query.confidence !== null && <span className="faint"> {formatShare(Math.round(100 * query.confidence) / 100)}</span>}</td>
        </tr>
      ))}</tbody>
    </table>
  );
}

function DecisionForm({ adjudicator }: { adjudicator: Adjudicator }) {
  const { adjudication, pass } = useWork();
  const { content } = useLog();
  const { choice, reasonInput, isBusy, error } = adjudicator;
  const [reason, setReason] = useState("");
  if (!pass.can_write || content.isSignedOff) return null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    adjudicator.decide(reason.trim());
  };
  return (
    <form className="form" onSubmit={submit}>
      <label>{choice === null ? "Choose above, then say why" : `Why ${describeChoice(choice, adjudication!.lanes)}?`}
        <input ref={reasonInput} required disabled={choice === null} maxLength={1000} list="reasons" value={reason} onChange={(event) => setReason(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
      </label>
      <datalist id="reasons">{listReasons(adjudication!).map((one) => <option key={one} value={one} />)}</datalist>
      <FormError error={error} />
      <div className="row end"><button type="submit" className={choice === null ? "" : "primary"} disabled={choice === null || isBusy || reason.trim() === ""}>Decide <kbd>↵</kbd></button></div>
    </form>
  );
}

function Finish({ numOpen, signOff }: { numOpen: number; signOff: () => void }) {
  const { pass, project } = useWork();
  const { content, save } = useLog();
  const [, navigate] = useLocation();
  const forget = useForget(project.id);
  const leave = (): void => void forget().then(() => navigate(`/projects/${project.id}/comparisons`));
  return (
    <div className={content.isSignedOff ? "signoff done" : "signoff"}>
      {content.isSignedOff ? <p><strong>Accepted.</strong> This is the result of the item; the passes stay as they are.</p>
        : numOpen === 0 ? <p>All differences decided.</p> : <p className="faint">{numOpen} to decide.</p>}
      {content.isSignedOff
        ? <button type="button" className="primary" disabled={save.kind !== "saved"} onClick={leave}>To the others</button>
        : <button type="button" className={numOpen === 0 ? "primary" : ""} disabled={!pass.can_write || numOpen > 0} onClick={signOff}>Accept the result <kbd>Ctrl ↵</kbd></button>}
    </div>
  );
}
