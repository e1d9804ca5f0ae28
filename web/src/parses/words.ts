/** A parse in words, short enough for a table. */

import type { Parse } from "../api/types";

const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`;
const OTHERS = { interrupted: "interrupted", replay: "replay", unclear: "unclear" } as const;

/** `3`, or `3 + 1 interrupted + 2 replays`: what was performed first. */
export function describeFound(found: Parse["found"]): string {
  const others = Object.entries(OTHERS).flatMap(([kind, word]) => {
    const number = found[kind] ?? 0;
    return number === 0 ? [] : [count(number, word, kind === "replay" ? "replays" : word)];
  });
  return [String(found["routine"] ?? 0), ...others].join(" + ");
}

/** `5.4`, or `3.1 to 5.4`; a dash where nothing has points. */
export function describePoints(points: readonly number[]): string {
  if (points.length === 0) return "–";
  const [least, most] = [Math.min(...points), Math.max(...points)].map((one) => one.toFixed(1));
  return least === most ? least! : `${least} to ${most}`;
}

export function describeSuggested(made: { num_routines: number; num_sub_actions: number; num_unsure: number; num_withdrawn: number }): string {
  const told = `${count(made.num_routines, "routine")} and ${count(made.num_sub_actions, "sub-action")} suggested, ${made.num_unsure} of them marked as unsure.`;
  return made.num_withdrawn === 0 ? told : `${told} Those of the earlier parse are shown no more.`;
}
