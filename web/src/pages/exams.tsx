/** Training sets and pretests: where one stands in each, and for leads how everybody does. */

import { useState } from "react";
import Markdown from "react-markdown";
import { Link, useLocation } from "wouter";
import { useBeginAttempt, useExams } from "../api/quality_queries";
import type { Exam } from "../api/quality_types";
import type { Project } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { describeRules, describeStanding, formatScore } from "../quality/exam_words";

export function ExamsPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Exams">{(project) => <Exams project={project} />}</ProjectShell>;
}

function Exams({ project }: { project: Project }) {
  const exams = useExams(project.id);
  const isLead = project.role === "lead" || project.role === null;
  if (exams.isPending) return <Loading what="the exams" />;
  if (exams.isError) return <Failure error={exams.error} retry={() => void exams.refetch()} />;
  const current = exams.data.filter((one) => one.retired_at === null);
  return (
    <>
      {(isLead || project.role === "reviewer") && <Management project={project} exams={exams.data} isLead={isLead} />}
      {current.length === 0 && !isLead && <p className="empty">There is no training and no pretest in this project: begin to work.</p>}
      {(["training", "pretest"] as const).map((kind) => {
        const shown = current.filter((one) => one.kind === kind);
        return shown.length === 0 ? null : (
          <section key={kind} aria-labelledby={kind}>
            <h2 id={kind}>{kind === "training" ? "Training" : "Pretests"}{isLead && <span className="count"> as annotators see them</span>}</h2>
            <div className="stages exams">{shown.map((exam) => <ExamCard key={exam.id} project={project} exam={exam} />)}</div>
          </section>
        );
      })}
    </>
  );
}

function ExamCard({ project, exam }: { project: Project; exam: Exam }) {
  const begin = useBeginAttempt(project.id);
  const [, navigate] = useLocation();
  const advice = describeStanding(exam.mine, exam.kind, new Date());
  const start = (): void =>
    begin.mutate(exam.id, { onSuccess: (attempt) => {
      const open = attempt.questions.find((one) => !one.is_answered);
      navigate(open === undefined ? `/projects/${project.id}/attempts/${attempt.id}` : `/passes/${open.pass_id}`);
    } });
  return (
    <article className="card stage-card" aria-label={exam.name}>
      <h2>{exam.name}</h2>
      <p className="row"><span className="badge">{exam.stage}</span><span className={`badge ${advice.tone}`}>{advice.badge}</span>{exam.is_demanded && <span className="badge returned">needed for work</span>}</p>
      {exam.text !== "" && <div className="prose"><Markdown>{exam.text}</Markdown></div>}
      <ul className="bullets faint">{describeRules(exam).map((line) => <li key={line}>{line}</li>)}</ul>
      {exam.mine.attempts.length > 0 && (
        <ul className="tries" aria-label="Tries">{exam.mine.attempts.map((one) => (
          <li key={one.id} className="row">
            <Link href={`/projects/${project.id}/attempts/${one.id}`}>Try {one.number}</Link>
            <span className="faint">{formatDateTime(one.started_at)}</span>
            <span className={`badge ${one.state === "passed" ? "accepted" : one.state === "open" ? "open" : "returned"}`}>{describeTry(exam.kind, one.state)}{one.score === null ? "" : `, ${formatScore(one.score)}`}</span>
          </li>
        ))}</ul>
      )}
      <FormError error={begin.error} />
      <div className="row">
        {advice.action !== null && <button type="button" className="primary" aria-label={`${advice.action}: ${exam.name}`} disabled={begin.isPending} onClick={start}>{advice.action}</button>}
        <span className="faint">{advice.text}</span>
      </div>
    </article>
  );
}

export function describeTry(kind: Exam["kind"], state: Exam["mine"]["attempts"][number]["state"]): string {
  if (state === "open") return "not finished";
  if (kind === "training" && state !== "left") return "done";
  return { passed: "passed", failed: "not passed", left: "given up" }[state];
}

function Management({ project, exams, isLead }: { project: Project; exams: readonly Exam[]; isLead: boolean }) {
  const [hasRetired, setHasRetired] = useState(false);
  const shown = exams.filter((one) => hasRetired || one.retired_at === null);
  const numRetired = exams.filter((one) => one.retired_at !== null).length;
  return (
    <section aria-labelledby="manage">
      <div className="content-head">
        <h2 id="manage">Exams of this project <span className="count">{exams.length - numRetired}</span></h2>
        <div className="row"><Link href={`/projects/${project.id}/gold`} className="button">Gold items</Link>{isLead && <Link href={`/projects/${project.id}/exams/new`} className="button">New exam</Link>}</div>
      </div>
      {exams.length === 0 && isLead && (
        <p className="note">An exam asks items whose answer is known. Make accepted items <Link href={`/projects/${project.id}/gold`}>gold</Link> first; then make a training set and a pretest from them. Under <Link href={`/projects/${project.id}/settings`}>Settings</Link> you say in which stages nobody works before passing.</p>
      )}
      {shown.length > 0 && (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Exam</th><th scope="col">Kind</th><th scope="col">Stage</th><th scope="col" className="number">Bank</th><th scope="col" className="number">Version</th><th scope="col" className="number">People</th><th scope="col" className="number">Tries</th><th scope="col" className="number">Passed</th><th scope="col">State</th></tr></thead>
          <tbody>{shown.map((one) => (
            <tr key={one.id}>
              <th scope="row"><Link href={`/projects/${project.id}/exams/${one.id}`}>{one.name}</Link></th><td>{one.kind}</td><td>{one.stage}</td>
              <td className="number">{one.num_gold}</td><td className="number">{one.version}</td>
              <td className="number">{one.totals?.people ?? ""}</td><td className="number">{one.totals?.attempts ?? ""}</td><td className="number">{one.kind === "training" ? "" : (one.totals?.passed ?? "")}</td>
              <td>
                {one.retired_at !== null ? <span className="badge">retired</span> : one.is_demanded ? <span className="badge accepted">needed for work</span> : null}
                {one.stale.length > 0 && <span className="badge returned" title={one.stale.join(" ")}>out of date</span>}
              </td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
      {numRetired > 0 && <label className="check"><input type="checkbox" checked={hasRetired} onChange={(event) => setHasRetired(event.target.checked)} />Retired ones too ({numRetired})</label>}
    </section>
  );
}
