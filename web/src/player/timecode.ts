/** Moments of a record as people read them: `h:mm:ss.mmm`, on the record's own clock. */

export function formatTimecode(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const seconds = Math.floor(whole / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours, minutes, rest] = clock.map((part) => String(part).padStart(2, "0"));
  return `${Number(hours)}:${minutes}:${rest}.${String(whole % 1000).padStart(3, "0")}`;
}

/** A length, short: `12.34 s`, or `1:02.3` from a minute on. */
export function formatLength(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes}:${((ms % 60_000) / 1000).toFixed(1).padStart(4, "0")}`;
}

export type Moment = { readonly kind: "frame"; readonly frame: number } | { readonly kind: "time"; readonly ms: number };

/** A frame number (`1234`) or a time (`1:02.5`, `0:01:02.500`, `62.5`); null for anything else. */
export function parseMoment(text: string): Moment | null {
  const typed = text.trim();
  if (/^\d+$/.test(typed)) return { kind: "frame", frame: Number(typed) };
  const found = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)$/.exec(typed);
  if (found === null) return null;
  const [hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0)) as [number, number, number];
  return { kind: "time", ms: Math.round(1000 * (3600 * hours + 60 * minutes + seconds)) };
}
