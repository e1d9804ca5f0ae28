import { describe, expect, test } from "vitest";
import { readExported } from "./exported";

const COUNTS = { "x-finegym-records": "2", "x-finegym-actions": "3", "x-finegym-sub-actions": "0", "x-finegym-elements": "0" };

describe("what is said about an export", () => {
  test("is its name and how much is in it", () => {
    const headers = new Headers({ ...COUNTS, "content-disposition": 'attachment; filename="sub_actions.csv"', "x-finegym-left-out": "0" });
    expect(readExported(headers)).toEqual({
      name: "sub_actions.csv", counts: "2 records, 3 routines, 0 sub-actions, 0 elements", notes: [],
    });
  });

  test("names the first that was left out, whatever its record is called", () => {
    const first = encodeURIComponent("größe%20 from 1.000 s to 2.000 s");
    const headers = new Headers({ ...COUNTS, "x-finegym-left-out": "4", "x-finegym-first-left-out": first });
    expect(readExported(headers).notes).toEqual(["left out: 4 without an event of the codebook (first: größe%20 from 1.000 s to 2.000 s)"]);
  });

  test("says which labels the codebook no longer has", () => {
    const headers = new Headers({ ...COUNTS, "x-finegym-old-labels": "2", "x-finegym-first-old-label": "a%20from%201.000%20s" });
    expect(readExported(headers).notes).toEqual([
      "labels that the codebook no longer has: 2, written without their element (first: a from 1.000 s)",
    ]);
  });
});
