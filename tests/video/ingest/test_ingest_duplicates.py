"""Shared parts of records: what copies are found, and that the same hall makes no pair.

A competition is simulated: three records in one hall, seen by cameras that move like robots, with other routines.
"""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from ingest_videos import add_logo, crop, iterate_shown, letterbox, write_frames

from finegym.codebook.builtin import read_builtin
from finegym.simulation.competition import CompetitionSettings, simulate_competition
from finegym.video.ingest.fingerprint import CROPS, Fingerprint, compute_fingerprint
from finegym.video.ingest.sharing import find_shared_parts
from finegym.video.ingest.signals import compute_signals
from finegym.video.ingest.votes import Candidate, find_candidates

SECONDS = 50
NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def competition(tmp_path_factory):
    """Three records; all their routines are vaults and beams."""
    folder = tmp_path_factory.mktemp("competition")
    settings = CompetitionSettings(num_videos=3, minutes=SECONDS / 60, seed=5, size=(320, 180))
    simulate_competition(settings, read_builtin("artistic-women"), folder, show_progress=False)
    return sorted((folder / "records").glob("*.mp4"))


@pytest.fixture(scope="module", autouse=True)
def _keep_indexes_of_the_module_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))
        yield


@pytest.fixture(scope="module")
def looked_at(competition):
    """(signals, fingerprint) of each record."""
    return [look_at(path) for path in competition]


def look_at(path):
    signals = compute_signals(path)
    return signals, compute_fingerprint(signals)


def find_parts(records):
    """(left, right, part) of all pairs of records."""
    candidates, _ = find_candidates([fingerprint for _, fingerprint in records])
    return [
        (candidate.left, candidate.right, part)
        for candidate in candidates
        for part in find_shared_parts(
            candidate,
            records[candidate.left][0],
            records[candidate.left][1].box,
            records[candidate.right][0],
            records[candidate.right][1].box,
        )
    ]


def test_other_routines_in_the_same_hall_are_no_pair(looked_at):
    assert find_parts(looked_at) == []


def shrink(picture):
    return cv2.resize(picture, (214, 120), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    ("name", "change", "rate", "start_s"),
    [
        ("re-encoded at a ninth of the bits and smaller", shrink, 25, 0.0),
        ("cropped by 5 % a side", lambda p: crop(p, 0.05, 0.05, 0.05, 0.05), 25, 0.0),
        ("cropped by 10 % a side", lambda p: crop(p, 0.1, 0.1, 0.1, 0.1), 25, 0.0),
        ("cropped unevenly", lambda p: crop(p, 0.1, 0.05, 0.06, 0.08), 25, 0.0),
        ("with a logo and a bar of text", add_logo, 25, 0.0),
        ("at another frame rate", np.asarray, NTSC, 0.0),
        ("in bars", letterbox, 25, 0.0),
        ("from the middle, with a fraction of a second of offset", np.asarray, 25, 7.37),
        ("at another rate, brighter", lambda p: cv2.convertScaleAbs(p, alpha=1.15, beta=12), 50, 3.21),
    ],
)
def test_copies_are_found_with_their_times(tmp_path, competition, looked_at, name, change, rate, start_s):
    end_s = SECONDS - 2.0
    frames = (change(picture) for picture in iterate_shown(competition[0], start_s, end_s, rate))
    copy = look_at(write_frames(tmp_path / "copy.mp4", frames, rate, crf=32))
    found = find_parts([*looked_at, copy])
    assert [(left, right) for left, right, _ in found] == [(0, 3)], name
    part = found[0][2]
    assert part.left_start_ms <= 1000 * start_s + 1500 and part.left_end_ms >= 1000 * end_s - 2500, part
    offset_s = (part.left_start_ms - part.right_start_ms) / 1000
    assert offset_s == pytest.approx(start_s, abs=0.1)
    assert part.score > 0.85


def test_a_part_inside_another_record_is_found_with_its_edges(tmp_path, competition, looked_at):
    """Twenty seconds of one record, cropped, with a logo, in bars, at another rate and badly coded, in another one."""

    def cut():
        yield from iterate_shown(competition[1], 0, 15, NTSC)
        for picture in iterate_shown(competition[0], 20.3, 40.3, NTSC):
            yield letterbox(add_logo(crop(picture, 0.07, 0.06, 0.05, 0.07)), 0.1)
        yield from iterate_shown(competition[1], 30, 48, NTSC)

    found = find_parts([*looked_at, look_at(write_frames(tmp_path / "cut.mp4", cut(), NTSC, crf=30))])
    assert {(left, right) for left, right, _ in found} == {(0, 3), (1, 3)}
    (inside,) = [part for left, _, part in found if left == 0]
    assert abs(inside.left_start_ms - 20_300) < 1000 and abs(inside.left_end_ms - 40_300) < 1000
    assert abs(inside.right_start_ms - 15_000) < 1000 and abs(inside.right_end_ms - 35_000) < 1000
    before, after = sorted((part for left, _, part in found if left == 1), key=lambda part: part.left_start_ms)
    assert abs(before.left_end_ms - 15_000) < 1000 and abs(after.left_start_ms - 30_000) < 1000


