import { describe, expect, test } from "vitest";
import { applyChanges } from "./apply";
import { clock } from "./fake_server";
import { createSegment, cutStage, findBoundary, listSegments, mergeWithNext, moveEdgeTo, splitSegment, type Place, type Plan } from "./marking";
import { EMPTY, type PassContent } from "./model";

const place: Place = { level: "sub-action", parentId: "action", bounds: [0, 100] };
let count = 0;
const newId = (): string => `new${count++}`;

function run(content: PassContent, plan: Plan): PassContent {
  expect(plan.kind).toBe("do");
  return plan.kind === "do" ? applyChanges(content, plan.changes, clock) : content;
}

const make = (ranges: readonly (readonly [string, number, number])[]): PassContent =>
  ranges.reduce((now, [id, first, last]) => run(now, createSegment(now, place, first, last, { id })), EMPTY);

const frames = (content: PassContent, level: "sub-action" | "stage" = "sub-action"): number[][] =>
  listSegments(content, level).map((one) => [one.start_frame, one.end_frame]);

describe("new segments", () => {
  test("last frame inclusive: the end is the frame after it", () => {
    expect(frames(make([["a", 10, 19]]))).toEqual([[10, 20]]);
  });

  test("a few frames into a neighbour: it touches it, and says so; more: it is refused", () => {
    const content = make([["a", 10, 19]]);
    const plan = createSegment(content, place, 17, 30, { id: "b" });
    expect(plan).toMatchObject({ kind: "do", note: expect.stringContaining("3 frames later") });
    expect(frames(run(content, plan))).toEqual([[10, 20], [20, 31]]);
    expect(createSegment(content, place, 12, 30, { id: "b" })).toMatchObject({ kind: "cannot" });
    expect(createSegment(content, place, 5, 60, { id: "b" })).toMatchObject({ kind: "cannot" });
    expect(createSegment(content, place, 30, 20, { id: "b" })).toMatchObject({ kind: "cannot" });
  });
});

describe("edges", () => {
  test("pushed into a touching neighbour, both move; into another, nothing does", () => {
    const content = make([["a", 10, 19], ["b", 20, 29], ["c", 40, 49]]);
    const { segments } = content;
    expect(frames(run(content, moveEdgeTo(content, place, segments.get("a")!, "end", 22)))).toEqual([[10, 22], [22, 30], [40, 50]]);
    expect(frames(run(content, moveEdgeTo(content, place, segments.get("a")!, "end", 18)))).toEqual([[10, 18], [20, 30], [40, 50]]);
    expect(moveEdgeTo(content, place, segments.get("b")!, "end", 41)).toMatchObject({ kind: "cannot" });
    expect(moveEdgeTo(content, place, segments.get("c")!, "end", 101)).toMatchObject({ kind: "cannot" });
    expect(moveEdgeTo(content, place, segments.get("c")!, "start", 50)).toMatchObject({ kind: "cannot" });
  });

  test("first and last stage go along", () => {
    let content = make([["a", 10, 39]]);
    content = run(content, cutStage(content, content.segments.get("a")!, 20, newId));
    content = run(content, cutStage(content, content.segments.get("a")!, 30, newId));
    expect(frames(content, "stage")).toEqual([[10, 20], [20, 30], [30, 40]]);
    content = run(content, moveEdgeTo(content, place, content.segments.get("a")!, "end", 36));
    content = run(content, moveEdgeTo(content, place, content.segments.get("a")!, "start", 8));
    expect(frames(content)).toEqual([[8, 36]]);
    expect(frames(content, "stage")).toEqual([[8, 20], [20, 30], [30, 36]]);
  });
});

test("split and merge are each other's inverse", () => {
  const content = make([["a", 10, 29]]);
  const parts = run(content, splitSegment(content.segments.get("a")!, 17, "b"));
  expect(frames(parts)).toEqual([[10, 17], [17, 30]]);
  expect(frames(run(parts, mergeWithNext(parts, parts.segments.get("a")!)))).toEqual([[10, 30]]);
  expect(mergeWithNext(parts, parts.segments.get("b")!)).toMatchObject({ kind: "cannot" });
  expect(splitSegment(content.segments.get("a")!, 10, "b")).toMatchObject({ kind: "cannot" });
});

test("boundaries before and after a frame", () => {
  const segments = listSegments(make([["a", 10, 19], ["b", 20, 29]]), "sub-action");
  expect(findBoundary(segments, 10, 1)).toBe(20);
  expect(findBoundary(segments, 20, -1)).toBe(10);
  expect(findBoundary(segments, 30, 1)).toBeNull();
});
