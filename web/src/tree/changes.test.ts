import { describe, expect, test } from "vitest";
import { listChanges } from "./changes";

describe("the changes of a codebook", () => {
  test("are grouped by kind; what did not change is not there", () => {
    const diff = {
      old_version: "1", new_version: "2", events_appeared: [], elements_gone: ["t3"],
      elements_repathed: [{ id: "t1", old: "q_turn: yes", new: "q_turn: yes, q_tuck: no" }],
      queries_reworded: [{ id: "q_half", old: "half a turn?", new: "half a turn or more?" }],
    };
    expect(listChanges(diff)).toEqual([
      { title: "Elements gone", rows: [{ id: "t3" }] },
      { title: "Elements found by other answers", rows: [{ id: "t1", old: "q_turn: yes", new: "q_turn: yes, q_tuck: no" }] },
      { title: "Queries reworded", rows: [{ id: "q_half", old: "half a turn?", new: "half a turn or more?" }] },
    ]);
  });

  test("are none where only the version number is another", () => {
    expect(listChanges({ old_version: "1", new_version: "2", sets_gone: [] })).toEqual([]);
  });

  test("of a kind that this page does not know are shown by the server's word", () => {
    expect(listChanges({ queries_split: ["q"] })).toEqual([{ title: "Queries split", rows: [{ id: "q" }] }]);
  });
});
