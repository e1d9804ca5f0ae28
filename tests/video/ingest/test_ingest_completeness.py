"""What is missing or dead, against files that were damaged on purpose at known places."""

import av
import numpy as np
import pytest
from ingest_videos import write_frames
from numbered import copy_stream, draw_number, write_numbered

from finegym.video.index_cache import read_index
from finegym.video.ingest.completeness import check_clock, check_pictures
from finegym.video.ingest.packet_pass import read_packets
from finegym.video.ingest.signals import compute_signals


def find_damage(path, metadata=None):
    return check_clock(read_index(path), read_packets(path), metadata or {})


def see_damage(path):
    return check_pictures(read_index(path), compute_signals(path))


def describe(damage):
    return [(found.kind, found.start_ms, found.end_ms) for found in damage]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_sound_file_has_no_damage(tmp_path, name):
    path = write_numbered(tmp_path / name, 60)
    assert find_damage(path, {"duration_s": "2.4"}) == [] and see_damage(path) == []


def test_a_truncated_file_tells_where_it_ends_and_how_much_is_lost(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 100, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    index = read_index(path)
    (found,) = find_damage(path)
    assert found.kind == "truncated" and found.start_ms == round(index.end_ms)
    assert found.end_ms == 4000, "100 frames at 25 a second were promised"


def test_missing_minutes_are_measured_against_the_table(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 100)
    assert find_damage(path, {"duration_s": "4.9"}) == [], "within a second: rounding"
    assert describe(find_damage(path, {"duration_s": "64"})) == [("missing", 4000, 64_000)]


def test_what_truncation_explains_is_not_missing_again(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 100, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert [found.kind for found in find_damage(path, {"duration_s": "4"})] == ["truncated"]
    assert [found.kind for found in find_damage(path, {"duration_s": "10"})] == ["truncated", "missing"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_gap_is_from_the_end_of_the_frame_before_to_the_next_one(tmp_path, suffix):
    times = [*range(50), *range(75, 100)]
    path = write_numbered(tmp_path / f"a.{suffix}", 75, times=times)
    assert describe(find_damage(path)) == [("gap", 2000, 3000)]


def test_variable_rate_is_no_gap(tmp_path):
    times = np.cumsum(np.random.default_rng(0).integers(20, 61, 80)).tolist()
    from fractions import Fraction

    path = write_numbered(tmp_path / "a.mkv", 80, times=times, time_base=Fraction(1, 1000), rate=1000)
    assert find_damage(path) == []


def test_damage_is_on_the_clock_of_a_record_that_starts_late(tmp_path):
    whole = write_numbered(tmp_path / "whole.mp4", 75, times=[*range(50), *range(75, 100)])
    late = copy_stream(whole, tmp_path / "late.mp4", shift_s=5.0)
    assert describe(find_damage(late)) == [("gap", 7000, 8000)]


def draw_with_holes(black=range(0), frozen=range(0), count=250):
    held = None
    for number in range(count):
        if number in black:
            yield np.zeros((180, 320, 3), np.uint8)
            continue
        if number not in frozen or held is None:
            held = draw_number(number, 320, 180)
        yield held


def test_black_and_frozen_stretches_are_found_in_the_pictures(tmp_path):
    path = write_frames(tmp_path / "a.mp4", draw_with_holes(range(50, 75), range(125, 200)))
    found = see_damage(path)
    assert [item.kind for item in found] == ["black", "frozen"]
    # The quick pass sees about every second frame: edges are known to 80 ms.
    for item, (start, end) in zip(found, [(2000, 3000), (5000, 8000)], strict=True):
        assert abs(item.start_ms - start) <= 160 and abs(item.end_ms - end) <= 160, item


def test_a_standing_picture_is_hinted_at_by_packets_alone(tmp_path):
    path = write_frames(tmp_path / "a.mp4", draw_with_holes(frozen=range(125, 200)))
    (found,) = find_damage(path)
    assert found.kind == "frozen_hint"
    assert abs(found.start_ms - 5000) <= 200 and abs(found.end_ms - 8000) <= 200


def test_dim_pictures_are_not_black_and_slow_ones_not_frozen(tmp_path):
    dim = (np.full((180, 320, 3), 40, np.uint8) + (draw_number(n, 320, 180) // 16) for n in range(75))
    assert see_damage(write_frames(tmp_path / "dim.mp4", dim)) == []

    def creep():
        for number in range(150):
            picture = np.full((180, 320, 3), 90, np.uint8)
            picture[40:140, 20 + number : 60 + number] = 200
            yield picture

    assert see_damage(write_frames(tmp_path / "creep.mp4", creep())) == []


def test_frames_that_do_not_decode_are_told_by_number(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 120, size=(320, 180), gop=30, b_frames=0)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    position, size = packets[40]
    content[position + 4 : position + size] = bytes(size - 4)
    path.write_bytes(content)
    (found,) = [item for item in see_damage(path) if item.kind == "undecodable"]
    # All that is made from frame 40 is lost with it, up to the next key frame, which is frame 60.
    assert (found.start_ms, found.end_ms, found.note) == (1600, 2400, "frames 40 to 59")
