/**
 * What the keys of a page do: the player, the log and the rules of marking put together, without React.
 *
 * Every mark waits until its frame is confirmed on screen; where it cannot be, nothing is saved and the person is told.
 */

import type { CommandLog } from "../commands/log";
import {
  createSegment, cutStage, deleteSegment, findBoundary, listSegments, mergeWithNext, moveEdgeTo, moveWithStages, setDiscard,
  splitSegment, type Place, type Plan,
} from "../commands/marking";
import type { Change, Discard, Segment } from "../commands/model";
import type { FrameMap } from "../player/frame_map";
import { UnconfirmedFrame, type Player } from "../player/player";
import type { Edge, EdgeMove } from "../timeline/edges";

export interface Message {
  readonly tone: "info" | "error";
  readonly text: string;
}

export interface EditorState {
  readonly selectedId: string | null;
  /** Start of a segment that has no end yet. */
  readonly openMark: { readonly frame: number; readonly proxyFrame: number } | null;
  readonly message: Message | null;
}

export interface EditorOptions {
  readonly place: Place;
  /** Why nothing can be changed just now; null: it can. */
  readonly refuse: () => string | null;
  /** The same of undo and redo, which may take a sign-off back. */
  readonly refuseUndo?: () => string | null;
  /** Frames that marks set while playing are earlier (start) or later (end), for a hand that is late or early. */
  readonly leadFrames: number;
  readonly lagFrames: number;
  /** Asked before something with consequences is done; null: do not. */
  readonly guard: (changes: readonly Change[]) => Promise<readonly Change[] | null>;
  readonly newId?: () => string;
}

export class Editor {
  private state: EditorState = { selectedId: null, openMark: null, message: null };
  private listeners = new Set<() => void>();
  private nudging: { id: string; edge: "start" | "end"; frame: number } | null = null;
  private newId: () => string;

  constructor(
    readonly player: Player,
    readonly log: CommandLog,
    readonly map: FrameMap,
    readonly options: EditorOptions,
  ) {
    this.newId = options.newId ?? (() => crypto.randomUUID());
  }

  getState = (): EditorState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Segments of the page's level, in order of time. */
  list(): Segment[] {
    return listSegments(this.log.getState().content, this.options.place.level);
  }

  getSelected(): Segment | null {
    return this.state.selectedId === null ? null : (this.log.getState().content.segments.get(this.state.selectedId) ?? null);
  }

  say(text: string, tone: Message["tone"] = "info"): void {
    this.update({ message: { tone, text } });
  }

  /** Select a segment, and go to its first frame unless asked not to. */
  select(id: string | null, goesThere = true): void {
    this.update({ selectedId: id, message: null });
    const segment = this.getSelected();
    if (segment !== null && goesThere) void this.player.seekRecordFrame(segment.start_frame);
    if (this.player.getState().loop !== null) this.loopSelected();
  }

  selectNeighbour(direction: 1 | -1): void {
    const segments = this.list();
    const frame = this.player.getState().frame ?? 0;
    const at = segments.findIndex((one) => one.id === this.state.selectedId);
    const next = at >= 0 ? segments[at + direction]
      : direction > 0 ? segments.find((one) => one.start_frame > frame) : segments.filter((one) => one.end_frame <= frame).at(-1);
    if (next !== undefined) this.select(next.id);
    else this.say(direction > 0 ? "There is no segment after this one." : "There is no segment before this one.");
  }

  goToBoundary(direction: 1 | -1): void {
    const { content } = this.log.getState();
    const segments = [...this.list(), ...listSegments(content, "stage")];
    const here = this.map.frames[this.player.getTarget()]!;
    const frame = findBoundary(segments, here, direction);
    if (frame === null) this.say(direction > 0 ? "No boundary after this frame." : "No boundary before this frame.");
    else void this.player.seekRecordFrame(frame);
  }

  goToItem(edge: "start" | "end"): void {
    const [start, end] = this.options.place.bounds;
    void this.player.seekRecordFrame(edge === "start" ? start : end - 1);
  }

