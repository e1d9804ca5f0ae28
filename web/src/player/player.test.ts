import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeVideo } from "./fake_video";
import { FrameMap } from "./frame_map";
import { nextRate, Player, UnconfirmedFrame } from "./player";

// Frames 100, 101, 103, 104 (102 does not decode) and so on: the proxy's numbers are not the record's.
const FRAMES = [100, 101, 103, 104, 105, 106, 107, 108, 109, 110];
const map = new FrameMap({
  frames: FRAMES,
  pts: FRAMES.map((frame) => frame * 1001),
  time_base: [1, 30000],
  times_ms: FRAMES.map((frame) => Math.round((frame * 1001) / 30)),
  end_frame: 111,
  end_ms: 3704,
});

function open(): { video: FakeVideo; player: Player } {
  const video = new FakeVideo(Array.from(map.timesS));
  return { video, player: new Player(video, map) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("seeking", () => {
  test("goes to the middle of the frame and confirms the record's frame", async () => {
    const { video, player } = open();
    const done = player.seek(2);
    expect(video.currentTime).toBeCloseTo((3 * 1001 + 500.5) / 30000, 9);
    expect(player.getState().isConfirmed).toBe(false);
    video.finishSeek();
    expect(await done).toBe(2);
    expect(player.getState()).toMatchObject({ shown: 2, frame: 103, isConfirmed: true, isPlaying: false });
    expect(player.getConfirmedFrame()).toEqual({ frame: 103, proxyFrame: 2 });
  });

  test("refuses a mark until the browser reports the frame", () => {
    const { player } = open();
    expect(() => player.getConfirmedFrame()).toThrow(UnconfirmedFrame);
    void player.seek(3);
    expect(() => player.getConfirmedFrame()).toThrow(UnconfirmedFrame);
  });

  test("a frame from before the seek confirms nothing", () => {
    const { video, player } = open();
    void player.seek(1);
    video.finishSeek();
    void player.seek(5);
    video.present(1);
    expect(player.getState()).toMatchObject({ shown: 1, isConfirmed: false });
    video.finishSeek();
    expect(player.getState()).toMatchObject({ shown: 5, isConfirmed: true });
  });

  test("there and back while a seek is under way: the first frame is not confirmed early", () => {
    const { video, player } = open();
    void player.seek(1);
    video.finishSeek();
    void player.seek(5);
    void player.seek(1);
    video.present(1); // late news of before
    expect(player.getState().isConfirmed).toBe(false);
    video.finishSeek(); // 5 arrives, then 1 is asked for
    expect(player.getState()).toMatchObject({ shown: 5, isConfirmed: false });
    video.finishSeek();
    expect(player.getState()).toMatchObject({ shown: 1, isConfirmed: true });
  });

  test("pressed faster than the browser seeks: one seek at a time, the last target wins", async () => {
    const { video, player } = open();
    void player.seek(0);
    video.finishSeek();
    const replaced = player.step(1);
    for (let press = 0; press < 5; press++) void player.step(1);
    const last = player.step(1);
    expect(video.numSeeks).toBe(2);
    video.finishSeek();
    video.finishSeek();
    expect(video.numSeeks).toBe(3);
    expect(await last).toBe(7);
    await expect(replaced).rejects.toThrow(UnconfirmedFrame);
  });

  test("stays inside the chunk", () => {
    const { video, player } = open();
    void player.seek(-4);
    video.finishSeek();
    expect(player.getState().shown).toBe(0);
    void player.seek(99);
    video.finishSeek();
    expect(player.getState().frame).toBe(110);
  });

  test("a browser that is silent about the frame it shows already is sent to a neighbour and back", async () => {
    const { video, player } = open();
    player.play(1);
    video.present(4);
    const done = player.seek(4);
    video.seeking = false;
    video.fire("seeked"); // nothing new to paint: no report
    await vi.advanceTimersByTimeAsync(200);
    video.finishSeek();
    expect(player.getState()).toMatchObject({ shown: 5, isConfirmed: false });
    video.finishSeek();
    expect(await done).toBe(4);
    expect(player.getConfirmedFrame().proxyFrame).toBe(4);
  });

  test("a browser that stays silent is asked again, then said to fail", async () => {
    const { video, player } = open();
    const done = player.seek(4);
    const outcome = expect(done).rejects.toThrow("does not confirm frame");
    for (let round = 0; round < 8; round++) {
      video.seeking = false;
      video.fire("seeked"); // no frame is reported
      await vi.advanceTimersByTimeAsync(300);
    }
    await outcome;
    expect(video.numSeeks).toBe(6);
    expect(player.getState().failure).toContain("does not confirm");
    expect(() => player.getConfirmedFrame()).toThrow(UnconfirmedFrame);
  });

  test("a frame that slips in after the confirmation takes it back and is sought away", () => {
    const { video, player } = open();
    void player.seek(4);
    video.finishSeek();
    video.present(5);
    expect(player.getState()).toMatchObject({ shown: 5, isConfirmed: false });
    video.finishSeek();
    expect(player.getState()).toMatchObject({ shown: 4, isConfirmed: true });
  });
});

describe("playing", () => {
  test("reported frames are shown but confirm nothing: the screen may be one ahead", () => {
    const { video, player } = open();
    void player.seek(2);
    video.finishSeek();
    player.play(1);
    expect(() => player.getConfirmedFrame()).toThrow(UnconfirmedFrame);
    video.present(3);
    expect(player.getState().frame).toBe(104);
    expect(() => player.getConfirmedFrame()).toThrow(UnconfirmedFrame);
  });

  test("a mark while playing rests on the frame reported last, then plays on", async () => {
    const { video, player } = open();
    player.play(1.5);
    video.present(3);
    const mark = player.settle();
    video.present(4); // decoded before the pause took effect
    video.finishSeek();
    expect(await mark).toEqual({ frame: 104, proxyFrame: 3 });
    expect(video.paused).toBe(false);
    expect(player.getState()).toMatchObject({ isPlaying: true, rate: 1.5, isConfirmed: false });
  });

  test("pausing seeks back to the frame shown last, though the browser ran on", () => {
    const { video, player } = open();
    player.play(1);
    video.present(3);
    player.pause();
    expect(player.getState().isConfirmed).toBe(false);
    video.present(4); // decoded before the pause took effect
    video.finishSeek();
    expect(player.getState()).toMatchObject({ shown: 3, isConfirmed: true, isPlaying: false });
  });

  test("the late event of an own pause does not stop what plays again by then", () => {
    const { video, player } = open();
    player.play(1);
    video.present(3);
    void player.seek(6);
    player.play(1);
    video.fire("pause");
    expect(player.getState().isPlaying).toBe(true);
    expect(video.paused).toBe(false);
  });

  test("a loop starts again at its first frame", () => {
    const { video, player } = open();
    player.setLoop([2, 6]);
    player.play(1);
    expect(video.currentTime).toBeCloseTo(map.getMiddleS(2));
    video.finishSeek();
    video.present(4);
    expect(video.seeking).toBe(false);
    video.present(5);
    expect(video.currentTime).toBeCloseTo(map.getMiddleS(2));
  });

  test("L again is faster, K stops, J goes backward by the clock", () => {
    const { video, player } = open();
    void player.seek(9);
    video.finishSeek();
    player.shuttle(1);
    player.shuttle(1);
    expect(video.playbackRate).toBe(1.5);
    player.setRate(1);
    video.present(9);
    player.shuttle(-1);
    expect(player.getState()).toMatchObject({ isPlaying: true, rate: -1 });
    vi.advanceTimersByTime(105); // three frames of 33.4 ms
    expect(video.seeking).toBe(true);
    video.finishSeek();
    vi.advanceTimersByTime(60);
    video.finishSeek();
    expect(player.getState().shown).toBeLessThan(7);
    player.pause();
    expect(player.getState().isPlaying).toBe(false);
    expect(player.getState().rate).toBe(1);
  });
});

test("rates stop at both ends", () => {
  expect(nextRate(1, 1)).toBe(1.5);
  expect(nextRate(4, 1)).toBe(4);
  expect(nextRate(0.1, -1)).toBe(0.1);
  expect(nextRate(0.25, -1)).toBe(0.1);
});
