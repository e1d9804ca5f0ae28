"""Chunks cover the record, overlap as asked, and split no routine that fits into one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finegym.errors import SegmentError, VideoError
from finegym.video.ingest.chunks import make_chunks, read_chunks, write_chunks

lengths = st.integers(1_000, 900_000)
times = st.floats(0, 20_000_000, allow_nan=False)


@st.composite
def records(draw):
    start = draw(st.floats(0, 100_000))
    return start, start + draw(st.floats(1, 12_000_000))


@st.composite
def routines(draw):
    start, end = draw(records())
    busy = []
    for _ in range(draw(st.integers(1, 30))):
        begin = draw(st.floats(start, end))
        busy.append((begin, begin + draw(st.floats(1, 400_000))))
    return start, end, busy


@given(records(), lengths, st.floats(0, 0.99))
def test_chunks_cover_the_record_and_overlap_as_asked(record, length_ms, share):
    overlap_ms = int(share * length_ms)
    if (record[1] - record[0]) / (length_ms - overlap_ms) > 5000:
        return
    chunks = make_chunks(*record, length_ms=length_ms, overlap_ms=overlap_ms)
    assert chunks[0].start_ms <= record[0] < chunks[0].start_ms + 1
    assert chunks[-1].end_ms - 1 < record[1] <= chunks[-1].end_ms
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    for chunk, after in pairwise(chunks):
        assert chunk.end_ms - after.start_ms == overlap_ms
        assert chunk.end_ms - chunk.start_ms == length_ms
        assert after.end_ms > chunk.end_ms
    assert chunks[-1].end_ms - chunks[-1].start_ms <= 1.1 * length_ms
    if len(chunks) > 1:
        new = chunks[-1].end_ms - chunks[-2].end_ms
        assert new > 0.1 * length_ms - overlap_ms, "a rest that is hardly new goes to the chunk before"
    assert all(chunk.split == () for chunk in chunks)


@given(routines(), st.integers(60_000, 900_000))
def test_no_routine_is_split_unless_routines_leave_no_gap(known, length_ms):
    start, end, busy = known
    chunks = make_chunks(start, end, length_ms=length_ms, overlap_ms=10_000, busy=busy)
    assert chunks[0].start_ms <= start and chunks[-1].end_ms >= end
    for chunk, after in pairwise(chunks):
        cut = [routine for routine in busy if routine[0] < chunk.end_ms < routine[1]]
        assert list(chunk.split) == sorted(cut), "what is cut is said"
        if cut:
            assert after.start_ms == chunk.end_ms - 10_000
            assert measure_block(busy, chunk.end_ms) >= length_ms, "together they are longer than a chunk can wait"
        else:
            assert after.start_ms == chunk.end_ms
        assert length_ms // 2 <= chunk.end_ms - chunk.start_ms <= 1.6 * length_ms


def measure_block(busy, time):
    """Length of the overlapping routines around a time."""
    low = high = time
    grown = True
    while grown:
        touching = [(a, b) for a, b in busy if a < high + 1e-9 and b > low - 1e-9 and (a < low or b > high)]
        grown = bool(touching)
        low, high = min([low, *(a for a, _ in touching)]), max([high, *(b for _, b in touching)])
    return high - low


def test_a_short_tail_goes_to_the_chunk_before():
    assert [(c.start_ms, c.end_ms) for c in make_chunks(0, 640_000)] == [(0, 640_000)]
    assert [(c.start_ms, c.end_ms) for c in make_chunks(0, 661_000)] == [(0, 600_000), (540_000, 661_000)]


def test_edges_move_into_the_nearest_gap_a_second_from_routines():
    chunks = make_chunks(0, 1_500_000, busy=[(540_000, 630_000), (640_000, 700_000), (1_180_000, 1_300_000)])
    assert [(c.start_ms, c.end_ms) for c in chunks] == [(0, 631_000), (631_000, 1_179_000), (1_179_000, 1_500_000)]


def test_routines_that_only_touch_leave_a_place_between_them():
    chunks = make_chunks(0, 1_200_000, busy=[(0, 620_000), (620_000, 1_200_000)])
    assert [c.end_ms for c in chunks] == [620_000, 1_200_000] and not any(c.split for c in chunks)


def test_a_routine_longer_than_a_chunk_is_cut_and_named():
    chunks = make_chunks(0, 2_000_000, busy=[(100_000, 1_900_000)])
    assert chunks[0].split == ((100_000, 1_900_000),)
    assert (chunks[0].end_ms, chunks[1].start_ms) == (600_000, 540_000)


@pytest.mark.parametrize(
    "start, end, options",
    [(5, 5, {}), (0, 9, {"length_ms": 100, "overlap_ms": 100}), (0, 9, {"busy": [(3, 3)]})],
)
def test_impossible_requests_are_refused(start, end, options):
    with pytest.raises(SegmentError):
        make_chunks(start, end, **options)


def test_chunks_are_read_as_they_were_written(tmp_path):
    chunks = make_chunks(960.5, 2_000_000.2, busy=[(100_000, 1_900_000)])
    write_chunks(tmp_path / "chunks.json", chunks)
    assert read_chunks(tmp_path / "chunks.json") == chunks
    (tmp_path / "chunks.json").write_text("{}")
    with pytest.raises(VideoError, match="chunks"):
        read_chunks(tmp_path / "chunks.json")