  loopSelected(): void {
    const segment = this.getSelected();
    if (segment === null) {
      this.player.setLoop(null);
      return;
    }
    this.player.setLoop([this.map.findIndexOfRecordFrame(segment.start_frame), this.map.findIndexOfRecordFrame(segment.end_frame - 1) + 1]);
  }

  toggleLoop(): void {
    if (this.player.getState().loop !== null) this.player.setLoop(null);
    else if (this.getSelected() === null) this.say("Select a segment first; it is what is looped.");
    else {
      this.loopSelected();
      this.player.play();
    }
  }

  async markStart(): Promise<void> {
    const mark = await this.confirm(-this.options.leadFrames);
    if (mark === null || !this.mayWrite()) return;
    this.update({ openMark: mark, message: { tone: "info", text: `Starts with frame ${mark.frame}. Go to its last frame and mark the end.` } });
  }

  cancelMark(): void {
    this.update({ openMark: null, message: null });
  }

  async markEnd(label: string | null = null): Promise<void> {
    const { openMark } = this.state;
    if (openMark === null) {
      this.say("Mark the start first.", "error");
      return;
    }
    const mark = await this.confirm(this.options.lagFrames);
    if (mark === null) return;
    const facts = { id: this.newId(), label, confirmed: [openMark.proxyFrame, mark.proxyFrame] as const };
    const plan = createSegment(this.log.getState().content, this.options.place, openMark.frame, mark.frame, facts);
    if (await this.run(plan)) this.update({ openMark: null });
  }

