/** Round numbers along an axis, and where values lie between its ends. Plain numbers, no page. */

export interface Axis {
  readonly low: number;
  readonly high: number;
  /** Pixels of `low` and `high`; on a page, up is less. */
  readonly from: number;
  readonly to: number;
}

export function place(axis: Axis, value: number): number {
  return axis.from + ((value - axis.low) / (axis.high - axis.low)) * (axis.to - axis.from);
}

/** About `count` round values from `low` to `high`: steps of 1, 2 or 5 times a power of ten. */
export function chooseTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * (1 - 1e-9))!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

/** An axis of shares: from a round value below the smallest up to 1, so that small differences near 1 can be seen. */
export function chooseShareRange(values: readonly number[]): [number, number] {
  const lowest = Math.min(1, ...values);
  return [lowest < 0 ? Math.max(-1, Math.floor(lowest * 5) / 5) : lowest < 0.5 ? 0 : Math.min(0.9, Math.floor(lowest * 10) / 10), 1];
}

/** An axis of amounts: from 0 to a round value above the largest. */
export function chooseAmountRange(values: readonly number[]): [number, number] {
  const most = Math.max(0, ...values);
  if (most === 0) return [0, 1];
  const [, step = most] = chooseTicks(0, most, 4);
  return [0, step * Math.ceil(most / step - 1e-9)];
}
