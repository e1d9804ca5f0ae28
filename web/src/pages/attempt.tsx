/** What a try at an exam came to: each part against its mark, and each question. */

import { Link } from "wouter";
import { useAttempt, useExams, useLeaveAttempt } from "../api/quality_queries";
import type { Attempt } from "../api/quality_types";
import { useSession } from "../api/queries";
import { formatDateTime } from "../parts/dates";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { describeStanding, formatScore, formatShare, listParts, namePart, PARTS } from "../quality/exam_words";
import { describeTry } from "./exams";

export function AttemptPage({ id, attempt }: { id: string; attempt: string }) {
  return <ProjectShell id={id} title="Result of an exam">{() => <Result id={id} attempt={attempt} />}</ProjectShell>;
}

function Result({ id, attempt }: { id: string; attempt: string }) {
  const result = useAttempt(attempt);
  const me = useSession().data?.person?.id;
  if (result.isPending) return <Loading what="the result" />;
  if (result.isError) return <Failure error={result.error} retry={() => void result.refetch()} />;
  const told = result.data;
  const isMine = told.person.id === me;
  return (
    <>
      <section className={`card result ${told.state}`} aria-labelledby="result">
        <h2 id="result">{told.exam.name}, try {told.number}{isMine ? "" : ` of ${told.person.name}`}: {describeTry(told.exam.kind, told.state)}</h2>
        <p className="faint">{told.exam.kind}, {told.exam.stage}; begun {formatDateTime(told.started_at)}{told.finished_at === null ? "" : `, finished ${formatDateTime(told.finished_at)}`}{told.score === null ? "" : `; right in everything: ${formatScore(told.score)}`}</p>
        {isMine && <WhatNow id={id} told={told} />}
      </section>
      <Marks told={told} />
      <Questions id={id} told={told} isMine={isMine} />
    </>
  );
}

function WhatNow({ id, told }: { id: string; told: Attempt }) {
  const exams = useExams(id);
  const leave = useLeaveAttempt(id);
  const exam = exams.data?.find((one) => one.id === told.exam.id);
  const open = told.questions.find((one) => !one.is_answered);
  if (told.state === "open" && open !== undefined) {
    return (
      <div className="row">
        <Link href={`/passes/${open.pass_id}`} className="button primary">Go on with question {open.number}</Link>
        <button type="button" className="quiet" disabled={leave.isPending} onClick={() => leave.mutate(told.id)}>Give up{told.exam.kind === "pretest" && ": counts as a try"}</button>
        <FormError error={leave.error} />
      </div>
    );
  }
  if (exam === undefined) return null;
  const advice = describeStanding(exam.mine, exam.kind, new Date());
  const isThrough = exam.mine.state === "passed";
  return (
    <p className="row">
      {isThrough && exam.kind === "pretest" ? <><span>You can work on the items of this stage now.</span><Link href={`/projects/${id}`} className="button">To the work</Link></>
        : <><span>{advice.text}</span><Link href={`/projects/${id}/exams`} className="button">To the exams</Link></>}
    </p>
  );
}

function Marks({ told }: { told: Attempt }) {
  const asked = told.parts.filter((one) => one.pass_mark !== null || listParts(told.exam.stage).some((part) => part === one.part)); // the others are given
  if (asked.length === 0) return null;
  return (
    <section aria-labelledby="marks">
      <h2 id="marks">What was reached</h2>
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Part</th><th scope="col">Share</th><th scope="col" className="number">Reached</th><th scope="col" className="number">Needed</th><th scope="col">Outcome</th><th scope="col">What it is</th></tr></thead>
        <tbody>{asked.map((one) => (
          <tr key={one.part}>
            <th scope="row">{namePart(one.part)}</th>
            <td><div className="bar mark" role="img" aria-label={formatScore(one.value)}><span className={one.is_passed ? "" : "short"} style={{ width: `${100 * (one.value ?? 0)}%` }} />{one.pass_mark !== null && <i style={{ left: `${100 * one.pass_mark}%` }} />}</div></td>
            <td className="number">{one.value === null ? <span className="faint">nothing to get right</span> : <>{formatScore(one.value)} <span className="faint">{one.right} of {one.total}</span></>}</td>
            <td className="number">{one.pass_mark === null ? <span className="faint">no mark</span> : formatShare(one.pass_mark)}</td>
            <td>{one.pass_mark !== null && <span className={`badge ${one.is_passed ? "accepted" : "returned"}`}>{one.is_passed ? "reached" : "not reached"}</span>}</td>
            <td className="wrap faint">{PARTS.find((part) => part.part === one.part)?.what}</td>
          </tr>
        ))}</tbody>
      </table></div>
    </section>
  );
}

function Questions({ id, told, isMine }: { id: string; told: Attempt; isMine: boolean }) {
  const mayLook = told.exam.kind === "training" || !isMine;
  return (
    <section aria-labelledby="questions">
      <h2 id="questions">Questions <span className="count">{told.questions.filter((one) => one.is_answered).length} of {told.questions.length} answered</span></h2>
      <ol className="chips">{told.questions.map((one) => (
        <li key={one.number}>
          {mayLook || !one.is_answered ? <Link href={`/passes/${one.pass_id}`}>Question {one.number}</Link> : <span>Question {one.number}</span>}
          <span className={`badge ${!one.is_answered ? "open" : one.score === null ? "" : one.score === 1 ? "accepted" : "returned"}`}>{!one.is_answered ? "open" : one.score === null ? "answered" : `${formatScore(one.score)} right`}</span>
        </li>
      ))}</ol>
      {!mayLook && told.state !== "open" && <p className="faint">What was right in a pretest is not told: its questions are asked again. The <Link href={`/projects/${id}/exams`}>training</Link> tells it.</p>}
    </section>
  );
}