  /** The selected segment starts or ends with the frame on screen. */
  async setEdge(edge: "start" | "end"): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    const mark = await this.confirm(0);
    if (mark === null) return;
    const frame = edge === "start" ? mark.frame : mark.frame + 1;
    await this.run(moveEdgeTo(this.log.getState().content, this.options.place, segment, edge, frame, mark.proxyFrame));
  }

  /** Move an edge by frames; pressed fast, the presses add up, and the frame reached last is confirmed and saved. */
  async nudge(edge: "start" | "end", delta: number): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    const now = edge === "start" ? segment.start_frame : segment.end_frame;
    const from = this.nudging?.id === segment.id && this.nudging.edge === edge ? this.nudging.frame : now;
    const nudging = { id: segment.id, edge, frame: this.shiftFrame(from, delta) };
    this.nudging = nudging;
    const shown = edge === "start" ? nudging.frame : nudging.frame - 1;
    try {
      const proxyFrame = await this.player.seekRecordFrame(shown);
      if (this.nudging !== nudging) return;
      await this.run(moveEdgeTo(this.log.getState().content, this.options.place, segment, edge, nudging.frame, proxyFrame));
    } catch (error) {
      if (!(error instanceof UnconfirmedFrame)) throw error;
      if (this.nudging === nudging) this.say(`Not moved: ${error.message}.`, "error");
    } finally {
      if (this.nudging === nudging) this.nudging = null;
    }
  }

  /** An edge was dragged on the timeline and dropped. */
  async dropEdge(edge: Edge, moves: readonly EdgeMove[], frame: number): Promise<void> {
    try {
      const proxyFrame = await this.player.seekRecordFrame(frame);
      const { content } = this.log.getState();
      const changes = moves.flatMap((move) =>
        moveWithStages(content, move.id, move.start_frame, move.end_frame, move.id === edge.left?.id ? "end" : "start", proxyFrame));
      const title = edge.left !== null && edge.right !== null ? "Move a shared edge" : "Move an edge";
      await this.run({ kind: "do", title, changes });
    } catch (error) {
      if (!(error instanceof UnconfirmedFrame)) throw error;
      this.say(`Not moved: ${error.message}.`, "error");
    }
  }

  async split(): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    const mark = await this.confirm(0);
    if (mark !== null) await this.run(splitSegment(segment, mark.frame, this.newId()));
  }

  async cutStage(): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a sub-action first.", "error");
    const mark = await this.confirm(0);
    if (mark !== null) await this.run(cutStage(this.log.getState().content, segment, mark.frame, this.newId));
  }

  async merge(): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    await this.run(mergeWithNext(this.log.getState().content, segment));
  }

  async remove(): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    await this.run(deleteSegment(this.log.getState().content, segment));
  }

  async discard(discard: Discard | null): Promise<void> {
    const segment = this.getSelected();
    if (segment !== null) await this.run(setDiscard(segment, discard));
  }

  async label(label: string | null): Promise<void> {
    const segment = this.getSelected();
    if (segment === null) return this.say("Select a segment first.", "error");
    if (segment.label !== label) {
      await this.run({ kind: "do", title: "Label", changes: [{ kind: "set_label", payload: { segment_id: segment.id, label } }] });
    }
  }

  async undo(): Promise<void> {
    const { undoTitle } = this.log.getState();
    if (undoTitle === null) return this.say("There is nothing to undo.");
    const why = this.options.refuseUndo?.() ?? null;
    if (why !== null) return this.say(why, "error");
    await this.log.undo();
    this.say(`Undone: ${undoTitle}.`);
  }

  async redo(): Promise<void> {
    const { redoTitle } = this.log.getState();
    if (redoTitle === null) return this.say("There is nothing to redo.");
    const why = this.options.refuseUndo?.() ?? null;
    if (why !== null) return this.say(why, "error");
    await this.log.redo();
    this.say(`Done again: ${redoTitle}.`);
  }

  /** Carry out a plan; whether it was done. */
  async run(plan: Plan): Promise<boolean> {
    if (plan.kind === "cannot") {
      this.say(plan.why, "error");
      return false;
    }
    if (!this.mayWrite()) return false;
    const changes = await this.askFirst(plan.changes);
    if (changes === null) return false;
    const isKept = this.log.run(plan.title, changes);
    this.update({
      ...(plan.select === undefined ? {} : { selectedId: plan.select }),
      message: plan.note === undefined ? null : { tone: "info", text: `${plan.title}: ${plan.note}.` },
    });
    await isKept;
    return true;
  }

  private async askFirst(changes: readonly Change[]): Promise<readonly Change[] | null> {
    try {
      const allowed = await this.options.guard(changes);
      if (allowed === null) this.say("Nothing was changed.");
      return allowed;
    } catch (error) {
      this.say(`Nothing was changed: what it does further on could not be asked. ${error instanceof Error ? error.message : ""}`, "error");
      return null;
    }
  }

  private mayWrite(): boolean {
    const why = this.options.refuse();
    if (why !== null) this.say(why, "error");
    return why === null;
  }

  /** The confirmed frame; while playing, so many frames off for the hand. Null where there is none. */
  private async confirm(offsetFrames: number): Promise<{ frame: number; proxyFrame: number } | null> {
    const { isPlaying, shown, rate } = this.player.getState();
    try {
      if (!isPlaying || offsetFrames === 0 || shown === null) return await this.player.settle();
      await this.player.seek(shown + offsetFrames);
      const mark = this.player.getConfirmedFrame();
      if (rate > 0) this.player.play(rate);
      return mark;
    } catch (error) {
      if (!(error instanceof UnconfirmedFrame)) throw error;
      this.say(`No mark was set: ${error.message}`, "error");
      return null;
    }
  }

  /** A frame of the record so many frames of the proxy further: frames that do not decode are stepped over. */
  private shiftFrame(frame: number, delta: number): number {
    if (frame >= this.map.endFrame && delta < 0) return this.map.frames[this.map.count + delta] ?? this.map.frames[0]!;
    const index = this.map.findIndexOfRecordFrame(frame) + delta;
    if (index >= this.map.count) return this.map.endFrame;
    return this.map.frames[Math.max(0, index)]!;
  }

  private update(change: Partial<EditorState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.listeners]) listener();
  }
}
