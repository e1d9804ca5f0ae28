"""NMS and the forming of segments against slow references that follow the words of the rule."""

import itertools

import numpy as np
import pytest

from finegym.localization.spotter_events import EventClasses
from finegym.localization.spotter_segments import Peaks, find_peaks, form_segments

TWO = EventClasses(("a", "b"), (2, 2), ("a", "b"))
VAULT = EventClasses(("v",), (4,), ("v",))


def find_peaks_slowly(scores, window, min_score):
    """The published program's loops, one event's frames against each other."""
    kept = []
    for frame, score in enumerate(scores):
        if score < min_score or score <= 0:
            continue
        if not any(
            other != frame and abs(other - frame) <= window and score < scores[other] for other in range(len(scores))
        ):
            kept.append(frame)
    return kept


@pytest.mark.parametrize("window", [0, 1, 2, 5, 40])
def test_peaks_are_those_of_the_published_program(window):
    rng = np.random.default_rng(window)
    for _ in range(20):
        scores = rng.integers(0, 12, 30) / 12  # many equal ones
        peaks = find_peaks(scores, window, 0.1)
        assert peaks.frames.tolist() == find_peaks_slowly(scores, window, 0.1)
        np.testing.assert_array_equal(peaks.scores, scores[peaks.frames])


def test_without_a_frame_above_the_threshold_there_is_no_peak():
    assert len(find_peaks(np.full(5, 0.01), 1, 0.02).frames) == 0
    assert len(find_peaks(np.zeros(5), 1, 0.0).frames) == 0


def form_slowly(peaks, classes, times_ms, max_length_ms, min_score, inside):
    """The rule of the module, word by word: every chain of peaks is tried."""
    found = {}
    for class_index, first_event in enumerate(classes.first_events):
        moments = [peaks[first_event + m] for m in range(classes.num_moments[class_index])]
        rows = [list(zip(p.frames.tolist(), p.scores.tolist(), strict=True)) for p in moments]
        for chain in itertools.product(*rows):
            frames = [frame for frame, _ in chain]
            start, end = frames[0], frames[-1]
            if sorted(set(frames)) != frames or times_ms[end] - times_ms[start] > max_length_ms:
                continue
            score = np.prod([score for _, score in chain]) ** (1 / len(chain))
            for frame, other in [*rows[0], *rows[-1]]:
                if start < frame < end:
                    score *= 1 - min(other, 1 - 1e-6)
            if inside is not None:
                score *= inside[start:end, class_index + 1].mean()
            key = class_index, start, end
            found[key] = max(found.get(key, 0.0), score)
    return {key: score for key, score in found.items() if score >= min_score}


def draw_peaks(rng, num_frames, num_peaks):
    frames = np.sort(rng.choice(num_frames, num_peaks, replace=False))
    return Peaks(frames.astype(np.int64), rng.uniform(0.05, 1.0, num_peaks))


@pytest.mark.parametrize("classes", [TWO, VAULT])
@pytest.mark.parametrize("has_inside", [False, True])
def test_segments_are_those_of_the_words(classes, has_inside):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        num_frames = 40
        peaks = [draw_peaks(rng, num_frames, int(rng.integers(0, 6))) for _ in range(len(classes))]
        times_ms = np.arange(num_frames + 1) * 40
        inside = rng.dirichlet(np.ones(len(classes.class_ids) + 1), num_frames) if has_inside else None
        formed = form_segments(peaks, classes, times_ms, max_length_ms=900, min_score=0.02, inside=inside)
        expected = form_slowly(peaks, classes, times_ms, 900, 0.02, inside)
        keys = [(c, *span) for c, span in zip(formed.class_index.tolist(), formed.frames.tolist(), strict=True)]
        assert sorted(keys) == sorted(expected)
        np.testing.assert_allclose(formed.scores, [expected[key] for key in keys])


def test_a_hand_worked_case():
    starts = Peaks(np.array([10, 50]), np.array([0.9, 0.8]))
    ends = Peaks(np.array([30, 70]), np.array([0.4, 0.5]))
    nothing = Peaks(np.array([], np.int64), np.array([]))
    formed = form_segments(
        [starts, ends, nothing, nothing], TWO, np.arange(101) * 40, max_length_ms=10_000, min_score=0.01
    )
    found = dict(zip(map(tuple, formed.frames.tolist()), formed.scores.tolist(), strict=True))
    assert found == {
        (10, 30): pytest.approx(0.6),  # sqrt(0.9 * 0.4)
        (50, 70): pytest.approx(np.sqrt(0.8 * 0.5)),
        # Over the end at 30 (1 − 0.4) and the start at 50 (1 − 0.8):
        (10, 70): pytest.approx(np.sqrt(0.9 * 0.5) * 0.6 * 0.2),
    }


def test_a_vault_needs_its_moments_in_order():
    def form(*frames):
        peaks = [Peaks(np.array([frame]), np.array([0.5])) for frame in frames]
        return form_segments(peaks, VAULT, np.arange(101) * 40, max_length_ms=10_000, min_score=0.01).frames.tolist()

    assert form(5, 20, 30, 60) == [[5, 60]]
    assert form(5, 30, 20, 60) == []
    assert form(5, 20, 20, 60) == []


def test_too_long_is_no_segment():
    one = Peaks(np.array([0]), np.array([1.0]))
    two = Peaks(np.array([25]), np.array([1.0]))
    nothing = Peaks(np.array([], np.int64), np.array([]))
    for max_length_ms, count in ((1000, 1), (999, 0)):
        formed = form_segments(
            [one, two, nothing, nothing], TWO, np.arange(30) * 40, max_length_ms=max_length_ms, min_score=0.01
        )
        assert len(formed.scores) == count
