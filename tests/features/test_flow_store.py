"""Flow of every clip: what is stored is what was computed, any pair can be read alone, nothing crosses a cut."""

import errno
import pickle
import shutil
import tempfile
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from feature_samples import IDS, make_dataset, make_video, read_all, write_records, write_video
from safetensors.numpy import load_file

from finegym.errors import ConfigError, FeatureError
from finegym.features.build import build_features
from finegym.features.check import check_features
from finegym.features.flow import coding
from finegym.features.flow.coding import GOP_PAIRS, choose_packets
from finegym.features.flow.extract import PORTION_PAIRS, FlowMaker
from finegym.features.flow.methods import METHODS, compute_flow
from finegym.features.flow.quantise import ZERO_CODE, dequantise, quantise
from finegym.features.flow.store import FlowStore
from finegym.features.store import FeatureSettings
from finegym.video.reader import VideoReader

QUANTISED = FlowMaker("farneback")
FLOAT16 = FlowMaker("farneback", form="float16")


def build(folder, maker=QUANTISED, dataset=None, *, unit="sub-action", name=None, **arguments):
    out = folder / "features" / (name or maker.form)
    result = build_features(dataset or make_dataset(), folder, out, maker.make_settings(unit), maker, **arguments)
    return result, FlowStore(out)


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-flow")
    write_records(folder)
    build(folder)
    build(folder, FLOAT16)
    return folder


@pytest.fixture
def folder(_made, tmp_path):
    return shutil.copytree(_made, tmp_path / "data")


@pytest.fixture(params=["quantised", "float16"])
def store(request, _made):
    return FlowStore(_made / "features" / request.param)


def compute_slowly(path, frames, size=None):
    """Flow of pairs, one at a time, from frames read one at a time."""
    with VideoReader(path) as reader:
        pictures = [reader.read_frames([k], size=size, colours="grey")[0] for k in frames]
    return np.stack([compute_flow(first, second, "farneback") for first, second in pairwise(pictures)])


def compute_error(left, right):
    return float(np.hypot(*np.moveaxis(left - right, -1, 0)).mean())


def test_float16_is_what_was_computed(_made):
    store = FlowStore(_made / "features/float16")
    expected = compute_slowly(_made / "records/a.mp4", range(10, 20))
    fields = store.read_fields(IDS[0])
    assert fields.shape == (9, 64, 96, 2) and fields.dtype == np.float32
    assert np.array_equal(fields, expected.astype(np.float16).astype(np.float32))
    # Another library reads the file.
    assert np.array_equal(load_file(_made / "features/float16" / store.get(IDS[0]).path)["flow"], fields)


def test_quantised_is_near_what_was_computed(_made):
    store = FlowStore(_made / "features/quantised")
    expected = compute_slowly(_made / "records/a.mp4", range(10, 20))
    rounded = dequantise(quantise(expected))
    fields = store.read_fields(IDS[0])
    assert compute_error(fields, expected) < compute_error(rounded, expected) + 0.06
    assert np.abs(fields.mean((0, 1, 2)) - expected.mean((0, 1, 2))).max() < 0.02  # neither range nor place is moved
    assert fields[..., 0].mean() > 1 and abs(fields[..., 1].mean()) < 0.5  # to the right, by up to 2 px


