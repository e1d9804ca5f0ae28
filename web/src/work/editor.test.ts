import { expect, test, vi } from "vitest";
import { clock, FakeServer } from "../commands/fake_server";
import { CommandLog } from "../commands/log";
import { MemoryOutbox } from "../commands/outbox";
import { FakeVideo } from "../player/fake_video";
import { FrameMap } from "../player/frame_map";
import { Player } from "../player/player";
import { Editor, type EditorOptions } from "./editor";

const FRAMES = Array.from({ length: 100 }, (_, k) => 500 + k);
const map = new FrameMap({
  frames: FRAMES, pts: FRAMES.map((frame) => frame * 40), time_base: [1, 1000], times_ms: FRAMES.map((frame) => frame * 40),
  end_frame: 600, end_ms: 24_000,
});

async function open(options: Partial<EditorOptions> = {}) {
  const video = new FakeVideo(Array.from(map.timesS));
  const player = new Player(video, map);
  const server = new FakeServer();
  const log = new CommandLog({ passId: "p", personId: "me", transport: server, outbox: new MemoryOutbox(), clock, setOfLabel: () => null });
  await log.open(0, server.content);
  let count = 0;
  const editor = new Editor(player, log, map, {
    place: { level: "action", parentId: null, bounds: [500, 600] }, refuse: () => null, leadFrames: 0, lagFrames: 0,
    guard: (changes) => Promise.resolve(changes), newId: () => `s${count++}`, ...options,
  });
  const goTo = async (frame: number): Promise<void> => {
    const done = player.seekRecordFrame(frame);
    if (video.seeking) video.finishSeek();
    await done;
  };
  return { video, player, server, log, editor, goTo };
}

test("start, end: a routine from the first to the last frame that were on screen, with the proxy's frames", async () => {
  const { editor, goTo, log, server } = await open();
  await goTo(510);
  await editor.markStart();
  await goTo(529);
  await editor.markEnd("VT");
  expect(log.getState().content.segments.get("s0")).toMatchObject({ start_frame: 510, end_frame: 530, label: "VT" });
  await vi.waitFor(() => expect(server.applied).toHaveLength(1));
  expect(server.applied[0]!.payload).toMatchObject({ confirmed_start_frame: 10, confirmed_end_frame: 29 });
  expect(editor.getState()).toMatchObject({ selectedId: "s0", openMark: null });
});

test("while playing, lead and lag move the mark, and that frame is confirmed first", async () => {
  const { editor, video, player } = await open({ leadFrames: 5 });
  player.play(1);
  video.present(40);
  const marked = editor.markStart();
  expect(editor.getState().openMark).toBeNull();
  video.finishSeek();
  await marked;
  expect(editor.getState().openMark).toEqual({ frame: 535, proxyFrame: 35 });
  expect(video.paused).toBe(false);
});

test("no mark on a frame that is not confirmed", async () => {
  const { editor, player } = await open();
  await editor.markStart();
  expect(editor.getState().openMark).toBeNull();
  expect(editor.getState().message?.text).toContain("No mark was set");
  player.close();
});

test("fast nudges add up to one move, on a confirmed frame", async () => {
  const { editor, goTo, log, video, server } = await open();
  await goTo(510);
  await editor.markStart();
  await goTo(529);
  await editor.markEnd();
  const presses = [editor.nudge("end", 1), editor.nudge("end", 1), editor.nudge("end", 1)];
  expect(log.getState().content.segments.get("s0")!.end_frame).toBe(530);
  while (video.seeking) video.finishSeek();
  await Promise.all(presses);
  expect(log.getState().content.segments.get("s0")!.end_frame).toBe(533);
  await vi.waitFor(() => expect(server.applied).toHaveLength(2));
  expect(server.applied[1]!.payload).toMatchObject({ end_frame: 533, confirmed_end_frame: 32 });
});

test("who may only look changes nothing; what is signed off stays", async () => {
  const { editor, goTo, log } = await open({ refuse: () => "You may look at this work, not change it." });
  await goTo(510);
  await editor.markStart();
  expect(editor.getState().openMark).toBeNull();
  expect(log.getState().content.segments.size).toBe(0);
});

test("a guard that says no leaves everything as it was", async () => {
  const { editor, goTo, log } = await open({ guard: () => Promise.resolve(null) });
  await goTo(510);
  await editor.markStart();
  await goTo(529);
  await editor.markEnd();
  expect(log.getState().content.segments.size).toBe(0);
  expect(editor.getState().message?.text).toBe("Nothing was changed.");
});

test("a guard that cannot be asked changes nothing, and says so", async () => {
  const { editor, goTo, log } = await open({ guard: () => Promise.reject(new Error("The server cannot be reached.")) });
  await goTo(510);
  await editor.markStart();
  await goTo(529);
  await editor.markEnd();
  expect(log.getState().content.segments.size).toBe(0);
  expect(editor.getState().message).toMatchObject({ tone: "error", text: expect.stringContaining("cannot be reached") });
});
