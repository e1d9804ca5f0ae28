import { expect, test } from "vitest";
import { describeFound, describePoints, describeSuggested } from "./words";

test("what was performed comes first, then what was not, or not to its end", () => {
  expect(describeFound({})).toBe("0");
  expect(describeFound({ routine: 3 })).toBe("3");
  expect(describeFound({ replay: 2, routine: 1, interrupted: 1, unclear: 1 })).toBe("1 + 1 interrupted + 2 replays + 1 unclear");
  expect(describeFound({ replay: 1 })).toBe("0 + 1 replay");
});

test("points of several routines are a range", () => {
  expect([[], [5.36], [5.4, 3.12, 4]].map(describePoints)).toEqual(["–", "5.4", "3.1 to 5.4"]);
});

test("what was suggested says how much of it is unsure, and what it replaces", () => {
  const made = { num_routines: 1, num_sub_actions: 8, num_unsure: 6, num_withdrawn: 0 };
  expect(describeSuggested(made)).toBe("1 routine and 8 sub-actions suggested, 6 of them marked as unsure.");
  expect(describeSuggested({ ...made, num_withdrawn: 2 })).toContain("shown no more");
});
