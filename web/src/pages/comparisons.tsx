/** Items that several people did: where they agree, where a third one is asked, and what waits for a decision. */

import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { useAcceptAgreed, useBeginAdjudication, useCompare, useComparisons, useRoute } from "../api/quality_queries";
import type { Comparison } from "../api/quality_types";
import type { Project } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { describePart } from "./project";

const STATES: readonly { readonly state: Comparison["state"]; readonly title: string; readonly what: string }[] = [
  { state: "adjudicate", title: "To decide", what: "The passes differ too much. Somebody who did none of them looks at all, and decides." },
  { state: "third", title: "A third is asked", what: "The passes differ. Somebody else does the item as well, without seeing them." },
  { state: "agreed", title: "Agree", what: "The passes agree well enough: their consensus can be accepted as it is." },
  { state: "decided", title: "Decided", what: "Done. The passes stay as they were, beside the result." },
];

export function ComparisonsPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Compared work">{(project) => <Compared project={project} />}</ProjectShell>;
}

function Compared({ project }: { project: Project }) {
  const [state, setState] = useState<Comparison["state"]>("adjudicate");
  const compared = useComparisons(project.id, state);
  const compare = useCompare(project.id);
  const chosen = STATES.find((one) => one.state === state)!;
  return (
    <>
      <div className="content-head">
        <h2>Compared work</h2>
        <div className="row">
          {compare.data !== undefined && <span role="status" className="faint">{compare.data.compared} compared: {compare.data.agreed} agree, {compare.data.third} need a third, {compare.data.adjudicate} a decision.</span>}
          <button type="button" disabled={compare.isPending} title="By what all items say about whom to trust in what" onClick={() => compare.mutate({})}>Compare anew</button>
        </div>
      </div>
      <div className="switch" role="group" aria-label="Which">
        {STATES.map((one) => <button key={one.state} type="button" aria-pressed={one.state === state} onClick={() => setState(one.state)}>{one.title} <span className="count">{compared.data?.counts[one.state] ?? ""}</span></button>)}
      </div>
      <p className="faint">{chosen.what}</p>
      <FormError error={compare.error} />
      {compared.isPending && <Loading what="the comparisons" />}
      {compared.isError && <Failure error={compared.error} retry={() => void compared.refetch()} />}
      {compared.data?.comparisons.length === 0 && <p className="empty">None. {state === "adjudicate" && "Items that two or more people did are compared when the last of them signs off."}</p>}
      {compared.data !== undefined && compared.data.comparisons.length > 0 && <ComparisonTable key={state} project={project} rows={compared.data.comparisons} state={state} />}
    </>
  );
}

function ComparisonTable({ project, rows, state }: { project: Project; rows: readonly Comparison[]; state: Comparison["state"] }) {
  const begin = useBeginAdjudication(project.id);
  const accept = useAcceptAgreed(project.id);
  const [, navigate] = useLocation();
  const [sending, setSending] = useState<Comparison | null>(null);
  const open = (item: string): void => begin.mutate(item, { onSuccess: (pass) => navigate(`/passes/${pass.id}`) });
  return (
    <>
      <FormError error={begin.error ?? accept.error} />
      {accept.data?.left_out.map((one) => <p key={one.why} role="alert" className="warn">Left out: {one.count} ({one.why}; first: {one.first})</p>)}
      {state === "agreed" && <div className="row"><button type="button" className="primary" disabled={accept.isPending} onClick={() => accept.mutate(rows.map((one) => one.id))}>Accept these {rows.length}</button></div>}
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Record</th><th scope="col">Stage</th><th scope="col">Part</th><th scope="col">Passes</th><th scope="col" className="number">Segments</th><th scope="col" className="number">To decide</th><th scope="col">Why</th><th scope="col">{state === "decided" ? "Decided" : <span className="visually-hidden">Actions</span>}</th></tr></thead>
        <tbody>{rows.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.item.record.name}</th><td>{one.item.stage}</td><td>{describePart(one.item)}</td>
            <td><ul className="row">{one.item.passes.filter((pass) => pass.id !== one.pass_id).map((pass) => <li key={pass.id}><Link href={`/passes/${pass.id}`}>{pass.person.name}</Link></li>)}</ul></td>
            <td className="number">{one.num_units}</td><td className="number">{one.num_open}</td>
            <td className="wrap">{one.reasons.map((reason) => <p key={reason}>{reason}</p>)}</td>
            <td><div className="row nowrap">
              {state === "adjudicate" && <button type="button" className="primary" disabled={begin.isPending} onClick={() => open(one.item.id)} aria-label={`${one.pass_id === null ? "Decide" : "Go on"}: ${one.item.record.name}, ${describePart(one.item)}`}>{one.pass_id === null ? "Decide" : "Go on"}</button>}
              {state === "third" && <button type="button" onClick={() => setSending(one)}>Decide now</button>}
              {state === "agreed" && <button type="button" className="quiet" disabled={begin.isPending} onClick={() => open(one.item.id)} aria-label={`Decide by hand: ${one.item.record.name}, ${describePart(one.item)}`}>Decide by hand</button>}
              {state === "decided" && (one.pass_id === null ? <span className="faint">the consensus</span> : <Link href={`/passes/${one.pass_id}`}>{one.decided_by?.name ?? "look"}</Link>)}
              {one.decided_at !== null && <span className="faint">{formatDateTime(one.decided_at)}</span>}
            </div></td>
          </tr>
        ))}</tbody>
      </table></div>
      {sending !== null && <RouteDialog project={project} comparison={sending} onClose={() => setSending(null)} />}
    </>
  );
}

/** To the adjudication, against what the rules say; why is kept. */
function RouteDialog({ project, comparison, onClose }: { project: Project; comparison: Comparison; onClose: () => void }) {
  const route = useRoute(project.id);
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    route.mutate({ comparison: comparison.id, to: "adjudicate", reason }, { onSuccess: onClose });
  };
  return (
    <Dialog title={`Decide about ${comparison.item.record.name}, ${describePart(comparison.item)}`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Why shall somebody decide now? It is kept.<input required maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} /></label>
        <FormError error={route.error} />
        <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={route.isPending || reason.trim() === ""}>To decide</button></div>
      </form>
    </Dialog>
  );
}
