import { describe, expect, test } from "vitest";
import { linkBehind, readBehind } from "./behind";
import { findPair, groupBySet, type Pair } from "./confusions";

const pair = (left: string, right: string, count: number): Pair => ({ left, right, count, item_ids: [`${left}${right}`] });
const PAIRS = [pair("a1", "a2", 2), pair("a3", "a1", 1), pair("b1", "b2", 9), pair("a1", "b1", 4)];
const getSet = (label: string): string | null => (label.startsWith("none") ? null : label[0]!);

describe("confusions", () => {
  test("are told set by set, most first, and those across sets last", () => {
    expect(groupBySet(PAIRS, getSet).map((one) => [one.set, one.count, one.labels])).toEqual([
      ["b", 9, ["b1", "b2"]], ["a", 3, ["a1", "a2", "a3"]], [null, 4, ["a1", "b1"]],
    ]);
  });

  test("with no such element belong to the set of the other side", () => {
    expect(groupBySet([pair("none a", "a1", 1), pair("b1", "none b", 2)], getSet).map((one) => [one.set, one.count])).toEqual([["b", 2], ["a", 1]]);
  });

  test("are the same seen from either side, with all the items behind them", () => {
    expect(findPair(PAIRS, "a2", "a1")).toMatchObject({ count: 2 });
    expect(findPair(PAIRS, "a2", "a3")).toBeNull();
    expect(findPair([pair("x", "y", 1), pair("y", "x", 2)], "x", "y")).toEqual({ left: "x", right: "y", count: 3, item_ids: ["xy", "yx"] });
  });
});

test("an address that leads to items says which, and of how many; what is no id is left", () => {
  const ids = ["9b2d1c1e-0000-4000-8000-000000000001", "9b2d1c1e-0000-4000-8000-000000000002"];
  const address = linkBehind("p", ids, "F1 & edges: 90 %", 412);
  expect(readBehind(address.split("?")[1]!)).toEqual({ ids, what: "F1 & edges: 90 %", total: 412 });
  expect(readBehind("ids=../../x,9b2d1c1e-0000-4000-8000-000000000001")).toEqual({ ids: ["9b2d1c1e-0000-4000-8000-000000000001"], what: null, total: 1 });
});
