"""A long recording needs no more memory than a short one, of what Python and NumPy hold."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from functools import partial

import av
import pytest
from parse_builders import make_action, make_parse, make_parsed

from finegym.annotations.model import Dataset, Video
from finegym.applications.parse import page, stretches
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseItem, ParseSettings, parse_video
from finegym.applications.scoring.code_of_points import read_code
from finegym.codebook.builtin import read_builtin
from finegym.video.ingest.shots_in_parts import find_shots_in_parts

SETTINGS = ParseSettings(Thresholds(min_score=0.99), device="cpu")  # what is found takes memory, and should
MB = 1_000_000


def repeat(source, target, times):
    """The same pictures over and over, copied without decoding."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for turn in range(times):
            old.seek(0)
            packets = [packet for packet in old.demux(video=0) if packet.pts is not None]
            length = max(packet.pts + packet.duration for packet in packets) - min(packet.pts for packet in packets)
            for packet in packets:
                packet.pts, packet.dts = packet.pts + turn * length, packet.dts + turn * length
                packet.stream = stream
                new.mux(packet)
    return target


@pytest.fixture(scope="module")
def records(tiny, tmp_path_factory):
    """24 s and ten times as much."""
    folder = tmp_path_factory.mktemp("long")
    source = tiny.dataset / "records/rec3.mp4"
    return repeat(source, folder / "short.mp4", 6), repeat(source, folder / "long.mp4", 60)


def test_the_records_are_of_the_lengths_they_should_be(records):
    with av.open(str(records[0])) as short, av.open(str(records[1])) as long:
        lengths = [float(Fraction(one.duration, av.time_base)) for one in (short, long)]
    assert lengths == pytest.approx([24, 240], abs=0.2)


def measure_peak(video, bundle, out):
    """Bytes that Python and NumPy held at most while a recording was parsed, from the second stage on.

    What localizers hold while they rank candidates grows until there are ``max_points`` of them, which so short
    recordings do not have; docs/parse.md has what a whole process held.
    """

    def tell(stage):
        if stage == "replays":
            tracemalloc.reset_peak()

    tracemalloc.start()
    try:
        parse_video(ParseItem(video, out), bundle=bundle, settings=SETTINGS, show_progress=False, tell=tell)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_as_long_needs_no_more_memory(tiny, records, tmp_path, monkeypatch):
    parts = partial(find_shots_in_parts, part_ms=4000.0, before_ms=4000.0, after_ms=4000.0)
    monkeypatch.setattr(stretches, "find_shots_in_parts", parts)
    measure_peak(records[0], tiny.bundle, tmp_path / "warm")  # what is loaded and compiled once
    short, long = (measure_peak(one, tiny.bundle, tmp_path / one.stem) for one in records)
    # 5,400 frames more take 60 bytes each in the index, and a few numbers in the outputs.
    assert long < short + 2 * MB
    # The control: looked at in one part, the same recording does need more.
    whole = partial(find_shots_in_parts, part_ms=1e9)
    monkeypatch.setattr(stretches, "find_shots_in_parts", whole)
    assert measure_peak(records[1], tiny.bundle, tmp_path / "control") > short + 5 * MB


def test_a_large_page_is_never_in_memory_as_a_whole(tiny, tmp_path, monkeypatch):
    picture = "data:image/jpeg;base64," + "A" * 5000

    def draw(parse, _):
        return {(action.name, sub.name): (picture,) * 3 for action in parse.actions for sub in action.sub_actions}

    monkeypatch.setattr(page, "_draw_moments", draw)
    subs = [make_parsed(1000 * second, 1000 * second + 900, "fx-turn-1") for second in range(500)]
    parse = make_parse([make_action(subs, 0, 500_000)], duration_ms=500_000)
    dataset = Dataset(read_builtin("artistic-women"), (Video("v", ()),))
    arguments = (parse, dataset, read_code("fig-women-2017"), tiny.dataset / "records/rec3.mp4")
    page.write_parse_page(tmp_path / "warm.html", *arguments)
    tracemalloc.start()
    try:
        page.write_parse_page(tmp_path / "parse.html", *arguments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = (tmp_path / "parse.html").stat().st_size
    assert size > 8 * MB and peak < size / 2
