import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeServer } from "./fake_server";
import { create, move, open, settle, view } from "./log_testing";
import type { Change } from "./model";
import { IndexedDbOutbox, MemoryOutbox, openOutbox } from "./outbox";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

test("work is shown at once and saved in order", async () => {
  const server = new FakeServer();
  const log = await open(server);
  const first = log.run("new routine", [create("a", 10, 20)]);
  expect(log.getState().content.segments.get("a")).toMatchObject({ start_ms: 400, end_ms: 800, version: 1 });
  expect(log.getState().save).toEqual({ kind: "saving", count: 1 });
  await first;
  await log.run("move", [move("a", 12, 22)]);
  await settle(log);
  expect(server.applied.map((one) => [one.kind, one.based_on])).toEqual([["create_segment", null], ["move_segment", 1]]);
  expect(view(server.content)).toEqual(view(log.getState().content));
});

describe("undo and redo", () => {
  const cases: [string, Change[], Change[]][] = [
    ["create", [], [create("a", 10, 20)]],
    ["move", [create("a", 10, 20)], [move("a", 12, 30)]],
    ["a shared edge", [create("a", 0, 10), create("b", 10, 20)], [move("a", 0, 8), move("b", 8, 20)]],
    ["delete with children", [create("p", 0, 50), create("c", 5, 10, "sub-action", "p"), create("s", 6, 7, "stage", "c")],
      [{ kind: "delete_segment", payload: { segment_id: "p", children: "delete" } }]],
    ["split", [create("a", 0, 20)], [{ kind: "split_segment", payload: { segment_id: "a", at_frame: 8, new_segment_id: "b" } }]],
    ["merge", [create("a", 0, 10), create("b", 12, 20)],
      [{ kind: "merge_segments", payload: { segment_id: "a", other_id: "b" } }]],
    ["clip", [create("p", 0, 50), create("c", 40, 50, "sub-action", "p")],
      [{ kind: "move_segment", payload: { segment_id: "p", start_frame: 0, end_frame: 45, children: "clip" } }]],
    ["clip away", [create("p", 0, 50), create("c", 40, 50, "sub-action", "p")],
      [{ kind: "move_segment", payload: { segment_id: "p", start_frame: 0, end_frame: 30, children: "clip" } }]],
    ["shift", [create("p", 0, 50), create("c", 40, 50, "sub-action", "p")],
      [{ kind: "move_segment", payload: { segment_id: "p", start_frame: 10, end_frame: 60, children: "shift" } }]],
    ["label, path, discard", [create("a", 0, 20, "sub-action")], [
      { kind: "set_label", payload: { segment_id: "a", label: "S1" } },
      { kind: "set_path", payload: { segment_id: "a", set_id: "S1", path: [{ query: "q", answer: "yes" }], label: "S1/x" } },
      { kind: "set_discard", payload: { segment_id: "a", discard: "replay" } },
    ]],
  ];
  test.each(cases)("%s", async (title, setup, changes) => {
    const server = new FakeServer();
    const log = await open(server);
    await log.run("setup", setup);
    await settle(log);
    const before = view(log.getState().content);
    await log.run(title, changes);
    const after = view(log.getState().content);
    expect(after).not.toEqual(before);
    for (let round = 0; round < 2; round++) {
      expect(log.getState().undoTitle).toBe(title);
      await log.undo();
      expect(view(log.getState().content)).toEqual(before);
      await settle(log);
      expect(view(server.content)).toEqual(before);
      await log.redo();
      expect(view(log.getState().content)).toEqual(after);
      await settle(log);
      expect(view(server.content)).toEqual(after);
    }
  });

  test("split with children: they go along; the part has a new id the second time", async () => {
    const server = new FakeServer();
    const log = await open(server);
    await log.run("setup", [create("p", 0, 50), create("c", 5, 10, "sub-action", "p"), create("d", 30, 40, "sub-action", "p")]);
    const before = view(log.getState().content);
    await log.run("split", [{ kind: "split_segment", payload: { segment_id: "p", at_frame: 20, new_segment_id: "q" } }]);
    await log.undo();
    expect(view(log.getState().content)).toEqual(before);
    await log.redo();
    const { segments } = log.getState().content;
    const part = [...segments.values()].find((one) => one.start_frame === 20)!;
    expect([segments.get("p")!.end_frame, part.end_frame]).toEqual([20, 50]);
    expect([segments.get("c")!.parent_id, segments.get("d")!.parent_id]).toEqual(["p", part.id]);
    await log.undo();
    expect(view(log.getState().content)).toEqual(before);
    await settle(log);
    expect(view(server.content)).toEqual(before);
  });

  test("random work goes all the way back, and forward again", async () => {
    const server = new FakeServer();
    const log = await open(server);
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    const contents = [view(log.getState().content)];
    for (let round = 0; round < 60; round++) {
      const ids = [...log.getState().content.segments.keys()];
      const id = ids[random(Math.max(1, ids.length))];
      const start = round * 100;
      const choice = id === undefined ? 0 : random(4);
      if (choice === 0 || id === undefined) await log.run("create", [create(`s${round}`, start, start + 50)]);
      else if (choice === 1) await log.run("delete", [{ kind: "delete_segment", payload: { segment_id: id } }]);
      else if (choice === 2) await log.run("discard", [{ kind: "set_discard", payload: { segment_id: id, discard: (["replay", "occluded", null] as const)[random(3)]! } }]);
      else {
        const { start_frame: from, end_frame: to } = log.getState().content.segments.get(id)!;
        if (to - from < 4) continue;
        await log.run("split", [{ kind: "split_segment", payload: { segment_id: id, at_frame: from + 2, new_segment_id: `t${round}` } }]);
      }
      const now = view(log.getState().content);
      if (JSON.stringify(now) !== JSON.stringify(contents.at(-1))) contents.push(now);
    }
    await settle(log);
    for (let k = contents.length - 2; k >= 0; k--) {
      await log.undo();
      expect(view(log.getState().content)).toEqual(contents[k]);
    }
    for (const content of contents.slice(1)) {
      await log.redo();
      expect(view(log.getState().content)).toEqual(content);
    }
    await settle(log);
    expect(view(server.content)).toEqual(contents.at(-1));
  });
});

