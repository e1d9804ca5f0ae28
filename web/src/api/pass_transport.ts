/** How the command log of a pass reaches the server. */

import { type Operation, type PassContent, type Segment } from "../commands/model";
import type { Conflict, Outcome, Transport } from "../commands/transport";
import { ApiError, get, NoAnswer, request } from "./client";
import type { PassDetail, Saved } from "./types";

/** A pass's content in the log's words. */
export function makeContent(pass: PassDetail): PassContent {
  return {
    segments: new Map(pass.segments.map((one) => [one.id, one as unknown as Segment])),
    deleted: new Map(),
    comments: pass.comments.map((one) => ({ ...one, is_resolved: one.resolved_at !== null })),
    rejectedSuggestions: new Set(pass.suggestions.filter((one) => one.answer === "rejected").map((one) => one.id)),
    isSignedOff: pass.signed_off_at !== null,
  };
}

export class PassTransport implements Transport {
  /** A reviewer's changes of somebody's work carry why. */
  reason: string | null = null;

  constructor(
    private readonly passId: string,
    private readonly onSaved: (saved: Saved) => void = () => undefined,
  ) {}

  async send(operations: readonly Operation[], version: number): Promise<Outcome> {
    try {
      const sent = operations.map((one) => (this.reason === null ? one : { ...one, payload: { ...one.payload, reason: this.reason } }));
      const { body } = await request<Saved>(
        "POST", `/passes/${this.passId}/operations`, { operations: sent }, { ifMatch: `"${version}"` },
      );
      this.onSaved(body);
      return {
        kind: "accepted", version: body.version, segments: body.segments as unknown as Segment[],
        comments: body.comments.map((one) => ({ ...one, is_resolved: one.resolved_at !== null })),
        isSignedOff: body.signed_off_at !== null,
      };
    } catch (error) {
      return describeFailure(error);
    }
  }

  async read(): Promise<{ version: number; content: PassContent }> {
    const pass = await get<PassDetail>(`/passes/${this.passId}`);
    return { version: pass.version, content: makeContent(pass) };
  }
}

/** Which of the ways to fail this is; only what can never succeed is a refusal. */
export function describeFailure(error: unknown): Outcome {
  if (error instanceof NoAnswer) return { kind: "unreachable", message: error.message };
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401 || error.code === "csrf") return { kind: "logged_out" };
  if (error.status === 412) {
    return { kind: "conflict", version: Number(error.facts["version"]), theirs: (error.facts["theirs"] ?? []) as Conflict["theirs"] };
  }
  const isTemporary = error.status >= 500 || [408, 413, 429].includes(error.status);
  if (isTemporary && error.status !== 413) {
    const retry = error.facts["retry_after_s"];
    return { kind: "unreachable", message: error.message, ...(typeof retry === "number" ? { retryAfterS: retry } : {}) };
  }
  return { kind: "refused", code: error.code, message: error.message };
}
