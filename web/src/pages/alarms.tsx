/** Alarms: somebody's silent gold items or edges have become worse. The lead looks, and says what was done about it. */

import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useAlarms, useCloseAlarm } from "../api/quality_queries";
import type { Alarm } from "../api/quality_types";
import type { Project } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { FormError } from "../parts/feedback";
import { linkBehind } from "../quality/behind";

export function Alarms({ project }: { project: Project }) {
  const open = useAlarms(project.id, "open").data ?? [];
  const old = useAlarms(project.id, "closed").data ?? [];
  const [hasOld, setHasOld] = useState(false);
  if (open.length === 0 && old.length === 0) return null;
  return (
    <section aria-labelledby="alarms">
      <h2 id="alarms">Alarms <span className="count">{open.length === 0 ? "none open" : `${open.length} open`}</span></h2>
      <ul className="alarms">{[...open, ...(hasOld ? old : [])].map((one) => <AlarmRow key={one.id} project={project} alarm={one} />)}</ul>
      {old.length > 0 && <label className="check"><input type="checkbox" checked={hasOld} onChange={(event) => setHasOld(event.target.checked)} />Those dealt with too ({old.length})</label>}
    </section>
  );
}

function AlarmRow({ project, alarm }: { project: Project; alarm: Alarm }) {
  const close = useCloseAlarm(project.id);
  const [remark, setRemark] = useState("");
  const items = [...new Set(alarm.item_ids)]; // several passes may be of one item
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    close.mutate({ alarm: alarm.id, remark });
  };
  return (
    <li className={alarm.state === "open" ? "card alarm" : "card"}>
      <p><strong>{alarm.person.name}, {alarm.stage}:</strong> {alarm.text}</p>
      <p className="row faint"><span>{formatDateTime(alarm.at)}</span>{items.length > 0 && <Link href={linkBehind(project.id, items, `${alarm.person.name}: ${alarm.text}`)}>the {items.length} {items.length === 1 ? "item" : "items"}</Link>}
        <Link href={`/projects/${project.id}/gold/${alarm.person.id}/${alarm.stage}`}>how it came</Link>
        {alarm.pass_ids.slice(0, 5).map((id, k) => <Link key={id} href={`/passes/${id}`}>pass {k + 1}</Link>)}</p>
      {alarm.state === "closed" ? <p className="faint">{alarm.answered_by?.name}, {alarm.answered_at === null ? "" : formatDateTime(alarm.answered_at)}: {alarm.remark}</p> : (
        <form className="row" onSubmit={submit}>
          <input className="grow" aria-label={`What was done about the alarm of ${alarm.person.name}`} placeholder="What was done about it" required maxLength={1000} value={remark} onChange={(event) => setRemark(event.target.value)} />
          <button type="submit" disabled={close.isPending || remark.trim() === ""}>Dealt with</button>
          <FormError error={close.error} />
        </form>
      )}
    </li>
  );
}
