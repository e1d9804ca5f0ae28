import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeServer } from "./fake_server";
import { create, move, open, settle, view } from "./log_testing";
import type { Change } from "./model";
import { IndexedDbOutbox, MemoryOutbox, openOutbox, type Outbox } from "./outbox";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory(); // a browser that has seen nothing yet
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => void vi.useRealTimers());

const remove = (id: string): Change => ({ kind: "delete_segment", payload: { segment_id: id, children: "delete" } });

test("what was done before a reload is undone after it, step by step, and done again", async () => {
  const server = new FakeServer();
  const log = await open(server, await openOutbox());
  const contents = [view(log.getState().content)];
  const work: [string, Change[]][] = [
    ["new routine", [create("p", 0, 50), create("c", 5, 10, "sub-action", "p")]],
    ["move", [move("c", 6, 12)]],
    ["label", [{ kind: "set_label", payload: { segment_id: "p", label: "BB" } }]],
    ["delete", [remove("p")]],
  ];
  for (const [title, changes] of work) {
    await log.run(title, changes);
    await settle(log);
    contents.push(view(log.getState().content));
  }
  log.close();

  const next = await open(server, await openOutbox());
  for (let k = work.length - 1; k >= 0; k--) {
    expect(next.getState().undoTitle).toBe(work[k]![0]);
    await next.undo();
    expect(view(next.getState().content)).toEqual(contents[k]);
    await settle(next);
    expect(view(server.content)).toEqual(contents[k]);
  }
  expect(next.getState().undoTitle).toBeNull();
  next.close();

  const last = await open(server, await openOutbox());
  for (let k = 1; k < contents.length; k++) {
    expect(last.getState().redoTitle).toBe(work[k - 1]![0]);
    await last.redo();
    await settle(last);
    expect(view(server.content)).toEqual(contents[k]);
  }
  expect(last.getState().notices).toEqual([]);
});

test("what was undone before a reload is not undone again after it", async () => {
  const server = new FakeServer();
  const outbox = new MemoryOutbox();
  const log = await open(server, outbox);
  await log.run("one", [create("a", 0, 10)]);
  await log.run("two", [create("b", 10, 20)]);
  await log.undo();
  await settle(log);
  const next = await open(server, outbox);
  expect([next.getState().undoTitle, next.getState().redoTitle]).toEqual(["one", "two"]);
  await next.run("three", [create("c", 30, 40)]);
  await settle(next);
  expect((await open(server, outbox)).getState().redoTitle).toBeNull();
});

test.each([[false], [true]])("unsent work is undone too, whether or not the server took it before the page knew (%s)", async (isTaken) => {
  const server = new FakeServer();
  const outbox = new MemoryOutbox();
  const log = await open(server, outbox);
  await log.run("one", [create("a", 0, 10)]);
  await settle(log);
  server.isReachable = isTaken;
  server.losesAnswers = isTaken;
  await log.run("two", [remove("a")]);
  await vi.waitFor(() => expect(log.getState().save.kind).toBe("waiting"));
  log.close();
  server.isReachable = true;
  server.losesAnswers = false;

  const next = await open(server, outbox);
  await settle(next);
  await next.undo();
  await settle(next);
  expect([...server.content.segments.keys()]).toEqual(["a"]);
  await next.undo();
  await settle(next);
  expect(server.content.segments.size).toBe(0);
});

test("after others changed the work meanwhile, ways back would lead elsewhere: there are none, and that is said once", async () => {
  const server = new FakeServer();
  const outbox = new MemoryOutbox();
  const log = await open(server, outbox);
  await log.run("mine", [create("a", 0, 10)]);
  await settle(log);
  log.close();
  server.intrude(move("a", 0, 15));
  const next = await open(server, outbox);
  expect(next.getState().undoTitle).toBeNull();
  expect(next.getState().notices[0]?.text).toContain("changed elsewhere since");
  next.close();
  expect((await open(server, outbox)).getState().notices).toEqual([]);
});

test("a refused command leaves no step behind, nor does dropping one's own after a conflict", async () => {
  const server = new FakeServer();
  const outbox = new MemoryOutbox();
  server.refuse = (one) => (one.kind === "create_segment" && one.payload.start_frame === 5 ? "It overlaps its neighbour." : null);
  const log = await open(server, outbox);
  await log.run("one", [create("a", 0, 10)]);
  await log.run("refused", [create("b", 5, 20)]);
  await settle(log);
  const next = await open(server, outbox);
  expect(next.getState().undoTitle).toBe("one");
  server.intrude(move("a", 0, 15));
  await next.run("move", [move("a", 2, 10)]);
  await vi.waitFor(() => expect(next.getState().save.kind).toBe("conflict"));
  await next.takeTheirs();
  expect((await open(server, outbox)).getState().undoTitle).toBeNull();
});

test("each person has steps of her own, and the newest hundred are kept", async () => {
  const server = new FakeServer();
  const outbox: Outbox = await openOutbox();
  const log = await open(server, outbox);
  for (let k = 0; k < 103; k++) await log.run(`step ${k}`, [create(`s${k}`, 10 * k, 10 * k + 5)]);
  await settle(log);
  const kept = await outbox.readHistory("pass", "me");
  expect([kept?.undo.length, kept?.undo[0]?.title, kept?.undo.at(-1)?.title]).toEqual([100, "step 3", "step 102"]);
  expect(await outbox.readHistory("pass", "her")).toBeNull();
  expect(await outbox.readHistory("other", "me")).toBeNull();
  expect(await outbox.list("pass", "me")).toEqual([]);
});

test("what nobody touched for a month is let go", async () => {
  const outbox = (await openOutbox()) as IndexedDbOutbox;
  await outbox.keepHistory({ passId: "pass", personId: "me", version: 1, undo: [], redo: [], deleted: [] });
  await outbox.forgetOld(Date.now() + 29 * 24 * 3_600_000);
  expect(await outbox.readHistory("pass", "me")).not.toBeNull();
  await outbox.forgetOld(Date.now() + 31 * 24 * 3_600_000);
  expect(await outbox.readHistory("pass", "me")).toBeNull();
});
