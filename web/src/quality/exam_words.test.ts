import { describe, expect, test } from "vitest";
import type { FeedbackUnit, Standing } from "../api/quality_types";
import { describeRules, describeStanding, describeVerdict, formatScore, formatShare, formatWait, listParts, makeRules } from "./exam_words";

test("waits are said in the units that one would use", () => {
  expect([0.2, 1, 59.5, 60, 90, 1440, 1500, 3000].map(formatWait)).toEqual(["1 min", "1 min", "1 h", "1 h", "1 h 30 min", "1 day", "1 day 1 h", "2 days 2 h"]);
});

test("shares are per cent; what is not defined is no number", () => {
  expect([0, 0.8333, 1].map(formatShare)).toEqual(["0 %", "83.3 %", "100 %"]);
  expect(formatScore(null)).toBe("–");
});

describe("rules", () => {
  test("of a pretest say how many questions, what is needed, and how often", () => {
    const rules = { ...makeRules("sub-actions", "pretest"), num_items: 5 };
    expect(describeRules({ kind: "pretest", rules, num_gold: 12 })).toEqual([
      "5 questions, drawn anew for each try from 12", "needed: found 90 %, edges 80 %, set 90 %", "3 tries", "1 day between tries", "nobody says what was right",
    ]);
  });

  test("of a bank that is asked whole say so, and one try has nothing between", () => {
    const rules = { ...makeRules("elements", "pretest"), num_items: 4, num_tries: 1 };
    expect(describeRules({ kind: "pretest", rules, num_gold: 4 })).toEqual(["4 questions", "needed: element 90 %, answers 90 %", "one try", "nobody says what was right"]);
  });

  test("of a training set have no mark", () => {
    expect(describeRules({ kind: "training", rules: makeRules("routines", "training"), num_gold: 1 })).toEqual(["1 question", "each answer is looked at as you go"]);
  });

  test("ask only what a stage can be asked", () => {
    expect(listParts("elements")).not.toContain("bounds");
    expect(Object.keys(makeRules("routines", "pretest").pass_marks)).toEqual(["found", "bounds", "event"]);
  });
});

describe("standing", () => {
  const now = new Date("2026-11-28T12:00:00Z");
  const make = (facts: Partial<Standing>): Standing => ({ state: "not_started", tries_left: 2, next_try_at: null, passed_at: null, may_try: true, text: "", attempts: [], ...facts });

  test("says what can be done now", () => {
    expect(describeStanding(make({}), "pretest", now)).toMatchObject({ action: "Begin", text: "2 tries are left." });
    expect(describeStanding(make({ state: "in_progress" }), "pretest", now).action).toBe("Go on");
    expect(describeStanding(make({ state: "passed" }), "pretest", now).action).toBeNull();
    expect(describeStanding(make({ state: "passed" }), "training", now).action).toBe("Once more");
    expect(describeStanding(make({ state: "no_tries_left", tries_left: 0 }), "pretest", now)).toMatchObject({ action: null, badge: "not passed" });
    expect(describeStanding(make({ state: "outdated", tries_left: null }), "pretest", now).action).toBe("Begin");
  });

  test("of somebody who has to wait says for how long; then the try is free, whenever the page was loaded", () => {
    const cooling = make({ state: "cooling_down", tries_left: 1, next_try_at: "2026-11-28T13:30:00Z" });
    expect(describeStanding(cooling, "pretest", now)).toMatchObject({ action: null, text: "The next try is possible in 1 h 30 min. One try is left." });
    expect(describeStanding(cooling, "pretest", new Date("2026-11-28T13:30:00Z")).action).toBe("Try again");
  });
});

describe("a verdict", () => {
  const unit: FeedbackUnit = {
    segment_id: "s", gold: null, verdict: "wrong_label", start_off_ms: 0, end_off_ms: 0, start_off_frames: 0, end_off_frames: 0, tolerance_ms: 200,
    label_given: "BB-S1", label_expected: "t3", guideline_key: "query:tuck", text: "This is a full turn.",
    queries: [{ query: "turn", given: "yes", expected: "yes" }, { query: "tuck", given: null, expected: "no" }],
  };
  const words = { label: (id: string) => `label ${id}`, query: (id: string) => `${id}?` };

  test("of a walk under way is about the answers given so far, and tells nothing of those to come", () => {
    expect(describeVerdict(unit, false, words)).toEqual({ tone: "good", title: "Right so far", lines: [] });
    expect(describeVerdict({ ...unit, queries: unit.queries.map((one) => ({ ...one, given: null })) }, false, words).title).toBe("Not answered yet");
    const wrong = { ...unit, queries: [{ query: "turn", given: "no" as const, expected: "yes" as const }, unit.queries[1]!] };
    expect(describeVerdict(wrong, false, words)).toEqual({ tone: "bad", title: "Not that way", lines: ["turn? Yes, not no."] });
  });

  test("of one that is done is the server's", () => {
    expect(describeVerdict(unit, true, words)).toEqual({ tone: "bad", title: "Wrong label", lines: ["This is a full turn."] });
    expect(describeVerdict({ ...unit, verdict: "right", text: "Right." }, true, words)).toEqual({ tone: "good", title: "Right", lines: [] });
    const missed = { ...unit, verdict: "missed" as const, text: "Missed: leaps from 2.00 s to 3.00 s." };
    expect(describeVerdict(missed, true, words)).toMatchObject({ title: "Missed", lines: ["leaps from 2.00 s to 3.00 s."] });
  });
});
