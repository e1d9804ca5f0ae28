import { describe, expect, test } from "vitest";
import { drawTimeline, GAP, LANE, makeLayout, MINIMAP, RULER, TITLE, WAVE, type Colours, type Lane, type LaneBar } from "./draw";
import { findEdge, getEdgeAt, getLimits, listVisible, moveEdge, snap, type Bar } from "./edges";
import { chooseTickMs, getMs, getX, makeScale, pan, reveal, showWindow, zoom } from "./scale";

describe("scale", () => {
  const scale = makeScale(60_000, 660_000, 1000);

  test("moments and pixels are each other's inverse at every zoom", () => {
    const close = zoom(scale, 17.3, 123_456);
    for (const ms of [60_000, 123_456, 659_999]) expect(getMs(close, getX(close, ms))).toBeCloseTo(ms, 6);
  });

  test("zooming keeps the moment under the pointer", () => {
    const close = zoom(scale, 8, 300_000);
    expect(getX(close, 300_000)).toBeCloseTo(getX(scale, 300_000));
    expect(close.viewEndMs - close.viewStartMs).toBeCloseTo(75_000);
  });

  test("the window never leaves the whole, and is never shorter than a few frames", () => {
    expect(pan(zoom(scale, 4, 60_000), -1e9).viewStartMs).toBe(60_000);
    expect(pan(zoom(scale, 4, 60_000), 1e9).viewEndMs).toBe(660_000);
    expect(zoom(scale, 0.01, 100_000)).toMatchObject({ viewStartMs: 60_000, viewEndMs: 660_000 });
    const closest = zoom(scale, 1e9, 100_000);
    expect(closest.viewEndMs - closest.viewStartMs).toBe(400);
  });

  test("the playhead is followed only when it nears the rim", () => {
    const close = showWindow(scale, 100_000, 200_000);
    expect(reveal(close, 150_000)).toBe(close);
    expect(getX(reveal(close, 200_000), 200_000)).toBeCloseTo(920);
    expect(getX(reveal(close, 90_000), 90_000)).toBeCloseTo(80);
  });

  test("ruler marks are round and not crowded", () => {
    expect(chooseTickMs(scale)).toBe(60_000);
    expect(chooseTickMs(showWindow(scale, 100_000, 101_000))).toBe(100);
  });
});

const bar = (id: string, start: number, end: number): Bar =>
  ({ id, start_frame: start, end_frame: end, start_ms: start * 40, end_ms: end * 40 });
const BARS = [bar("a", 10, 20), bar("b", 20, 30), bar("c", 40, 50)];

describe("edges", () => {
  test("the nearest within reach is grabbed; touching neighbours share it", () => {
    expect(findEdge(BARS, 801, 20)).toEqual({ frame: 20, left: BARS[0], right: BARS[1] });
    expect(findEdge(BARS, 1190, 20)).toEqual({ frame: 30, left: BARS[1], right: null });
    expect(findEdge(BARS, 1400, 20)).toBeNull();
  });

  test("limits: a frame is left of each, neighbours do not overlap, nothing leaves the item", () => {
    expect(getLimits(BARS, getEdgeAt(BARS, 20), [0, 60])).toEqual([11, 29]);
    expect(getLimits(BARS, getEdgeAt(BARS, 30), [0, 60])).toEqual([21, 40]);
    expect(getLimits(BARS, getEdgeAt(BARS, 40), [0, 60])).toEqual([30, 49]);
    expect(getLimits(BARS, getEdgeAt(BARS, 50), [0, 60])).toEqual([41, 60]);
    expect(getLimits(BARS, getEdgeAt(BARS, 10), [5, 60])).toEqual([5, 19]);
  });

  test("snaps to the nearest target in reach, never beyond a limit", () => {
    expect(snap(23, [20, 26], 3, [0, 60])).toBe(20);
    expect(snap(24, [20, 26], 3, [0, 60])).toBe(26);
    expect(snap(23, [20, 26], 2, [0, 60])).toBe(23);
    expect(snap(23, [20, 26], 3, [22, 24])).toBe(23);
    expect(snap(70, [], 3, [0, 60])).toBe(60);
  });

  test("a shared edge moves both, the one that shrinks first", () => {
    const edge = getEdgeAt(BARS, 20);
    expect(moveEdge(edge, 15)).toEqual([
      { id: "a", start_frame: 10, end_frame: 15 }, { id: "b", start_frame: 15, end_frame: 30 },
    ]);
    expect(moveEdge(edge, 25).map((move) => move.id)).toEqual(["b", "a"]);
  });

  test("what is in view is found as by looking at every bar", () => {
    for (let start = 0; start < 2500; start += 130) {
      const slow = BARS.filter((one) => one.end_ms > start && one.start_ms < start + 400);
      expect(listVisible(BARS, start, start + 400)).toEqual(slow);
    }
  });
});

