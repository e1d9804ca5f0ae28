/**
 * The walk through a set's decision tree: one query at a time.
 *
 * A walk is the answers given so far; everything else follows from them and the tree. "Unsure" (the footage does not show
 * it) keeps both branches: from there on the query is asked that halves the candidates best, as the server's codebook
 * does, and elements are ruled out only by what was answered.
 */

import type { Answer, PathStep } from "../commands/model";
import type { Tree } from "./codebook";

export interface WalkState {
  /** The query to ask now; null where the walk is over. */
  readonly query: string | null;
  /** Elements that no answer rules out, in the order of the tree. */
  readonly candidates: readonly string[];
  /** The element that the answers lead to, where they lead to one. */
  readonly element: string | null;
  /** The answers lead to "no such element". */
  readonly isDeadEnd: boolean;
  /** Nothing is left to ask, but several elements are left: what the footage does not show is what tells them apart. */
  readonly isUndecided: boolean;
}

export function walk(tree: Tree, path: readonly PathStep[]): WalkState {
  return path.some((step) => step.answer === "unsure") ? walkUnsure(tree, path) : walkSure(tree, path);
}

/** Follow the answers from the root. */
function walkSure(tree: Tree, path: readonly PathStep[]): WalkState {
  let node = tree;
  for (const step of path) {
    if (!("query" in node) || node.query !== step.query) {
      return { query: null, candidates: [], element: null, isDeadEnd: true, isUndecided: false };
    }
    node = step.answer === "yes" ? node.yes : node.no;
  }
  if ("query" in node) {
    return { query: node.query, candidates: listElements(node), element: null, isDeadEnd: false, isUndecided: false };
  }
  const candidates = node.element === null ? [] : [node.element];
  return { query: null, candidates, element: node.element, isDeadEnd: node.element === null, isUndecided: false };
}

function walkUnsure(tree: Tree, path: readonly PathStep[]): WalkState {
  const answers = new Map(path.map((step) => [step.query, step.answer]));
  const paths = getPaths(tree);
  const candidates = findCandidates(paths, answers);
  const query = suggestQuery(tree, paths, candidates, answers);
  return {
    query, candidates,
    element: candidates.length === 1 ? candidates[0]! : null,
    isDeadEnd: candidates.length === 0,
    isUndecided: query === null && candidates.length > 1,
  };
}

/** The elements below a node, yes before no. */
export function listElements(tree: Tree): string[] {
  if ("query" in tree) return [...listElements(tree.yes), ...listElements(tree.no)];
  return tree.element === null ? [] : [tree.element];
}

/** The answers that lead to each element; for one with two leaves the first, yes before no. */
export function getPaths(tree: Tree): Map<string, readonly PathStep[]> {
  const paths = new Map<string, readonly PathStep[]>();
  const visit = (node: Tree, path: readonly PathStep[]): void => {
    if ("query" in node) {
      visit(node.yes, [...path, { query: node.query, answer: "yes" }]);
      visit(node.no, [...path, { query: node.query, answer: "no" }]);
    } else if (node.element !== null && !paths.has(node.element)) paths.set(node.element, path);
  };
  visit(tree, []);
  return paths;
}

type Paths = ReadonlyMap<string, readonly PathStep[]>;

function findCandidates(paths: Paths, answers: ReadonlyMap<string, Answer>): string[] {
  const isPossible = (path: readonly PathStep[]): boolean =>
    path.every((step) => [undefined, "unsure", step.answer].includes(answers.get(step.query)));
  return [...paths].filter(([, path]) => isPossible(path)).map(([element]) => element);
}

/** As `finegym.codebook.tree.suggest_query`: the fewest candidates after the worse answer, then on average, then order. */
function suggestQuery(
  tree: Tree, paths: Paths, candidates: readonly string[], answers: ReadonlyMap<string, Answer>,
): string | null {
  const counts = new Map<string, [number, number]>();
  const visit = (node: Tree): void => {
    if (!("query" in node)) return;
    if (!answers.has(node.query) && !counts.has(node.query)) counts.set(node.query, [0, 0]);
    visit(node.yes);
    visit(node.no);
  };
  visit(tree);
  for (const element of candidates) {
    for (const step of paths.get(element)!) {
      const count = counts.get(step.query);
      if (count !== undefined) count[step.answer === "yes" ? 1 : 0] += 1;
    }
  }
  let best: string | null = null;
  let bestKey: readonly number[] = [];
  const total = candidates.length;
  for (const [query, [no, yes]] of counts) {
    if (no + yes === 0 || no === total || yes === total) continue;
    const key = [Math.min(no, yes) === 0 ? 1 : 0, total - Math.min(no, yes), 2 * total - no - yes];
    if (best === null || isSmaller(key, bestKey)) [best, bestKey] = [query, key];
  }
  return best;
}

function isSmaller(left: readonly number[], right: readonly number[]): boolean {
  const at = left.findIndex((value, k) => value !== right[k]);
  return at >= 0 && left[at]! < right[at]!;
}

/** Elements whose name has every word of the query, best first: those that begin with it, then the others. */
export function findByName<T extends { readonly name: string }>(elements: readonly T[], typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return [...elements];
  const found = elements.filter((one) => words.every((word) => one.name.toLowerCase().includes(word)));
  const rank = (one: T): number => (one.name.toLowerCase().startsWith(words[0]!) ? 0 : 1);
  return found.sort((left, right) => rank(left) - rank(right));
}
