"""Who performs."""

import numpy as np
import pytest

from finegym.simulation.athlete import Athlete, sample_athlete
from finegym.simulation.kinematics import CHANNELS, compute_joints, make_body


def test_same_generator_gives_same_athlete():
    assert sample_athlete(np.random.default_rng(7)) == sample_athlete(np.random.default_rng(7))


def test_athletes_differ_and_stay_in_range():
    rng = np.random.default_rng(0)
    athletes = [sample_athlete(rng) for _ in range(100)]
    assert len({athlete.seed for athlete in athletes}) == 100
    assert all(1.45 <= athlete.height_m <= 1.65 for athlete in athletes)
    assert all(0.9 < athlete.speed < 1.1 and 0.9 < athlete.leg_scale < 1.1 for athlete in athletes)
    assert {athlete.left_sided for athlete in athletes} == {True, False}


@pytest.mark.parametrize("leg_scale", [0.92, 1.0, 1.08])
def test_body_is_as_tall_as_the_athlete_whatever_her_proportions(leg_scale):
    athlete = Athlete("A", height_m=1.5, leg_scale=leg_scale, trunk_scale=2 - leg_scale)
    joints = compute_joints(make_body(athlete), np.zeros((1, len(CHANNELS))), np.eye(3)[None])[0]
    assert np.ptp(joints[:, 2]) == pytest.approx(1.5, abs=0.002)
