import numpy as np
import pytest
import scipy.linalg

from finegym.applications.generation import measures, plausibility
from finegym.applications.generation.motions import make_motions
from finegym.codebook.builtin import read_builtin
from finegym.errors import PredictionError
from finegym.simulation.skeleton import JOINT_INDEX, JOINTS


def make_normal(mean, deviations):
    """2 F rows with exactly this mean, and a diagonal covariance (divided by N - 1) of exactly these deviations."""
    F = len(mean)
    rows = np.concatenate([np.eye(F), -np.eye(F)]) * np.sqrt((2 * F - 1) / 2)
    return np.asarray(mean) + rows * np.asarray(deviations)


def test_frechet_distance_of_a_case_worked_by_hand():
    # Diagonal covariances: |shift|^2 + sum of (s - t)^2 = 9 + 16 + (1 - 3)^2 + (2 - 2)^2.
    left, right = make_normal([0.0, 0.0], [1.0, 2.0]), make_normal([3.0, 4.0], [3.0, 2.0])
    assert measures.compute_frechet_distance(left, right) == pytest.approx(29.0)


def test_frechet_distance_equals_that_by_the_root_of_the_product():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(60, 7)) @ rng.normal(size=(7, 7)), 1 + rng.normal(size=(50, 7)) * np.arange(1, 8)
    first, second = np.cov(left, rowvar=False), np.cov(right, rowvar=False)
    shift = left.mean(axis=0) - right.mean(axis=0)
    root = scipy.linalg.sqrtm(first @ second).real
    expected = shift @ shift + np.trace(first + second - 2 * root)
    assert measures.compute_frechet_distance(left, right) == pytest.approx(expected, rel=1e-8)
    assert measures.compute_frechet_distance(right, left) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_to_itself_is_zero_also_without_full_rank():
    few = np.random.default_rng(0).normal(size=(5, 30))
    assert measures.compute_frechet_distance(few, few) == pytest.approx(0, abs=1e-5)
    with pytest.raises(PredictionError, match="got 1 and 5"):
        measures.compute_frechet_distance(few[:1], few)


def test_diversity_equals_the_mean_over_all_pairs():
    features = np.random.default_rng(0).normal(size=(9, 4))
    pairs = [np.linalg.norm(features[i] - features[j]) for i in range(9) for j in range(i)]
    assert measures.compute_diversity(features) == pytest.approx(np.mean(pairs))
    assert np.isnan(measures.compute_diversity(features[:1]))


def test_multimodality_is_within_a_class():
    features = np.array([[0.0], [2.0], [10.0], [16.0], [50.0]])
    assert measures.compute_multimodality(features, np.array([0, 0, 1, 1, 2])) == pytest.approx((2 + 6) / 2)


def test_hits_are_counted_class_by_class():
    hits, present = measures.compute_class_hits(np.array([3, 3, 5, 7]), np.array([3, 5, 5, 5]))
    assert present.tolist() == [3, 5] and hits.tolist() == [1.0, pytest.approx(1 / 3)]


def test_interval_of_a_mean_agrees_with_the_normal_one():
    values = np.random.default_rng(0).normal(5, 2, size=400)
    low, high = measures.resample_mean(values, seed=1)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.04)


# Plausibility.


def fly(gravity, seconds=1.0, frames=41):
    time = np.linspace(0, seconds, frames)
    return np.stack([1 + 2 * time, 0.5 - time, 1 + 5 * time - 0.5 * gravity * time**2], axis=1), time[1]


def test_an_exact_parabola_has_no_error():
    mass, step_s = fly(9.81)
    error, gravity = plausibility.measure_flight(mass, np.zeros(41, bool), step_s)
    assert error < 1e-12 and gravity == pytest.approx(9.81)


def test_another_gravity_is_found_and_has_an_error():
    mass, step_s = fly(5.0)
    error, gravity = plausibility.measure_flight(mass, np.zeros(41, bool), step_s)
    assert gravity == pytest.approx(5.0)
    # Left over is 4.81 / 2 t^2 less its best line, without the frame at either end.
    time = np.linspace(0, 1, 41)[1:-1]
    left = 4.81 / 2 * time**2
    left = left - np.polyval(np.polyfit(time, left, 1), time)
    assert error == pytest.approx(np.sqrt((left**2).mean()))


