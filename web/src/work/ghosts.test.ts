import { expect, test } from "vitest";
import type { Suggestion } from "../api/types";
import { applyChanges } from "../commands/apply";
import { clock } from "../commands/fake_server";
import { findWayBack } from "../commands/invert";
import { EMPTY } from "../commands/model";
import { findGhost, listGhosts } from "./ghosts";

const suggest = (id: string, start: number): Suggestion => ({
  id, batch: { id: "b", name: "n", model: "m" }, level: "action", start_frame: start, end_frame: start + 10, start_ms: start * 40,
  end_ms: start * 40 + 400, label: "VT", score: 0.5, doubts: [], answer: null,
});
const SUGGESTIONS = [suggest("late", 50), suggest("early", 10)];

test("a confirmed suggestion is gone, and back when its segment is undone; a rejected one likewise", () => {
  const confirmed = applyChanges(EMPTY, [{
    kind: "create_segment",
    payload: { segment_id: "s", level: "action", parent_id: null, start_frame: 10, end_frame: 20, label: "VT", suggestion_id: "early" },
  }], clock);
  expect(listGhosts(SUGGESTIONS, EMPTY).map((one) => one.id)).toEqual(["early", "late"]);
  expect(listGhosts(SUGGESTIONS, confirmed).map((one) => one.id)).toEqual(["late"]);
  const rejected = applyChanges(confirmed, [{ kind: "reject_suggestion", payload: { suggestion_id: "late" } }], clock);
  expect(listGhosts(SUGGESTIONS, rejected)).toEqual([]);
  const back = applyChanges(rejected, findWayBack(EMPTY, rejected, () => null), clock);
  expect(listGhosts(SUGGESTIONS, back)).toHaveLength(2);
});

test("the suggestion at hand is the one on screen, else the next, else the first", () => {
  const ghosts = listGhosts(SUGGESTIONS, EMPTY);
  expect(findGhost(ghosts, 55)?.id).toBe("late");
  expect(findGhost(ghosts, 30)?.id).toBe("late");
  expect(findGhost(ghosts, 90)?.id).toBe("early");
  expect(findGhost([], 0)).toBeNull();
});
