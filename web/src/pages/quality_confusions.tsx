/** Which labels are taken for each other: a matrix a set, and the pairs with most. */

import { useState } from "react";
import type { Quality } from "../api/quality_types";
import type { Project } from "../api/types";
import { Matrix } from "../charts/matrix";
import { linkBehind } from "../quality/behind";
import { findPair, groupBySet } from "../quality/confusions";
import type { Codebook } from "../tree/codebook";

const MOST_LABELS = 16;
const MOST_PAIRS = 12;

export function Confusions({ project, quality, codebook }: { project: Project; quality: Quality; codebook: Codebook }) {
  const [agreed, confused] = [quality.element_confusions.filter((one) => one.left === one.right), quality.element_confusions.filter((one) => one.left !== one.right)];
  const groups = groupBySet(confused, (label) => codebook.getSetId(label));
  const [chosen, setChosen] = useState(0);
  const group = groups[chosen] ?? groups[0];
  const names = new Map(quality.element_confusions.flatMap((one) => [[one.left, one.left_name], [one.right, one.right_name]] as const));
  const name = (label: string): string => {
    const event = codebook.data.sets.find((one) => one.id === label)?.event_id; // sets of several events have one name
    return `${event === undefined ? "" : `${codebook.getName(event)}: `}${names.get(label) ?? codebook.getName(label)}`;
  };
  if (group === undefined) {
    return quality.num_items === 0 ? null : <section aria-labelledby="confusions"><h2 id="confusions">Taken for each other</h2><p className="empty">Where two people labelled the same thing, they gave the same label.</p></section>;
  }
  const shown = group.labels.slice(0, MOST_LABELS).map((id) => ({ id, name: name(id) }));
  const describe = (one: string, other: string): string => `${name(one)}, ${name(other)}`;
  const pairs = [...group.pairs].sort((left, right) => right.count - left.count);
  return (
    <section aria-labelledby="confusions">
      <div className="content-head">
        <h2 id="confusions">Taken for each other <span className="count">{group.count === 1 ? "once" : `${group.count} times`}</span></h2>
        {groups.length > 1 && (
          <div className="filters"><label>Within<select value={groups.indexOf(group)} onChange={(event) => setChosen(Number(event.target.value))}>
            {groups.map((one, k) => <option key={one.set ?? "across"} value={k}>{one.set === null ? "across sets and events" : name(one.set)} ({one.count})</option>)}
          </select></label></div>
        )}
      </div>
      <Matrix
        caption="How often two labels were given to the same thing" rows={shown} columns={shown} hasDiagonal
        getCell={(row, column) => {
          const pair = findPair(row === column ? agreed : group.pairs, row, column);
          const what = row === column ? `Both said: ${name(row)}` : `Taken for each other: ${describe(row, column)}`;
          return pair === null ? null : { count: pair.count, href: linkBehind(project.id, pair.item_ids, what) };
        }}
      />
      {group.labels.length > MOST_LABELS && <p className="faint">The {MOST_LABELS} that were confused most, of {group.labels.length}. The pairs: {pairs.slice(0, MOST_PAIRS).map((one) => `${describe(one.left, one.right)} (${one.count})`).join("; ")}.</p>}
    </section>
  );
}
