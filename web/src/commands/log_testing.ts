/** A command log on a small server, and what its tests do with it. */

import { expect, vi } from "vitest";
import { clock, type FakeServer } from "./fake_server";
import { CommandLog } from "./log";
import type { Change, Level, PassContent, Segment } from "./model";
import { MemoryOutbox, type Outbox } from "./outbox";

export const create = (id: string, start: number, end: number, level: Level = "action", parent: string | null = null): Change => ({
  kind: "create_segment",
  payload: { segment_id: id, level, parent_id: parent, start_frame: start, end_frame: end },
});
export const move = (id: string, start: number, end: number): Change => ({
  kind: "move_segment", payload: { segment_id: id, start_frame: start, end_frame: end },
});

export async function open(server: FakeServer, outbox: Outbox = new MemoryOutbox()): Promise<CommandLog> {
  const log = new CommandLog({
    passId: "pass", personId: "me", transport: server, outbox, clock, setOfLabel: (label) => label?.split("/")[0] ?? null,
    retryMs: [1000],
  });
  const { version, content } = await server.read();
  await log.open(version, content);
  return log;
}

export const settle = async (log: CommandLog): Promise<void> => {
  await vi.waitFor(() => expect(log.getState().save.kind).toBe("saved"));
};

/** What matters of a content: versions and authors may differ. */
export const view = (content: PassContent): unknown =>
  [...content.segments.values()]
    .map(({ id, parent_id, start_frame, end_frame, label, path, discard, is_no_element }: Segment) =>
      ({ id, parent_id, start_frame, end_frame, label, path, discard, is_no_element }))
    .sort((left, right) => left.id.localeCompare(right.id));
