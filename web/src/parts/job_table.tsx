/** Work in the background, with how far it is, and a way to stop it. */

import { useCancelJob } from "../api/lead_queries";
import type { Job } from "../api/types";
import { formatDateTime } from "./dates";
import { FormError } from "./feedback";
import { arrangeJobs, describeJob, isOver } from "./jobs";

export function JobTable({ project, jobs }: { project: string; jobs: readonly Job[] }) {
  const cancel = useCancelJob(project);
  const { shown, numOlder } = arrangeJobs(jobs);
  return (
    <>
      <div className="table-wrap" role="region" aria-label="Jobs" tabIndex={0}><table className="table jobs">
        <thead><tr><th scope="col">Asked for</th><th scope="col">State</th><th scope="col">Progress</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{shown.map((job) => <JobRow key={job.id} job={job} onCancel={cancel.isPending ? null : () => cancel.mutate(job.id)} />)}</tbody>
      </table></div>
      {numOlder > 0 && <p className="faint">and {numOlder} older</p>}
      <FormError error={cancel.error} />
    </>
  );
}

const BADGES: Partial<Record<Job["state"], string>> = { failed: "badge returned", running: "badge open", done: "badge done" };

function JobRow({ job, onCancel }: { job: Job; onCancel: (() => void) | null }) {
  const done = Number(job.progress["done"] ?? 0);
  const total = Number(job.progress["total"] ?? 0);
  return (
    <tr>
      <th scope="row">{formatDateTime(job.created_at)}</th>
      <td><span className={BADGES[job.state] ?? "badge"}>{job.state}</span></td>
      <td className="wrap"><div className="row">{job.state !== "queued" && <progress value={done} max={Math.max(1, total)} aria-label="Done" />}<span role="status">{describeJob(job)}</span></div></td>
      <td>{!isOver(job) && <button type="button" className="quiet" disabled={onCancel === null} onClick={onCancel ?? undefined}>Cancel</button>}</td>
    </tr>
  );
}
