/** How somebody answered gold items: each answer, and the sums that raise an alarm. */

import { Link } from "wouter";
import { useDrift, useGoldAnswers } from "../api/quality_queries";
import type { Drift } from "../api/quality_types";
import type { Project, Stage } from "../api/types";
import { chooseAmountRange } from "../charts/axis";
import { LineChart } from "../charts/line_chart";
import { formatDateTime } from "../parts/dates";
import { Failure, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { formatScore } from "../quality/exam_words";

export function GoldAnswersPage({ id, person, stage }: { id: string; person: string; stage: Stage }) {
  return <ProjectShell id={id} title="Answers to gold items">{(project) => <Answers project={project} person={person} stage={stage} />}</ProjectShell>;
}

function Answers({ project, person, stage }: { project: Project; person: string; stage: Stage }) {
  const answers = useGoldAnswers(project.id, person, stage);
  const drift = useDrift(project.id, person, stage);
  if (answers.isPending || drift.isPending) return <Loading what="the answers" />;
  if (answers.isError) return <Failure error={answers.error} retry={() => void answers.refetch()} />;
  if (drift.isError) return <Failure error={drift.error} retry={() => void drift.refetch()} />;
  return (
    <>
      <h2>{drift.data.person.name}: gold items, {stage} <span className="count">{answers.data.length} answers</span></h2>
      <DriftChart drift={drift.data} />
      {answers.data.length === 0 ? <p className="empty">None was asked yet.</p> : (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">When</th><th scope="col">Asked</th><th scope="col" className="number">Right</th><th scope="col">Pass</th><th scope="col">Exam</th></tr></thead>
          <tbody>{answers.data.map((one) => (
            <tr key={one.pass_id}>
              <th scope="row">{one.at === null ? "" : formatDateTime(one.at)}</th>
              <td>{one.kind === "silent" ? "silently, during work" : `in a ${one.kind}`}</td>
              <td className="number"><span className={`badge ${one.is_right === true ? "accepted" : "returned"}`}>{formatScore(one.score)}</span></td>
              <td><Link href={`/passes/${one.pass_id}`}>look at it</Link></td>
              <td>{one.attempt_id !== null && <Link href={`/projects/${project.id}/attempts/${one.attempt_id}`}>the try</Link>}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </>
  );
}

const KINDS: Readonly<Record<string, string>> = {
  right: "segments that are not right", "start early": "starts too early", "start late": "starts too late", "end early": "ends too early", "end late": "ends too late",
};

/** The sums after every gold segment: each goes up with what speaks against the person, and raises an alarm at the limit. */
function DriftChart({ drift }: { drift: Drift }) {
  const series = Object.entries(drift.sums).filter(([, values]) => values.some((value) => value > 0)).map(([kind, values]) => ({
    name: KINDS[kind] ?? kind,
    points: values.map((value, k) => ({
      atMs: k + 1, value, low: null, high: null, text: `after ${k + 1} segments: ${value.toFixed(1)} of ${drift.limit.toFixed(1)}`, href: `/passes/${drift.pass_ids[k] ?? drift.pass_ids.at(-1) ?? ""}`,
    })),
  }));
  if (series.length === 0) return <p className="faint">Nothing speaks against the silent gold answers: all sums are at 0, an alarm is raised at {drift.limit.toFixed(1)}.</p>;
  return (
    <section aria-labelledby="drift">
      <h2 id="drift">What speaks against the silent answers</h2>
      <div className="charts"><LineChart title="Sums that raise an alarm" series={series} limit={drift.limit} formatX={(count) => `${count}`} formatY={(value) => `${value}`} chooseRange={(values) => chooseAmountRange([...values, drift.limit])} /></div>
      <p className="faint">After every segment of a silent gold item: up with what speaks against her, down to 0 with what speaks for her. An alarm is raised at the line.</p>
    </section>
  );
}
