"""What is wrong with a codebook: every problem at once, errors and warnings apart.

Errors are what makes labels ambiguous (two leaves of one element, two elements of one name in a set, a query asked
twice on a path); warnings are what a person should look at (a dead answer, a misspelt word). One function a rule, or a
few that belong together; ``RULES`` is the list. Rules about wording are in ``codebook.wording``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from finegym.codebook.difficulty import parse_difficulty_code
from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.problems import Places, Problem, Severity, format_answers
from finegym.codebook.tree import get_elements_below, get_paths, iterate_nodes
from finegym.codebook.wording import (
    AMOUNT,
    check_alike_names,
    check_alike_queries,
    check_spelling,
    check_texts,
    fold_text,
    list_ids,
)

Rule = Callable[[Codebook, Places], Iterator[Problem]]


def check_codebook(codebook: Codebook, places: Places | None = None) -> tuple[Problem, ...]:
    """Find every problem of a codebook.

    Args:
        codebook: what to check.
        places: file and line of its parts, from ``read_codebook_with_places`` or ``read_official_files``; without,
            problems carry no place.

    Returns:
        Errors first, then warnings; in each the order of ``RULES`` and of the codebook.
    """
    found = [problem for rule in RULES for problem in rule(codebook, places or {})]
    order = {element.id: index for index, element in enumerate(codebook.elements)}
    found = [
        replace(problem, element_ids=tuple(sorted(set(problem.element_ids), key=lambda id_: order.get(id_, -1))))
        for problem in found
    ]
    return tuple(sorted(found, key=lambda problem: problem.severity != "error"))


def check_leaves(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Every element of a set with a tree has exactly one leaf, and that in the tree of its set."""
    leaves: dict[str, list[tuple[str, str]]] = {}
    for tree in codebook.trees:
        for answers, node in iterate_nodes(tree):
            if isinstance(node, Leaf) and node.element_id is not None:
                leaves.setdefault(node.element_id, []).append((tree.set_id, format_answers(answers)))
    for element_id, found in leaves.items():
        for set_id, path in found:
            own = codebook.element_by_id[element_id].set_id
            if own != set_id:
                message = f"tree of {set_id}: the leaf at {path} is element {element_id}, which belongs to set {own}"
                yield Problem("error", "leaf-of-other-set", message, places.get(("node", set_id, path)), (element_id,))
        for set_id, path in found[1:]:
            message = (
                f"tree of {set_id}: element {element_id} has two leaves, at {found[0][1] or 'the root'} "
                f"of {found[0][0]} and at {path} of {set_id}; keep one"
            )
            place = places.get(("node", set_id, path))
            yield Problem("error", "duplicate-leaf", message, place, (element_id,), set_id)
    for element in codebook.elements:
        if element.id not in leaves and element.set_id in codebook.tree_by_set_id:
            message = f"element {element.id} ({element.name.strip()}) has no leaf in the tree of {element.set_id}"
            place = places.get(("element", element.id))
            yield Problem("error", "no-leaf", message, place, (element.id,), element.set_id)


