/**
 * The command log of one pass: what a person does is shown at once, kept in the outbox, sent in order, and can be undone.
 *
 * There are two contents: `base`, what the server last said, and the visible one, which is `base` with everything applied
 * that the server has not accepted yet. A refusal takes one command out and the visible content is made anew, so that a
 * page never shows what is not going to be saved.
 */

import { applyChanges, type Clock } from "./apply";
import { findWayBack, type SetOfLabel } from "./invert";
import { EMPTY, type Change, type Operation, type PassContent } from "./model";
import type { History, Outbox, OutboxEntry, Step } from "./outbox";
import type { Accepted, Conflict, Outcome, Transport } from "./transport";

export type SaveState =
  | { readonly kind: "saved" }
  | { readonly kind: "saving"; readonly count: number }
  | { readonly kind: "waiting"; readonly count: number; readonly why: string }
  | { readonly kind: "logged_out"; readonly count: number }
  | { readonly kind: "conflict"; readonly count: number; readonly conflict: Conflict };

/** Something the person must know: a refused command, another's changes taken in. */
export interface Notice {
  readonly id: string;
  readonly tone: "info" | "error";
  readonly text: string;
}

export interface LogState {
  readonly content: PassContent;
  readonly version: number;
  readonly save: SaveState;
  readonly undoTitle: string | null;
  readonly redoTitle: string | null;
  readonly notices: readonly Notice[];
  /** Whether unsent work outlives a reload. */
  readonly isLasting: boolean;
}

interface Options {
  readonly passId: string;
  readonly personId: string;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly setOfLabel: SetOfLabel;
  readonly newId?: () => string;
  readonly now?: () => Date;
  /** Waits between tries, in milliseconds; the last repeats. */
  readonly retryMs?: readonly number[];
}

/** So many steps can be undone after a reload; on a page that stays open, all. */
const NUM_KEPT = 100;
const RETRY_MS = [1000, 2000, 5000, 10_000, 15_000] as const;

export class CommandLog {
  private base: PassContent = EMPTY;
  private version = 0;
  private pending: OutboxEntry[] = [];
  private undoSteps: Step[] = [];
  private redoSteps: Step[] = [];
  private state: LogState;
  private listeners = new Set<() => void>();
  private isSending = false;
  private isClosed = false;
  private conflict: Conflict | null = null;
  private isLoggedOut = false;
  private waitsBecause: string | null = null;
  private numTries = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private newId: () => string;
  private now: () => Date;

  constructor(private readonly options: Options) {
    this.newId = options.newId ?? (() => crypto.randomUUID());
    this.now = options.now ?? (() => new Date());
    this.state = {
      content: EMPTY, version: 0, save: { kind: "saved" }, undoTitle: null, redoTitle: null, notices: [],
      isLasting: options.outbox.isLasting,
    };
  }

  /** Begin with what the server has, send what an earlier page left in the outbox, and go on with what it could undo. */
  async open(version: number, content: PassContent): Promise<void> {
    this.takeBase(version, content);
    const { outbox, passId, personId } = this.options;
    this.pending = await outbox.list(passId, personId);
    this.takeHistory(await outbox.readHistory(passId, personId));
    const count = this.pending.reduce((sum, entry) => sum + entry.operations.length, 0);
    if (count > 0) this.notify("info", `${count} unsent ${count === 1 ? "change" : "changes"} of an earlier visit found, and taken up again.`);
    this.refresh();
    void this.flush();
  }

  /** What the server did by itself, while nothing is unsent here: a decision carried out, say. */
  takeIn(version: number, content: PassContent): void {
    if (this.pending.length > 0) throw new Error("unsent changes: the server's content would lose them");
    this.takeBase(version, content);
    this.keepHistory();
    this.refresh();
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.listeners.clear();
  }

  getState = (): LogState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Do something: shown at once, then kept, then sent. Resolves when it is in the outbox. */
  async run(title: string, changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const step = this.enqueue(title, changes);
    if (step.wayBack.length > 0) {
      this.undoSteps.push(step);
      this.redoSteps = [];
    }
    await this.keep(step.entryId);
  }

