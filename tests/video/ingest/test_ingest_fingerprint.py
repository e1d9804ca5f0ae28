"""Hashes of what moves: against a slow road, and what must not change them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from finegym.video.ingest.fingerprint import (
    CROPS,
    STEP_MS,
    compute_changes,
    compute_fingerprint,
    find_picture,
    find_steps,
    hash_changes,
    make_cosines,
    read_fingerprint,
    transform_changes,
    write_fingerprint,
)
from finegym.video.ingest.signals import Signals


def make_signals(times_ms, draw) -> Signals:
    """Thumbnails at given times of a scene that is a function of time."""
    luma = np.stack([draw(time) for time in times_ms]).clip(0, 255).astype(np.uint8)
    count = len(luma)
    chroma = np.full((count, 2, 9, 16), 128, np.uint8)
    return Signals(np.arange(count), np.asarray(times_ms, float), luma, chroma, np.empty(0, np.int64))


def draw_scene(time_ms, seed=0):
    """A textured wall, and three blobs that wander in front of it."""
    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.uniform(40, 130, (9, 16)), (64, 36), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:36, :64]
    for phase, speed, size in zip(rng.uniform(0, 6, 3), rng.uniform(0.5, 1.5, 3), (5, 4, 6), strict=True):
        angle = phase + speed * time_ms / 1000
        row, column = 18 + 12 * np.sin(1.3 * angle), 32 + 24 * np.cos(angle)
        wall = wall + 90 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * size**2))
    return wall


def compare(one, other) -> np.ndarray:
    """Bits that differ at common steps, uncropped."""
    _, left, right = np.intersect1d(one.steps, other.steps, return_indices=True)
    assert len(left) > 50
    return np.bitwise_count(one.hashes[0, left] ^ other.hashes[0, right])


TIMES = np.arange(0, 20_000, 40)


def test_changes_are_means_of_half_seconds():
    signals = make_signals(TIMES, draw_scene)
    steps = range(40, 44)
    found = compute_changes(signals, steps)
    for step, change in zip(steps, found, strict=True):
        # Slow road: means over 25 ms instants, in doubles.
        def mean(start, signals=signals):
            instants = start + STEP_MS * np.arange(4)
            exact = [
                np.array([np.interp(t, signals.times_ms, signals.luma[:, r, c]) for t in instants]).mean()
                for r, c in ((3, 5), (20, 30), (35, 63))
            ]
            return np.array(exact)

        expected = mean(step * STEP_MS) - mean(step * STEP_MS - 500)
        assert np.allclose([change[3, 5], change[20, 30], change[35, 63]], expected, atol=1e-2)


def test_cosines_in_a_box_are_those_of_the_cropped_picture():
    """A crop by whole pixels, against a plain cosine transform of the pixels that are left."""
    rng = np.random.default_rng(1)
    changes = rng.normal(0, 20, (3, 36, 64)).astype(np.float32)
    box = (4 / 36, 32 / 36, 8 / 64, 60 / 64)
    inner = changes[:, 4:32, 8:60].astype(float)
    found = transform_changes(changes, box).reshape(3, 8, 8)
    for u, v in ((0, 1), (3, 2), (7, 7)):
        fine_rows = np.cos(np.pi * u * (np.arange(28 * 50) + 0.5) / (28 * 50)).reshape(28, 50).mean(axis=1) / 28
        fine_columns = np.cos(np.pi * v * (np.arange(52 * 50) + 0.5) / (52 * 50)).reshape(52, 50).mean(axis=1) / 52
        assert np.allclose(found[:, u, v], np.einsum("h,nhw,w->n", fine_rows, inner, fine_columns), atol=1e-3)
    assert (found[:, 0, 0] == 0).all(), "brightness is no evidence"


def test_cosines_beyond_the_picture_see_it_as_smaller():
    wide = make_cosines(36, -0.25, 1.25)
    assert wide.shape == (8, 36) and wide[0].sum() == pytest.approx(1 / 1.5)


def test_bits_are_signs_of_coefficients():
    changes = np.random.default_rng(2).normal(0, 20, (5, 36, 64)).astype(np.float32)
    signs = transform_changes(changes, (0, 1, 0, 1)) > 0
    for value, row in zip(hash_changes(changes, (0, 1, 0, 1)).tolist(), signs, strict=True):
        assert f"{value:064b}" == "".join("1" if bit else "0" for bit in row)


def test_another_wall_does_not_matter_and_another_motion_does():
    rng = np.random.default_rng(5)
    wall = rng.uniform(-30, 30, (36, 64))
    base = compute_fingerprint(make_signals(TIMES, draw_scene))
    repainted = compute_fingerprint(make_signals(TIMES, lambda t: draw_scene(t) * 0.8 + wall))
    assert np.median(compare(base, repainted)) <= 3
    same_wall = compute_fingerprint(make_signals(TIMES, lambda t: draw_scene(2 * t + 7000)))
    assert np.median(compare(base, same_wall)) > 20


def test_another_frame_rate_and_a_fraction_of_a_frame_hardly_matter():
    base = compute_fingerprint(make_signals(TIMES, draw_scene))
    for times in (np.arange(0, 20_000, 1001 / 30), np.arange(13, 20_000, 40), np.arange(0, 20_000, 80)):
        assert np.median(compare(base, compute_fingerprint(make_signals(times, draw_scene)))) <= 2


def test_a_still_record_has_no_hashes():
    still = make_signals(TIMES, lambda t: draw_scene(0))
    assert len(compute_fingerprint(still).steps) == 0
    one_frame = make_signals(TIMES[:1], draw_scene)
    assert len(compute_fingerprint(one_frame).steps) == 0 and len(find_steps(one_frame)) == 0


def test_a_cropped_record_is_hashed_as_the_crop():
    def draw_cropped(time, share=0.1):
        big = cv2.resize(draw_scene(time), (640, 360), interpolation=cv2.INTER_CUBIC)
        part = big[int(360 * share) : int(360 * (1 - share)), int(640 * share) : int(640 * (1 - share))]
        return cv2.resize(part, (64, 36), interpolation=cv2.INTER_AREA)

    whole = compute_fingerprint(make_signals(TIMES, draw_scene))
    cropped = compute_fingerprint(make_signals(TIMES, draw_cropped))
    _, left, right = np.intersect1d(whole.steps, cropped.steps, return_indices=True)
    distances = [np.bitwise_count(whole.hashes[k, left] ^ cropped.hashes[0, right]).mean() for k in range(len(CROPS))]
    assert int(np.argmin(distances)) == CROPS.index((0.1, 0.1)) and min(distances) < 4


@pytest.mark.parametrize(("top", "left"), [(0.12, 0.0), (0.0, 0.125), (0.1, 0.05)])
def test_bars_are_measured_to_a_part_of_a_row(top, left):
    picture = np.full((360, 640), 120, np.uint8)
    picture[: round(360 * top)] = picture[round(360 * (1 - top)) :] = 16
    picture[:, : round(640 * left)] = picture[:, round(640 * (1 - left)) :] = 16
    small = cv2.resize(picture, (64, 36), interpolation=cv2.INTER_AREA)
    assert find_picture(small[None]) == pytest.approx((top, 1 - top, left, 1 - left), abs=0.01)


def test_a_dark_record_has_no_bars():
    assert find_picture(np.full((10, 36, 64), 17, np.uint8)) == (0.0, 1.0, 0.0, 1.0)
    assert find_picture(np.empty((0, 36, 64), np.uint8)) == (0.0, 1.0, 0.0, 1.0)


def test_what_is_kept_is_read_again_only_for_the_same_content(tmp_path):
    fingerprint = compute_fingerprint(make_signals(TIMES, draw_scene))
    path = tmp_path / "hashes.npz"
    write_fingerprint(path, fingerprint, "key")
    again = read_fingerprint(path, "key")
    assert again is not None and np.array_equal(again.hashes, fingerprint.hashes) and again.box == fingerprint.box
    assert read_fingerprint(path, "other") is None
    path.write_bytes(path.read_bytes()[:100])
    assert read_fingerprint(path, "key") is None and read_fingerprint(tmp_path / "gone", "key") is None
    assert replace(fingerprint, box=(0, 1, 0, 1)).box == (0, 1, 0, 1)
