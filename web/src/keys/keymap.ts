/** One keyboard for all stages: what each key does, in groups, and how people change it. */

export interface KeyAction {
  readonly id: string;
  readonly group: "Play" | "Mark" | "Edit" | "Walk" | "Decide" | "Move around" | "Help";
  readonly title: string;
  readonly keys: readonly string[];
}

// Keys as `describeKey` writes them. A name of one letter is that letter, whatever the keyboard's layout.
export const ACTIONS = [
  { id: "toggle", group: "Play", title: "Play or pause", keys: ["Space"] },
  { id: "shuttle_back", group: "Play", title: "Play backward; again: faster", keys: ["J"] },
  { id: "pause", group: "Play", title: "Pause", keys: ["K"] },
  { id: "shuttle_forward", group: "Play", title: "Play forward; again: faster", keys: ["L"] },
  { id: "step_back", group: "Play", title: "One frame back", keys: ["ArrowLeft"] },
  { id: "step_forward", group: "Play", title: "One frame forward", keys: ["ArrowRight"] },
  { id: "step_back_10", group: "Play", title: "Ten frames back", keys: ["Shift+ArrowLeft"] },
  { id: "step_forward_10", group: "Play", title: "Ten frames forward", keys: ["Shift+ArrowRight"] },
  { id: "slower", group: "Play", title: "Slower", keys: ["-"] },
  { id: "faster", group: "Play", title: "Faster", keys: ["="] },
  { id: "loop", group: "Play", title: "Loop the selected segment", keys: ["P"] },
  { id: "previous_boundary", group: "Move around", title: "Previous boundary", keys: ["ArrowUp"] },
  { id: "next_boundary", group: "Move around", title: "Next boundary", keys: ["ArrowDown"] },
  { id: "previous_segment", group: "Move around", title: "Previous segment", keys: ["Shift+ArrowUp", "PageUp"] },
  { id: "next_segment", group: "Move around", title: "Next segment", keys: ["Shift+ArrowDown", "PageDown"] },
  { id: "go_start", group: "Move around", title: "Start of the item", keys: ["Home"] },
  { id: "go_end", group: "Move around", title: "End of the item", keys: ["End"] },
  { id: "go_to", group: "Move around", title: "Go to a frame or a time", keys: ["T"] },
  { id: "zoom_in", group: "Move around", title: "Zoom the timeline in", keys: ["."] },
  { id: "zoom_out", group: "Move around", title: "Zoom the timeline out", keys: [","] },
  { id: "zoom_all", group: "Move around", title: "Show the whole item", keys: ["0"] },
  { id: "mark_start", group: "Mark", title: "A new segment starts with this frame", keys: ["I"] },
  { id: "mark_end", group: "Mark", title: "The new segment ends with this frame", keys: ["O"] },
  { id: "cancel_mark", group: "Mark", title: "Forget the open start", keys: ["Escape"] },
  { id: "set_start", group: "Edit", title: "The selected segment starts with this frame", keys: ["Shift+I"] },
  { id: "set_end", group: "Edit", title: "The selected segment ends with this frame", keys: ["Shift+O"] },
  { id: "cut_stage", group: "Edit", title: "A stage of the sub-action ends before this frame", keys: ["Shift+S"] },
  { id: "start_earlier", group: "Edit", title: "Start one frame earlier", keys: ["Q"] },
  { id: "start_later", group: "Edit", title: "Start one frame later", keys: ["W"] },
  { id: "end_earlier", group: "Edit", title: "End one frame earlier", keys: ["E"] },
  { id: "end_later", group: "Edit", title: "End one frame later", keys: ["R"] },
  { id: "discard", group: "Edit", title: "Discard, with a reason", keys: ["X"] },
  { id: "split", group: "Edit", title: "Split before this frame", keys: ["S"] },
  { id: "merge", group: "Edit", title: "Merge with the next segment", keys: ["Shift+M"] },
  { id: "delete", group: "Edit", title: "Delete the segment", keys: ["Delete", "Backspace"] },
  { id: "undo", group: "Edit", title: "Undo", keys: ["Ctrl+Z"] },
  { id: "redo", group: "Edit", title: "Redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"] },
  { id: "comment", group: "Edit", title: "Comment on this moment", keys: ["C"] },
  { id: "history", group: "Edit", title: "History of the segment", keys: ["H"] },
  { id: "sign_off", group: "Edit", title: "Sign off, or take it back", keys: ["Ctrl+Enter"] },
  { id: "confirm_ghost", group: "Edit", title: "Confirm the suggestion", keys: ["A"] },
  { id: "reject_ghost", group: "Edit", title: "Reject the suggestion", keys: ["D"] },
  { id: "answer_yes", group: "Walk", title: "Yes", keys: ["Y"] },
  { id: "answer_no", group: "Walk", title: "No", keys: ["N"] },
  { id: "answer_unsure", group: "Walk", title: "Unsure", keys: ["U"] },
  { id: "answer_back", group: "Walk", title: "Back: take the last answer back", keys: ["B"] },
  { id: "next_open", group: "Walk", title: "Next sub-action without an element", keys: ["Enter"] },
  { id: "by_name", group: "Walk", title: "Jump by name", keys: ["/"] },
  { id: "no_element", group: "Walk", title: "No such element", keys: ["Z"] },
  { id: "previous_difference", group: "Decide", title: "Previous difference", keys: ["["] },
  { id: "next_difference", group: "Decide", title: "Next difference", keys: ["]"] },
  { id: "decide_own", group: "Decide", title: "It stands as I changed it", keys: ["Shift+A"] },
  { id: "by_hand", group: "Decide", title: "Between the differences and the result by hand", keys: ["V"] },
  { id: "magnifier", group: "Help", title: "Magnifier", keys: ["M"] },
  { id: "guidelines", group: "Help", title: "Guidelines", keys: ["G"] },
  { id: "shortcuts", group: "Help", title: "This sheet", keys: ["?"] },
] as const satisfies readonly KeyAction[];