/** Counts what is drawn; a canvas without pixels. */
function makeContext(): { context: CanvasRenderingContext2D; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const context = new Proxy({}, {
    get: (_, name: string) => () => { calls[name] = (calls[name] ?? 0) + 1; },
    set: () => true,
  }) as CanvasRenderingContext2D;
  return { context, calls };
}

const COLOURS: Colours = {
  background: "#000", lane: "#111", text: "#fff", faint: "#888", line: "#333", accent: "#0af", warning: "#fa0",
  unlabelled: "#555", hues: ["#f00"], onHue: "#000",
};

test("of 2,000 segments only those in view are drawn, and never more than there are pixels", () => {
  const bars: LaneBar[] = Array.from({ length: 2000 }, (_, k) => ({ ...bar(`s${k}`, k * 7, k * 7 + 6), text: "x", hue: 0 }));
  const lane: Lane = { id: "l", title: "", bars, isEditable: true };
  const whole = makeScale(0, 2000 * 7 * 40, 1200);
  const draw = (scale: typeof whole): Record<string, number> => {
    const { context, calls } = makeContext();
    drawTimeline(context, {
      scale, lanes: [lane], selectedId: null, playheadMs: 10, isConfirmed: true, markMs: null, snapMs: null,
      colours: COLOURS, waveform: null,
    });
    return calls;
  };
  const close = draw(showWindow(whole, 0, 7 * 40 * 20));
  expect(close["roundRect"]).toBe(20);
  const far = draw(whole);
  expect((far["rect"] ?? 0) + (far["roundRect"] ?? 0)).toBeLessThanOrEqual(2000);
  expect(draw({ ...whole, width: 300 })["rect"]).toBeLessThan(700);
});

describe("lanes of several passes", () => {
  const lanes: Lane[] = ["result", "Ann", "Bob"].map((title, k) => ({ id: title, title, isEditable: false, isTitled: k > 0, bars: [{ ...bar(title, 10, 20), text: "x", hue: 0, isMarked: k === 2 }] }));

  test("make room for the name of who did them", () => {
    expect(makeLayout(lanes, false)).toEqual({
      tops: [RULER, RULER + LANE + GAP + TITLE, RULER + 2 * (LANE + GAP + TITLE)],
      height: RULER + 3 * (LANE + GAP) + 2 * TITLE + MINIMAP + GAP,
    });
    expect(makeLayout(lanes, true).tops[0]).toBe(RULER + WAVE + GAP);
    expect(makeLayout([], false)).toEqual({ tops: [], height: RULER + MINIMAP + GAP });
  });

  test("say so, and underline what differs", () => {
    const texts: string[] = [];
    const fills: number[] = [];
    const { context } = makeContext();
    const seen = new Proxy(context, {
      get: (target, name: string) => name === "fillText" ? (text: string) => texts.push(text)
        : name === "fillRect" ? (_x: number, _y: number, _width: number, height: number) => fills.push(height) : Reflect.get(target, name),
    });
    drawTimeline(seen, {
      scale: makeScale(0, 2000, 600), lanes, selectedId: null, playheadMs: null, isConfirmed: true, markMs: null, snapMs: null, colours: COLOURS, waveform: null,
    });
    expect(texts.filter((text) => ["result", "Ann", "Bob"].includes(text))).toEqual(["Ann", "Bob"]);
    expect(fills.filter((height) => height === 4)).toHaveLength(1);
  });
});
