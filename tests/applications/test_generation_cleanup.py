"""Cleaning up: each condition beside a case worked by hand, and performed motion, which needs none."""

from dataclasses import replace

import numpy as np
import pytest

from finegym.applications.generation.cleanup import build_deviation, clean_up, find_support, smooth
from finegym.applications.generation.coding import keep_bones
from finegym.applications.generation.motions import ENDS, make_motions
from finegym.applications.generation.plausibility import measure, measure_flight
from finegym.codebook.builtin import read_builtin
from finegym.simulation.skeleton import compute_centre_of_mass

IDS = ["fx-back-salto-tucked", "ub-giant-backward"]
EVENTS = ["FX", "UB"]


@pytest.fixture(scope="module")
def performed():
    return make_motions(read_builtin("artistic-women"), IDS, 1, 0, 48)


@pytest.fixture(scope="module")
def spoilt(performed):
    """Every joint wanders by some centimetres, slowly, and the whole body is 4 cm from where it was."""
    rng = np.random.default_rng(0)
    time = np.linspace(0, 2 * np.pi, 48)[None, :, None, None]
    waves = 0.03 * np.sin(time * rng.uniform(1, 3, (2, 1, 26, 3)) + rng.uniform(0, 6, (2, 1, 26, 3)))
    return replace(performed, joints=(performed.joints + waves + [0.0, 0.0, 0.04]).astype(np.float32))


def test_the_deviation_from_a_polynomial_is_that_of_numpy():
    is_in = np.array([1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0], bool)
    values = np.random.default_rng(0).normal(size=12)
    for degree in (0, 1):
        expected = np.zeros(12)
        for rows in (slice(0, 4), slice(6, 11)):
            time = np.arange(12.0)[rows]
            expected[rows] = values[rows] - np.polyval(np.polyfit(time, values[rows], degree), time)
        np.testing.assert_allclose(build_deviation(is_in, degree) @ values, expected, atol=1e-12)


def test_a_single_frame_deviates_from_nothing():
    assert not build_deviation(np.array([False, True, False]), 1).any()


@pytest.mark.parametrize(
    ("point", "event", "is_hand", "fixed", "where"),
    [
        ((1.0, 2.0, 0.11), "FX", False, (2,), (0.02,)),
        ((1.0, 0.0, 1.10), "BB", True, (2,), (1.27,)),
        ((2.9, 0.0, 0.50), "BB", False, (2,), (0.22,)),
        ((0.7, 0.3, 2.40), "UB", True, (0, 2), (0.8, 2.55)),
        ((-0.6, 0.3, 1.90), "UB", True, (0, 2), (-0.8, 1.75)),
        ((3.0, 0.1, 0.30), "UB", False, (2,), (0.22,)),
    ],
)
def test_the_nearest_thing_carries(point, event, is_hand, fixed, where):
    is_fixed, place = find_support(np.array(point), event, is_hand=is_hand)
    assert np.flatnonzero(is_fixed).tolist() == list(fixed)
    np.testing.assert_allclose(place[is_fixed], where)


def test_what_is_smooth_stays_and_what_trembles_does_not():
    time = np.arange(48.0)
    parabola = np.broadcast_to((0.1 * time - 0.003 * time**2)[None, :, None, None], (1, 48, 26, 3))
    np.testing.assert_allclose(smooth(parabola), parabola, atol=1e-9)
    trembles = np.broadcast_to((-1.0) ** time[None, :, None, None], (1, 48, 26, 3))
    # Third differences of what alternates are 8 times as large: 1 / (1 + 0.3 * 64) is left, ends aside.
    np.testing.assert_allclose(np.abs(smooth(trembles)[:, 12:-12]), 1 / (1 + 0.3 * 64), rtol=0.02)


def test_performed_motion_is_hardly_moved(performed):
    cleaned, moved_m = clean_up(performed, EVENTS)
    assert moved_m.max() < 0.02
    np.testing.assert_array_equal(cleaned.contacts, performed.contacts)


def test_what_holds_holds_and_what_flies_falls(performed, spoilt):
    cleaned, moved_m = clean_up(spoilt, EVENTS)
    start = keep_bones(spoilt.joints)
    np.testing.assert_allclose(moved_m, np.linalg.norm(cleaned.joints - start, axis=-1).mean(axis=(1, 2)), rtol=1e-4)
    assert (moved_m > 0.015).all(), "4 cm too high"
    hands = cleaned.joints[1][:, ENDS[2:]][performed.contacts[1, :, 2:4]]
    before = start[1][:, ENDS[2:]][performed.contacts[1, :, 2:4]]
    off, off_before = (np.hypot(place[:, 0] - 0.8, place[:, 2] - 2.55) for place in (hands, before))
    assert off.mean() < 0.005 < 0.03 < off_before.mean()
    errors = []
    for joints in (start[0], cleaned.joints[0]):
        mass = compute_centre_of_mass(joints.astype(np.float64))
        errors.append(measure_flight(mass, ~performed.contacts[0, :, 4], float(performed.duration_s[0]) / 47))
    assert errors[1][0] < 0.2 * errors[0][0] and errors[1][1] == pytest.approx(9.81, abs=0.1)
    assert measure(cleaned.joints[0], float(performed.duration_s[0]), "FX").bone_spread < 1e-4


def test_what_the_generator_does_not_say_is_only_smoothed(spoilt):
    nothing = replace(spoilt, contacts=np.zeros_like(spoilt.contacts))
    cleaned, _ = clean_up(nothing, EVENTS)
    start = keep_bones(smooth(spoilt.joints))
    assert np.linalg.norm(cleaned.joints - start, axis=-1).mean(axis=(1, 2)).max() < 0.002
