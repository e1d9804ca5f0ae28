/** Which moments of the record are where on a timeline: a window that zooms and pans inside the whole. */

export interface Scale {
  /** The whole, on the record's clock. */
  readonly startMs: number;
  readonly endMs: number;
  /** The part in view. */
  readonly viewStartMs: number;
  readonly viewEndMs: number;
  /** Pixels across. */
  readonly width: number;
}

const SHORTEST_MS = 400;

export function makeScale(startMs: number, endMs: number, width: number): Scale {
  return { startMs, endMs: Math.max(endMs, startMs + 1), viewStartMs: startMs, viewEndMs: Math.max(endMs, startMs + 1), width };
}

export function getX(scale: Scale, ms: number): number {
  return ((ms - scale.viewStartMs) / (scale.viewEndMs - scale.viewStartMs)) * scale.width;
}

export function getMs(scale: Scale, x: number): number {
  return scale.viewStartMs + (x / scale.width) * (scale.viewEndMs - scale.viewStartMs);
}

/** Show a window; it keeps its length where it fits and stays inside the whole. */
export function showWindow(scale: Scale, startMs: number, endMs: number): Scale {
  const whole = scale.endMs - scale.startMs;
  const length = Math.min(whole, Math.max(Math.min(SHORTEST_MS, whole), endMs - startMs));
  const start = Math.min(Math.max(startMs, scale.startMs), scale.endMs - length);
  return { ...scale, viewStartMs: start, viewEndMs: start + length };
}

/** Zoom by a factor (above 1: closer) around a moment that stays where it is. */
export function zoom(scale: Scale, factor: number, aroundMs: number): Scale {
  const length = scale.viewEndMs - scale.viewStartMs;
  const whole = scale.endMs - scale.startMs;
  const wanted = Math.min(whole, Math.max(Math.min(SHORTEST_MS, whole), length / factor));
  const share = (aroundMs - scale.viewStartMs) / length;
  const start = aroundMs - share * wanted;
  return showWindow(scale, start, start + wanted);
}

export function pan(scale: Scale, deltaMs: number): Scale {
  return showWindow(scale, scale.viewStartMs + deltaMs, scale.viewEndMs + deltaMs);
}

/** Move the window as little as it takes to have a moment in view, with some room around it. */
export function reveal(scale: Scale, ms: number): Scale {
  const length = scale.viewEndMs - scale.viewStartMs;
  const margin = length * 0.08;
  if (ms < scale.viewStartMs + margin) return showWindow(scale, ms - margin, ms - margin + length);
  if (ms > scale.viewEndMs - margin) return showWindow(scale, ms + margin - length, ms + margin);
  return scale;
}

/** Distance of the ruler's marks, in milliseconds: a round number that leaves them about `pixels` apart. */
export function chooseTickMs(scale: Scale, pixels = 90): number {
  const wanted = (pixels / scale.width) * (scale.viewEndMs - scale.viewStartMs);
  const round = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
  return round.find((step) => step >= wanted) ?? 1_800_000;
}
