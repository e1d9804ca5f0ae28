/** The rules of a project's work, and the log of what happened in it. */

import { useState, type FormEvent } from "react";
import { useEvents, useSettings } from "../api/lead_queries";
import type { Project, ProjectSettings } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { FormError } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { QualitySettingsForm } from "./quality_settings";

export function SettingsPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Settings">{(project) => <Settings project={project} />}</ProjectShell>;
}

/** Forms begin anew with every version of the project, and still say that it was they who made it. */
function Settings({ project }: { project: Project }) {
  const [saved, setSaved] = useState<"work" | "quality" | null>(null);
  return (
    <div className="columns">
      <SettingsForm key={`work/${project.version}`} project={project} isSaved={saved === "work"} onSaved={() => setSaved("work")} />
      <QualitySettingsForm key={`quality/${project.version}`} project={project} isSaved={saved === "quality"} onSaved={() => setSaved("quality")} />
      <EventLog id={project.id} />
    </div>
  );
}

function SettingsForm({ project, isSaved, onSaved }: { project: Project; isSaved: boolean; onSaved: () => void }) {
  const save = useSettings(project.id);
  const [settings, setSettings] = useState<ProjectSettings>(project.settings);
  const change = (part: Partial<ProjectSettings>): void => setSettings({ ...settings, ...part });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutateAsync({ version: project.version, settings }).then(onSaved, () => undefined); // the form is another one by then
  };
  const whole = (name: "lease_minutes" | "lead_frames" | "lag_frames", title: string) => (
    <label>{title}<input type="number" min={0} value={settings[name]} onChange={(event) => change({ [name]: Number(event.target.value) })} /></label>
  );
  return (
    <form className="card form" onSubmit={submit}>
      <h2>Rules of the work</h2>
      {(["routines", "sub-actions", "elements"] as const).map((stage) => (
        <label key={stage}>Annotators an item: {stage}
          <input type="number" min={1} max={20} value={settings.annotators_per_item?.[stage] ?? 1} onChange={(event) => change({ annotators_per_item: { ...settings.annotators_per_item, [stage]: Number(event.target.value) } })} />
        </label>
      ))}
      <label>Order of the items<select value={settings.order} onChange={(event) => change({ order: event.target.value as ProjectSettings["order"] })}><option value="record">record by record</option><option value="random">random</option></select></label>
      {whole("lease_minutes", "An item is kept for its annotator, minutes")}
      {whole("lead_frames", "A start marked while playing is set earlier by, frames")}
      {whole("lag_frames", "An end marked while playing is set later by, frames")}
      <label className="check"><input type="checkbox" checked={settings.is_blind} onChange={(event) => change({ is_blind: event.target.checked })} />Blind: nobody sees another's work or suggestions</label>
      <label className="check"><input type="checkbox" checked={settings.may_review_own} onChange={(event) => change({ may_review_own: event.target.checked })} />Reviewers may review their own work</label>
      <FormError error={save.error} />
      <div className="row end">{isSaved && <span role="status" className="faint">Saved.</span>}<button type="submit" className="primary" disabled={save.isPending}>Save</button></div>
    </form>
  );
}

function EventLog({ id }: { id: string }) {
  const events = useEvents(id);
  return (
    <section aria-labelledby="log">
      <h2 id="log">What happened</h2>
      <ul className="history">{events.data?.map((one) => <li key={one.id}><p>{one.text}</p><p className="faint">{one.person ?? "the server"}, {formatDateTime(one.at)}</p></li>)}</ul>
    </section>
  );
}