def check_queries_on_paths(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """A path asks a query once; asked again, one of its answers cannot be given and what is below is unreachable."""
    for tree in codebook.trees:
        stack: list[tuple[tuple[bool, ...], Node | Leaf, dict[str, bool]]] = [((), tree.root, {})]
        while stack:
            answers, node, known = stack.pop()
            if isinstance(node, Leaf):
                continue
            if node.query_id in known:
                given = known[node.query_id]
                lost = get_elements_below(node.no if given else node.yes)
                message = (
                    f"tree of {tree.set_id}: the path {format_answers(answers)} asks {node.query_id} again, "
                    f"answered {_say(given)} before"
                )
                below = get_elements_below(node)
                message += f"; unreachable: {list_ids(lost)}" if lost else f"; elements below: {list_ids(below)}"
                place = places.get(("node", tree.set_id, format_answers(answers)))
                kind = "unreachable-leaf" if lost else "query-asked-twice"
                yield Problem("error", kind, message, place, lost or below, tree.set_id)
            stack.append(((*answers, False), node.no, {**known, node.query_id: False}))
            stack.append(((*answers, True), node.yes, {**known, node.query_id: True}))
        yield from _check_same_text_on_paths(codebook, tree, places)


def _check_same_text_on_paths(codebook: Codebook, tree: DecisionTree, places: Places) -> Iterator[Problem]:
    folded = {query.id: fold_text(query.text) for query in codebook.queries}
    reported = set()
    for element_id, path in get_paths(tree).items():
        first: dict[str, str] = {}
        for depth, step in enumerate(path):
            earlier = first.setdefault(folded[step.query_id], step.query_id)
            if earlier == step.query_id or (earlier, step.query_id) in reported:
                continue
            reported.add((earlier, step.query_id))
            answers = format_answers([step.answer for step in path[:depth]])
            message = f"tree of {tree.set_id}: one path asks {earlier} and {step.query_id}, whose texts are alike"
            place = places.get(("node", tree.set_id, answers))
            yield Problem("warning", "query-asked-alike", message, place, (element_id,), tree.set_id)


def check_dead_answers(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """An answer that leads to no element: an annotator who gives it has found none, which may be meant."""
    for tree in codebook.trees:
        for answers, node in iterate_nodes(tree):
            if not isinstance(node, Node):
                continue
            below = get_elements_below(node)
            dead = [answer for answer, child in ((True, node.yes), (False, node.no)) if child == Leaf(None)]
            if not dead:
                continue
            text = codebook.query_by_id[node.query_id].text
            said = " and ".join(_say(answer) for answer in dead)
            message = (
                f'tree of {tree.set_id} at {format_answers(answers) or "the root"}: "{text}" {said} leads to no '
                f"element; elements below: {list_ids(below)}"
            )
            place = places.get(("node", tree.set_id, format_answers(answers)))
            yield Problem("warning", "dead-answer", message, place, below, tree.set_id)


def check_swapped_leaves(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Two leaves of one query whose names say the reverse: "2 twist?" yes is "1 twist", no is "2 twist"."""
    for tree in codebook.trees:
        for answers, node in iterate_nodes(tree):
            if not (isinstance(node, Node) and isinstance(node.yes, Leaf) and isinstance(node.no, Leaf)):
                continue
            if node.yes.element_id is None or node.no.element_id is None:
                continue
            yes, no = codebook.element_by_id[node.yes.element_id], codebook.element_by_id[node.no.element_id]
            text = codebook.query_by_id[node.query_id].text
            asked = set(AMOUNT.findall(text))
            if asked & set(AMOUNT.findall(no.name)) and not asked & set(AMOUNT.findall(yes.name)):
                message = (
                    f'tree of {tree.set_id}: elements {yes.id} and {no.id} look swapped: "{text}" yes gives '
                    f'"{yes.name.strip()}", no gives "{no.name.strip()}"'
                )
                place = places.get(("node", tree.set_id, format_answers(answers)))
                yield Problem("warning", "swapped-leaves", message, place, (yes.id, no.id), tree.set_id)


def check_contradictions(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Attributes: given ones that gainsay the path, and elements of a set that share all of them."""
    all_attributes = codebook.attributes_by_element_id
    for tree in codebook.trees:
        established = _establish_attributes(codebook, tree)
        for element_id, along_path in established.items():
            element = codebook.element_by_id[element_id]
            for name, value in element.given_attributes.items():
                if name in along_path and along_path[name] != value:
                    message = (
                        f"element {element_id}: its attribute {name} is given as {value!r}, its path says "
                        f"{along_path[name]!r}; the given one counts"
                    )
                    place = places.get(("element", element_id))
                    yield Problem("warning", "attribute-contradiction", message, place, (element_id,), tree.set_id)
    for set_ in codebook.sets:
        alike: dict[frozenset, list[str]] = {}
        for element in codebook.get_elements_of_set(set_.id):
            own = {item for item in all_attributes[element.id].items() if item not in set_.attributes.items()}
            if own:
                alike.setdefault(frozenset(own), []).append(element.id)
        for ids in alike.values():
            if len(ids) > 1:
                message = (
                    f"set {set_.id}: elements {list_ids(ids)} share all attributes; give one that tells them apart"
                )
                yield Problem(
                    "warning", "same-attributes", message, places.get(("element", ids[1])), tuple(ids), set_.id
                )


def _establish_attributes(codebook: Codebook, tree: DecisionTree) -> dict[str, dict]:
    found = {}
    for element_id, path in get_paths(tree).items():
        along: dict = {}
        for step in path:
            query = codebook.query_by_id[step.query_id]
            along.update(query.yes if step.answer else query.no)
        found[element_id] = along
    return found


def check_difficulty(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Codes follow a known notation, and value and code say the same."""
    for element in codebook.elements:
        code, value = element.difficulty_code, element.difficulty_value
        if code is None:
            continue
        place = places.get(("element", element.id))
        parsed = parse_difficulty_code(code)
        if parsed is None:
            message = (
                f'element {element.id}: difficulty code "{code}" does not parse; expected points (4.60), '
                f"group.letter and box (3.205), a letter (B) or a dive number (5253B). Its value is "
                f"{'missing' if value is None else value}"
            )
            yield Problem("warning", "odd-code", message, place, (element.id,), element.set_id)
        elif parsed.value is not None and value is not None and abs(parsed.value - value) > 1e-9:
            message = f'element {element.id}: difficulty code "{code}" stands for {parsed.value}, its value is {value}'
            yield Problem("warning", "code-contradicts-value", message, place, (element.id,), element.set_id)


def check_completeness(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Sets without elements or tree, queries that no tree asks, numbers given twice."""
    asked = {node.query_id for tree in codebook.trees for _, node in iterate_nodes(tree) if isinstance(node, Node)}
    for query in codebook.queries:
        if query.id not in asked:
            message = f"query {query.id} is asked in no tree"
            yield Problem("warning", "unused-query", message, places.get(("query", query.id)))
    for set_ in codebook.sets:
        members = codebook.get_elements_of_set(set_.id)
        place = places.get(("set", set_.id))
        if not members:
            yield Problem("warning", "empty-set", f"set {set_.id} has no elements", place, (), set_.id)
        elif set_.id not in codebook.tree_by_set_id:
            ids = tuple(element.id for element in members)
            message = f"set {set_.id} has no decision tree for its elements {list_ids(ids)}"
            yield Problem("warning", "no-tree", message, place, ids, set_.id)
    yield from _check_numbers("event", {event.id: event.number for event in codebook.events}, places)
    yield from _check_numbers("set", {set_.id: set_.number for set_ in codebook.sets}, places)
    yield from _check_numbers("element", {element.id: element.glabel for element in codebook.elements}, places)


def _check_numbers(kind: str, number_by_id: dict[str, int | None], places: Places) -> Iterator[Problem]:
    first: dict[int, str] = {}
    for id_, number in number_by_id.items():
        if number is None or first.setdefault(number, id_) == id_:
            continue
        what = "Glabel" if kind == "element" else "number"
        message = f"{kind} {id_} has the {what} {number} of {kind} {first[number]}"
        ids = (first[number], id_) if kind == "element" else ()
        # One Glabel may stand for elements that a finer codebook tells apart; a number is a key of official files.
        severity: Severity = "warning" if kind == "element" else "error"
        yield Problem(severity, "same-number", message, places.get((kind, id_)), ids)


def _say(answer: bool) -> str:
    return "yes" if answer else "no"


RULES: tuple[Rule, ...] = (
    check_leaves,
    check_queries_on_paths,
    check_alike_names,
    check_completeness,
    check_swapped_leaves,
    check_difficulty,
    check_contradictions,
    check_texts,
    check_spelling,
    check_alike_queries,
    check_dead_answers,
)