export type ActionId = (typeof ACTIONS)[number]["id"];
export type Overrides = Readonly<Partial<Record<string, readonly string[]>>>;

interface KeyPress {
  readonly key: string;
  readonly code?: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** A key press as text, such as `Ctrl+Shift+Z`; Command counts as Ctrl. Null for a modifier alone. */
export function describeKey(press: KeyPress): string | null {
  if (["Shift", "Control", "Alt", "Meta", "Dead", "Unidentified"].includes(press.key)) return null;
  const isLetter = /^\p{L}$/u.test(press.key);
  const isSign = press.key.length === 1 && !isLetter && press.key !== " ";
  const name = press.key === " " ? "Space" : isLetter ? press.key.toUpperCase() : press.key;
  const parts = [
    press.ctrlKey || press.metaKey ? "Ctrl" : "",
    press.altKey ? "Alt" : "",
    // Which signs need Shift depends on the keyboard: a sign is itself.
    press.shiftKey && !isSign ? "Shift" : "",
    name,
  ];
  return parts.filter((part) => part !== "").join("+");
}

/** The keys of every action, with a person's own in place of ours. */
export function listKeys(overrides: Overrides): Map<ActionId, readonly string[]> {
  return new Map(ACTIONS.map((action) => [action.id, overrides[action.id] ?? action.keys]));
}

export function findAction(overrides: Overrides, key: string): ActionId | null {
  for (const [id, keys] of listKeys(overrides)) if (keys.includes(key)) return id;
  return null;
}

/** Give an action a key; whatever had it loses it, and is said. */
export function remap(overrides: Overrides, id: ActionId, key: string): { overrides: Overrides; taken: ActionId | null } {
  const taken = findAction(overrides, key);
  if (taken === id) return { overrides, taken: null };
  const keys = listKeys(overrides);
  const changed = { ...overrides, [id]: [key] };
  return taken === null
    ? { overrides: changed, taken }
    : { overrides: { ...changed, [taken]: keys.get(taken)!.filter((one) => one !== key) }, taken };
}