def test_only_the_longest_stretch_without_contact_counts():
    mass, step_s = fly(9.81)
    mass[:12] = 0
    touching = np.zeros(41, bool)
    touching[5:12] = True
    assert plausibility.measure_flight(mass, touching, step_s)[0] < 1e-12
    touching[::5] = True
    assert np.isnan(plausibility.measure_flight(mass, touching, step_s)).all()


def stand(frames=6, height=0.02):
    """A body that stands on the floor, toes at a height, everything else higher."""
    joints = np.random.default_rng(0).uniform(0.3, 1.6, size=(1, len(JOINTS), 3)).repeat(frames, axis=0)
    joints[:, [JOINT_INDEX["left_toe"], JOINT_INDEX["right_toe"]], 2] = height
    return joints


def test_what_stands_still_does_not_slide():
    joints = stand()
    joints[:, JOINT_INDEX["right_toe"], 0] += 0.5 * np.arange(6)  # swings past, 5 m/s
    result = plausibility.measure(joints, 0.5, "FX")
    assert result.sliding_m_s == 0 and result.depth_m == 0 and np.isnan(result.gravity_m_s2)
    assert result.bone_spread > 0


def test_a_body_that_moves_as_a_whole_slides():
    joints = stand()
    joints[..., 1] += 0.1 * np.arange(6)[:, None]
    result = plausibility.measure(joints, 0.5, "FX")
    assert result.sliding_m_s == pytest.approx(1.0) and result.bone_spread == pytest.approx(0, abs=1e-12)


def test_what_touches_in_half_of_the_frames_is_counted():
    joints = stand()
    joints[3:, :, 2] += 0.5
    assert plausibility.measure(joints, 0.5, "FX").touching == 0.5
    assert plausibility.measure(stand(), 0.5, "FX").touching == 1


def test_tremble_is_the_way_to_halfway_between_neighbours():
    joints = stand(frames=5) + 0.1 * np.arange(5)[:, None, None]
    assert plausibility.measure(joints, 0.5, "FX").tremble_m == pytest.approx(0, abs=1e-12)
    joints[2, :, 1] += 0.03  # one frame aside: it by all of it, its neighbours by half
    assert plausibility.measure(joints, 0.5, "FX").tremble_m == pytest.approx((0.015 + 0.03 + 0.015) / 3)


def test_stretches_are_half_open():
    assert plausibility.find_stretches(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert plausibility.find_stretches(np.zeros(3, bool)) == []


def test_depth_is_below_the_lowest_ground():
    assert plausibility.measure(stand(height=-0.03), 0.5, "FX").depth_m == pytest.approx(0.03)
    assert plausibility.measure(stand(height=-0.03), 0.5, "BB").depth_m == pytest.approx(0.23)


def test_hands_on_a_bar_touch_and_hands_in_the_air_do_not():
    joints = stand()
    joints[:, JOINT_INDEX["left_hand"]] = [0.8, 0.3, 2.55]
    joints[:, JOINT_INDEX["right_hand"]] = [0.8, -0.3, 2.75]
    touching = plausibility.find_contacts(joints, "UB")
    assert touching[:, 2].all() and not touching[:, 3].any()


def test_performed_motion_is_plausible():
    codebook = read_builtin("artistic-women")
    ids = ["fx-back-salto-tucked", "bb-switch-leap"]
    motions = make_motions(codebook, ids, 2, 5, 48)
    for joints, seconds, event in zip(motions.joints, motions.duration_s, ["FX", "FX", "BB", "BB"], strict=True):
        result = plausibility.measure(joints, float(seconds), event)
        assert result.flight_error_m < 0.002 and result.gravity_m_s2 == pytest.approx(9.81, abs=0.05)
        assert result.bone_spread < 0.005 and result.depth_m < 0.001
