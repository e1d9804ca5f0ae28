"""What a study is: it plans trainings and predictions, and makes tables and figures of the prediction files.

A study is one module with a value ``STUDY``. Its two functions are pure: ``plan`` says what has to be trained and
predicted at a size (nothing is read or run), ``make`` turns what is there into tables and figures. What ties them is
``PlannedPrediction``: the same value asks for a file in ``plan`` and finds it in ``make``. Runs are named by what they
compute (``studies.run_store``), so that studies which plan the same run share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from finegym.studies.tables import Table

if TYPE_CHECKING:
    from finegym.studies.results import Results
    from finegym.studies.sizes import Size

Need = Literal["annotations", "clips", "flow", "poses", "snippets", "found-poses"]
"""What of the data has to be made before a study's runs: ``studies.data`` makes each, once."""


@dataclass(frozen=True)
class PlannedRun:
    """One training, of a recogniser or a localizer: whatever the recipe is of.

    Attributes:
        recipe: a shipped recipe, its path in ``recipes/`` without ``.toml`` (``smoke/tsn_smoke``).
        overrides: ``section.key=value``, as of ``finegym train --set``; seed and split are among them. Where the data
            is, the runner adds.
        start: the run whose weights it begins from (ActionVLAD's second step), if any.
    """

    recipe: str
    overrides: tuple[str, ...]
    start: PlannedRun | None = None


@dataclass(frozen=True)
class PlannedPrediction:
    """One prediction file of a run.

    Attributes:
        run: that is looked at.
        overrides: what is looked at otherwise than in training (``data.num_segments_test=12``), as of ``finegym
            predict --set``.
        is_shuffled: frames come in an order drawn anew for every clip, the same for every model.
    """

    run: PlannedRun
    overrides: tuple[str, ...] = ()
    is_shuffled: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture of a study.

    Attributes:
        id: name of its file.
        title: above it.
        to_see: a sentence on what to see in it.
        content: bytes of the file.
        format: of it.
    """

    id: str
    title: str
    to_see: str
    content: bytes
    format: Literal["svg", "png", "jpg"] = "svg"


@dataclass(frozen=True)
class Outcome:
    """What a study came to."""

    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Study:
    """A table or a figure of the paper, or one of ours.

    Attributes:
        name: of the command line and of the folder of results.
        title: in words.
        needs: what of the data its runs, or its making, read; a function of the size where it depends on that.
        plan: what to train and predict at a size; pure.
        make: tables and figures of what is there; reads prediction files and annotations only, and says of what is not
            there that it is not.
        measure: keeps what only this machine can say (how fast a model is) beside the runs, before ``make``; what is
            there stays.
    """

    name: str
    title: str
    needs: tuple[Need, ...] | Callable[[Size], tuple[Need, ...]]
    plan: Callable[[Size], Sequence[PlannedPrediction]]
    make: Callable[[Results], Outcome]
    measure: Callable[[Results], None] | None = None

    def find_needs(self, size: Size) -> tuple[Need, ...]:
        """What of the data it reads at a size."""
        return self.needs(size) if callable(self.needs) else self.needs
