"""The difficulty score of one routine: what counted, what it gave, and why, line by line.

Elements come in the order in which they were performed. Each is recognised once; of those the highest values count,
the dismount among them, within the limits of the edition; requirements and connections are looked for among all that
were recognised. Points are thousandths inside, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from finegym.annotations.model import Action, SubAction
from finegym.applications.scoring.code_of_points import CodeOfPoints, Connection, EventRules, Requirement
from finegym.applications.scoring.conditions import ElementFacts, fits
from finegym.codebook.difficulty import parse_difficulty_code
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError

COUNTED, REPEATED, NO_VALUE, UNKNOWN = "counted", "done before", "no value known", "no element"
LIMITED, LOWER = "beyond the limit", "not among the highest"


@dataclass(frozen=True)
class ScoredElement:
    """One sub-action on the score sheet.

    Attributes:
        name: its part of the instance id.
        start_ms: on the record's clock.
        end_ms: likewise.
        facts: the element, ``None`` where nobody has said which.
        is_dismount: whether it is the routine's dismount.
        status: ``counted``, or why it did not count.
        thousandths: what it gave.
    """

    name: str
    start_ms: int
    end_ms: int
    facts: ElementFacts | None
    is_dismount: bool
    status: str
    thousandths: int


@dataclass(frozen=True)
class Award:
    """A requirement or a connection on the score sheet.

    Attributes:
        id: of a requirement; empty for a connection.
        text: what it is.
        thousandths: what it gave.
        at_most: what it could have given.
        elements: indices of the elements that it rests on.
        is_certain: false where the codebook does not say enough of some element; then nothing was given.
    """

    id: str
    text: str
    thousandths: int
    at_most: int
    elements: tuple[int, ...]
    is_certain: bool = True


@dataclass(frozen=True)
class DifficultyScore:
    """The difficulty score of a routine, and everything that it is made of.

    Attributes:
        event_id: which event.
        code: name of the code of points.
        elements: in order of time.
        requirements: of the event, met or not.
        connections: that gave something.
        num_unknown: sub-actions without an element.
        num_without_value: elements whose value nobody knows.
    """

    event_id: str
    code: str
    elements: tuple[ScoredElement, ...]
    requirements: tuple[Award, ...]
    connections: tuple[Award, ...]
    num_unknown: int
    num_without_value: int

    @property
    def thousandths(self) -> int:
        """The whole score."""
        awards = (*self.requirements, *self.connections)
        return sum(one.thousandths for one in self.elements) + sum(award.thousandths for award in awards)

    @property
    def points(self) -> float:
        """The whole score in points."""
        return self.thousandths / 1000

    @property
    def is_certain(self) -> bool:
        """Whether nothing was missing: every sub-action has a valued element, every requirement could be decided."""
        return not (self.num_unknown or self.num_without_value) and all(one.is_certain for one in self.requirements)


def score_action(action: Action, codebook: Codebook, code: CodeOfPoints) -> DifficultyScore:
    """The difficulty score of an annotated (or parsed) routine.

    Args:
        action: a routine whose sub-actions have been looked for.
        codebook: its codebook.
        code: the edition.

    Raises:
        AnnotationError: nobody has looked for sub-actions, or the code has no rules for the event.
    """
    if action.sub_actions is None:
        raise AnnotationError(f"{action.name}: nobody has looked for its sub-actions, so it has no score. Label them.")
    if action.event_id not in code.events:
        known = ", ".join(code.events)
        raise AnnotationError(f"{action.name}: {code.name} has no rules for event {action.event_id}; it has {known}.")
    subs = sorted(action.sub_actions, key=lambda sub: (sub.start_ms, sub.end_ms))
    facts = [make_facts(sub.element_id, codebook, code) for sub in subs]
    return score_elements(subs, facts, action.event_id, code)


def make_facts(element_id: str | None, codebook: Codebook, code: CodeOfPoints) -> ElementFacts | None:
    """What the rules ask of an element; ``None`` for no element."""
    if element_id is None:
        return None
    element = codebook.element_by_id[element_id]
    parsed = parse_difficulty_code(element.difficulty_code) if element.difficulty_code else None
    letter = parsed.letter if parsed else None
    points = code.find_value(element.id, element.name, element.difficulty_code)
    if points is None:
        points = code.letters.get(letter) if letter else element.difficulty_value
    has_box = parsed is not None and parsed.box is not None
    return ElementFacts(
        element_id=element.id,
        set_id=element.set_id,
        name=element.name,
        attributes=codebook.attributes_by_element_id[element.id] if _has_attributes(codebook) else {},
        letter=letter,
        key=str(element.difficulty_code) if has_box else element.id,
        points=None if points is None else _to_thousandths(points),
    )


def score_elements(
    subs: Sequence[SubAction], facts: Sequence[ElementFacts | None], event_id: str, code: CodeOfPoints
) -> DifficultyScore:
    """As ``score_action``, of sub-actions in order of time with the facts of their elements."""
    rules = code.events[event_id]
    first = _find_first(facts)
    dismount = _find_dismount(facts, rules)
    counted = _choose_counted(facts, first, dismount, rules)
    elements = []
    for index, (sub, fact) in enumerate(zip(subs, facts, strict=True)):
        status = _explain(index, facts, first, counted, rules)
        given = (fact.points or 0) if fact and status == COUNTED else 0
        elements.append(ScoredElement(sub.name, sub.start_ms, sub.end_ms, fact, index == dismount, status, given))
    spans = [(sub.start_ms, sub.end_ms) for sub in subs]
    requirements = tuple(_judge(rule, facts, spans, dismount) for rule in rules.requirements)
    return DifficultyScore(
        event_id=event_id,
        code=code.name,
        elements=tuple(elements),
        requirements=requirements,
        connections=tuple(_find_connections(rules.connections, facts, spans, first)),
        num_unknown=sum(fact is None for fact in facts),
        num_without_value=sum(fact is not None and fact.points is None for fact in facts),
    )


def _has_attributes(codebook: Codebook) -> bool:
    """Whether trees establish attributes; FineGym's own question trees do not."""
    return any(query.yes or query.no for query in codebook.queries)


