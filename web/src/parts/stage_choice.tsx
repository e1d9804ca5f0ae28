/** Which of the three stages a page is about. */

import type { Stage } from "../api/types";

export const STAGE_NAMES: Readonly<Record<Stage, string>> = { routines: "routines", "sub-actions": "sub-actions", elements: "elements" };

export function StageChoice({ value, onChange, isDisabled = false }: { value: Stage; onChange: (stage: Stage) => void; isDisabled?: boolean }) {
  return (
    <label>Stage
      <select value={value} disabled={isDisabled} onChange={(event) => onChange(event.target.value as Stage)}>
        {Object.entries(STAGE_NAMES).map(([stage, name]) => <option key={stage} value={stage}>{name}</option>)}
      </select>
    </label>
  );
}
