/** All items of a stage: who has them, how far they are; and who shall do them, how many times, in which order. */

import { useState } from "react";
import { Link } from "wouter";
import { useAssign, useItems, usePeople } from "../api/lead_queries";
import type { Item, Stage } from "../api/types";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { describePart } from "./project";

export function ItemsPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Items">{(project) => <Items id={id} mayAssign={project.role === "lead" || project.role === null} />}</ProjectShell>;
}

function Items({ id, mayAssign }: { id: string; mayAssign: boolean }) {
  const [stage, setStage] = useState<Stage>("routines");
  const [state, setState] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const items = useItems(id, stage, state);
  const all = items.data?.items ?? [];
  const toggle = (one: string): void => setChosen(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]);
  return (
    <>
      <div className="filters">
        <label>Stage<select value={stage} onChange={(event) => { setStage(event.target.value as Stage); setChosen([]); }}><option>routines</option><option>sub-actions</option><option>elements</option></select></label>
        <label>State<select value={state} onChange={(event) => setState(event.target.value)}><option value="">all</option><option>open</option><option>submitted</option><option>accepted</option><option>void</option></select></label>
        {mayAssign && <Assign id={id} chosen={chosen} onDone={() => setChosen([])} />}
      </div>
      {items.isPending && <Loading what="the items" />}
      {items.isError && <Failure error={items.error} retry={() => void items.refetch()} />}
      {items.data && all.length === 0 && <p className="empty">No such items.</p>}
      {all.length > 0 && (
        <div className="table-wrap"><table className="table">
          <thead><tr>
            {mayAssign && <th scope="col"><input type="checkbox" aria-label="Choose all" checked={chosen.length === all.length} onChange={() => setChosen(chosen.length === all.length ? [] : all.map((one) => one.id))} /></th>}
            <th scope="col">Record</th><th scope="col">Part</th><th scope="col">State</th><th scope="col" className="number">Priority</th><th scope="col" className="number">Annotators</th><th scope="col">Work</th>
          </tr></thead>
          <tbody>{all.map((item) => (
            <tr key={item.id}>
              {mayAssign && <td><input type="checkbox" aria-label={`Choose ${item.record.name}, ${describePart(item)}`} checked={chosen.includes(item.id)} onChange={() => toggle(item.id)} /></td>}
              <th scope="row">{item.record.name}</th><td>{describePart(item)}</td>
              <td><span className={`badge ${item.state}`}>{item.state}</span>{item.recheck !== null && <span className="badge returned" title={item.recheck}>re-check</span>}</td>
              <td className="number">{item.priority}</td><td className="number">{item.annotators}{item.assignees.length > 0 && ` (${item.assignees.length} named)`}</td>
              <td><Passes item={item} /></td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
      {items.data?.after != null && <p className="faint">These are the first {all.length}; choose a state to see fewer.</p>}
    </>
  );
}

export function Passes({ item }: { item: Item }) {
  return (
    <ul className="row">
      {item.passes.map((one) => <li key={one.id}><Link href={`/passes/${one.id}`}>{one.person.name}</Link> <span className={`badge ${one.state}`}>{one.state}, {one.num_segments}</span></li>)}
    </ul>
  );
}

function Assign({ id, chosen, onDone }: { id: string; chosen: readonly string[]; onDone: () => void }) {
  const people = usePeople(id);
  const assign = useAssign(id);
  const [person, setPerson] = useState("");
  const [annotators, setAnnotators] = useState(1);
  const [priority, setPriority] = useState(0);
  const run = (): void =>
    assign.mutate({ item_ids: [...chosen], assignees: person === "" ? [] : [person], annotators, priority }, { onSuccess: onDone });
  return (
    <>
      <label>Annotators an item<input type="number" min={1} max={20} value={annotators} onChange={(event) => setAnnotators(Number(event.target.value))} /></label>
      <label>Priority<input type="number" value={priority} onChange={(event) => setPriority(Number(event.target.value))} /></label>
      <label>For<select value={person} onChange={(event) => setPerson(event.target.value)}><option value="">anybody</option>{people.data?.people.map(({ person: one }) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
      <button type="button" disabled={chosen.length === 0 || assign.isPending} onClick={run}>Set for {chosen.length} chosen</button>
      <FormError error={assign.error} />
    </>
  );
}