describe("the network", () => {
  test("is gone: work waits in order, is said to wait, and goes out once it is back", async () => {
    const server = new FakeServer();
    const log = await open(server);
    server.isReachable = false;
    await log.run("one", [create("a", 0, 10)]);
    await log.run("two", [create("b", 10, 20)]);
    await vi.waitFor(() => expect(log.getState().save).toMatchObject({ kind: "waiting", count: 2, why: "no network" }));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.applied).toEqual([]);
    server.isReachable = true;
    await vi.advanceTimersByTimeAsync(1000);
    await settle(log);
    expect(server.applied.map((one) => one.kind === "create_segment" && one.payload.segment_id)).toEqual(["a", "b"]);
  });

  test("loses answers: nothing is applied twice", async () => {
    const server = new FakeServer();
    const log = await open(server);
    server.losesAnswers = true;
    await log.run("one", [create("a", 0, 10)]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(server.numRequests).toBeGreaterThan(2);
    server.losesAnswers = false;
    await vi.advanceTimersByTimeAsync(1000);
    await settle(log);
    expect(server.applied).toHaveLength(1);
  });
});

describe("a reload", () => {
  test("with unsent work: the next page finds and sends it", async () => {
    const server = new FakeServer();
    const outbox = await openOutbox();
    expect(outbox.isLasting).toBe(true);
    const log = await open(server, outbox);
    server.isReachable = false;
    await log.run("one", [create("a", 0, 10)]);
    await log.run("two", [move("a", 2, 12)]);
    log.close();
    server.isReachable = true;

    const next = await open(server, await openOutbox());
    expect(next.getState().content.segments.get("a")).toMatchObject({ start_frame: 2, end_frame: 12 });
    expect(next.getState().notices[0]?.text).toContain("2 unsent changes");
    await settle(next);
    expect(server.content.segments.get("a")).toMatchObject({ start_frame: 2, end_frame: 12 });
    expect(await (outbox as IndexedDbOutbox).listAll("me")).toEqual([]);
  });

  test("after the server took it but before the page knew: harmless", async () => {
    const server = new FakeServer();
    const outbox = new MemoryOutbox();
    const log = await open(server, outbox);
    server.losesAnswers = true;
    await log.run("one", [create("a", 0, 10)]);
    log.close();
    server.losesAnswers = false;
    const next = await open(server, outbox);
    await settle(next);
    expect(server.applied).toHaveLength(1);
    expect(next.getState().content.segments.size).toBe(1);
  });

  test("other people's unsent work in the same browser is not sent", async () => {
    const server = new FakeServer();
    const outbox = new MemoryOutbox();
    const hers = { passId: "pass", personId: "her", version: 0, undo: [], redo: [], deleted: [] };
    await outbox.add({ id: "x", passId: "pass", personId: "her", title: "", operations: [], order: 1 }, hers);
    const log = await open(server, outbox);
    expect(log.isSettled).toBe(true);
  });
});

