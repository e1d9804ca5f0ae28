import { describe, expect, test } from "vitest";
import { FrameMap } from "./frame_map";
import { formatLength, formatTimecode, parseMoment } from "./timecode";

// Variable rate, a record that starts at 5 s, a frame left out: PTS in 1/1000 s.
const PTS = [5000, 5040, 5120, 5133, 5300];
const map = new FrameMap({
  frames: [125, 126, 128, 129, 130],
  pts: PTS,
  time_base: [1, 1000],
  times_ms: PTS,
  end_frame: 131,
  end_ms: 5467,
});

/** The slow road: compare with every frame. */
function findSlowly(mediaTimeS: number): number {
  let best = 0;
  PTS.forEach((pts, k) => {
    if (Math.abs((pts - 5000) / 1000 - mediaTimeS) < Math.abs((PTS[best]! - 5000) / 1000 - mediaTimeS)) best = k;
  });
  return best;
}

describe("frame map", () => {
  test("the middle of a frame lies between its time and the next one's", () => {
    expect(map.getMiddleS(0)).toBeCloseTo(0.02);
    expect(map.getMiddleS(2)).toBeCloseTo(0.1265);
    expect(map.getMiddleS(4)).toBeCloseTo(0.3 + 0.167 / 2);
  });

  test("a reported time means the nearest frame, however it was rounded", () => {
    for (let k = 0; k < PTS.length; k++) {
      expect(map.findIndexOfMediaTime((PTS[k]! - 5000) / 1000 + 1e-6)).toBe(k);
      expect(map.findIndexOfMediaTime((PTS[k]! - 5000) / 1000 - 1e-6)).toBe(k);
    }
    for (let time = -0.1; time < 0.5; time += 0.0007) expect(map.findIndexOfMediaTime(time)).toBe(findSlowly(time));
  });

  test("a frame of the record that was left out is the one shown in its place", () => {
    expect(map.findIndexOfRecordFrame(126)).toBe(1);
    expect(map.findIndexOfRecordFrame(127)).toBe(1);
    expect(map.findIndexOfRecordFrame(128)).toBe(2);
    expect(map.findIndexOfRecordFrame(0)).toBe(0);
    expect(map.findIndexOfRecordFrame(900)).toBe(4);
  });

  test("milliseconds are on the record's clock", () => {
    expect(map.getRecordMs(128)).toBe(5120);
    expect(map.endFrame).toBe(131);
    expect(map.getRecordMs(131)).toBe(5467);
    expect(map.findIndexOfRecordMs(5119)).toBe(1);
    expect(map.findIndexOfRecordMs(5120)).toBe(2);
  });

  test("maps that cannot be are refused", () => {
    const facts = { time_base: [1, 1000] as const, end_frame: 3, end_ms: 1 };
    expect(() => new FrameMap({ frames: [], pts: [], times_ms: [], ...facts })).toThrow("at least one");
    expect(() => new FrameMap({ frames: [1, 2], pts: [5, 5], times_ms: [5, 5], ...facts })).toThrow("not later");
  });
});

test("times as people read them", () => {
  expect(formatTimecode(0)).toBe("0:00:00.000");
  expect(formatTimecode(3_723_004.4)).toBe("1:02:03.004");
  expect(formatTimecode(59_999.6)).toBe("0:01:00.000");
  expect(formatLength(1234)).toBe("1.23 s");
  expect(formatLength(83_240)).toBe("1:23.2");
});

test("moments as people type them", () => {
  expect(parseMoment(" 1234 ")).toEqual({ kind: "frame", frame: 1234 });
  expect(parseMoment("1:02.5")).toEqual({ kind: "time", ms: 62_500 });
  expect(parseMoment("1:02:03.004")).toEqual({ kind: "time", ms: 3_723_004 });
  expect(parseMoment("62.5")).toEqual({ kind: "time", ms: 62_500 });
  expect(parseMoment("soon")).toBeNull();
});
