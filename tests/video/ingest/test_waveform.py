"""Peaks of the sound, against the samples themselves, and the sound of a stretch without a gap."""

import json

import av
import numpy as np
import pytest
from numbered import write_numbered
from test_proxy import write_with_clicks

from finegym.errors import VideoError
from finegym.video.ingest.audio import iterate_audio, read_audio_rate
from finegym.video.ingest.chunks import Chunk
from finegym.video.ingest.waveform import write_waveform


def decode_all(path, rate, seconds):
    """float32 (n,): the whole sound, both channels averaged, each block where its time stamp says."""
    samples = np.zeros(seconds * rate + rate, np.float32)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            place = round(float(frame.pts * frame.time_base) * rate)
            block = frame.to_ndarray().mean(0)[max(0, -place) :]
            samples[max(0, place) : max(0, place) + len(block)] = block
    return samples[: seconds * rate]


def test_peaks_are_those_of_the_samples(tmp_path):
    record = write_with_clicks(tmp_path / "a.mp4", rate=48000, clicks=(1.005, 3.505))
    assert write_waveform(record, Chunk(number=0, start_ms=0, end_ms=6000), tmp_path / "w.json")
    facts = json.loads((tmp_path / "w.json").read_text())
    assert {name: facts[name] for name in ("version", "channels", "sample_rate", "samples_per_pixel", "bits")} == {
        "version": 2,
        "channels": 1,
        "sample_rate": 48000,
        "samples_per_pixel": 960,
        "bits": 8,
    }
    assert facts["length"] == 300 == len(facts["data"]) // 2
    low, high = np.array(facts["data"]).reshape(-1, 2).T
    points = decode_all(record, 48000, 6).reshape(-1, 960)
    assert np.abs(low - points.min(1) * 128).max() <= 1
    assert np.abs(high - np.clip(points.max(1) * 128, -128, 127)).max() <= 1
    assert np.flatnonzero(high > 50).tolist() == [50, 175], "clicks at 1 s and 3.5 s, fifty points a second"


def test_a_waveform_begins_with_the_first_frame_of_its_chunk(tmp_path):
    record = write_with_clicks(tmp_path / "a.mp4", start_s=2.0, clicks=(1.005, 3.505))
    write_waveform(record, Chunk(number=0, start_ms=2990, end_ms=6000), tmp_path / "w.json")
    facts = json.loads((tmp_path / "w.json").read_text())
    high = np.array(facts["data"])[1::2]
    assert facts["length"] == 150, "from the frame at 3 s on"
    assert np.flatnonzero(high > 50).tolist() == [0, 125]


def test_a_silent_record_has_no_waveform(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 25)
    (tmp_path / "w.json").write_text("of an older run")
    assert not write_waveform(record, Chunk(number=0, start_ms=0, end_ms=1000), tmp_path / "w.json")
    assert not (tmp_path / "w.json").exists()
    assert read_audio_rate(record) is None


@pytest.mark.parametrize("start_ms, end_ms", [(0, 6000), (1234.5, 4321.0), (5500, 9000)])
def test_sound_has_as_many_samples_as_its_time_holds(tmp_path, start_ms, end_ms):
    record = write_with_clicks(tmp_path / "a.mp4")
    blocks = list(iterate_audio(record, start_ms, end_ms, 44100))
    assert sum(block.samples.shape[1] for block in blocks) == round((end_ms - start_ms) * 44.1)
    assert all(block.samples.shape[0] == 2 and block.samples.dtype == np.float32 for block in blocks)
    missing = sum(block.samples.shape[1] for block in blocks if block.is_missing)
    assert missing == pytest.approx(max(0, end_ms - 6000) * 44.1, abs=2000)


def test_chunks_outside_of_the_record_are_refused(tmp_path):
    record = write_with_clicks(tmp_path / "a.mp4", seconds=2, clicks=(1.0,))
    with pytest.raises(VideoError, match="outside"):
        write_waveform(record, Chunk(number=0, start_ms=5000, end_ms=9000), tmp_path / "w.json")
