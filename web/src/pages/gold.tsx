/** Gold items: accepted work whose answer is held to be right, for exams and as silent checks during work. */

import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useGuidelineList } from "../api/lead_queries";
import { useAddGold, useChangeGold, useGold, useGoldCandidates, useWithdrawGold } from "../api/quality_queries";
import type { Gold } from "../api/quality_types";
import { useCodebook } from "../api/queries";
import type { Project, Stage } from "../api/types";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { StageChoice } from "../parts/stage_choice";
import { formatLength, formatTimecode } from "../player/timecode";
import { formatScore } from "../quality/exam_words";
import { describePart } from "./project";

export function GoldPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Gold items">{(project) => <GoldItems project={project} />}</ProjectShell>;
}

function GoldItems({ project }: { project: Project }) {
  const [stage, setStage] = useState<Stage>("elements");
  const [isAdding, setIsAdding] = useState(false);
  const gold = useGold(project.id, stage);
  return (
    <>
      <div className="content-head">
        <div>
          <h2>Gold items</h2>
          <p className="faint">Accepted items whose answer is held to be right. What an item says is frozen when it becomes gold. Exams ask them; silent ones also come up during work, and nobody can tell them from work.</p>
        </div>
        <Link href={`/projects/${project.id}/exams`} className="button">Exams</Link>
      </div>
      <div className="filters">
        <StageChoice value={stage} onChange={setStage} />
        <span className="grow" />
        {project.role !== "reviewer" && <button type="button" className="primary" onClick={() => setIsAdding(true)}>Add gold items</button>}
      </div>
      {project.settings.quality.gold_every === 0 && gold.data?.some((one) => one.is_silent && one.withdrawn_at === null) && (
        <p className="note">Silent gold items do not come up yet: say under <Link href={`/projects/${project.id}/settings`}>Settings</Link> how often they shall.</p>
      )}
      {gold.isPending && <Loading what="the gold items" />}
      {gold.isError && <Failure error={gold.error} retry={() => void gold.refetch()} />}
      {gold.data?.length === 0 && <p className="empty">There is no gold item of this stage yet.</p>}
      {gold.data !== undefined && gold.data.length > 0 && <GoldTable project={project} gold={gold.data} />}
      {isAdding && <AddDialog project={project} stage={stage} onClose={() => setIsAdding(false)} />}
    </>
  );
}

export function describeGold(gold: Pick<Gold, "action" | "chunk" | "start_ms">): string {
  const from = formatTimecode(gold.start_ms).slice(0, -4);
  return gold.action === null ? `chunk ${(gold.chunk ?? 0) + 1}, from ${from}` : `${gold.action.label ?? "routine"} at ${from}`;
}

/** Names of what an item has in it, the first few. */
export function describeLabels(labels: readonly string[], getName: (label: string) => string): string {
  const names = labels.slice(0, 3).map(getName).join("; ");
  return labels.length > 3 ? `${names}; and ${labels.length - 3} more` : names;
}

function GoldTable({ project, gold }: { project: Project; gold: readonly Gold[] }) {
  const codebook = useCodebook(project.id);
  const change = useChangeGold(project.id);
  const withdraw = useWithdrawGold(project.id);
  const [noting, setNoting] = useState<Gold | null>(null);
  const isLead = project.role !== "reviewer";
  return (
    <>
      <FormError error={change.error ?? withdraw.error} />
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Item</th><th scope="col" className="number">Length</th><th scope="col">What is in it</th><th scope="col" className="number">Asked</th><th scope="col" className="number">Right</th><th scope="col">Silent</th><th scope="col">State</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{gold.map((one) => (
          <tr key={one.id}>
            <th scope="row"><Link href={`/projects/${project.id}/behind?ids=${one.item_id}`}>{one.record.name}</Link><span className="faint"> {describeGold(one)}</span></th>
            <td className="number">{formatLength(one.end_ms - one.start_ms)}</td>
            <td className="wrap">{one.num_segments}: {describeLabels(one.labels, (label) => codebook.data?.getName(label) ?? label)}{one.note !== "" && <p className="faint">{one.note}</p>}</td>
            <td className="number">{one.num_answers}</td><td className="number">{formatScore(one.mean_score)}</td>
            <td><input type="checkbox" aria-label={`${one.record.name} ${describeGold(one)} silently during work`} checked={one.is_silent} disabled={!isLead || one.withdrawn_at !== null || change.isPending} onChange={(event) => change.mutate({ gold: one.id, is_silent: event.target.checked })} /></td>
            <td className="wrap">
              {one.withdrawn_at !== null ? <span className="badge">withdrawn</span> : one.stale.length > 0 ? <span className="badge returned">out of date</span> : <span className="badge accepted">current</span>}
              {one.stale.length > 0 && <p className="warn" title={one.stale.join("\n")}>{one.stale[0]}{one.stale.length > 1 && `, and ${one.stale.length - 1} more`}</p>}
            </td>
            <td>{isLead && one.withdrawn_at === null && (
              <div className="row nowrap">
                <button type="button" className="quiet" onClick={() => setNoting(one)} aria-label={`Note on ${one.record.name} ${describeGold(one)}`}>Note</button>
                <button type="button" className="quiet" disabled={withdraw.isPending} onClick={() => withdraw.mutate(one.id)} aria-label={`Withdraw ${one.record.name} ${describeGold(one)}`}>Withdraw</button>
              </div>
            )}</td>
          </tr>
        ))}</tbody>
      </table></div>
      {noting !== null && <NoteDialog project={project} gold={noting} onClose={() => setNoting(null)} />}
    </>
  );
}

