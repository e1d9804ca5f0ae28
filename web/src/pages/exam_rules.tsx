/** The rules of an exam as fields: what has to be reached, how near edges have to be, how often one may try. */

import { useState } from "react";
import type { Exam, Part, Rules } from "../api/quality_types";
import { useCodebook } from "../api/queries";
import type { Project, Stage } from "../api/types";
import { listParts, PARTS } from "../quality/exam_words";

interface Props {
  readonly project: Project; readonly kind: Exam["kind"]; readonly stage: Stage; readonly rules: Rules; readonly numGold: number; readonly onChange: (rules: Rules) => void;
}

export function RulesFields({ project, kind, stage, rules, numGold, onChange }: Props) {
  const change = (part: Partial<Rules>): void => onChange({ ...rules, ...part });
  const setMark = (part: Part, typed: string): void => {
    const { [part]: _, ...others } = rules.pass_marks;
    change({ pass_marks: typed === "" ? others : { ...others, [part]: Number(typed) / 100 } });
  };
  return (
    <>
      <fieldset className="fields">
        <legend>Questions and tries</legend>
        <label>Questions a try (empty: all of the bank)<input type="number" min={1} max={Math.max(1, numGold)} value={rules.num_items ?? ""} onChange={(event) => change({ num_items: event.target.value === "" ? null : Number(event.target.value) })} /></label>
        <label>Tries (empty: as many as one likes)<input type="number" min={1} max={100} value={rules.num_tries ?? ""} onChange={(event) => change({ num_tries: event.target.value === "" ? null : Number(event.target.value) })} /></label>
        <label>Hours between tries<input type="number" min={0} max={8760} step="any" value={rules.cool_down_hours} onChange={(event) => change({ cool_down_hours: Number(event.target.value) })} /></label>
        <label>To be passed again with another version of<select value={rules.renew_on} onChange={(event) => change({ renew_on: event.target.value as Rules["renew_on"] })}><option value="codebook">the codebook</option><option value="guidelines">the guidelines</option><option value="either">the codebook or the guidelines</option><option value="never">nothing</option></select></label>
      </fieldset>
      {kind === "pretest" && (
        <fieldset className="fields">
          <legend>To be reached, per cent (empty: not asked)</legend>
          {PARTS.filter(({ part }) => listParts(stage).includes(part)).map(({ part, name, what }) => (
            <label key={part} title={what}>{name}<input type="number" min={0} max={100} step="any" value={rules.pass_marks[part] === undefined ? "" : Number((100 * rules.pass_marks[part]).toFixed(2))} onChange={(event) => setMark(part, event.target.value)} /><span className="faint hint">{what}</span></label>
          ))}
        </fieldset>
      )}
      {stage !== "elements" && <Tolerances project={project} stage={stage} rules={rules} change={change} />}
    </>
  );
}

/** How far from the reference an edge may be: for all, and for sets that need more or less. */
function Tolerances({ project, stage, rules, change }: Pick<Props, "project" | "stage" | "rules"> & { change: (part: Partial<Rules>) => void }) {
  const codebook = useCodebook(project.id);
  const [added, setAdded] = useState("");
  const { tolerance } = rules;
  const set = (part: Partial<Rules["tolerance"]>): void => change({ tolerance: { ...tolerance, ...part } });
  const remove = (id: string): void => set({ by_set_ms: Object.fromEntries(Object.entries(tolerance.by_set_ms).filter(([one]) => one !== id)) });
  const sets = codebook.data?.data.sets ?? [];
  return (
    <fieldset className="fields">
      <legend>Edges may be off by, milliseconds</legend>
      <label>{stage === "routines" ? "Routines" : "Every set that is not named"}<input type="number" min={0} max={60_000} required value={tolerance.default_ms} onChange={(event) => set({ default_ms: Number(event.target.value) })} /></label>
      {stage === "sub-actions" && Object.entries(tolerance.by_set_ms).map(([id, ms]) => (
        <label key={id}>{codebook.data?.getName(id) ?? id}
          <span className="row nowrap"><input type="number" min={0} max={60_000} value={ms} onChange={(event) => set({ by_set_ms: { ...tolerance.by_set_ms, [id]: Number(event.target.value) } })} /><button type="button" className="quiet" aria-label={`No own tolerance for ${codebook.data?.getName(id) ?? id}`} onClick={() => remove(id)}>✕</button></span>
        </label>
      ))}
      {stage === "sub-actions" && (
        <label>Another for
          <select value={added} onChange={(event) => { setAdded(""); if (event.target.value !== "") set({ by_set_ms: { ...tolerance.by_set_ms, [event.target.value]: tolerance.default_ms } }); }}>
            <option value="">choose a set …</option>
            {sets.filter((one) => tolerance.by_set_ms[one.id] === undefined).map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
          </select>
        </label>
      )}
    </fieldset>
  );
}
