import itertools
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from finegym.localization.negatives import Fired, Shots, choose_score, count_fired, read_shots

SHOTS = Shots(
    ("title", "routine", "replay", "interrupted", "crowd"),
    np.array([[0, 2000], [2000, 12000], [12000, 16000], [16000, 26000], [26000, 27000]], np.float64),
)


def test_firing_by_hand():
    # The routine with the first half of its replay, found whole; a quarter of the one that broke off, in two pieces.
    segments = np.array([[2500, 14000], [16000, 18000], [17000, 18500], [0, 27000]], np.float64)
    scores = np.array([0.9, 0.8, 0.7, 0.1])
    fired = count_fired([(SHOTS, segments, scores)], min_score=0.5)
    assert fired == {
        "title": Fired(1, 0, 0.0),
        "routine": Fired(1, 1, 0.95),
        "replay": Fired(1, 1, 0.5),
        "interrupted": Fired(1, 0, 0.25),
        "crowd": Fired(1, 0, 0.0),
    }
    assert all(each.num_fired_on == 1 for each in count_fired([(SHOTS, segments, scores)], min_score=0.0).values())


def test_records_without_detections_count():
    nothing = (np.empty((0, 2)), np.empty(0))
    fired = count_fired([(SHOTS, *nothing), (SHOTS, *nothing)], min_score=0.5)
    assert fired["replay"] == Fired(2, 0, 0.0)


def test_shots_have_the_times_of_their_frames():
    arrays = {"shot_kind": np.array(["routine"]), "shot_start": np.array([3]), "shot_end": np.array([33])}
    shots = read_shots(SimpleNamespace(arrays=arrays, fps=Fraction(30000, 1001)))
    assert shots.kinds == ("routine",)
    np.testing.assert_allclose(shots.spans_ms, [[100.1, 1101.1]])


@pytest.mark.parametrize("seed", range(5))
def test_the_chosen_score_is_the_best_of_all_scores(seed):
    rng = np.random.default_rng(seed)

    def draw(count):
        starts = rng.uniform(0, 50, count)
        return np.stack([starts, starts + rng.uniform(5, 20, count)], axis=1)

    records = [(draw(3), draw(9), rng.permutation(9) / 10 + 0.01 * seed) for _ in range(4)]
    score, f1 = choose_score(records)

    def compute_f1(threshold):
        num_right = num_found = 0
        for truth, segments, scores in records:
            free = set(range(len(truth)))
            for row in sorted(range(len(segments)), key=lambda row: -scores[row]):
                if scores[row] < threshold:
                    continue
                num_found += 1
                start, end = segments[row]
                overlaps = {}
                for number in free:
                    shared = max(0, min(end, truth[number, 1]) - max(start, truth[number, 0]))
                    overlaps[number] = shared / (max(end, truth[number, 1]) - min(start, truth[number, 0]))
                best = max(overlaps, key=overlaps.get, default=None)
                if best is not None and overlaps[best] >= 0.5:
                    free.remove(best)
                    num_right += 1
        return 2 * num_right / (num_found + sum(len(truth) for truth, _, _ in records))

    everything = set(itertools.chain.from_iterable(scores for _, _, scores in records))
    assert f1 == pytest.approx(max(compute_f1(threshold) for threshold in everything))
    assert compute_f1(score) == pytest.approx(f1)
