import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Answer, PathStep } from "../commands/model";
import { Codebook, type Tree } from "./codebook";
import { findByName, getPaths, listElements, walk } from "./walk";

const TREE: Tree = {
  query: "tucked",
  yes: { query: "twist", yes: { element: null }, no: { element: "tuck" } },
  no: { query: "twist", yes: { element: "full" }, no: { element: "layout" } },
};

const step = (query: string, answer: Answer): PathStep => ({ query, answer });

describe("a walk", () => {
  test("asks one query after the other and ends at an element", () => {
    expect(walk(TREE, [])).toMatchObject({ query: "tucked", candidates: ["tuck", "full", "layout"], element: null });
    expect(walk(TREE, [step("tucked", "no")])).toMatchObject({ query: "twist", candidates: ["full", "layout"] });
    expect(walk(TREE, [step("tucked", "no"), step("twist", "yes")])).toEqual({
      query: null, candidates: ["full"], element: "full", isDeadEnd: false, isUndecided: false,
    });
  });

  test("may end at no such element", () => {
    expect(walk(TREE, [step("tucked", "yes"), step("twist", "yes")])).toMatchObject({ isDeadEnd: true, candidates: [] });
  });

  test("unsure keeps both branches and goes on with what still tells them apart", () => {
    const state = walk(TREE, [step("tucked", "unsure")]);
    expect(state).toMatchObject({ query: "twist", candidates: ["tuck", "full", "layout"] });
    expect(walk(TREE, [step("tucked", "unsure"), step("twist", "yes")])).toMatchObject({ element: "full", query: null });
    expect(walk(TREE, [step("tucked", "unsure"), step("twist", "no")])).toMatchObject({
      candidates: ["tuck", "layout"], element: null, query: null, isUndecided: true,
    });
  });

  test("of another tree leads nowhere", () => {
    expect(walk(TREE, [step("other", "yes")])).toMatchObject({ isDeadEnd: true });
  });
});

// The second road: the codebook's own code, in Python, on the built-in trees.
const PYTHON = process.env["FINEGYM_PYTHON"] ?? "../.venv/bin/python";
test.skipIf(!existsSync(PYTHON))("agrees with the codebook's code on every answer of every built-in tree", () => {
  const program = `
import json
from finegym.codebook.source import open_codebook
from finegym.codebook.model import Leaf
from finegym.codebook.tree import find_candidates, suggest_query
book, _ = open_codebook("artistic-women")
def dump(node):
    return {"element": node.element_id} if isinstance(node, Leaf) else {"query": node.query_id, "yes": dump(node.yes), "no": dump(node.no)}
import random
rng = random.Random(3)
cases = []
for tree in book.trees:
    for _ in range(6):
        answers, path = {}, []
        query = tree.root.query_id if not isinstance(tree.root, Leaf) else None
        answers[query] = None; path.append([query, "unsure"])
        while True:
            query = suggest_query(tree, answers)
            cases.append({"set": tree.set_id, "path": list(path), "candidates": find_candidates(tree, answers), "query": query})
            if query is None: break
            answer = rng.choice([True, False, None]); answers[query] = answer
            path.append([query, {True: "yes", False: "no", None: "unsure"}[answer]])
print(json.dumps({"trees": {tree.set_id: dump(tree.root) for tree in book.trees}, "cases": cases}))
`;
  const told = JSON.parse(execFileSync(PYTHON, ["-c", program], { encoding: "utf8", maxBuffer: 1e8 })) as {
    trees: Record<string, Tree>;
    cases: { set: string; path: [string, Answer][]; candidates: string[]; query: string | null }[];
  };
  expect(told.cases.length).toBeGreaterThan(50);
  for (const one of told.cases) {
    const state = walk(told.trees[one.set]!, one.path.map(([query, answer]) => step(query, answer)));
    expect({ candidates: state.candidates, query: state.query }).toEqual({ candidates: one.candidates, query: one.query });
  }
  for (const tree of Object.values(told.trees)) {
    for (const [element, path] of getPaths(tree)) expect(walk(tree, path).element).toBe(element);
    expect(new Set(listElements(tree)).size).toBe(getPaths(tree).size);
  }
});

test("elements are found by any words of their names", () => {
  const elements = ["salto backward tucked", "salto forward tucked", "full turn, salto"].map((name) => ({ name }));
  expect(findByName(elements, "tuck salto")).toHaveLength(2);
  expect(findByName(elements, "full")[0]!.name).toBe("full turn, salto");
  expect(findByName(elements, "  ")).toHaveLength(3);
});

test("a label's set is found from sets and from elements", () => {
  const codebook = new Codebook({
    number: 1, name: "t", events: [{ id: "TU", name: "tumbling" }], sets: [{ id: "TU-S1", event_id: "TU", name: "saltos" }],
    elements: [{ id: "full", set_id: "TU-S1", name: "full twist" }], queries: [{ id: "twist", text: "Twists?" }], trees: { "TU-S1": TREE },
  });
  expect(codebook.getSetId("full")).toBe("TU-S1");
  expect(codebook.getSetId("TU-S1")).toBe("TU-S1");
  expect(codebook.getSetId("TU")).toBeNull();
  expect(codebook.getName("TU")).toBe("tumbling");
});
