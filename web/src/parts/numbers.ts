/** Numbers that people type. */

export type Typed = { readonly value: number | null } | { readonly problem: string };

/** What stands in a field: a number, nothing, or what is wrong with it in one line. A decimal comma is a point. */
export function readNumber(text: string, min: number, max: number): Typed {
  const typed = text.trim();
  if (typed === "") return { value: null };
  const value = /^[-+]?(\d+[.,]?\d*|[.,]\d+)$/.test(typed) ? Number(typed.replace(",", ".")) : NaN;
  if (value >= min && value <= max) return { value };
  return { problem: `“${typed}” is no number from ${min} to ${max}. Correct it, or leave the field empty.` };
}
