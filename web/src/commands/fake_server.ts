/** A small server for tests of the log: versions, uuids and conflicts as the real one has them, and a network to cut. */

import { applyChanges } from "./apply";
import { EMPTY, type Change, type Operation, type PassContent } from "./model";
import type { Outcome, Transport } from "./transport";

export const clock = (frame: number): number => frame * 40;

export class FakeServer implements Transport {
  version = 0;
  content: PassContent = EMPTY;
  /** Every operation that was applied, in order. */
  applied: Operation[] = [];
  isReachable = true;
  /** Answers are lost on the way back, but the work is done. */
  losesAnswers = false;
  refuse: (operation: Operation) => string | null = () => null;
  numRequests = 0;
  private log: { version: number; change: Change }[] = [];

  send(operations: readonly Operation[], version: number): Promise<Outcome> {
    this.numRequests += 1;
    if (!this.isReachable) return Promise.resolve({ kind: "unreachable", message: "no network" });
    const known = new Set(this.applied.map((one) => one.uuid));
    const fresh = operations.filter((one) => !known.has(one.uuid));
    if (fresh.length > 0 && version < this.version) {
      const theirs = this.log.filter((one) => one.version > version).map((one) => ({ ...one.change, author: { name: "Ana" } }));
      return Promise.resolve({ kind: "conflict", version: this.version, theirs });
    }
    const reason = fresh.map(this.refuse).find((one) => one !== null);
    if (reason != null) return Promise.resolve({ kind: "refused", code: "invalid", message: reason });
    for (const operation of fresh) {
      this.check(operation);
      this.apply(operation);
      this.applied.push(operation);
    }
    if (this.losesAnswers) return Promise.resolve({ kind: "unreachable", message: "no network" });
    const segments = operations.flatMap((one) => {
      const id = "segment_id" in one.payload ? one.payload.segment_id : undefined;
      const segment = id === undefined ? undefined : this.content.segments.get(id);
      return segment === undefined ? [] : [{ ...segment, author: { id: "p", name: "Me" } }];
    });
    return Promise.resolve({
      kind: "accepted", version: this.version, segments, comments: [], isSignedOff: this.content.isSignedOff,
    });
  }

  read(): Promise<{ version: number; content: PassContent }> {
    return Promise.resolve({ version: this.version, content: this.content });
  }

  /** Somebody else's change. */
  intrude(change: Change): void {
    this.apply(change);
  }

  private apply(change: Change): void {
    this.version += 1;
    this.log.push({ version: this.version, change });
    this.content = applyChanges(this.content, [change], clock);
  }

  /** The version that an operation was based on must be the segment's. */
  private check(operation: Operation): void {
    if (operation.based_on === null || !("segment_id" in operation.payload)) return;
    const id = operation.payload.segment_id as string;
    const earlier = this.content.segments.get(id) ?? this.content.deleted.get(id);
    if (operation.based_on !== earlier?.version) {
      throw new Error(`${operation.kind} of ${id}: based on ${operation.based_on}, is ${earlier?.version}`);
    }
  }
}
