/** The labels that a segment can get: a click or a digit each. */

import { useLog, useEditor, useWork } from "./context";

export interface Choice {
  readonly id: string;
  readonly name: string;
  readonly hue: number;
}

export function LabelChoices({ choices, title }: { choices: readonly Choice[]; title: string }) {
  const { editor, codebook } = useWork();
  const { selectedId } = useEditor();
  const { content } = useLog();
  const segment = selectedId === null ? undefined : content.segments.get(selectedId);
  const label = segment === undefined ? null : (choices.find((one) => one.id === segment.label)?.id ?? codebook.getSetId(segment.label));
  return (
    <fieldset className="labels" disabled={segment === undefined}>
      <legend>{title}</legend>
      {choices.map((one, k) => (
        <button key={one.id} type="button" aria-pressed={label === one.id} onClick={() => void editor.label(one.id)} title={one.name}>
          <span className="swatch" style={{ background: `var(--hue-${one.hue % 10})` }} aria-hidden="true" />
          <span className="label-name">{one.name}</span>
          {k < 9 && <kbd>{k + 1}</kbd>}
        </button>
      ))}
    </fieldset>
  );
}
