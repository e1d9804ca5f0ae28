/** How a project makes sure of its labels: pretests, silent gold items, comparison of passes, alarms. */

import { useState, type FormEvent } from "react";
import { useSettings } from "../api/lead_queries";
import type { QualitySettings } from "../api/quality_types";
import type { Project, Stage } from "../api/types";
import { FormError } from "../parts/feedback";
import { STAGE_NAMES } from "../parts/stage_choice";

export function QualitySettingsForm({ project, isSaved, onSaved }: { project: Project; isSaved: boolean; onSaved: () => void }) {
  const save = useSettings(project.id);
  const [quality, setQuality] = useState(project.settings.quality);
  const change = (part: Partial<QualitySettings>): void => setQuality({ ...quality, ...part });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutateAsync({ version: project.version, settings: { ...project.settings, quality } }).then(onSaved, () => undefined); // the form is another one by then
  };
  const toggle = (stage: Stage): void =>
    change({ pretested_stages: quality.pretested_stages.includes(stage) ? quality.pretested_stages.filter((one) => one !== stage) : [...quality.pretested_stages, stage] });
  const drift = (name: keyof QualitySettings["drift"], title: string, unit: number, step: number | "any" = "any") => (
    <label>{title}<input type="number" min={0} step={step} value={Number((unit * quality.drift[name]).toFixed(4))} onChange={(event) => change({ drift: { ...quality.drift, [name]: Number(event.target.value) / unit } })} /></label>
  );
  return (
    <form className="card form" onSubmit={submit}>
      <h2>Making sure of the labels</h2>
      <fieldset>
        <legend>Nobody works before passing the pretests of</legend>
        {(Object.keys(STAGE_NAMES) as Stage[]).map((stage) => <label key={stage} className="check"><input type="checkbox" checked={quality.pretested_stages.includes(stage)} onChange={() => toggle(stage)} />{STAGE_NAMES[stage]}</label>)}
      </fieldset>
      <label>One of so many items that somebody takes is a silent gold item (0: none)<input type="number" min={0} max={10_000} value={quality.gold_every} onChange={(event) => change({ gold_every: Number(event.target.value) })} /></label>
      <label className="check"><input type="checkbox" checked={quality.compare_at_sign_off} onChange={(event) => change({ compare_at_sign_off: event.target.checked })} />Compare the passes of an item when the last one is signed off</label>
      <label className="check"><input type="checkbox" checked={quality.third_annotator} onChange={(event) => change({ third_annotator: event.target.checked })} />Where two passes differ, ask a third person first, who sees neither</label>
      <label>Segments of which the passes are less sure than this need a decision, per cent<input type="number" min={0} max={100} step="any" value={Number((100 * quality.least_confidence).toFixed(2))} onChange={(event) => change({ least_confidence: Number(event.target.value) / 100 })} /></label>
      <details>
        <summary>When an alarm is raised</summary>
        <div className="form">
          <p className="faint">Alarms look at silent gold items. One is raised as soon as the answers speak for the worse of two rates, or for edges that have moved.</p>
          {drift("good_share", "Share right of somebody who is well, per cent", 100)}
          {drift("bad_share", "Share right of somebody who has become careless, per cent", 100)}
          {drift("noise_ms", "Edges of somebody who is well scatter by, ms", 1)}
          {drift("bad_bias_ms", "Edges that are off the same way by so much are another rule, ms", 1)}
          {drift("false_alarm_every", "A false alarm at most once in so many gold items", 1, 1)}
        </div>
      </details>
      <FormError error={save.error} />
      <div className="row end">{isSaved && <span role="status" className="faint">Saved.</span>}<button type="submit" className="primary" disabled={save.isPending}>Save</button></div>
    </form>
  );
}
