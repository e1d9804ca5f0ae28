/**
 * What keys do to segments: each function says which changes a mark, a nudge, a split or a merge makes, or why it cannot.
 * Plain values, no page; the log does what they say.
 */

import type { Change, Discard, Level, PassContent, Segment } from "./model";

/** Where segments of a page live. */
export interface Place {
  readonly level: Level;
  readonly parentId: string | null;
  /** Frames of the work item, half-open. */
  readonly bounds: readonly [number, number];
}

export type Plan =
  | { readonly kind: "do"; readonly title: string; readonly changes: readonly Change[]; readonly select?: string | null; readonly note?: string }
  | { readonly kind: "cannot"; readonly why: string };

/** A new mark that reaches into a neighbour by so few frames is meant to touch it. */
export const SNAP_FRAMES = 5;

const NAMES: Record<Level, string> = { action: "routine", "sub-action": "sub-action", stage: "stage" };

/** Segments of one level, in order of time. */
export function listSegments(content: PassContent, level: Level, parentId?: string): Segment[] {
  return [...content.segments.values()]
    .filter((one) => one.level === level && (parentId === undefined || one.parent_id === parentId))
    .sort((left, right) => left.start_frame - right.start_frame || left.end_frame - right.end_frame);
}

/** A segment from its first to its last frame, both of which were on screen. */
export function createSegment(
  content: PassContent, place: Place, first: number, last: number, facts: { id: string; label?: string | null; confirmed?: readonly [number, number] },
): Plan {
  if (last < first) return { kind: "cannot", why: "The end lies before the start. Mark the start first, then the end." };
  let [start, end] = [Math.max(first, place.bounds[0]), Math.min(last + 1, place.bounds[1])];
  if (end <= start) return { kind: "cannot", why: "Both marks lie outside the work item." };
  const notes: string[] = start !== first || end !== last + 1 ? ["cut to the work item"] : [];
  for (const other of listSegments(content, place.level)) {
    if (other.end_frame <= start || other.start_frame >= end) continue;
    const reachesBack = other.end_frame - start;
    const reachesOn = end - other.start_frame;
    if (other.start_frame < start && reachesBack <= SNAP_FRAMES && other.end_frame < end) {
      notes.push(`starts ${reachesBack} frames later, where its neighbour ends`);
      start = other.end_frame;
    } else if (other.end_frame > end && reachesOn <= SNAP_FRAMES && other.start_frame > start) {
      notes.push(`ends ${reachesOn} frames earlier, where its neighbour starts`);
      end = other.start_frame;
    } else {
      return { kind: "cannot", why: `It would overlap the ${NAMES[place.level]} at frames ${other.start_frame} to ${other.end_frame - 1}. Move that one, or mark elsewhere.` };
    }
  }
  const payload = {
    segment_id: facts.id, level: place.level, parent_id: place.parentId, start_frame: start, end_frame: end,
    label: facts.label ?? null,
    ...(facts.confirmed ? { confirmed_start_frame: facts.confirmed[0], confirmed_end_frame: facts.confirmed[1] } : {}),
  };
  return {
    kind: "do", title: `New ${NAMES[place.level]}`, changes: [{ kind: "create_segment", payload }], select: facts.id,
    ...(notes.length > 0 ? { note: notes.join("; ") } : {}),
  };
}

/** Move one edge of a segment; a neighbour that touches it there goes along where `isShared`. */
export function moveEdgeTo(
  content: PassContent, place: Place, segment: Segment, edge: "start" | "end", frame: number, confirmed?: number,
): Plan {
  const [start, end] = edge === "start" ? [frame, segment.end_frame] : [segment.start_frame, frame];
  if (start >= end) return { kind: "cannot", why: "A segment keeps at least one frame." };
  const bounds = segment.level === "stage" ? getBoundsOfStage(content, segment) : place.bounds;
  if (start < bounds[0] || end > bounds[1]) {
    return { kind: "cannot", why: segment.level === "action" ? "The work item ends here." : "It would leave the segment that it lies in." };
  }
  const siblings = listSegments(content, segment.level).filter((one) => one.id !== segment.id && one.parent_id === segment.parent_id);
  const hit = siblings.find((one) => one.start_frame < end && one.end_frame > start);
  const moves: { id: string; start: number; end: number; confirmed?: number }[] = [
    { id: segment.id, start, end, ...(confirmed === undefined ? {} : { confirmed }) },
  ];
  if (hit !== undefined) {
    const touches = edge === "start" ? hit.end_frame === segment.start_frame : hit.start_frame === segment.end_frame;
    const rest = edge === "start" ? [hit.start_frame, frame] as const : [frame, hit.end_frame] as const;
    if (!touches || rest[0] >= rest[1]) return { kind: "cannot", why: `It would overlap its neighbour at frames ${hit.start_frame} to ${hit.end_frame - 1}.` };
    moves.unshift({ id: hit.id, start: rest[0], end: rest[1] }); // the one that shrinks first
  }
  const changes = moves.flatMap((move) => moveWithStages(content, move.id, move.start, move.end, edge, move.confirmed));
  return { kind: "do", title: edge === "start" ? "Move the start" : "Move the end", changes };
}

