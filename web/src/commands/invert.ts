/**
 * Undo: the operations that lead from one content of a pass back to an earlier one.
 *
 * They are found by comparing the two, not by a list of opposites: whatever an operation did on its way (children
 * clipped, deleted, taken over), the way back restores it. Undo and redo are new operations; nothing is overwritten.
 */

import type { Change, PassContent, Segment } from "./model";

/** Labels of sub-actions are sets or elements; only the codebook can tell. */
export type SetOfLabel = (label: string | null) => string | null;

export function findWayBack(before: PassContent, after: PassContent, setOfLabel: SetOfLabel): Change[] {
  const added = [...after.segments.values()].filter((one) => !before.segments.has(one.id));
  const gone = [...before.segments.values()].filter((one) => !after.segments.has(one.id));
  const { splits, cut } = splitMerged(gone, after);
  const shared = [...before.segments.values()].filter((one) => after.segments.has(one.id));
  const pairs = shared.map((was) => [was, cut.get(was.id) ?? after.segments.get(was.id)!] as const);
  return [
    ...(after.isSignedOff && !before.isSignedOff ? [{ kind: "withdraw_sign_off", payload: {} } as const] : []),
    ...deleteAdded(added, before, after),
    ...splits.flatMap((one) => one.changes),
    ...movePairs(pairs),
    ...sortOutward(gone.filter((one) => !splits.some(({ id }) => id === one.id))).map((one) => restore(one)),
    ...pairs.flatMap(([was, is]) => describeFields(was, is, setOfLabel)),
    ...describeSuggestions(before, after),
    ...(before.isSignedOff && !after.isSignedOff ? [{ kind: "sign_off", payload: {} } as const] : []),
  ];
}

/**
 * What is new goes: where a part was split off and took children along, it is merged back (they return with it), else
 * it is deleted, inner ones first.
 */
function deleteAdded(added: Segment[], before: PassContent, after: PassContent): Change[] {
  return sortOutward(added).reverse().map((one): Change => {
    const children = [...after.segments.values()].filter((child) => child.parent_id === one.id);
    const origin = children.map((child) => before.segments.get(child.id)?.parent_id).find((id) => id != null);
    if (origin != null && after.segments.has(origin)) {
      return { kind: "merge_segments", payload: { segment_id: origin, other_id: one.id } };
    }
    return { kind: "delete_segment", payload: { segment_id: one.id, children: "refuse" } };
  });
}

/**
 * What was merged away, and gave its children to another, is split off again: a restored segment would be without them.
 * The part gets a new id (an id is used once).
 */
function splitMerged(
  gone: Segment[], after: PassContent,
): { splits: { id: string; changes: Change[] }[]; cut: Map<string, Segment> } {
  const cut = new Map<string, Segment>();
  const splits: { id: string; changes: Change[] }[] = [];
  for (const one of gone) {
    const isInside = (child: Segment): boolean => child.start_frame >= one.start_frame && child.end_frame <= one.end_frame;
    const kept = [...after.segments.values()].find((other) =>
      other.level === one.level && other.start_frame < one.start_frame && other.end_frame >= one.end_frame);
    if (kept === undefined) continue;
    if (![...after.segments.values()].some((child) => child.parent_id === kept.id && isInside(child))) continue;
    const id = crypto.randomUUID();
    const split: Change = {
      kind: "split_segment", payload: { segment_id: kept.id, at_frame: one.start_frame, new_segment_id: id },
    };
    const label: Change[] = one.label === kept.label ? [] : [{ kind: "set_label", payload: { segment_id: id, label: one.label } }];
    splits.push({ id: one.id, changes: [split, ...label] });
    cut.set(kept.id, { ...kept, end_frame: one.start_frame });
  }
  return { splits, cut };
}

/**
 * Moves, in an order in which nothing overlaps or sticks out on the way: what shrinks comes first, inner before outer,
 * then what grows, outer before inner. Children that travelled with their parent travel back with it.
 */
function movePairs(pairs: readonly (readonly [Segment, Segment])[]): Change[] {
  const moved = pairs.filter(([was, is]) => was.start_frame !== is.start_frame || was.end_frame !== is.end_frame);
  const deltaById = new Map(moved.map(([was, is]) => [was.id, was.start_frame - is.start_frame]));
  const travelled = ([was, is]: readonly [Segment, Segment]): boolean =>
    was.parent_id !== null && deltaById.has(was.parent_id) && deltaById.get(was.parent_id) === was.start_frame - is.start_frame &&
    was.end_frame - is.end_frame === was.start_frame - is.start_frame;
  const parentsThatShift = new Set(moved.filter(travelled).map(([was]) => was.parent_id));
  const growth = ([was, is]: readonly [Segment, Segment]): number =>
    was.end_frame - was.start_frame - (is.end_frame - is.start_frame);
  return moved
    .filter((pair) => !travelled(pair))
    .sort((left, right) => {
      const grows = [growth(left) > 0, growth(right) > 0] as const;
      if (grows[0] !== grows[1]) return grows[0] ? 1 : -1;
      return (depth(left[0]) - depth(right[0])) * (grows[0] ? 1 : -1);
    })
    .map(([was]) => ({
      kind: "move_segment",
      payload: {
        segment_id: was.id, start_frame: was.start_frame, end_frame: was.end_frame,
        ...(parentsThatShift.has(was.id) ? { children: "shift" as const } : {}),
      },
    }));
}

function describeFields(was: Segment, is: Segment, setOfLabel: SetOfLabel): Change[] {
  const changes: Change[] = [];
  if (was.label !== is.label || JSON.stringify(was.path) !== JSON.stringify(is.path) || was.is_no_element !== is.is_no_element) {
    const setId = setOfLabel(was.label);
    changes.push(
      (was.path.length > 0 || was.is_no_element) && setId !== null
        ? {
            kind: "set_path",
            payload: {
              segment_id: was.id, set_id: setId, path: was.path, label: was.is_no_element || was.label === setId ? null : was.label,
              ...(was.is_no_element ? { by_name: true } : {}),
            },
          }
        : { kind: "set_label", payload: { segment_id: was.id, label: was.label } },
    );
  }
  if (was.discard !== is.discard) changes.push({ kind: "set_discard", payload: { segment_id: was.id, discard: was.discard } });
  return changes;
}

function describeSuggestions(before: PassContent, after: PassContent): Change[] {
  const restored = [...after.rejectedSuggestions].filter((id) => !before.rejectedSuggestions.has(id));
  const rejected = [...before.rejectedSuggestions].filter((id) => !after.rejectedSuggestions.has(id));
  return [
    ...restored.map((id) => ({ kind: "restore_suggestion", payload: { suggestion_id: id } }) as const),
    ...rejected.map((id) => ({ kind: "reject_suggestion", payload: { suggestion_id: id } }) as const),
  ];
}

const restore = (segment: Segment): Change => ({ kind: "restore_segment", payload: { segment_id: segment.id } });

const depth = (segment: Segment): number => ({ action: 0, "sub-action": 1, stage: 2 })[segment.level];

const sortOutward = (segments: Segment[]): Segment[] => [...segments].sort((left, right) => depth(left) - depth(right));
