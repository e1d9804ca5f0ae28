"""What one can ask of a decision tree: where answers lead, how to find an element, what to ask next.

Answers are ``True`` (yes), ``False`` (no) and, where they are given by query, ``None`` (unknown: asked, but the footage
does not show it). Elements come out depth-first with yes first, which is the order of the official Glabels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.problems import format_answers, suggest
from finegym.errors import CodebookError

Answer = bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """One query on a path, and the answer that the path takes."""

    query_id: str
    answer: bool


TreePath = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TreeShape:
    """Size of a tree: nodes ask, leaves are elements, dead answers lead to no element."""

    num_nodes: int
    num_leaves: int
    num_dead_answers: int
    min_depth: int
    max_depth: int
    mean_depth: float


def get_tree(codebook: Codebook, set_id: str) -> DecisionTree:
    """The tree of a set.

    Raises:
        CodebookError: the codebook has no such set, or the set has no tree.
    """
    if set_id not in codebook.set_by_id:
        raise CodebookError(
            f'codebook {codebook.name} has no set "{set_id}"{suggest(set_id, list(codebook.set_by_id))}'
        )
    if set_id not in codebook.tree_by_set_id:
        raise CodebookError(f"set {set_id} of codebook {codebook.name} has no decision tree")
    return codebook.tree_by_set_id[set_id]


def iterate_nodes(tree: DecisionTree) -> Iterator[tuple[tuple[bool, ...], Node | Leaf]]:
    """Every node and leaf with the answers that lead to it, depth-first, yes before no."""
    stack: list[tuple[tuple[bool, ...], Node | Leaf]] = [((), tree.root)]
    while stack:
        answers, node = stack.pop()
        yield answers, node
        if isinstance(node, Node):
            stack.append(((*answers, False), node.no))
            stack.append(((*answers, True), node.yes))


def get_elements_below(node: Node | Leaf) -> tuple[str, ...]:
    """The elements that can still be reached from a node, in the order of the tree."""
    found: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Node):
            stack += [current.no, current.yes]
        elif current.element_id is not None:
            found.append(current.element_id)
    return tuple(found)


def walk(tree: DecisionTree, answers: Sequence[bool]) -> Node | Leaf:
    """Follow answers from the root.

    Returns:
        Where they lead: a node (ask its query next) or a leaf.

    Raises:
        CodebookError: there are more answers than the path has queries.
    """
    node = tree.root
    for count, answer in enumerate(answers):
        if isinstance(node, Leaf):
            raise CodebookError(
                f"tree of {tree.set_id}: the path {format_answers(answers)} goes on after {count} answers, "
                f"where {node.element_id or 'no element'} is reached. Give at most {count}."
            )
        node = node.yes if answer else node.no
    return node


def trace_candidates(tree: DecisionTree, answers: Sequence[bool]) -> list[tuple[str, ...]]:
    """The elements left before the first answer, after the first, after the second, and so on."""
    return [get_elements_below(walk(tree, answers[:count])) for count in range(len(answers) + 1)]


def get_paths(tree: DecisionTree) -> dict[str, TreePath]:
    """The path of every element of a tree; for an element with two leaves (an error) that of the first."""
    paths: dict[str, TreePath] = {}
    stack: list[tuple[TreePath, Node | Leaf]] = [((), tree.root)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, Node):
            stack.append(((*path, Step(node.query_id, False)), node.no))
            stack.append(((*path, Step(node.query_id, True)), node.yes))
        elif node.element_id is not None:
            paths.setdefault(node.element_id, path)
    return paths


def get_path(tree: DecisionTree, element_id: str) -> TreePath:
    """The queries that lead to an element, with its answers.

    Raises:
        CodebookError: no leaf of the tree is this element.
    """
    paths = get_paths(tree)
    if element_id not in paths:
        raise CodebookError(
            f'tree of {tree.set_id}: no leaf is element "{element_id}"{suggest(element_id, list(paths))}'
        )
    return paths[element_id]


def find_candidates(tree: DecisionTree, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """The elements that no answer rules out.

    An element is ruled out by a known answer to a query of its path that is not the answer of its path. ``None`` rules
    out nothing, and neither does an answer to a query that its path does not ask.

    Args:
        tree: the tree of one set.
        answers: answers by query id, in any order and from anywhere in the tree.
    """
    return tuple(
        element_id
        for element_id, path in get_paths(tree).items()
        if all(answers.get(step.query_id) in (None, step.answer) for step in path)
    )


def suggest_query(tree: DecisionTree, answers: Mapping[str, Answer] | None = None) -> str | None:
    """The query that narrows the candidates best.

    Of the queries not asked yet, the one that leaves the fewest candidates after the worse answer; among equals the
    one that leaves fewer on average; among those the one that the tree asks first. Queries that can go both ways come
    before those that only one answer would narrow. A query answered "unknown" is not suggested again.

    Returns:
        A query id; ``None`` when at most one candidate is left or nothing tells those left apart.
    """
    answers = answers or {}
    paths = get_paths(tree)
    candidates = find_candidates(tree, answers)
    total = len(candidates)
    counts: dict[str, list[int]] = {}  # query id: candidates on no, on yes; in the order in which the tree asks
    for _, node in iterate_nodes(tree):
        if isinstance(node, Node) and node.query_id not in answers:
            counts.setdefault(node.query_id, [0, 0])
    for element_id in candidates:
        for step in paths[element_id]:
            if step.query_id in counts:
                counts[step.query_id][step.answer] += 1
    best: tuple[bool, int, int] | None = None
    best_id = None
    for query_id, (num_no, num_yes) in counts.items():
        if num_no + num_yes == 0 or total in (num_no, num_yes):
            continue  # nobody is asked this, or all would say the same
        # after yes, those on no are gone, and the reverse
        key = (min(num_no, num_yes) == 0, total - min(num_no, num_yes), 2 * total - num_no - num_yes)
        if best is None or key < best:
            best, best_id = key, query_id
    return best_id


def compute_tree_shape(tree: DecisionTree) -> TreeShape:
    """Count the nodes, leaves and dead ends of a tree; depths are those of its elements.

    Example:
        >>> compute_tree_shape(DecisionTree("X-S1", Node("q", Leaf("a"), Leaf(None))))
        TreeShape(num_nodes=1, num_leaves=1, num_dead_answers=1, min_depth=1, max_depth=1, mean_depth=1.0)
    """
    num_nodes = num_dead = 0
    depths = []
    for answers, node in iterate_nodes(tree):
        if isinstance(node, Node):
            num_nodes += 1
        elif node.element_id is None:
            num_dead += 1
        else:
            depths.append(len(answers))
    mean = sum(depths) / len(depths) if depths else 0.0
    return TreeShape(num_nodes, len(depths), num_dead, min(depths, default=0), max(depths, default=0), mean)
