import { expect, test } from "vitest";
import { readNumber } from "./numbers";

test("an empty field is no number, and no zero", () => {
  expect(["", "  "].map((text) => readNumber(text, 0, 1))).toEqual([{ value: null }, { value: null }]);
  expect(readNumber("0", 0, 1)).toEqual({ value: 0 });
});

test("numbers are read as people write them", () => {
  expect(["0.35", "0,35", ".35", "+0.35", " 0.35 "].map((text) => readNumber(text, 0, 1))).toEqual(Array(5).fill({ value: 0.35 }));
  expect(readNumber("1.", 0, 1)).toEqual({ value: 1 });
});

test.each(["1.5", "-0.1", "half", "1e9", "0x1", "0.5.5", "1,000,000", "."])("%s is refused, with what is expected", (text) => {
  expect(readNumber(text, 0, 1)).toEqual({ problem: `“${text}” is no number from 0 to 1. Correct it, or leave the field empty.` });
});
