import { describe, expect, test } from "vitest";
import { chooseAmountRange, chooseShareRange, chooseTicks, place } from "./axis";

describe("ticks", () => {
  test("are round, inside the ends, and about as many as asked for", () => {
    expect(chooseTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(chooseTicks(-37, 160, 4)).toEqual([0, 50, 100, 150]);
    expect(chooseTicks(0.3, 1, 4)).toEqual([0.4, 0.6, 0.8, 1]);
    for (let k = 1; k < 60; k++) {
      const [low, high] = [-k * 1.7, k * 13.1];
      const ticks = chooseTicks(low, high, 5);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(7);
      expect(Math.min(...ticks)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...ticks)).toBeLessThanOrEqual(high);
    }
  });

  test("of a range without length are its one value", () => {
    expect(chooseTicks(3, 3, 5)).toEqual([3]);
  });
});

test("values lie between the ends, in proportion", () => {
  const axis = { low: 0.5, high: 1, from: 200, to: 0 };
  expect([0.5, 0.75, 1].map((value) => place(axis, value))).toEqual([200, 100, 0]);
});

test("shares near 1 get a range in which they differ to the eye; worse than chance is seen too", () => {
  expect(chooseShareRange([0.93, 0.97])).toEqual([0.9, 1]);
  expect(chooseShareRange([0.68, 0.97])).toEqual([0.6, 1]);
  expect(chooseShareRange([0.2])).toEqual([0, 1]);
  expect(chooseShareRange([-0.1, 0.4])).toEqual([-0.2, 1]);
  expect(chooseShareRange([-1])).toEqual([-1, 1]);
  expect(chooseShareRange([])).toEqual([0.9, 1]);
});

test("amounts begin at 0 and end at a round value that is not below the largest", () => {
  expect(chooseAmountRange([12, 83])).toEqual([0, 100]);
  expect(chooseAmountRange([])).toEqual([0, 1]);
  for (let most = 1; most < 400; most += 7) {
    const [low, high] = chooseAmountRange([most / 3]);
    expect(low).toBe(0);
    expect(high).toBeGreaterThanOrEqual(most / 3);
    expect(high).toBeLessThanOrEqual(most / 3 * 2);
    expect(chooseTicks(0, high, 4).at(-1)).toBeCloseTo(high, 9);
  }
});
