/**
 * What an operation does to a pass, as the server does it.
 *
 * Pages show the outcome at once and the server's word later; where the two differ, the server's stands. So nothing here
 * refuses: what the rules forbid is asked of the server, and found by `rules.ts` before it is sent.
 */

import type { Change, PassContent, Payloads, Segment } from "./model";

/** Milliseconds on the record's clock at which a frame of the record begins; from the frame map. */
export type Clock = (frame: number) => number;

export function applyChanges(content: PassContent, changes: readonly Change[], clock: Clock): PassContent {
  return changes.reduce((before, change) => applyChange(before, change, clock), content);
}

export function applyChange(content: PassContent, change: Change, clock: Clock): PassContent {
  switch (change.kind) {
    case "create_segment":
      return put(content, createSegment(change.payload, clock));
    case "move_segment":
      return moveSegment(content, change.payload, clock);
    case "delete_segment":
      return remove(content, [change.payload.segment_id, ...listBelow(content, change.payload.segment_id)]);
    case "restore_segment":
      return restore(content, change.payload.segment_id);
    case "split_segment":
      return splitSegment(content, change.payload, clock);
    case "merge_segments":
      return mergeSegments(content, change.payload);
    case "set_label":
      return edit(content, change.payload.segment_id, {
        label: change.payload.label, path: [], is_no_element: false,
      });
    case "set_path":
      return edit(content, change.payload.segment_id, {
        label: change.payload.label ?? change.payload.set_id,
        path: change.payload.path,
        is_no_element: change.payload.label === null && change.payload.by_name === true, // else the server says it
      });
    case "set_discard":
      return edit(content, change.payload.segment_id, { discard: change.payload.discard });
    case "sign_off":
      return { ...content, isSignedOff: true };
    case "withdraw_sign_off":
      return { ...content, isSignedOff: false };
    case "comment":
      return addComment(content, change.payload);
    case "resolve_comment":
      return {
        ...content,
        comments: content.comments.map((one) =>
          one.id === change.payload.comment_id ? { ...one, is_resolved: true } : one),
      };
    case "reject_suggestion":
      return { ...content, rejectedSuggestions: new Set([...content.rejectedSuggestions, change.payload.suggestion_id]) };
    case "restore_suggestion":
      return {
        ...content,
        rejectedSuggestions: new Set([...content.rejectedSuggestions].filter((id) => id !== change.payload.suggestion_id)),
      };
  }
}

/** Ids of all segments inside a segment, at any depth. */
export function listBelow(content: PassContent, id: string): string[] {
  const children = [...content.segments.values()].filter((one) => one.parent_id === id).map((one) => one.id);
  return children.flatMap((child) => [child, ...listBelow(content, child)]);
}

function createSegment(payload: Payloads["create_segment"], clock: Clock): Segment {
  return {
    id: payload.segment_id, level: payload.level, parent_id: payload.parent_id,
    start_frame: payload.start_frame, end_frame: payload.end_frame,
    start_ms: clock(payload.start_frame), end_ms: clock(payload.end_frame),
    label: payload.label ?? null, path: [], is_no_element: false, discard: payload.discard ?? null,
    version: 1, origin: payload.suggestion_id === undefined ? null : { kind: "suggestion", id: payload.suggestion_id },
  };
}

function moveSegment(content: PassContent, payload: Payloads["move_segment"], clock: Clock): PassContent {
  const segment = content.segments.get(payload.segment_id);
  if (segment === undefined) return content;
  const moved = place(segment, payload.start_frame, payload.end_frame, clock);
  let after = put(content, moved);
  const mode = payload.children ?? "refuse";
  if (mode === "refuse") return after;
  const delta = payload.start_frame - segment.start_frame;
  for (const id of listBelow(content, segment.id)) {
    const child = content.segments.get(id)!;
    const by = mode === "shift" ? delta : 0;
    const start = Math.min(Math.max(child.start_frame + by, moved.start_frame), moved.end_frame);
    const end = Math.max(Math.min(child.end_frame + by, moved.end_frame), moved.start_frame);
    if (start === child.start_frame && end === child.end_frame) continue;
    after = end > start ? put(after, place(child, start, end, clock)) : remove(after, [id]);
  }
  return after;
}

function splitSegment(content: PassContent, payload: Payloads["split_segment"], clock: Clock): PassContent {
  const segment = content.segments.get(payload.segment_id);
  if (segment === undefined) return content;
  const left = place(segment, segment.start_frame, payload.at_frame, clock);
  const right = {
    ...place(segment, payload.at_frame, segment.end_frame, clock), id: payload.new_segment_id, version: 1,
  };
  let after = put(put(content, left), right);
  for (const child of content.segments.values()) {
    if (child.parent_id === segment.id && child.start_frame >= payload.at_frame) {
      after = put(after, { ...child, parent_id: right.id, version: child.version + 1 });
    }
  }
  return after;
}

function mergeSegments(content: PassContent, payload: Payloads["merge_segments"]): PassContent {
  const kept = content.segments.get(payload.segment_id);
  const other = content.segments.get(payload.other_id);
  if (kept === undefined || other === undefined) return content;
  const [first, last] = kept.start_frame <= other.start_frame ? [kept, other] : [other, kept];
  let after = remove(content, [other.id]);
  after = put(after, {
    ...kept, start_frame: first.start_frame, start_ms: first.start_ms, end_frame: last.end_frame, end_ms: last.end_ms,
    version: kept.version + 1,
  });
  for (const child of content.segments.values()) {
    if (child.parent_id === other.id) after = put(after, { ...child, parent_id: kept.id, version: child.version + 1 });
  }
  return after;
}

function addComment(content: PassContent, payload: Payloads["comment"]): PassContent {
  if (content.comments.some((one) => one.id === payload.comment_id)) return content;
  const comment = {
    id: payload.comment_id, text: payload.text, frame: payload.frame ?? null, segment_id: payload.segment_id ?? null,
  };
  return { ...content, comments: [...content.comments, comment] };
}

function place(segment: Segment, startFrame: number, endFrame: number, clock: Clock): Segment {
  return {
    ...segment, start_frame: startFrame, end_frame: endFrame, start_ms: clock(startFrame), end_ms: clock(endFrame),
    version: segment.version + 1,
  };
}

function edit(content: PassContent, id: string, fields: Partial<Segment>): PassContent {
  const segment = content.segments.get(id);
  return segment === undefined ? content : put(content, { ...segment, ...fields, version: segment.version + 1 });
}

function put(content: PassContent, segment: Segment): PassContent {
  return { ...content, segments: new Map(content.segments).set(segment.id, segment) };
}

/** A deletion is a version of the segment too: what is restored later is based on it. */
function remove(content: PassContent, ids: readonly string[]): PassContent {
  const segments = new Map(content.segments);
  const deleted = new Map(content.deleted);
  for (const id of ids) {
    const segment = segments.get(id);
    if (segment !== undefined) deleted.set(id, { ...segment, version: segment.version + 1 });
    segments.delete(id);
  }
  return { ...content, segments, deleted };
}

function restore(content: PassContent, id: string): PassContent {
  const segment = content.deleted.get(id);
  if (segment === undefined) return content;
  const deleted = new Map(content.deleted);
  deleted.delete(id);
  return put({ ...content, deleted }, { ...segment, version: segment.version + 1 });
}
