"""The probe, against files whose facts were chosen, and against the manifest of real clips."""

import csv
import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered import copy_stream, write_numbered

from finegym.errors import VideoError
from finegym.video.index_cache import read_index
from finegym.video.ingest.packet_pass import read_packets
from finegym.video.ingest.probe import find_resolution_class, probe_media, read_file_facts


def probe(path):
    return probe_media(path, path, read_index(path), read_packets(path))


def add_sound(source: Path, target: Path, rate: int = 48_000, seconds: float = 2.0) -> Path:
    """Copy the pictures, and add two channels of noise."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        audio = new.add_stream("aac", rate=rate, layout="stereo")
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
        noise = np.random.default_rng(0).normal(0, 0.1, (2, round(rate * seconds))).astype(np.float32)
        for start in range(0, noise.shape[1] - 1023, 1024):
            part = np.ascontiguousarray(noise[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            new.mux(audio.encode(frame))
        new.mux(audio.encode(None))
    return target


def test_a_constant_rate_mp4(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 60, rate=Fraction(30000, 1001), gop=20, options={"profile": "high"})
    found = probe(path)
    assert (found.container, found.codec, found.profile, found.pixel_format) == ("mov", "h264", "High", "yuv420p")
    assert (found.width, found.height, found.resolution_class, found.rotation) == (160, 120, "below 480p", 0)
    assert (found.num_frames, found.num_key_frames, found.duration_ms) == (60, 3, 2002)
    assert found.clock.fps_distinct == (29.97,) and found.clock.is_constant_rate
    assert found.clock.fps_average == pytest.approx(29.97, abs=0.001)
    assert found.bit_rate_bps == round(path.stat().st_size * 8 / 2.002)
    assert found.audio == () and not found.clock.has_edit_list
    assert (found.clock.num_duplicate_pts, found.clock.num_missing_pts, found.clock.num_backward_dts) == (0, 0, 0)


def test_two_rates_are_told_most_frequent_first(tmp_path):
    times = [*range(0, 40 * 40, 40), *range(40 * 40, 40 * 40 + 30 * 20, 20)]
    path = write_numbered(tmp_path / "a.mkv", 70, times=times, time_base=Fraction(1, 1000), rate=1000)
    found = probe(path).clock
    assert found.fps_distinct == (25.0, 50.0) and not found.is_constant_rate


def test_start_and_edit_list(tmp_path):
    whole = write_numbered(tmp_path / "a.mp4", 60, gop=30, b_frames=2)
    late, cut = (
        copy_stream(whole, tmp_path / "late.mp4", shift_s=5),
        copy_stream(whole, tmp_path / "cut.mp4", shift_s=-0.6),
    )
    assert probe(late).clock.start_ms == 5000 and probe(late).clock.has_edit_list
    assert probe(cut).num_discarded == 15 and probe(cut).clock.has_edit_list
    assert not probe(whole).clock.has_edit_list


def test_rotation_and_size_are_those_of_the_upright_picture(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 10, matrix=(0, 1, -1, 0))
    found = probe(path)
    assert (found.rotation, found.width, found.height) == (90, 120, 160)


def test_sound_tracks(tmp_path):
    path = add_sound(write_numbered(tmp_path / "a.mp4", 50), tmp_path / "b.mp4")
    (sound,) = probe(path).audio
    assert (sound.codec, sound.rate_hz, sound.channels) == ("aac", 48_000, 2)
    assert sound.start_ms == pytest.approx(0, abs=30) and sound.end_ms == pytest.approx(2000, abs=50)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((1920, 1080), "1080p"),
        ((1920, 1072), "1080p"),
        ((1080, 1920), "1080p"),
        ((1280, 720), "720p"),
        ((1024, 576), "480p"),
        ((640, 360), "below 480p"),
        ((3840, 2160), "2160p"),
        ((2560, 1440), "1440p"),
        ((1280, 683), "480p"),
        ((1280, 684), "720p"),
    ],
)
def test_resolution_class_goes_by_the_short_side(size, name):
    assert find_resolution_class(*size) == name


def test_the_sum_is_that_of_the_whole_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 5000)
    facts = read_file_facts(path, "a.bin")
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.size_bytes, facts.mtime_ns) == (1_280_000, path.stat().st_mtime_ns)
    with pytest.raises(VideoError, match="cannot be read"):
        read_file_facts(tmp_path / "gone", "gone")


def test_real_clips_have_the_facts_of_their_manifest(shared):
    with (shared / "clips" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in [*rows[:3], *rows[3::16]]:
        path = shared / "clips" / row["path"]
        found = probe(path)
        assert (found.width, found.height, found.num_frames) == tuple(
            int(row[n]) for n in ("width", "height", "frames")
        )
        assert found.codec == row["codec"] and found.clock.fps_average == pytest.approx(float(row["fps"]), rel=0.01)
        assert read_file_facts(path, "").sha256[:16] == row["sha256_16"]
