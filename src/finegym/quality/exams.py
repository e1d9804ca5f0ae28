"""Exams: whether somebody passed, may try again, is still qualified, and which items they are asked.

Pure arithmetic on values; the app keeps the tries, the command line reads them from files. Times are milliseconds since
the epoch.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from finegym.codebook.model import Codebook
from finegym.errors import ConfigError, join_problems
from finegym.quality.grading import PARTS, Grade, Part, Share, Tolerance

State = Literal["not started", "in progress", "passed", "failed", "cooling down", "no tries left", "outdated"]
Renewal = Literal["codebook", "guidelines", "either", "never"]

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class ExamRules:
    """How an exam is held.

    Attributes:
        pass_marks: share of right ones, 0 to 1, that each part must reach; a training set has none.
        tolerance: for edges, by set.
        num_items: drawn from the bank for each try; ``None``: all of it.
        num_tries: how often somebody may try; ``None``: as often as they like.
        cool_down_hours: from the end of a failed try to the next.
        renew_on: what makes a pass (and the tries) out of date: a new version of the codebook, of the guidelines, of
            either, or nothing.
    """

    pass_marks: Mapping[Part, float] = field(default_factory=dict, hash=False)
    tolerance: Tolerance = field(default_factory=Tolerance)
    num_items: int | None = None
    num_tries: int | None = 3
    cool_down_hours: float = 24.0
    renew_on: Renewal = "codebook"


@dataclass(frozen=True)
class PartResult:
    """One part of an exam against its mark: what was reached (``None``: nothing to reach), and what was asked."""

    part: Part
    share: Share
    pass_mark: float | None

    @property
    def is_passed(self) -> bool:
        """Whether the mark is reached; where there is one and there was nothing to get right, it is not."""
        return self.pass_mark is None or (self.share.value is not None and self.share.value >= self.pass_mark)


@dataclass(frozen=True)
class ExamResult:
    """What a try came to.

    Attributes:
        score: segments right in everything, of those that are there or were marked.
        parts: those that have a mark or something to get right.
        grade: segment by segment.
        reason: why it is not passed; empty where it is.
    """

    score: Share
    parts: tuple[PartResult, ...]
    grade: Grade
    reason: str

    @property
    def is_passed(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Versions:
    """Numbers of the codebook and of the guidelines that something was done with."""

    codebook: int
    guidelines: int


@dataclass(frozen=True)
class Try:
    """One attempt of one person.

    Attributes:
        started_at_ms: when.
        finished_at_ms: when; ``None``: still in it.
        is_passed: how it ended.
        versions: what it was held with.
    """

    started_at_ms: int
    finished_at_ms: int | None
    is_passed: bool
    versions: Versions


@dataclass(frozen=True)
class Standing:
    """Where somebody stands with an exam now.

    Attributes:
        state: in a word.
        is_qualified: passed, and still in date.
        may_try: a new try may begin now.
        tries_left: ``None``: as many as they like.
        next_try_at_ms: when a cool-down ends; ``None`` where there is none.
        text: the same as a sentence.
    """

    state: State
    is_qualified: bool
    may_try: bool
    tries_left: int | None
    next_try_at_ms: int | None
    text: str


def check_rules(rules: ExamRules, codebook: Codebook) -> None:
    """Whether an exam can be held by these rules.

    Raises:
        ConfigError: a mark is not 0 to 1, a set does not exist, a number is not positive; all at once.
    """
    problems = [
        f"pass mark of {part!r} is {mark:g}; expected 0 to 1"
        for part, mark in rules.pass_marks.items()
        if not 0 <= mark <= 1
    ]
    problems += [
        f"there is no part {part!r}; expected one of {', '.join(PARTS)}"
        for part in rules.pass_marks
        if part not in PARTS
    ]
    tolerances = {"default": rules.tolerance.default_ms, **rules.tolerance.by_set_ms}
    problems += [f"tolerance of {name} is {ms} ms; expected 0 or more" for name, ms in tolerances.items() if ms < 0]
    unknown = [id_ for id_ in rules.tolerance.by_set_ms if id_ not in codebook.set_by_id]
    problems += [f"tolerance of {id_!r}: codebook {codebook.name} has no such set" for id_ in unknown]
    if not 0 <= rules.tolerance.min_tiou <= 1:
        problems.append(f"min_tiou is {rules.tolerance.min_tiou:g}; expected 0 to 1")
    for name, number in (("num_items", rules.num_items), ("num_tries", rules.num_tries)):
        if number is not None and number < 1:
            problems.append(f"{name} is {number}; expected 1 or more, or nothing for no limit")
    if rules.cool_down_hours < 0:
        problems.append(f"cool_down_hours is {rules.cool_down_hours:g}; expected 0 or more")
    if problems:
        raise ConfigError(f"an exam cannot be held so: {join_problems(problems)}")


def judge(grade: Grade, rules: ExamRules) -> ExamResult:
    """Whether a graded try is passed: every part that has a mark must reach it."""
    parts = tuple(
        result
        for part in PARTS
        if (result := PartResult(part, grade.get_share(part), rules.pass_marks.get(part))).share.total
        or result.pass_mark is not None
    )
    failed = [_describe_failed(result) for result in parts if not result.is_passed]
    return ExamResult(grade.score, parts, grade, "; ".join(failed))


def find_standing(tries: Sequence[Try], rules: ExamRules, versions: Versions, now_ms: int) -> Standing:
    """Where somebody stands, by all their tries and what is valid now.

    Tries with versions that are out of date count for nothing: not as a pass, and not against the number of tries.
    """
    current = [one for one in tries if _is_current(one.versions, versions, rules.renew_on)]
    finished = [one for one in current if one.finished_at_ms is not None]
    left = None if rules.num_tries is None else max(0, rules.num_tries - len(current))
    if any(one.is_passed for one in finished):
        return Standing("passed", True, False, left, None, "Passed.")
    if len(current) > len(finished):
        return Standing("in progress", False, False, left, None, "A try is in progress: finish it.")
    if left == 0:
        return Standing(
            "no tries left", False, False, 0, None, f"All {rules.num_tries} tries are used up: ask the lead."
        )
    if finished:
        last_ms = max(one.finished_at_ms or 0 for one in finished)
        next_ms = last_ms + round(rules.cool_down_hours * MS_PER_HOUR)
        if now_ms < next_ms:
            hours = (next_ms - now_ms) / MS_PER_HOUR
            return Standing(
                "cooling down", False, False, left, next_ms, f"The next try is possible in {hours:.1f} hours."
            )
        return Standing("failed", False, True, left, None, "Not passed yet.")
    if any(one.is_passed for one in tries):
        what = {"codebook": "codebook", "guidelines": "guidelines"}.get(rules.renew_on, "codebook or the guidelines")
        return Standing("outdated", False, True, left, None, f"Passed with an older version of the {what}: pass again.")
    return Standing("not started", False, True, left, None, "Not tried yet.")


def draw_items(
    bank: Mapping[str, Collection[str]], num_items: int | None, seen: Sequence[str], key: str
) -> tuple[str, ...]:
    """Which items of a bank somebody is asked in a try.

    What they have seen least often comes first; among those, what adds most that is not asked yet, so that a try covers
    the codebook as widely as it can; among equals chance decides, the same for the same key.

    Args:
        bank: by item id, what it asks about (sets, say).
        num_items: how many; ``None``: all of them.
        seen: ids of items of their earlier tries, as often as they were asked.
        key: of the try (exam, person and number of the try), for chance that can be repeated.

    Raises:
        ConfigError: the bank has fewer items.
    """
    wanted = len(bank) if num_items is None else num_items
    if wanted > len(bank):
        raise ConfigError(f"a try asks {wanted} items, and the bank has {len(bank)}. Add gold items, or ask fewer.")
    times = Counter(seen)
    left = sorted(bank, key=lambda id_: hashlib.sha256(f"{key}\0{id_}".encode()).digest())
    chosen: list[str] = []
    asked: set[str] = set()
    while len(chosen) < wanted:
        best = min(left, key=lambda id_: (times[id_], -len(set(bank[id_]) - asked)))
        left.remove(best)
        chosen.append(best)
        asked |= set(bank[best])
    return tuple(chosen)


def _is_current(then: Versions, now: Versions, renew_on: Renewal) -> bool:
    is_same_codebook = renew_on in ("guidelines", "never") or then.codebook == now.codebook
    return is_same_codebook and (renew_on in ("codebook", "never") or then.guidelines == now.guidelines)


def _describe_failed(result: PartResult) -> str:
    share, mark = result.share, result.pass_mark or 0.0
    if share.value is None:
        return f"{result.part}: nothing to grade, {mark:.0%} are asked"
    return f"{result.part}: {share.right} of {share.total} ({share.value:.1%}), {mark:.0%} are asked"