  async undo(): Promise<void> {
    const step = this.undoSteps.pop();
    if (step === undefined) return;
    const back = this.enqueue(`Undo: ${step.title}`, step.wayBack);
    this.redoSteps.push({ ...back, title: step.title });
    await this.keep(back.entryId);
  }

  async redo(): Promise<void> {
    const step = this.redoSteps.pop();
    if (step === undefined) return;
    const again = this.enqueue(`Redo: ${step.title}`, step.wayBack);
    this.undoSteps.push({ ...again, title: step.title });
    await this.keep(again.entryId);
  }

  dismiss(noticeId: string): void {
    this.state = { ...this.state, notices: this.state.notices.filter((one) => one.id !== noticeId) };
    this.emit();
  }

  /** After a conflict: drop what was not accepted and go on from the server's content. */
  async takeTheirs(): Promise<void> {
    const dropped = this.pending;
    this.pending = [];
    this.undoSteps = [];
    this.redoSteps = [];
    for (const entry of dropped) await this.options.outbox.remove(entry.id, this.describeHistory());
    await this.reread();
    this.conflict = null;
    this.refresh();
  }

  /** After a conflict: do mine again on top of the server's content. */
  async keepMine(): Promise<void> {
    await this.reread();
    await this.rebase();
    this.conflict = null;
    this.refresh();
    await this.flush();
  }

