/** A project's work list: what I have begun, what came back, and the next item of each stage. Viewers have none. */

import { Link, Redirect, useLocation } from "wouter";
import { useSession, useTakeNext, useWork } from "../api/queries";
import type { Item, Stage } from "../api/types";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { formatLength, formatTimecode } from "../player/timecode";

const STAGES: readonly { stage: Stage; title: string; what: string }[] = [
  { stage: "routines", title: "Routines", what: "Find every complete routine of a chunk and its event." },
  { stage: "sub-actions", title: "Sub-actions", what: "Find every sub-action of a routine and its set." },
  { stage: "elements", title: "Elements", what: "Walk each sub-action's tree to its element." },
];

export function ProjectPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Work">{(project) => (project.role === "viewer" ? <Redirect to={`/projects/${id}/items`} /> : <WorkList id={id} />)}</ProjectShell>;
}

function WorkList({ id }: { id: string }) {
  const work = useWork(id);
  const take = useTakeNext(id);
  const [, navigate] = useLocation();
  const begin = (stage: Stage): void =>
    take.mutate(stage, { onSuccess: (pass) => { if (pass !== null) navigate(`/passes/${pass.id}`); } });
  if (work.isPending) return <Loading what="the work list" />;
  if (work.isError) return <Failure error={work.error} retry={() => void work.refetch()} />;
  return (
    <>
      <section aria-label="Next items" className="stages">
        {STAGES.map(({ stage, title, what }) => {
          const count = work.data.available[stage] ?? 0;
          const blocked = work.data.blocked[stage];
          return (
            <article key={stage} className="card stage-card">
              <h2>{title}</h2>
              <p className="faint">{what}</p>
              {blocked !== undefined && <p className="note">{blocked.why} <Link href={`/projects/${id}/exams`}>To the exams</Link></p>}
              <div className="row">
                <button type="button" className="primary" aria-label={`Take the next: ${title}`} disabled={count === 0 || blocked !== undefined || take.isPending} onClick={() => begin(stage)}>Take the next</button>
                <span className="faint">{blocked !== undefined ? "not before the pretest is passed" : count === 0 ? "nothing waits" : `${count} waiting`}</span>
              </div>
            </article>
          );
        })}
      </section>
      <FormError error={take.error} />
      {take.isSuccess && take.data === null && <p role="status" className="note">Nothing is left of this stage just now.</p>}
      <section aria-labelledby="mine">
        <h2 id="mine">My work</h2>
        <WorkTable items={work.data.open} />
      </section>
    </>
  );
}

function WorkTable({ items }: { items: readonly Item[] }) {
  const me = useSession().data?.person?.id;
  if (items.length === 0) return <p className="empty">Nothing begun. Take the next item above.</p>;
  return (
    <div className="table-wrap"><table className="table">
      <thead><tr><th scope="col">Record</th><th scope="col">Stage</th><th scope="col">Part</th><th scope="col" className="number">Length</th>
        <th scope="col" className="number">Segments</th><th scope="col">State</th></tr></thead>
      <tbody>
        {items.map((item) => {
          const pass = item.passes.find((one) => one.person.id === me);
          if (pass === undefined) return null;
          return (
            <tr key={pass.id}>
              <th scope="row"><Link href={`/passes/${pass.id}`}>{item.record.name}</Link></th>
              <td>{item.stage}</td>
              <td>{describePart(item)}</td>
              <td className="number">{formatLength(item.end_ms - item.start_ms)}</td>
              <td className="number">{pass.num_segments}</td>
              <td><span className={`badge ${pass.state}`}>{pass.state}</span>{item.recheck !== null && <span className="badge returned">re-check</span>}</td>
            </tr>
          );
        })}
      </tbody>
    </table></div>
  );
}

export function describePart(item: Item): string {
  const from = formatTimecode(item.start_ms).slice(0, -4);
  return item.action === null ? `chunk ${(item.chunk ?? 0) + 1}, from ${from}` : `${item.action.label ?? "routine"} at ${from}`;
}