/** What a training says about the item as a whole, and the page of the guidelines that it leads to. */
function NoteDialog({ project, gold, onClose }: { project: Project; gold: Gold; onClose: () => void }) {
  const change = useChangeGold(project.id);
  const pages = useGuidelineList(project.id);
  const [note, setNote] = useState(gold.note);
  const [key, setKey] = useState(gold.guideline_key ?? "");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate({ gold: gold.id, note, guideline_key: key === "" ? null : key }, { onSuccess: onClose });
  };
  return (
    <Dialog title={`${gold.record.name}, ${describeGold(gold)}`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Note to those who are told what is right in it (training)<textarea rows={3} maxLength={2000} value={note} onChange={(event) => setNote(event.target.value)} /></label>
        <label>Guideline that it is about<select value={key} onChange={(event) => setKey(event.target.value)}>
          <option value="">those of its labels and queries</option>
          {pages.data?.map((one) => <option key={one.key} value={one.key}>{one.title === "" ? one.key : one.title}</option>)}
        </select></label>
        <FormError error={change.error} />
        <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={change.isPending}>Save</button></div>
      </form>
    </Dialog>
  );
}

function AddDialog({ project, stage, onClose }: { project: Project; stage: Stage; onClose: () => void }) {
  const items = useGoldCandidates(project.id, stage);
  const add = useAddGold(project.id);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isSilent, setIsSilent] = useState(true);
  const [note, setNote] = useState("");
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const all = items.data ?? [];
  const run = (): void => add.mutate({ item_ids: [...chosen], is_silent: isSilent, note }, { onSuccess: (told) => { setChosen(new Set()); if (told.left_out.length === 0) onClose(); } });
  return (
    <Dialog title={`Make accepted items gold: ${stage}`} onClose={onClose} isWide>
      {items.isPending && <Loading what="accepted items" />}
      {items.isError && <Failure error={items.error} />}
      {items.data?.length === 0 && <p className="empty">Nothing of this stage is accepted and not gold already.</p>}
      {all.length > 0 && (
        <div className="table-wrap tall" tabIndex={0} role="region" aria-label="Accepted items"><table className="table">
          <thead><tr><th scope="col"><input type="checkbox" aria-label="Choose all" checked={chosen.size === all.length} onChange={() => setChosen(chosen.size === all.length ? new Set() : new Set(all.map((one) => one.id)))} /></th>
            <th scope="col">Record</th><th scope="col">Part</th><th scope="col" className="number">Length</th><th scope="col" className="number">Passes</th><th scope="col">Accepted from</th></tr></thead>
          <tbody>{all.map((one) => (
            <tr key={one.id}>
              <td><input type="checkbox" aria-label={`Choose ${one.record.name}, ${describePart(one)}`} checked={chosen.has(one.id)} onChange={() => toggle(one.id)} /></td>
              <th scope="row">{one.record.name}</th><td>{describePart(one)}</td><td className="number">{formatLength(one.end_ms - one.start_ms)}</td>
              <td className="number">{one.passes.length}</td>
              <td>{one.passes.filter((pass) => pass.state === "accepted").map((pass) => <Link key={pass.id} href={`/passes/${pass.id}`}>{pass.person.name}</Link>)}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
      <label className="check"><input type="checkbox" checked={isSilent} onChange={(event) => setIsSilent(event.target.checked)} />Let them come up silently during work too</label>
      <label className="form">Note to those who are told what is right in it (training)<input value={note} maxLength={2000} onChange={(event) => setNote(event.target.value)} /></label>
      <FormError error={add.error} />
      {add.data?.left_out.map((one) => <p key={one.why} role="alert" className="warn">Left out: {one.count} ({one.why}; first: {one.first})</p>)}
      <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="button" className="primary" disabled={chosen.size === 0 || add.isPending} onClick={run}>Make {chosen.size} gold</button></div>
    </Dialog>
  );
}