  /** Try to send now: the network is back, or the person logged in again. */
  retry = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    void this.flush();
  };

  /** Whether everything is accepted. */
  get isSettled(): boolean {
    return this.pending.length === 0;
  }

  private enqueue(title: string, changes: readonly Change[]): Step {
    this.refresh(); // a refusal may be half way through: its command is out of the queue, but still on the page
    const before = this.state.content;
    const operations = this.number(before, changes);
    const last = this.pending[this.pending.length - 1];
    const entry: OutboxEntry = {
      id: this.newId(), passId: this.options.passId, personId: this.options.personId, title, operations,
      order: Math.max(this.now().getTime(), (last?.order ?? 0) + 1),
    };
    this.pending.push(entry);
    this.refresh();
    const wayBack = findWayBack(before, this.state.content, this.options.setOfLabel);
    return { title, entryId: entry.id, wayBack };
  }

  /** Write to the outbox, then send. Work that cannot be kept is still sent; the person is told. */
  private async keep(entryId: string): Promise<void> {
    this.refresh(); // what can be undone now
    const entry = this.pending.find((one) => one.id === entryId);
    if (entry === undefined) return;
    try {
      await this.options.outbox.add(entry, this.describeHistory());
    } catch (error) {
      this.notify("error", `The browser could not keep this change (${String(error)}). Stay on this page until it says saved.`);
    }
    void this.flush();
  }

  /** Give every change a uuid and the version of the segment that it was based on. */
  private number(content: PassContent, changes: readonly Change[]): Operation[] {
    let now = content;
    return changes.map((change) => {
      const id = "segment_id" in change.payload ? change.payload.segment_id : undefined;
      const known = id === undefined || change.kind === "create_segment" ? undefined : (now.segments.get(id) ?? now.deleted.get(id));
      const operation = {
        ...change, uuid: this.newId(), based_on: known?.version ?? null, client_time: this.now().toISOString(),
      } as Operation;
      now = this.apply(now, [operation]);
      return operation;
    });
  }

  private apply(content: PassContent, operations: readonly Operation[]): PassContent {
    return applyChanges(content, operations, this.options.clock);
  }

  private async flush(): Promise<void> {
    if (this.isSending || this.isClosed || this.conflict !== null) return;
    this.isSending = true;
    try {
      while (this.pending.length > 0 && !this.isClosed) {
        const entry = this.pending[0]!;
        const isDone = await this.sendOne(entry);
        if (!isDone) return;
      }
      this.refresh();
    } finally {
      this.isSending = false;
    }
  }

  /** Whether the queue may go on. */
  private async sendOne(entry: OutboxEntry): Promise<boolean> {
    const outcome = await this.options.transport
      .send(entry.operations, this.version)
      .catch((error: unknown): Outcome => ({ kind: "unreachable", message: String(error) }));
    if (this.isClosed) return false;
    switch (outcome.kind) {
      case "accepted":
        this.isReached();
        await this.accept(entry, outcome);
        return true;
      case "refused":
        this.isReached();
        await this.drop(entry, outcome.message);
        return true;
      case "conflict":
        this.isReached();
        return this.meet(outcome);
      case "logged_out":
        this.isLoggedOut = true;
        this.refresh();
        return false;
      case "unreachable":
        this.wait(outcome.message, outcome.retryAfterS);
        return false;
    }
  }

  private isReached(): void {
    this.numTries = 0;
    this.waitsBecause = null;
    this.isLoggedOut = false;
  }

  private async accept(entry: OutboxEntry, outcome: Accepted): Promise<void> {
    this.pending = this.pending.filter((one) => one !== entry);
    let base = { ...this.apply(this.base, entry.operations), isSignedOff: outcome.isSignedOff };
    const segments = new Map(base.segments);
    const deleted = new Map(base.deleted);
    for (const { is_deleted: isDeleted, ...segment } of outcome.segments) {
      segments.delete(segment.id);
      deleted.delete(segment.id);
      (isDeleted ? deleted : segments).set(segment.id, segment);
    }
    const news = new Map(outcome.comments.map((one) => [one.id, one]));
    base = { ...base, segments, deleted, comments: base.comments.map((one) => news.get(one.id) ?? one) };
    this.base = base;
    this.version = outcome.version;
    await this.options.outbox.remove(entry.id, this.describeHistory());
    this.refresh();
  }

  private async drop(entry: OutboxEntry, message: string): Promise<void> {
    this.pending = this.pending.filter((one) => one !== entry);
    this.undoSteps = this.undoSteps.filter((step) => step.entryId !== entry.id);
    this.redoSteps = this.redoSteps.filter((step) => step.entryId !== entry.id);
    await this.options.outbox.remove(entry.id, this.describeHistory());
    await this.rebase();
    this.notify("error", `Not saved: ${entry.title}. ${message}`);
    this.refresh();
  }

  /** Others' changes to other segments are taken in and said; where both changed one thing, the person decides. */
  private async meet(conflict: Conflict): Promise<boolean> {
    const mine = new Set(this.pending.flatMap((entry) => entry.operations.flatMap(listTouched)));
    const isBoth = conflict.theirs.length === 0 || conflict.theirs.some((one) => listTouched(one).some((id) => mine.has(id)));
    if (isBoth) {
      this.conflict = conflict;
      this.refresh();
      return false;
    }
    try {
      await this.reread();
    } catch (error) {
      this.wait(String(error));
      return false;
    }
    await this.rebase();
    const names = [...new Set(conflict.theirs.map((one) => one.author?.name ?? "somebody"))].join(", ");
    this.notify("info", `${conflict.theirs.length} changes by ${names} came in; yours go on top.`);
    return true;
  }

  private async reread(): Promise<void> {
    const { version, content } = await this.options.transport.read();
    this.takeBase(version, content);
  }

  private takeBase(version: number, content: PassContent): void {
    const known = [...this.base.deleted, ...content.deleted].filter(([id]) => !content.segments.has(id));
    this.version = version;
    this.base = { ...content, deleted: new Map(known) };
  }

  /** The unsent work on a new base: the same uuids, versions of the segments as they are now. */
  private async rebase(): Promise<void> {
    let content = this.base;
    const entries: OutboxEntry[] = [];
    for (const entry of this.pending) {
      const numbered = this.number(content, entry.operations);
      const operations = numbered.map((one, k) => ({ ...one, uuid: entry.operations[k]!.uuid, client_time: entry.operations[k]!.client_time }));
      content = this.apply(content, operations);
      entries.push({ ...entry, operations });
    }
    this.pending = entries;
    for (const entry of entries) await this.options.outbox.add(entry, this.describeHistory());
  }

  /**
   * What an earlier page could undo, as long as the pass is where that page left it: with none, some or all of what is
   * unsent. After others' changes the ways back lead somewhere else.
   */
  private takeHistory(history: History | null): void {
    if (history === null || history.undo.length + history.redo.length === 0) return;
    const versions = this.pending.reduce((known, entry) => [...known, known.at(-1)! + entry.operations.length], [history.version]);
    if (!versions.includes(this.version)) {
      this.notify("info", "What you did before this visit cannot be undone step by step any more: the work was changed elsewhere since.");
      this.keepHistory(); // none: it is said once
      return;
    }
    this.undoSteps = [...history.undo, ...this.undoSteps];
    this.redoSteps = [...history.redo, ...this.redoSteps];
    const known = history.deleted.filter((one) => !this.base.segments.has(one.id));
    this.base = { ...this.base, deleted: new Map(known.map((one) => [one.id, one])) };
  }

  private keepHistory(): void {
    this.options.outbox.keepHistory(this.describeHistory()).catch((error: unknown) => {
      console.warn("finegym: the browser cannot keep what can be undone after a reload", error);
    });
  }

  private describeHistory(): History {
    const [undo, redo] = [this.undoSteps.slice(-NUM_KEPT), this.redoSteps.slice(-NUM_KEPT)];
    const changes = [...undo, ...redo].flatMap((step) => step.wayBack);
    const ids = new Set(changes.flatMap((one) => (one.kind === "restore_segment" ? [one.payload.segment_id] : [])));
    const known = new Map([...this.state.content.deleted, ...this.base.deleted]); // also what is deleted and not sent yet
    const deleted = [...known.values()].filter((one) => ids.has(one.id));
    return { passId: this.options.passId, personId: this.options.personId, version: this.version, undo, redo, deleted };
  }

  private wait(why: string, afterS?: number): void {
    const steps = this.options.retryMs ?? RETRY_MS;
    const delay = afterS === undefined ? steps[Math.min(this.numTries, steps.length - 1)]! : 1000 * afterS;
    this.numTries += 1;
    this.waitsBecause = why;
    this.refresh();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(this.retry, delay);
  }

  private notify(tone: Notice["tone"], text: string): void {
    this.state = { ...this.state, notices: [...this.state.notices, { id: this.newId(), tone, text }] };
    this.emit();
  }

  private refresh(): void {
    const content = this.pending.reduce((now, entry) => this.apply(now, entry.operations), this.base);
    this.state = {
      ...this.state, content, version: this.version, save: this.describeSave(),
      undoTitle: this.undoSteps[this.undoSteps.length - 1]?.title ?? null,
      redoTitle: this.redoSteps[this.redoSteps.length - 1]?.title ?? null,
    };
    this.emit();
  }

  private describeSave(): SaveState {
    const count = this.pending.length;
    if (this.conflict !== null) return { kind: "conflict", count, conflict: this.conflict };
    if (count === 0) return { kind: "saved" };
    if (this.isLoggedOut) return { kind: "logged_out", count };
    if (this.waitsBecause !== null) return { kind: "waiting", count, why: this.waitsBecause };
    return { kind: "saving", count };
  }

  private emit(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** Everything that an operation is about: segments, the sign-off, a comment, a suggestion. */
export function listTouched(change: { readonly kind: string; readonly payload: object }): string[] {
  const payload = change.payload as Record<string, unknown>;
  const keys = ["segment_id", "other_id", "new_segment_id", "parent_id", "comment_id", "suggestion_id"];
  const ids = keys.map((key) => payload[key]).filter((id): id is string => typeof id === "string");
  return change.kind === "sign_off" || change.kind === "withdraw_sign_off" ? [...ids, "sign_off"] : ids;
}
