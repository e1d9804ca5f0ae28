/** What a pass holds and what can be done to it: the server's words, as plain values. */

export type Level = "action" | "sub-action" | "stage";
export type Discard = "interrupted" | "replay" | "occluded" | "cut-away";
export type Answer = "yes" | "no" | "unsure";

export interface PathStep {
  readonly query: string;
  readonly answer: Answer;
}

export interface Segment {
  readonly id: string;
  readonly level: Level;
  readonly parent_id: string | null;
  /** Frames of the record, half-open. */
  readonly start_frame: number;
  readonly end_frame: number;
  readonly start_ms: number;
  readonly end_ms: number;
  /** Event (action), set or element (sub-action), name (stage). */
  readonly label: string | null;
  readonly path: readonly PathStep[];
  readonly is_no_element: boolean;
  readonly discard: Discard | null;
  readonly version: number;
  /** Where it came from, where not from the annotator. */
  readonly origin?: { readonly [key: string]: unknown } | null;
  readonly author?: { readonly id: string; readonly name: string } | null;
  readonly time?: string | null;
}

export interface Comment {
  readonly id: string;
  readonly text: string;
  readonly frame: number | null;
  readonly segment_id: string | null;
  readonly author?: { readonly id: string; readonly name: string } | null;
  readonly time?: string | null;
  readonly is_resolved?: boolean;
}

/** What operations change. */
export interface PassContent {
  readonly segments: ReadonlyMap<string, Segment>;
  /** Those that were deleted, as far as is known: what an undo brings back, and which version that was. */
  readonly deleted: ReadonlyMap<string, Segment>;
  readonly comments: readonly Comment[];
  readonly rejectedSuggestions: ReadonlySet<string>;
  readonly isSignedOff: boolean;
}

interface Confirmed {
  /** Proxy frames that the browser confirmed when the mark was set. */
  readonly confirmed_start_frame?: number;
  readonly confirmed_end_frame?: number;
}

export interface Payloads {
  create_segment: Confirmed & {
    segment_id: string; level: Level; parent_id: string | null; start_frame: number; end_frame: number;
    label?: string | null; discard?: Discard | null; suggestion_id?: string;
  };
  move_segment: Confirmed & {
    segment_id: string; start_frame: number; end_frame: number; children?: "refuse" | "clip" | "shift";
  };
  delete_segment: { segment_id: string; children?: "refuse" | "delete" };
  restore_segment: { segment_id: string };
  split_segment: { segment_id: string; at_frame: number; new_segment_id: string };
  merge_segments: { segment_id: string; other_id: string };
  set_label: { segment_id: string; label: string | null };
  set_path: {
    segment_id: string; set_id: string; path: readonly PathStep[]; label: string | null; by_name?: boolean;
  };
  set_discard: { segment_id: string; discard: Discard | null };
  sign_off: Record<string, never>;
  withdraw_sign_off: Record<string, never>;
  comment: { comment_id: string; text: string; frame?: number; segment_id?: string };
  resolve_comment: { comment_id: string };
  reject_suggestion: { suggestion_id: string };
  restore_suggestion: { suggestion_id: string };
}

export type Kind = keyof Payloads;

/** What a page wants done; the log adds what the server needs besides. */
export type Change = { [K in Kind]: { readonly kind: K; readonly payload: Payloads[K] } }[Kind];

/** A change as it is sent: known by its uuid, so that sending it twice does it once. */
export type Operation = Change & {
  readonly uuid: string;
  /** Version of the segment that the person saw; null where the operation is not about one. */
  readonly based_on: number | null;
  readonly client_time: string;
};

export const EMPTY: PassContent = {
  segments: new Map(), deleted: new Map(), comments: [], rejectedSuggestions: new Set(), isSignedOff: false,
};
