/** A number that may be left out: what is typed stays as it is, and what is wrong with it stands at the field. */

import { useId } from "react";
import { readNumber } from "./numbers";

interface Props {
  readonly label: string;
  /** What an empty field means. */
  readonly hint: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly min: number;
  readonly max: number;
}

export function NumberField({ label, hint, text, onChange, min, max }: Props) {
  const id = useId();
  const typed = readNumber(text, min, max);
  const isWrong = "problem" in typed;
  // No type="number": browsers say nothing of what they cannot read, and give an empty text for it.
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} type="text" inputMode="decimal" value={text} aria-invalid={isWrong} aria-describedby={`${id}-told`} onChange={(event) => onChange(event.target.value)} />
      <span id={`${id}-told`} role={isWrong ? "alert" : undefined} className={isWrong ? "field-error" : "faint hint"}>{isWrong ? typed.problem : hint}</span>
    </div>
  );
}
