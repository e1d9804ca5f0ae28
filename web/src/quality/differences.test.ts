import { describe, expect, test } from "vitest";
import type { Adjudication, AdjudicationUnit } from "../api/quality_types";
import { describeChoice, findNext, findUnitOf, formatOffset, isOpen, listMarked, listReasons, listUnits, sortQueries } from "./differences";

const PERSON = { id: "p", name: "Lea" };

function unit(id: string, startMs: number, facts: Partial<AdjudicationUnit> = {}): AdjudicationUnit {
  return {
    id, segment_id: id, members: [{ pass_id: "a", segment_id: `a-${id}` }, { pass_id: "b", segment_id: null }], start_ms: startMs, end_ms: startMs + 400,
    start_frame: startMs / 40, end_frame: startMs / 40 + 10, label: null, is_no_element: false, presence: 1, confidence: 1, is_left_out: false, reasons: [], needs_decision: false, decision: null, votes: [], queries: [], ...facts,
  };
}

const decided = (reason: string, at: string) => ({ choice: "a", reason, by: PERSON, at });
const ADJUDICATION: Adjudication = {
  comparison_id: "c", state: "adjudicate", method: "majority",
  lanes: [{ pass_id: "a", person: PERSON, name: "A", segments: [] }, { pass_id: "b", person: PERSON, name: "B", segments: [] }],
  units: [
    unit("late", 4000, { needs_decision: true, reasons: ["one of two has it"], decision: decided("replay", "2026-11-28T12:00:00Z") }),
    unit("first", 0, { needs_decision: true, reasons: ["labels differ"] }),
    unit("same", 2000),
    unit("last", 6000, { needs_decision: true, reasons: ["edges"], decision: decided("cut", "2026-11-28T12:05:00Z") }),
  ],
};
const UNITS = listUnits(ADJUDICATION);

describe("going through the differences", () => {
  test("is in order of time", () => {
    expect(UNITS.map((one) => one.id)).toEqual(["first", "same", "late", "last"]);
  });

  test("leads to the next one wanted, round the end, and never to where one is", () => {
    expect(findNext(UNITS, null, 1, isOpen)?.id).toBe("first");
    expect(findNext(UNITS, "first", 1, isOpen)).toBeNull();
    expect(findNext(UNITS, "last", 1, () => true)?.id).toBe("first");
    expect(findNext(UNITS, "first", -1, () => true)?.id).toBe("last");
    expect(findNext(UNITS, "late", -1, () => true)?.id).toBe("same");
    expect(findNext(UNITS, null, -1, () => true)?.id).toBe("last");
  });

  test("a decision closes one; what all agree on is never open", () => {
    expect(UNITS.filter(isOpen).map((one) => one.id)).toEqual(["first"]);
  });
});

test("a bar of a lane leads to its difference, and is marked only where the passes differ", () => {
  expect(findUnitOf(ADJUDICATION, "a", "a-late")?.id).toBe("late");
  expect(findUnitOf(ADJUDICATION, "b", "a-late")).toBeNull();
  expect([...listMarked(ADJUDICATION, ADJUDICATION.lanes[0]!)].sort()).toEqual(["a-first", "a-last", "a-late"]);
  expect(listMarked(ADJUDICATION, ADJUDICATION.lanes[1]!).size).toBe(0);
});

test("queries on which votes are split come first; who was not asked has no vote", () => {
  const vote = (passId: string, answer: "yes" | "no" | "unsure" | null) => ({ pass_id: passId, answer });
  const query = (id: string, ...answers: ("yes" | "no" | null)[]) => ({ query: id, text: id, votes: answers.map((one, k) => vote(String(k), one)), majority: null, confidence: null });
  const asked = unit("q", 0, { queries: [query("same", "yes", "yes"), query("half", "yes", null), query("split", "yes", "no")] });
  expect(sortQueries(asked).map((one) => [one.query.query, one.isSplit])).toEqual([["split", true], ["same", false], ["half", false]]);
});

test("decisions and offsets in words", () => {
  expect(["consensus", "own", "none", "b", "gone"].map((choice) => describeChoice(choice, ADJUDICATION.lanes))).toEqual([
    "the consensus", "as changed by hand", "nothing is there", "as in B", "one of the passes",
  ]);
  expect([80, -40, 0, null].map(formatOffset)).toEqual(["+80 ms", "−40 ms", "0", ""]);
  expect(listReasons(ADJUDICATION)).toEqual(["cut", "replay"]);
});