def test_real_clips_are_found_again(tmp_path, shared):
    """Figure skating with a panning camera, and breakdance; both barely longer than the shortest part that counts."""
    clips = [
        shared / "clips" / "other" / f"{name}.mp4" for name in ("poseformerv2_sample_video", "scorehmr_breakdancing")
    ]
    records = [look_at(path) for path in clips]
    assert find_parts(records) == []
    for number, path in enumerate(clips):
        frames = (
            cv2.resize(letterbox(add_logo(crop(picture, 0.06, 0.05, 0.04, 0.05))), (640, 360))
            for picture in iterate_shown(path, 0.1, 7.3, NTSC)
        )
        copy = look_at(write_frames(tmp_path / f"{number}.mp4", frames, NTSC, crf=33))
        assert [(left, right) for left, right, _ in find_parts([*records, copy])] == [(number, 2)]


# The inverted index against a comparison of every moment with every other.


def make_fingerprint(rng, count=400):
    hashes = rng.integers(0, 1 << 63, (len(CROPS), count), dtype=np.uint64)
    return Fingerprint(np.arange(count), hashes, (0.0, 1.0, 0.0, 1.0))


def plant(source, target, first, stop, offset, flips, rng, crop_index=0):
    """Write a stretch of one record's hashes into another one, with some bits flipped."""
    for step in range(first, stop):
        value = source.hashes[crop_index, step]
        for bit in rng.choice(63, flips, replace=False).tolist():
            value ^= np.uint64(1) << np.uint64(bit)
        target.hashes[0, step + offset] = value


def find_by_brute_force(left, right):
    """Offsets at which at least forty moments are near, whatever the crop."""
    counts = {}
    for crop_index in range(len(CROPS)):
        near = np.argwhere(np.bitwise_count(left.hashes[crop_index][:, None] ^ right.hashes[0][None]) <= 12)
        for one, other in near.tolist():
            counts[other - one] = counts.get(other - one, 0) + 1
    return {offset for offset, count in counts.items() if count >= 40}


def test_candidates_are_those_of_a_comparison_of_everything():
    rng = np.random.default_rng(0)
    records = [make_fingerprint(rng) for _ in range(4)]
    plant(records[0], records[2], 100, 180, 77, 4, rng)
    plant(records[1], records[3], 200, 300, -150, 6, rng, crop_index=3)
    candidates, num_left_out = find_candidates(records)
    found = {(c.left, c.right): c for c in candidates}
    assert set(found) == {(0, 2), (1, 3)} and num_left_out == 0
    assert {found[0, 2].offset_steps} == find_by_brute_force(records[0], records[2]) == {77}
    assert {found[1, 3].offset_steps} == find_by_brute_force(records[1], records[3]) == {-150}
    assert (found[1, 3].crop_left, found[1, 3].crop_right) == (3, 0)
    assert found[0, 2].distance == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize("days", [(3, 0), (0, 197), (197, 197), (20_000, 20_000.5)])
def test_clocks_may_begin_anywhere(days):
    """197 days is where steps no longer fit as they are packed; 20,000 are the seconds since 1970."""
    rng = np.random.default_rng(5)
    records = [make_fingerprint(rng) for _ in range(2)]
    plant(records[0], records[1], 100, 180, 77, 4, rng)
    (near,), _ = find_candidates(records)
    starts = [round(8 * 86_400 * day) for day in days]
    moved = [replace(record, steps=record.steps + start) for record, start in zip(records, starts, strict=True)]
    (found,), _ = find_candidates(moved)
    assert found == replace(
        near, offset_steps=near.offset_steps + starts[1] - starts[0], first_step=near.first_step + starts[0]
    )


def test_the_cropped_record_may_be_the_left_or_the_right_one():
    rng = np.random.default_rng(1)
    records = [make_fingerprint(rng) for _ in range(2)]
    plant(records[1], records[0], 100, 200, 30, 3, rng, crop_index=2)
    (candidate,), _ = find_candidates(records)
    assert (candidate.crop_left, candidate.crop_right, candidate.offset_steps) == (0, 2, -30)


def test_a_stretch_that_repeats_within_one_record_is_no_pair():
    rng = np.random.default_rng(2)
    records = [make_fingerprint(rng) for _ in range(2)]
    plant(records[0], records[0], 0, 100, 200, 0, rng)
    assert find_candidates(records) == ([], 0)


def test_few_or_empty_records_have_no_pairs():
    none = Fingerprint(np.empty(0, np.int64), np.empty((len(CROPS), 0), np.uint64), (0.0, 1.0, 0.0, 1.0))
    assert find_candidates([]) == ([], 0) and find_candidates([none]) == ([], 0)
    assert find_candidates([none, none]) == ([], 0)
    assert find_candidates([none, make_fingerprint(np.random.default_rng(3))]) == ([], 0)


def test_a_wrong_candidate_is_refused_by_the_thumbnails(looked_at):
    (left, left_print), (right, right_print) = looked_at[:2]
    for offset in (-100, 0, 100):
        candidate = Candidate(0, 1, offset, 150, 0, 0, 5.0)
        assert find_shared_parts(candidate, left, left_print.box, right, right_print.box) == []