/** A sub-action's first and last stage go along with its edges. */
export function moveWithStages(
  content: PassContent, id: string, start: number, end: number, edge?: "start" | "end", confirmed?: number,
): Change[] {
  const segment = content.segments.get(id);
  if (segment === undefined) return [];
  const mark = confirmed === undefined || edge === undefined ? {} : edge === "start" ? { confirmed_start_frame: confirmed } : { confirmed_end_frame: confirmed };
  const move: Change = { kind: "move_segment", payload: { segment_id: id, start_frame: start, end_frame: end, ...mark } };
  const stages = listSegments(content, "stage", id);
  const first = stages[0];
  const last = stages.at(-1);
  const along = new Map<string, { start: number; end: number }>();
  const get = (stage: Segment) => along.get(stage.id) ?? { start: stage.start_frame, end: stage.end_frame };
  if (first !== undefined && first.start_frame === segment.start_frame && start !== segment.start_frame) along.set(first.id, { ...get(first), start });
  if (last !== undefined && last.end_frame === segment.end_frame && end !== segment.end_frame) along.set(last.id, { ...get(last), end });
  const moves = [...along].map(([stageId, to]): Change => ({ kind: "move_segment", payload: { segment_id: stageId, start_frame: to.start, end_frame: to.end } }));
  const isShrinking = end - start < segment.end_frame - segment.start_frame;
  return isShrinking ? [...moves, move] : [move, ...moves];
}

export function splitSegment(segment: Segment, frame: number, newId: string): Plan {
  if (frame <= segment.start_frame || frame >= segment.end_frame) {
    return { kind: "cannot", why: "Go to the frame inside the segment with which its second part shall start." };
  }
  return { kind: "do", title: "Split", changes: [{ kind: "split_segment", payload: { segment_id: segment.id, at_frame: frame, new_segment_id: newId } }], select: newId };
}

export function mergeWithNext(content: PassContent, segment: Segment): Plan {
  const siblings = listSegments(content, segment.level).filter((one) => one.parent_id === segment.parent_id);
  const next = siblings[siblings.findIndex((one) => one.id === segment.id) + 1];
  if (next === undefined) return { kind: "cannot", why: `There is no ${NAMES[segment.level]} after this one.` };
  const note = next.label !== null && next.label !== segment.label ? { note: "the label of the first stays" } : {};
  return { kind: "do", title: "Merge", changes: [{ kind: "merge_segments", payload: { segment_id: segment.id, other_id: next.id } }], select: segment.id, ...note };
}

export function deleteSegment(content: PassContent, segment: Segment): Plan {
  const hasChildren = [...content.segments.values()].some((one) => one.parent_id === segment.id);
  return {
    kind: "do", title: `Delete ${NAMES[segment.level]}`, select: null,
    changes: [{ kind: "delete_segment", payload: { segment_id: segment.id, children: hasChildren ? "delete" : "refuse" } }],
  };
}

export function setDiscard(segment: Segment, discard: Discard | null): Plan {
  const title = discard === null ? "Take the discard back" : `Discard: ${discard}`;
  return { kind: "do", title, changes: [{ kind: "set_discard", payload: { segment_id: segment.id, discard } }] };
}

/**
 * End a stage before a frame of a sub-action: the first cut makes two stages, each further one another; so three stages
 * are two presses.
 */
export function cutStage(content: PassContent, segment: Segment, frame: number, newId: () => string): Plan {
  if (frame <= segment.start_frame || frame >= segment.end_frame) return { kind: "cannot", why: "Go to a frame inside the sub-action: the next stage starts with it." };
  const stages = listSegments(content, "stage", segment.id);
  const inside = stages.find((one) => one.start_frame < frame && frame < one.end_frame);
  if (stages.some((one) => one.start_frame === frame)) return { kind: "cannot", why: "A stage starts with this frame already." };
  if (inside !== undefined) {
    return { kind: "do", title: "Cut a stage", changes: [{ kind: "split_segment", payload: { segment_id: inside.id, at_frame: frame, new_segment_id: newId() } }] };
  }
  const make = (start: number, end: number): Change => ({
    kind: "create_segment",
    payload: { segment_id: newId(), level: "stage", parent_id: segment.id, start_frame: start, end_frame: end, label: null },
  });
  return { kind: "do", title: "Cut into stages", changes: [make(segment.start_frame, frame), make(frame, segment.end_frame)] };
}

/** The nearest boundary before or after a frame; ends are exclusive, so the frame that an end names is the next one. */
export function findBoundary(segments: readonly Segment[], frame: number, direction: 1 | -1): number | null {
  const edges = segments.flatMap((one) => [one.start_frame, one.end_frame]);
  const beyond = edges.filter((edge) => (direction > 0 ? edge > frame : edge < frame));
  if (beyond.length === 0) return null;
  return direction > 0 ? Math.min(...beyond) : Math.max(...beyond);
}

function getBoundsOfStage(content: PassContent, stage: Segment): readonly [number, number] {
  const parent = stage.parent_id === null ? undefined : content.segments.get(stage.parent_id);
  return parent === undefined ? [stage.start_frame, stage.end_frame] : [parent.start_frame, parent.end_frame];
}
