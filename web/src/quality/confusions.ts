/** Confused pairs as a matrix: which things are in it, in which order, and how often each pair was met. */

export interface Pair { readonly left: string; readonly right: string; readonly count: number; readonly item_ids: readonly string[] }

export interface ConfusionGroup {
  readonly set: string | null;
  /** Most confused first. */
  readonly labels: readonly string[];
  readonly pairs: readonly Pair[];
  readonly count: number;
}

/** Pairs within one set make one matrix each, that with most of them first; pairs across sets have none in common and come last. */
export function groupBySet(pairs: readonly Pair[], getSet: (label: string) => string | null): ConfusionGroup[] {
  const groups = new Map<string | null, Pair[]>();
  for (const pair of pairs) {
    const [left, right] = [getSet(pair.left), getSet(pair.right)];
    const key = left === right || right === null ? left : left === null ? right : null; // "no such element" is of no set of its own
    groups.set(key, [...(groups.get(key) ?? []), pair]);
  }
  const made = [...groups].map(([set, within]) => ({ set, pairs: within, labels: rankLabels(within), count: within.reduce((sum, one) => sum + one.count, 0) }));
  return made.sort((left, right) => Number(left.set === null) - Number(right.set === null) || right.count - left.count);
}

function rankLabels(pairs: readonly Pair[]): string[] {
  const counts = new Map<string, number>();
  for (const { left, right, count } of pairs) for (const label of [left, right]) counts.set(label, (counts.get(label) ?? 0) + count);
  return [...counts].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0])).map(([label]) => label);
}

/** How often two were taken for each other, whoever said which. */
export function findPair(pairs: readonly Pair[], one: string, other: string): Pair | null {
  const found = pairs.filter((pair) => (pair.left === one && pair.right === other) || (pair.left === other && pair.right === one));
  if (found.length === 0) return null;
  return { left: one, right: other, count: found.reduce((sum, pair) => sum + pair.count, 0), item_ids: [...new Set(found.flatMap((pair) => pair.item_ids))] };
}
