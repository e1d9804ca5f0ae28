/** What the log needs of the server, and the ways in which a request can end. Pages give it `fetch`; tests a small server. */

import type { Comment, Operation, PassContent, Segment } from "./model";

export interface Accepted {
  readonly kind: "accepted";
  readonly version: number;
  readonly segments: readonly (Segment & { readonly is_deleted?: boolean })[];
  readonly comments: readonly Comment[];
  readonly isSignedOff: boolean;
}

/** Somebody else changed the pass since it was read. */
export interface Conflict {
  readonly kind: "conflict";
  readonly version: number;
  readonly theirs: readonly (Pick<Operation, "kind" | "payload"> & {
    readonly author?: { readonly name: string } | null; readonly time?: string;
  })[];
}

/** The server will never take this: a rule forbids it, or the pass is closed. */
export interface Refused {
  readonly kind: "refused";
  readonly code: string;
  readonly message: string;
}

/** Not now: no network, a busy or full server. The same request may pass later. */
export interface Unreachable {
  readonly kind: "unreachable";
  readonly message: string;
  readonly retryAfterS?: number;
}

/** The session ended: the work waits until the person has logged in again. */
export interface LoggedOut {
  readonly kind: "logged_out";
}

export type Outcome = Accepted | Conflict | Refused | Unreachable | LoggedOut;

export interface Transport {
  send(operations: readonly Operation[], version: number): Promise<Outcome>;
  /** The pass as the server has it. Throws where it cannot be read. */
  read(): Promise<{ version: number; content: PassContent }>;
}
