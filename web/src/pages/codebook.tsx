/** Another codebook for a project: first what it would change, then the change; and the labels to look at again. */

import { useState, type FormEvent } from "react";
import { useChangeCodebook, useTryCodebook } from "../api/lead_queries";
import type { CodebookChange, Project } from "../api/types";
import { CodebookChoice, type ChosenCodebook } from "../parts/codebook_choice";
import { FormError } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { listChanges } from "../tree/changes";
import { Rechecks } from "./review";

export function CodebookPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Codebook">{(project) => <><ChangeForm project={project} /><Rechecks id={id} /></>}</ProjectShell>;
}

function ChangeForm({ project }: { project: Project }) {
  const [chosen, setChosen] = useState<ChosenCodebook | null>({ codebook: "artistic-women" });
  const trial = useTryCodebook(project.id);
  const change = useChangeCodebook(project.id);
  const choose = (next: ChosenCodebook | null): void => {
    setChosen(next);
    trial.reset();
    change.reset();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.reset();
    if (chosen !== null) trial.mutate(chosen);
  };
  const apply = (): void => {
    if (chosen !== null) change.mutate(chosen, { onSuccess: () => trial.reset() });
  };
  const { name, version, number } = project.codebook;
  return (
    <section aria-labelledby="change-codebook">
      <h2 id="change-codebook">{name} {version} <span className="count">number {number} of this project</span></h2>
      <form className="card form" onSubmit={submit}>
        <p className="faint">Work goes on with another codebook from the moment you apply it. Labels stay; those that mean something else then are listed for a second look.</p>
        <CodebookChoice onChoose={choose} />
        <FormError error={trial.error ?? change.error} />
        <div className="row end"><button type="submit" className={trial.data === undefined ? "primary" : ""} disabled={chosen === null || trial.isPending}>Show what would change</button></div>
        {trial.data !== undefined && <Outcome change={trial.data} isPending={change.isPending} onApply={apply} />}
        {change.data !== undefined && <p role="status" className="note">The project works with codebook number {change.data.number} now. {describeRechecks(change.data.rechecks)} to look at again.</p>}
      </form>
    </section>
  );
}

function Outcome({ change, isPending, onApply }: { change: CodebookChange; isPending: boolean; onApply: () => void }) {
  const groups = listChanges(change.diff);
  return (
    <div className="form" role="status" aria-label="What would change">
      <p><strong>{String(change.diff["old_version"])} → {String(change.diff["new_version"])}</strong>: {groups.length === 0 ? "no differences" : "these differences"}; {describeRechecks(change.rechecks)} would have to be looked at again.</p>
      {groups.map(({ title, rows }) => (
        <details key={title} open={rows.length <= 10}>
          <summary>{title} <span className="count">{rows.length}</span></summary>
          <ul className="history">{rows.map((row) => <li key={row.id}><strong>{row.id}</strong>{row.old !== undefined && <p className="faint">was: {row.old}</p>}{row.new !== undefined && <p>is: {row.new}</p>}</li>)}</ul>
        </details>
      ))}
      {change.problems.length > 0 && (
        <details open={change.problems.length <= 10}>
          <summary>Problems of the codebook <span className="count">{change.problems.length}</span></summary>
          <ul>{change.problems.map((problem) => <li key={problem} className="warn">{problem}</li>)}</ul>
        </details>
      )}
      <div className="row end"><button type="button" className="primary" disabled={isPending} onClick={onApply}>Apply</button></div>
    </div>
  );
}

function describeRechecks(count: number): string {
  return count === 1 ? "1 label" : `${count} labels`;
}
