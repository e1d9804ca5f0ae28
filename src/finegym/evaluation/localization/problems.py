"""What can be wrong with a prediction, what then becomes of it, and one error that lists everything at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from finegym.errors import PredictionError, join_problems

NUM_EXAMPLES = 3


@dataclass(frozen=True)
class Rules:
    """What becomes of predictions that do not fit; ``error`` refuses the file, everything else is counted.

    Attributes:
        unknown_videos: of videos that the subset does not have: ``ignore`` leaves them out, ``count`` makes them the
            false positives that they are for ActivityNet's program.
        unknown_labels: that no class of the truth file has; they can only be left out.
        bad_segments: that end before or where they start, or are no two finite numbers.
        bad_scores: that are no finite numbers.
        outside: segments that start before 0 or end after the video: ``clip`` cuts them, ``keep`` takes them as they
            are, as ActivityNet's program does.
        missing_videos: videos of the subset that the file does not name: ``count`` makes their segments missed, as
            ActivityNet's program does.
    """

    unknown_videos: Literal["error", "ignore", "count"] = "error"
    unknown_labels: Literal["error", "ignore"] = "error"
    bad_segments: Literal["error", "ignore"] = "error"
    bad_scores: Literal["error", "ignore"] = "error"
    outside: Literal["error", "ignore", "clip", "keep"] = "error"
    missing_videos: Literal["error", "count"] = "count"


@dataclass(frozen=True)
class SpotRules:
    """What becomes of predictions that do not fit; as ``Rules``.

    Attributes:
        unknown_videos: of videos that the truth does not have; ``count`` makes them false positives.
        unknown_labels: that the truth does not have.
        bad_frames: that are no whole numbers.
        bad_scores: that are no finite numbers.
        outside: frames that their video does not have.
        missing_videos: videos of the truth that the file does not name; the published program refuses them.
    """

    unknown_videos: Literal["error", "ignore", "count"] = "error"
    unknown_labels: Literal["error", "ignore"] = "error"
    bad_frames: Literal["error", "ignore"] = "error"
    bad_scores: Literal["error", "ignore"] = "error"
    outside: Literal["error", "ignore", "keep"] = "error"
    missing_videos: Literal["error", "count"] = "error"


OPTIONS = {
    "unknown_videos": "--unknown-videos",
    "unknown_labels": "--unknown-labels",
    "bad_segments": "--bad-segments",
    "bad_frames": "--bad-frames",
    "bad_scores": "--bad-scores",
    "outside": "--outside",
    "missing_videos": "--missing-videos",
}
"""The option of the command line that decides, for what an error tells its reader to do."""


@dataclass(frozen=True)
class Problem:
    """Predictions with one thing wrong.

    Attributes:
        rule: the field of ``Rules`` that decides.
        what: in words: ``predictions for unknown videos``.
        count: how many.
        action: what became of them: ``error``, ``ignore``, ``count``, ``clip``, ``keep``.
        examples: where the first ones are.
    """

    rule: str
    what: str
    count: int
    action: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.examples) >= NUM_EXAMPLES else ""
        return f"{self.what}: {self.count} ({', '.join(self.examples)}{more})"


@dataclass
class ProblemCounter:
    """Counts problems while a file is read.

    Attributes:
        rules: what becomes of them.
        names: what each is called, by the field of ``Rules`` that decides.
    """

    rules: Rules | SpotRules
    names: Mapping[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, rule: str, count: int, examples: Sequence[str]) -> str:
        """Count, and say what is to be done; ``error`` is raised later, by ``finish``."""
        self.counts[rule] = self.counts.get(rule, 0) + count
        known = self.examples.setdefault(rule, [])
        if len(known) < NUM_EXAMPLES:
            known += [example for example in examples[:NUM_EXAMPLES] if example not in known]
        return str(getattr(self.rules, rule))

    def finish(self, path: Path, truth: str) -> tuple[Problem, ...]:
        """All problems; those that no flag permits are one error.

        Raises:
            PredictionError: ``error`` is the rule for one of them.
        """
        problems = tuple(
            Problem(
                rule, what, self.counts[rule], str(getattr(self.rules, rule)), tuple(self.examples[rule][:NUM_EXAMPLES])
            )
            for rule, what in self.names.items()
            if rule in self.counts
        )
        refused = [problem for problem in problems if problem.action == "error"]
        if refused:
            options = ", ".join(OPTIONS[problem.rule] for problem in refused)
            raise PredictionError(
                f"{path}: does not fit {truth}: {join_problems(list(map(str, refused)))}. Correct the file, or say "
                f"what becomes of them: {options}."
            )
        return problems
