/** How far a project is: per stage, and per person with the pace of the work. */

import { useProgress } from "../api/lead_queries";
import { Failure, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";

export function ProgressPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Progress">{() => <Tables id={id} />}</ProjectShell>;
}

const minutes = (ms: number): string => (ms / 60_000).toFixed(1);

function Tables({ id }: { id: string }) {
  const progress = useProgress(id);
  if (progress.isPending) return <Loading what="the progress" />;
  if (progress.isError) return <Failure error={progress.error} retry={() => void progress.refetch()} />;
  const { stages, people } = progress.data;
  return (
    <>
      <section aria-labelledby="stages">
        <h2 id="stages">Stages</h2>
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Stage</th><th scope="col">Done</th><th scope="col" className="number">Items</th><th scope="col" className="number">In work</th><th scope="col" className="number">Signed off</th><th scope="col" className="number">Accepted</th><th scope="col" className="number">Minutes of video</th><th scope="col" className="number">Accepted</th></tr></thead>
          <tbody>{stages.map((one) => {
            const share = (count: number): string => `${one.items === 0 ? 0 : (100 * count) / one.items}%`;
            return (
              <tr key={one.stage}>
                <th scope="row">{one.stage}</th>
                <td><div className="bar" role="img" aria-label={`${one.accepted} of ${one.items} accepted, ${one.submitted} signed off`}><span style={{ width: share(one.accepted) }} /><span className="submitted" style={{ width: share(one.submitted) }} /></div></td>
                <td className="number">{one.items}</td><td className="number">{one.in_work}</td><td className="number">{one.submitted}</td><td className="number">{one.accepted}</td>
                <td className="number">{minutes(one.video_ms)}</td><td className="number">{minutes(one.video_ms_accepted)}</td>
              </tr>
            );
          })}</tbody>
        </table></div>
      </section>
      <section aria-labelledby="people">
        <h2 id="people">People</h2>
        {people.length === 0 ? <p className="empty">Nobody has begun.</p> : (
          <div className="table-wrap"><table className="table">
            <thead><tr><th scope="col">Person</th><th scope="col">Stage</th><th scope="col" className="number">Signed off</th><th scope="col" className="number">Returned</th><th scope="col" className="number">Segments</th><th scope="col" className="number">Minutes of video</th><th scope="col" className="number">Minutes at work</th><th scope="col" className="number">Video a minute</th></tr></thead>
            <tbody>{people.map((one) => (
              <tr key={`${one.person.id}/${one.stage}`}>
                <th scope="row">{one.person.name}</th><td>{one.stage}</td><td className="number">{one.passes_signed_off} of {one.passes}</td><td className="number">{one.passes_returned}</td>
                <td className="number">{one.segments}</td><td className="number">{minutes(one.video_ms)}</td><td className="number">{minutes(one.active_ms)}</td>
                <td className="number">{one.video_minutes_per_active_minute?.toFixed(2) ?? "–"}</td>
              </tr>
            ))}</tbody>
          </table></div>
        )}
      </section>
    </>
  );
}
