/** How everybody does in an exam, try by try; a lead can give another try. */

import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useExamResults, useGiveTry } from "../api/quality_queries";
import type { Exam } from "../api/quality_types";
import type { Project } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { describeStanding, formatScore, namePart } from "../quality/exam_words";
import { describeTry } from "./exams";

export function ExamResultsTable({ project, exam, isLead }: { project: Project; exam: Exam; isLead: boolean }) {
  const results = useExamResults(project.id, exam.id);
  const [chosen, setChosen] = useState<{ id: string; name: string } | null>(null);
  if (results.isPending) return <Loading what="the results" />;
  if (results.isError) return <Failure error={results.error} retry={() => void results.refetch()} />;
  const { people } = results.data;
  const isPretest = exam.kind === "pretest";
  return (
    <section aria-labelledby="results">
      <h2 id="results">{isPretest ? "Who passed" : "Who took it"} <span className="count">{isPretest ? `${people.filter((one) => one.standing.state === "passed").length} of ${people.length}` : people.length}</span></h2>
      {people.length === 0 ? <p className="empty">Nobody has begun.</p> : (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Person</th><th scope="col">Standing</th><th scope="col" className="number">Tries left</th><th scope="col">Tries</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
          <tbody>{people.map(({ person, standing, attempts }) => {
            const advice = describeStanding(standing, exam.kind, new Date());
            return (
              <tr key={person.id}>
                <th scope="row">{person.name}</th>
                <td><span className={`badge ${advice.tone}`}>{advice.badge}</span>{standing.next_try_at !== null && <span className="faint"> next try {formatDateTime(standing.next_try_at)}</span>}</td>
                <td className="number">{standing.state === "passed" ? "" : (standing.tries_left ?? "any")}</td>
                <td className="wrap"><ul className="tries">{attempts.map((one) => (
                  <li key={one.id} className="row">
                    <Link href={`/projects/${project.id}/attempts/${one.id}`}>Try {one.number}</Link>
                    <span className={`badge ${one.state === "passed" ? "accepted" : one.state === "open" ? "open" : isPretest ? "returned" : ""}`}>{describeTry(exam.kind, one.state)}</span>
                    <span className="faint">{one.parts.filter((part) => part.value !== null && (part.pass_mark !== null || !isPretest)).map((part) => `${namePart(part.part)} ${formatScore(part.value)}`).join(", ")}</span>
                  </li>
                ))}</ul></td>
                <td>{isLead && isPretest && ["cooling_down", "no_tries_left"].includes(standing.state) && <button type="button" className="quiet" aria-label={`One more try for ${person.name}`} onClick={() => setChosen(person)}>One more try</button>}</td>
              </tr>
            );
          })}</tbody>
        </table></div>
      )}
      {chosen !== null && <GiveTry project={project} exam={exam} person={chosen} onClose={() => setChosen(null)} />}
    </section>
  );
}

function GiveTry({ project, exam, person, onClose }: { project: Project; exam: Exam; person: { id: string; name: string }; onClose: () => void }) {
  const give = useGiveTry(project.id, exam.id);
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    give.mutate({ person_id: person.id, reason }, { onSuccess: onClose });
  };
  return (
    <Dialog title={`One more try for ${person.name}`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Why? It is kept in the log.<input required maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} /></label>
        <FormError error={give.error} />
        <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={give.isPending || reason.trim() === ""}>Give it, at once</button></div>
      </form>
    </Dialog>
  );
}
