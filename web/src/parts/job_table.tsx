/** Work in the background, with how far it is. */

import type { Job } from "../api/types";
import { formatDateTime } from "./dates";

export const countEnded = (jobs: readonly Job[]): number => jobs.filter((job) => ["done", "failed"].includes(job.state)).length;

export function JobTable({ jobs }: { jobs: readonly Job[] }) {
  return (
    <div className="table-wrap" role="region" aria-label="Jobs" tabIndex={0}><table className="table">
      <thead><tr><th scope="col">Begun</th><th scope="col">State</th><th scope="col">Progress</th></tr></thead>
      <tbody>{jobs.map((job) => <JobRow key={job.id} job={job} />)}</tbody>
    </table></div>
  );
}

function JobRow({ job }: { job: Job }) {
  const done = Number(job.progress["done"] ?? 0);
  const total = Number(job.progress["total"] ?? 0);
  return (
    <tr>
      <th scope="row">{formatDateTime(job.created_at)}</th>
      <td><span className={job.state === "failed" ? "badge returned" : `badge ${job.state}`}>{job.state}</span></td>
      <td className="wrap"><div className="row"><progress value={done} max={Math.max(1, total)} aria-label="Records done" /><span role="status">{job.error ?? String(job.progress["text"] ?? "")}</span></div></td>
    </tr>
  );
}
