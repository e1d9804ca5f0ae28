"""True cuts of a hand-made record, and counting what was found of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from finegym.simulation import true_cuts
from finegym.simulation.true_cuts import TrueCut, count_right_cuts, find_true_cuts


def test_wipes_around_replays_are_right_to_half_their_length(monkeypatch):
    starts, kinds = [0, 50, 100, 160, 200], ["title", "walk-on", "replay", "scoreboard", "title"]
    truth = SimpleNamespace(fps=25, arrays={"shot_start": np.array(starts), "shot_kind": np.array(kinds)})
    monkeypatch.setattr(true_cuts, "read_truth", lambda path: truth)
    assert find_true_cuts("a.npz") == [TrueCut(50, 1), TrueCut(100, 6), TrueCut(160, 6), TrueCut(200, 1)]


@pytest.mark.parametrize(
    ("found", "num_right"),
    [([], 0), ([50, 103], 2), ([52, 107], 0), ([49, 50, 51], 1), ([94, 106], 1), ([51, 95], 2)],
)
def test_a_cut_is_found_once_and_within_its_tolerance(found, num_right):
    assert count_right_cuts(found, [TrueCut(50, 1), TrueCut(100, 6)]) == num_right