def _to_thousandths(points: float) -> int:
    return round(points * 1000)


def _find_first(facts: Sequence[ElementFacts | None]) -> set[int]:
    """Indices of elements that were not performed before."""
    seen: set[str] = set()
    first = set()
    for index, fact in enumerate(facts):
        if fact is not None and fact.key not in seen:
            seen.add(fact.key)
            first.add(index)
    return first


def _find_dismount(facts: Sequence[ElementFacts | None], rules: EventRules) -> int | None:
    if rules.dismount is None:
        return None
    fitting = [index for index, fact in enumerate(facts) if fact is not None and fits(fact, rules.dismount)]
    return fitting[-1] if fitting else None


def _choose_counted(
    facts: Sequence[ElementFacts | None], first: set[int], dismount: int | None, rules: EventRules
) -> set[int]:
    """The elements that count: the dismount, then the highest ones that the limits leave room for.

    Taking the highest first is the best choice as long as no element is of two limited kinds, as in every edition.
    """
    valued = [index for index in first if (fact := facts[index]) is not None and fact.points is not None]
    order = sorted(valued, key=lambda index: (index != dismount, -_get_points(facts, index), index))
    if rules.counts == "own value":
        return set(order[:1])
    counted: set[int] = set()
    for index in order:
        if len(counted) < rules.num_counted and not _breaks_limit(index, counted, facts, rules):
            counted.add(index)
    return counted


def _get_points(facts: Sequence[ElementFacts | None], index: int) -> int:
    fact = facts[index]
    return (fact.points or 0) if fact is not None else 0


def _breaks_limit(index: int, counted: Iterable[int], facts: Sequence[ElementFacts | None], rules: EventRules) -> bool:
    for limit in rules.limits:
        fact = facts[index]
        if fact is None or not fits(fact, limit.of):
            continue
        same = sum(1 for other in counted if (one := facts[other]) is not None and fits(one, limit.of))
        if same >= limit.at_most:
            return True
    return False


def _explain(
    index: int, facts: Sequence[ElementFacts | None], first: set[int], counted: set[int], rules: EventRules
) -> str:
    fact = facts[index]
    if index in counted:
        return COUNTED
    if fact is None:
        return UNKNOWN
    if index not in first:
        return REPEATED
    if fact.points is None:
        return NO_VALUE
    return LIMITED if _breaks_limit(index, counted, facts, rules) else LOWER