describe("others", () => {
  test("changed something else: taken in and said, mine goes on top", async () => {
    const server = new FakeServer();
    const log = await open(server);
    server.intrude(create("hers", 50, 60));
    await log.run("mine", [create("mine", 0, 10)]);
    await settle(log);
    expect([...log.getState().content.segments.keys()].sort()).toEqual(["hers", "mine"]);
    expect(log.getState().notices[0]?.text).toBe("1 changes by Ana came in; yours go on top.");
  });

  test("changed the same segment: the person decides for theirs", async () => {
    const server = new FakeServer();
    const log = await open(server);
    await log.run("mine", [create("a", 0, 10)]);
    await settle(log);
    server.intrude(move("a", 0, 15));
    await log.run("move", [move("a", 2, 10)]);
    await vi.waitFor(() => expect(log.getState().save.kind).toBe("conflict"));
    expect(log.getState().content.segments.get("a")!.start_frame).toBe(2);
    await log.run("later work waits", [create("b", 20, 30)]);
    expect(log.getState().save).toMatchObject({ kind: "conflict", count: 2 });
    await log.takeTheirs();
    expect(log.getState().content.segments.get("a")).toMatchObject({ start_frame: 0, end_frame: 15 });
    expect(log.getState().save.kind).toBe("saved");
  });

  test("changed the same segment: the person decides for hers", async () => {
    const server = new FakeServer();
    const log = await open(server);
    await log.run("mine", [create("a", 0, 10)]);
    await settle(log);
    server.intrude(move("a", 0, 15));
    await log.run("move", [move("a", 2, 10)]);
    await vi.waitFor(() => expect(log.getState().save.kind).toBe("conflict"));
    await log.keepMine();
    await settle(log);
    expect(server.content.segments.get("a")).toMatchObject({ start_frame: 2, end_frame: 10 });
    expect(server.applied.at(-1)!.based_on).toBe(2);
  });
});

test("a refused command disappears from the page, with the reason; the others are saved", async () => {
  const server = new FakeServer();
  server.refuse = (one) => (one.kind === "create_segment" && one.payload.start_frame === 5 ? "It overlaps its neighbour." : null);
  const log = await open(server);
  await log.run("one", [create("a", 0, 10)]);
  await log.run("new routine", [create("b", 5, 20)]);
  await log.run("three", [create("c", 30, 40)]);
  await settle(log);
  expect([...log.getState().content.segments.keys()]).toEqual(["a", "c"]);
  expect(log.getState().notices.map((one) => one.text)).toEqual(["Not saved: new routine. It overlaps its neighbour."]);
  await log.undo();
  await log.undo();
  expect(log.getState().content.segments.size).toBe(0);
});

test("logged out: the work waits and goes out after the next log-in", async () => {
  const server = new FakeServer();
  const log = await open(server);
  const send = server.send.bind(server);
  server.send = () => Promise.resolve({ kind: "logged_out" });
  await log.run("one", [create("a", 0, 10)]);
  await vi.waitFor(() => expect(log.getState().save).toEqual({ kind: "logged_out", count: 1 }));
  server.send = send;
  log.retry();
  await settle(log);
  expect(server.content.segments.size).toBe(1);
});

test("without a database of the browser, memory is used and said", async () => {
  const outbox = await openOutbox({ open: () => { throw new Error("no"); } } as unknown as IDBFactory);
  expect(outbox.isLasting).toBe(false);
});

describe("what the server did by itself", () => {
  test("is taken in, and work goes on from there", async () => {
    const server = new FakeServer();
    const log = await open(server);
    await log.run("new routine", [create("a", 10, 20)]);
    await settle(log);
    const told = await server.read();
    const moved = { ...told.content.segments.get("a")!, start_frame: 15, version: 2 };
    log.takeIn(told.version + 1, { ...told.content, segments: new Map([["a", moved]]) });
    expect(log.getState()).toMatchObject({ version: told.version + 1, save: { kind: "saved" } });
    expect(log.getState().content.segments.get("a")).toMatchObject({ start_frame: 15, version: 2 });
  });

  test("never takes the place of what was not sent yet", async () => {
    const server = new FakeServer();
    const log = await open(server);
    const running = log.run("new routine", [create("a", 10, 20)]);
    expect(() => log.takeIn(7, log.getState().content)).toThrow("unsent");
    await running;
    await settle(log);
    expect(log.getState().content.segments.has("a")).toBe(true);
  });
});