def test_codes_are_the_stored_bytes_and_fields_are_what_they_stand_for(_made):
    store = FlowStore(_made / "features/quantised")
    codes = store.read_codes(IDS[0])
    with av.open(str(_made / "features/quantised" / store.get(IDS[0]).path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
        assert container.streams.video[0].codec_context.color_range == 2
    assert len(frames) == 9 and frames[0].shape == (192, 96)
    for picture, frame in zip(codes, frames, strict=True):
        assert np.array_equal(picture[..., 0], frame[:64]) and np.array_equal(picture[..., 1], frame[64:128])
        assert (frame[128:] == 128).all()
    assert np.array_equal(store.read_fields(IDS[0]), dequantise(codes))


def test_codes_of_float16_are_the_published_ones(_made):
    store = FlowStore(_made / "features/float16")
    assert np.array_equal(store.read_codes(IDS[0]), quantise(store.read_fields(IDS[0])))


def test_any_pairs_in_any_order_are_those_of_the_whole(store):
    whole, codes = store.read_fields(IDS[4]), store.read_codes(IDS[4])
    assert store.count_pairs(IDS[4]) == 19 == len(whole)
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 30):
        wanted = rng.integers(0, 19, size)
        assert np.array_equal(store.read_fields(IDS[4], wanted), whole[wanted])
        assert np.array_equal(store.read_codes(IDS[4], wanted.tolist()), codes[wanted])
    assert store.read_fields(IDS[4], []).shape == (0, 64, 96, 2)


def test_only_packets_since_the_last_place_to_begin_are_decoded(_made, monkeypatch):
    store = FlowStore(_made / "features/quantised")
    read = []
    original = FlowStore.read_parts
    monkeypatch.setattr(
        FlowStore, "read_parts", lambda self, clip, spans: read.append(spans) or original(self, clip, spans)
    )
    store.read_fields(IDS[4], [GOP_PAIRS + 2])
    extra = store.get_facts(IDS[4]).extra
    assert [stop - start for start, stop in read[0]] == [sum(extra["sizes"][GOP_PAIRS : GOP_PAIRS + 3])]


def test_choosing_packets_against_a_slow_search():
    rng = np.random.default_rng(1)
    for _ in range(50):
        wanted = rng.integers(0, 60, 4).tolist()
        slow = sorted({p for w in wanted for p in range(60) if p // 8 == w // 8 and p <= w})
        assert choose_packets(wanted, 8) == slow


def test_flow_never_crosses_a_cut(store):
    valid = store.read_valid(IDS[4])  # frames 5 to 24 of b, cut at 15: pair 9
    assert np.flatnonzero(~valid).tolist() == [9]
    fields, codes = store.read_fields(IDS[4]), store.read_codes(IDS[4])
    assert (fields[9] == 0).all() and (codes[9] == ZERO_CODE).all()
    assert fields[8].any() and fields[10].any()
    assert store.read_valid(IDS[0]).all()
    counts = store.get_facts(IDS[4]).counts
    assert (counts["pairs"], counts["without_partner_at_cuts"], counts["without_partner_at_end"]) == (18, 1, 1)
    assert store.facts.counts["pairs"] == 9 + 0 + 14 + 4 + 18


def test_a_clip_of_one_frame_has_no_pairs(store):
    assert store.count_pairs(IDS[1]) == 0 and store.read_valid(IDS[1]).shape == (0,)
    assert store.read_fields(IDS[1]).shape == (0, 64, 96, 2) == store.read_codes(IDS[1]).shape
    assert store.read_codes(IDS[1], short_side=32).shape == (0, 32, 48, 2)
    with pytest.raises(FeatureError, match="no pair 0: it has 0"):
        store.read_fields(IDS[1], [0])


def test_resized_codes_keep_their_values(store):
    codes = store.read_codes(IDS[4], [9, 3], short_side=32)
    assert codes.shape == (2, 32, 48, 2) and (codes[0] == ZERO_CODE).all()
    whole = store.read_codes(IDS[4], [3])[0].astype(float)
    mean = whole.reshape(32, 2, 48, 2, 2).mean((1, 3))
    assert np.abs(codes[1] - mean).max() <= 1
    assert store.read_codes(IDS[0], [0], short_side=128).shape == (1, 128, 192, 2)


def test_a_store_goes_to_other_processes(store):
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.read_codes(IDS[0]), store.read_codes(IDS[0]))


def test_a_store_behind_a_url_reads_the_same(store, _made):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(store), "/flow-of-test", recursive=True)
    try:
        remote = FlowStore("memory://flow-of-test")
        assert np.array_equal(remote.read_fields(IDS[4], [17, 2]), store.read_fields(IDS[4], [17, 2]))
    finally:
        memory.rm("/flow-of-test", recursive=True)


@pytest.mark.parametrize("form", ["quantised", "float16"])
def test_damage_is_noticed_where_it_is_read(folder, form):
    store = FlowStore(folder / "features" / form)
    path = folder / "features" / form / store.get(IDS[4]).path
    data = bytearray(path.read_bytes())
    place = store.get_facts(IDS[4]).extra["start"] + 40 if form == "quantised" else len(data) - 40
    data[place] ^= 16
    path.write_bytes(data)
    bad = 0 if form == "quantised" else 18
    with pytest.raises(FeatureError, match=r"is damaged.*--verify"):
        store.read_fields(IDS[4], [bad])
    store.read_fields(IDS[4], [GOP_PAIRS])  # the others are still good
    assert check_features(folder / "features" / form).damaged == (IDS[4],)
    result, store = build(folder, QUANTISED if form == "quantised" else FLOAT16, verify=True)
    assert result.damaged == (IDS[4],) and list(result.tally.done) == [IDS[4]]
    store.read_fields(IDS[4])
    path.unlink()
    with pytest.raises(FeatureError, match="cannot be read"):
        store.read_fields(IDS[4])


def test_the_same_input_gives_the_same_bytes(folder):
    build(folder, name="again", workers=2)
    assert read_all(folder / "features/again") == read_all(folder / "features/quantised")


def test_long_actions_are_made_in_portions_that_fit_together(tmp_path):
    num_frames = 2 * PORTION_PAIRS + 7
    write_video(tmp_path / "records/a.mp4", range(num_frames), speed=1)
    dataset = make_dataset(make_video("a", [(0, 80)], length_ms=40 * num_frames))
    _, store = build(tmp_path, FLOAT16, dataset, unit="action")
    (name,) = store.instance_ids
    assert store.count_pairs(name) == num_frames - 1
    around = range(PORTION_PAIRS - 2, PORTION_PAIRS + 3)
    expected = compute_slowly(tmp_path / "records/a.mp4", around)
    assert np.array_equal(store.read_fields(name, around[:-1]), expected.astype(np.float16).astype(np.float32))


def test_a_still_clip_does_not_move(tmp_path):
    write_video(tmp_path / "records/a.mp4", [5] * 12, speed=0, options={"qp": "0"})
    dataset = make_dataset(make_video("a", [(0, 480)]))
    for method in ("tvl1", "tvl1-fast", "dis"):  # OpenCV's Farneback moves by up to 0.1 px
        _, store = build(tmp_path, FlowMaker(method, form="float16"), dataset, name=method)
        fields = store.read_fields(*store.instance_ids)
        assert (fields == 0).all()
    _, store = build(tmp_path, FlowMaker("dis"), dataset)
    assert (store.read_codes(*store.instance_ids) == ZERO_CODE).all()


@pytest.mark.parametrize(
    ("size", "pixel_format", "codec", "suffix"),
    [
        ((97, 65), "yuv444p", "libx264", "mp4"),  # odd both ways
        ((61, 96), "gray", "ffv1", "mkv"),  # odd, upright, grey
        ((96, 64), "yuv420p10le", "libx264", "mp4"),  # 10 bits
        ((18, 17), "yuv444p", "libx264", "mp4"),  # tiny
    ],
)
def test_odd_grey_and_10_bit_records(tmp_path, size, pixel_format, codec, suffix):
    path = tmp_path / f"records/a.{suffix}"
    write_video(path, range(12), size=size, codec=codec, pixel_format=pixel_format, options={})
    dataset = make_dataset(make_video("a", [(0, 480)], path=f"records/a.{suffix}"))
    _, exact = build(tmp_path, FLOAT16, dataset)
    _, store = build(tmp_path, QUANTISED, dataset)
    (name,) = store.instance_ids
    fields = store.read_fields(name, [7, 2])
    assert fields.shape == (2, size[1], size[0], 2)
    assert compute_error(fields, exact.read_fields(name, [7, 2])) < 0.2
    wide = store.read_codes(name)
    assert wide.shape == (11, size[1], size[0], 2)


def test_larger_records_are_made_smaller_and_smaller_ones_stay(tmp_path):
    write_video(tmp_path / "records/a.mp4", range(6), size=(160, 120))
    dataset = make_dataset(make_video("a", [(0, 240)]))
    _, store = build(tmp_path, replace(FLOAT16, short_side=60), dataset)
    assert store.read_fields(*store.instance_ids).shape == (5, 60, 80, 2)
    expected = compute_slowly(tmp_path / "records/a.mp4", range(6), size=(60, 80))
    assert np.array_equal(store.read_fields(*store.instance_ids), expected.astype(np.float16).astype(np.float32))


def write_two_sizes(path):
    """Ten frames of one size, then ten of another, as a broadcast may have them."""
    parts = [
        write_video(path.parent / f"{n}.h264", range(10 * n, 10 * n + 10), size=size, options={"bf": "0"})
        for n, size in enumerate([(96, 64), (64, 48)])
    ]
    number = 0
    with av.open(str(parts[0])) as first, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(first.streams.video[0])
        for part in parts:
            with av.open(str(part)) as source:
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = 3600 * number
                        packet.time_base, packet.stream = Fraction(1, 90000), stream
                        out.mux(packet)
                        number += 1


def test_a_picture_that_changes_its_size_is_one_line_and_costs_only_its_clips(tmp_path):
    (tmp_path / "records").mkdir()
    write_two_sizes(tmp_path / "records/a.mkv")
    times = [(0, 200), (200, 600)]
    result, store = build(tmp_path, QUANTISED, make_dataset(make_video("a", times, path="records/a.mkv")))
    assert list(result.tally.done) == [IDS[0]] and store.count_pairs(IDS[0]) == 4
    reason = result.tally.failed[IDS[1]]
    assert "size changes from 96x64 to 64x48" in reason and "\n" not in reason


def test_clipped_components_are_counted(tmp_path):
    write_video(tmp_path / "records/a.mp4", range(4), size=(160, 64), speed=2)
    dataset = make_dataset(make_video("a", [(0, 160)]))
    _, exact = build(tmp_path, FLOAT16, dataset)
    result, _ = build(tmp_path, QUANTISED, dataset)
    (facts,) = result.tally.done.values()
    expected = int((np.abs(exact.read_fields(facts.instance_id)) > 20).sum())
    assert facts.counts["components"] == 3 * 64 * 160 * 2
    assert abs(facts.counts["components_clipped"] - expected) <= 2


def test_flow_of_an_older_algorithm_is_not_current(folder, monkeypatch):
    method = METHODS["farneback"]
    monkeypatch.setitem(METHODS, "farneback", replace(method, version=method.version + 1))
    with pytest.raises(ConfigError, match=r"version 1 \(asked for 2\)"):
        build(folder)


@pytest.mark.parametrize("method", METHODS)
def test_settings_of_every_method_survive_the_file(method):
    settings = FlowMaker(method).make_settings()
    assert FeatureSettings.model_validate_json(settings.model_dump_json()) == settings


def test_a_full_disk_while_float16_is_computed_fails_the_clips_and_nothing_else(folder, monkeypatch):
    class Full(tempfile.SpooledTemporaryFile):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    out = folder / "features/full"
    result, store = build(folder, replace(FLOAT16, spool=out), name="full")
    assert store.instance_ids == (IDS[1],)  # of one frame: it has no flow
    assert set(result.tally.failed.values()) == {
        f"{out}: flow cannot be kept there while a clip is computed: No space left on device. Free space."
    }


def test_float16_that_does_not_fit_into_memory_waits_beside_the_store(folder, monkeypatch):
    monkeypatch.setattr(coding, "_SPOOL_BYTES", 1000)
    places = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *a, **k: places.append(k.get("dir")) or make(*a, **k))
    out = folder / "features/spooled"
    build(folder, replace(FLOAT16, spool=out), name="spooled")
    assert set(places) == {str(out)}
    assert read_all(out / "clips") == read_all(folder / "features/float16/clips")


def test_unknown_methods_are_refused():
    with pytest.raises(ConfigError, match="Unknown flow method 'nope'"):
        FlowMaker("nope")


def test_real_footage_costs_what_the_page_says(shared, tmp_path):
    """Seven KB a pair at 340x256 would be 5.9 at this size."""
    path = sorted((shared / "clips/ucf101/BalanceBeam").glob("*.avi"))[10]
    (tmp_path / "records").mkdir()
    (tmp_path / "records/a.avi").write_bytes(path.read_bytes())
    dataset = make_dataset(make_video("a", [(400, 1200)], path="records/a.avi"))
    result, store = build(tmp_path, FlowMaker("dis"), dataset)
    _, exact = build(tmp_path, FlowMaker("dis", form="float16"), dataset)
    (name,) = store.instance_ids
    assert result.store.size_bytes / store.count_pairs(name) < 7000
    truth = exact.read_fields(name)
    inside = (np.abs(truth) <= 20).all(-1)
    error = np.hypot(*np.moveaxis(store.read_fields(name) - truth, -1, 0))
    assert error[inside].mean() < 0.12
