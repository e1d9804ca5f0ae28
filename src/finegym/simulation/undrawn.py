"""A competition that is planned and annotated, and never drawn: for all that needs annotations and no pixels."""

from __future__ import annotations

from finegym.annotations.model import Dataset
from finegym.codebook.model import Codebook
from finegym.simulation.broadcast import make_programme
from finegym.simulation.competition import CompetitionSettings, plan_competition
from finegym.simulation.programme import make_video


def make_undrawn_competition(settings: CompetitionSettings, codebook: Codebook) -> Dataset:
    """The annotations that ``simulate_competition`` would write with the same settings, in seconds.

    The records have no path: there is no media file.
    """
    plans = plan_competition(settings, codebook)
    return Dataset(codebook, tuple(make_video(make_programme(plan, codebook), None, codebook) for plan in plans))