def _judge(
    rule: Requirement,
    facts: Sequence[ElementFacts | None],
    spans: Sequence[tuple[int, int]],
    dismount: int | None,
) -> Award:
    """One requirement: what it rests on, and what it gives."""
    at_most = _to_thousandths(max(rule.dismount_letters.values(), default=rule.points))
    if rule.dismount_letters:
        fact = None if dismount is None else facts[dismount]
        given = max(
            (
                points
                for letter, points in rule.dismount_letters.items()
                if fact and fact.letter and letter <= fact.letter
            ),
            default=0.0,
        )
        of = (dismount,) if dismount is not None and given else ()
        return Award(rule.id, rule.text, _to_thousandths(given), at_most, of)
    found, unsure = _find_series(rule, facts, spans) if rule.series else _find_each(rule, facts)
    return Award(rule.id, rule.text, at_most if found else 0, at_most, found, is_certain=bool(found) or not unsure)


def _find_each(rule: Requirement, facts: Sequence[ElementFacts | None]) -> tuple[tuple[int, ...], bool]:
    """An element for every condition; and whether one that is missing may be hidden by what the codebook omits."""
    found: list[int] = []
    unsure = False
    conditions = (rule.one,) if rule.one else rule.each
    for condition in conditions:
        answers = {index: fits(fact, condition) for index, fact in enumerate(facts) if fact is not None}
        matching = [index for index, answer in answers.items() if answer]
        unsure |= not matching and None in answers.values()
        found += matching[:1]
    return (tuple(found) if len(found) == len(conditions) else ()), unsure


def _find_series(
    rule: Requirement, facts: Sequence[ElementFacts | None], spans: Sequence[tuple[int, int]]
) -> tuple[tuple[int, ...], bool]:
    """The first series that fits, and whether there might be one that the codebook does not say enough of."""
    unsure = False
    for start in range(len(facts) - len(rule.series) + 1):
        window = range(start, start + len(rule.series))
        parts = [facts[index] for index in window]
        if not _follow(window, spans, rule.max_gap_ms):
            continue
        keys = [part.key for part in parts if part is not None]
        if len(keys) < len(parts) or (rule.are_different and len(set(keys)) < len(keys)):
            continue
        answer = _fits_some_order(parts, [list(order) for order in permutations(rule.series)])
        if answer:
            return tuple(window), False
        unsure |= answer is None
    return (), unsure


def _fits_some_order(parts: Sequence[ElementFacts | None], orders: Sequence[Sequence]) -> bool | None:
    answers = []
    for order in orders:
        each = [fits(part, condition) for part, condition in zip(parts, order, strict=True) if part is not None]
        answers.append(False if False in each else None if None in each else True)
    return True if True in answers else None if None in answers else False


def _follow(window: range, spans: Sequence[tuple[int, int]], max_gap_ms: int) -> bool:
    return all(spans[right][0] - spans[left][1] <= max_gap_ms for left, right in pairwise(window))


def _are_new(window: range, facts: Sequence[ElementFacts | None], first: set[int]) -> bool:
    """Whether no element of a row was done before the row."""
    keys = [fact.key if (fact := facts[index]) is not None else None for index in window]
    return set(keys) <= {key for key, index in zip(keys, window, strict=True) if index in first}


def _find_connections(
    rules: Sequence[Connection],
    facts: Sequence[ElementFacts | None],
    spans: Sequence[tuple[int, int]],
    first: set[int],
) -> Iterable[Award]:
    """For every pair (or longer row) of neighbours the rule that gives most.

    An element that was done before connects nothing, unless it is repeated within the row (layout, layout).
    Source: britishgymnewstics.com, "Understanding the code", 14 June 2017.
    """
    best: dict[tuple[int, ...], Award] = {}
    for rule in rules:
        for start in range(len(facts) - len(rule.series) + 1):
            window = range(start, start + len(rule.series))
            parts = [facts[index] for index in window]
            if not (_are_new(window, facts, first) and _follow(window, spans, rule.max_gap_ms)):
                continue
            orders = list(permutations(rule.series)) if rule.in_any_order else [rule.series]
            if not _fits_some_order(parts, orders):
                continue
            award = Award("", rule.text, _to_thousandths(rule.points), _to_thousandths(rule.points), tuple(window))
            other = best.get(tuple(window))
            if other is None or other.thousandths < award.thousandths:
                best[tuple(window)] = award
    return (best[window] for window in sorted(best))
