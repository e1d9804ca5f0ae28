"""Flow of other tools, in and out: what comes back is what went, and what does not fit is said."""

import cv2
import numpy as np
import pytest
from feature_samples import IDS, make_dataset, make_video, write_records

from finegym.errors import ConfigError, FeatureError
from finegym.features.build import build_features
from finegym.features.flow.exchange import export_flow, import_flow
from finegym.features.flow.extract import FlowMaker
from finegym.features.flow.published import (
    find_published,
    read_flo,
    read_npy,
    read_published,
    write_flo,
    write_published,
)
from finegym.features.flow.quantise import ZERO_CODE, dequantise, quantise
from finegym.features.flow.store import FlowStore

FIELDS = np.random.default_rng(0).normal(0, 3, (3, 20, 31, 2)).astype(np.float32)


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published-flow")
    write_records(folder)
    for form in ("quantised", "float16"):
        maker = FlowMaker("farneback", form=form)
        build_features(make_dataset(), folder, folder / form, maker.make_settings(), maker)
    return folder


def test_flo_is_what_opencv_reads_and_writes(tmp_path):
    write_flo(tmp_path / "ours.flo", FIELDS[0])
    assert np.array_equal(cv2.readOpticalFlow(str(tmp_path / "ours.flo")), FIELDS[0])
    cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), FIELDS[1])
    assert np.array_equal(read_flo(tmp_path / "theirs.flo"), FIELDS[1])
    assert (tmp_path / "ours.flo").read_bytes()[:4] == np.float32(202021.25).tobytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with PIEH"),
        (b"RIFF" + bytes(20), "begins with PIEH"),
        (b"PIEH" + np.array([3, 2], "<i4").tobytes() + bytes(47), "take 60 bytes, got 59"),
        (b"PIEH" + np.array([-3, 2], "<i4").tobytes(), "-3x2 pixels: damaged"),
        (b"PIEH" + np.array([2**30, 2**30], "<i4").tobytes(), "damaged"),
    ],
)
def test_damaged_flo_is_named(tmp_path, data, message):
    (tmp_path / "a.flo").write_bytes(data)
    with pytest.raises(FeatureError, match=message):
        read_flo(tmp_path / "a.flo")
    with pytest.raises(FeatureError, match="cannot be read"):
        read_flo(tmp_path / "b.flo")


@pytest.mark.parametrize("layout", ["jpg", "flo", "npy"])
def test_what_we_write_we_read(tmp_path, layout):
    parts = iter([FIELDS[:2], FIELDS[2:]]) if layout != "jpg" else iter([quantise(FIELDS)])
    count = write_published(tmp_path, "clip", layout, parts, FIELDS.shape)
    assert count == {"jpg": 6, "flo": 3, "npy": 1}[layout]
    ((clip,), _) = find_published(tmp_path)
    assert (clip.instance_id, clip.layout) == ("clip", layout)
    read = np.concatenate(list(read_published(clip, portion=2)))
    if layout == "jpg":
        assert (tmp_path / "clip/flow_x_00001.jpg").exists() and read.dtype == np.uint8
        assert np.abs(dequantise(read) - FIELDS).mean() < 0.3
    else:
        assert np.array_equal(read, FIELDS)


LAYOUTS = {
    "flow_x_{:05d}.jpg": ("flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg"),
    "x": ("x_{:04d}.png", "y_{:04d}.png"),
    "folders": ("x/{:05d}.jpg", "y/{:05d}.jpg"),
    "flow folders": ("flow_x/{:05d}.png", "flow_y/{:05d}.png"),
    "u and v": ("u/{:06d}.jpg", "v/{:06d}.jpg"),
}


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("first", [0, 1])
def test_folders_of_other_tools_are_read(tmp_path, names, first):
    codes = np.full((12, 16, 24, 2), ZERO_CODE, np.uint8)
    codes[..., 0] += np.arange(12, dtype=np.uint8)[:, None, None] * 10
    codes[..., 1] -= np.arange(12, dtype=np.uint8)[:, None, None] * 5
    for number, pair in enumerate(codes):
        for axis, name in enumerate(names):
            path = tmp_path / "clip" / name.format(number + first)
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), pair[..., axis])
    cv2.imwrite(str(tmp_path / "clip" / "img_00001.jpg"), codes[0, ..., 0])
    (tmp_path / "clip" / "notes.txt").write_text("of no matter")
    (tmp_path / "empty").mkdir()
    ((clip,), _) = find_published(tmp_path)
    read = np.concatenate(list(read_published(clip, portion=5)))
    assert read.shape == codes.shape and np.abs(read.astype(int) - codes).max() <= 1


def write_pictures(folder, names, size=(16, 24)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full(size, ZERO_CODE, np.uint8))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["flow_x_1.jpg", "flow_y_1.jpg", "flow_x_3.jpg", "flow_y_3.jpg"], "number 2 is missing"),
        (["flow_x_2.jpg", "flow_y_2.jpg"], "number 1 is missing"),
        (["flow_x_1.jpg", "flow_y_1.jpg", "flow_x_2.jpg"], "2 pictures of x and 1 of y; number 2"),
        (["flow_x_1.jpg", "x_1.jpg", "flow_y_1.jpg"], "flow_x_1.jpg and x_1.jpg both have number 1"),
    ],
)
def test_holes_and_doubles_cost_their_clip_only(tmp_path, names, message):
    write_pictures(tmp_path / "clip", names)
    write_pictures(tmp_path / "sound", ["flow_x_1.jpg", "flow_y_1.jpg"])
    ((sound,), bad) = find_published(tmp_path)
    assert sound.instance_id == "sound"
    assert list(bad) == ["clip"] and message in bad["clip"]


def test_forward_and_backward_flow_are_not_mixed(tmp_path):
    for name in ("flow_00001.flo", "back_00001.flo"):
        write_flo(tmp_path / "clip" / name, np.zeros((2, 3, 2), np.float32))
    assert "both have number 1" in find_published(tmp_path)[1]["clip"]


def test_an_array_of_no_pairs_is_failed_and_said(tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "empty.npy", np.zeros((0, 4, 6, 2), np.float32))
    np.save(tmp_path / "in" / "whole.npy", np.zeros((2, 4, 6, 2), np.float32))
    done = import_flow(tmp_path / "in", tmp_path / "store")
    assert list(done.build.tally.done) == ["whole"]
    assert done.build.tally.failed == {"empty": "holds no pair of frames"}


def test_another_folder_does_not_replace_the_first(tmp_path):
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / f"{folder}.npy", np.zeros((2, 4, 6, 2), np.float32))
    import_flow(tmp_path / "train", tmp_path / "store")
    with pytest.raises(ConfigError, match="imported"):
        import_flow(tmp_path / "val", tmp_path / "store")
    assert FlowStore(tmp_path / "store").instance_ids == ("train",)


def test_an_id_does_not_lead_out_of_the_folder(tmp_path):
    with pytest.raises(FeatureError, match="can name a file"):
        write_published(tmp_path / "out", "../evil", "npy", iter(()), (0, 1, 1, 2))


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(FeatureError, match="expected a folder"):
        find_published(tmp_path / "none")
    write_pictures(tmp_path, ["flow_x_1.jpg", "flow_y_1.jpg"])
    with pytest.raises(FeatureError, match="Give the folder that holds the clips' folders"):
        find_published(tmp_path)
    write_pictures(tmp_path / "clip", ["flow_x_1.jpg", "flow_y_1.jpg"])
    np.save(tmp_path / "clip.npy", FIELDS)
    with pytest.raises(FeatureError, match=r"as a folder and as a \.npy"):
        find_published(tmp_path)


def test_sizes_that_differ_are_named(tmp_path):
    write_pictures(tmp_path / "a", ["flow_x_1.jpg", "flow_y_1.jpg"])
    write_pictures(tmp_path / "a", ["flow_x_2.jpg", "flow_y_2.jpg"], (16, 32))
    write_pictures(tmp_path / "b", ["flow_x_1.jpg"])
    write_pictures(tmp_path / "b", ["flow_y_1.jpg"], (16, 32))
    for clip, message in zip(find_published(tmp_path)[0], ("expected 24x16 pixels", "is "), strict=True):
        with pytest.raises(FeatureError, match=message):
            list(read_published(clip))


def test_arrays_may_have_channels_first(tmp_path):
    np.save(tmp_path / "a.npy", np.moveaxis(FIELDS, 3, 1))
    assert np.array_equal(read_npy(tmp_path / "a.npy"), FIELDS)


@pytest.mark.parametrize(
    "array", [FIELDS[0], FIELDS.astype(np.uint8), np.zeros((3, 4, 5, 6), np.float32), np.array([{}], object)]
)
def test_other_arrays_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(FeatureError, match=r"a\.npy: (expected floats|is no NumPy array)"):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e10])
def test_unknown_flow_is_refused(tmp_path, bad):
    fields = FIELDS.copy()
    fields[1, 2, 3, 0] = bad
    np.save(tmp_path / "good.npy", FIELDS)
    np.save(tmp_path / "bad.npy", fields)
    result = import_flow(tmp_path, tmp_path / "store", form="float16")
    assert list(result.build.tally.done) == ["good"]
    assert "flow of 1 pixels is unknown" in result.build.tally.failed["bad"]


@pytest.mark.parametrize("layout", ["jpg", "flo", "npy"])
def test_a_store_goes_out_and_comes_back(_made, tmp_path, layout):
    store = FlowStore(_made / "float16")
    done = export_flow(store, tmp_path / "out", layout)
    assert (done.num_clips, done.without_pairs, done.across_cuts) == (4, (IDS[1],), 1)
    result = import_flow(tmp_path / "out", tmp_path / "store", dataset=make_dataset(), form="float16")
    again = FlowStore(tmp_path / "store")
    assert result.missing == (IDS[1],) and result.layouts == {layout: 4} and not result.build.tally.failed
    for name in again.instance_ids:
        assert again.get_facts(name).start_ms == store.get_facts(name).start_ms
        assert again.count_pairs(name) == store.count_pairs(name)
        difference = np.abs(again.read_fields(name) - store.read_fields(name))
        assert difference.max() == 0 if layout != "jpg" else difference.mean() < 0.25


def test_codes_of_a_quantised_store_go_out_as_they_are(_made, tmp_path):
    store = FlowStore(_made / "quantised")
    export_flow(store, tmp_path, "jpg", only=[IDS[0]])
    ((clip,), _) = find_published(tmp_path)
    read = np.concatenate(list(read_published(clip)))
    assert np.abs(read.astype(int) - store.read_codes(IDS[0])).mean() < 1  # JPEG of quality 95
    with pytest.raises(ConfigError, match="nobody"):
        export_flow(store, tmp_path, "jpg", only=["nobody"])


def test_imported_pictures_are_stored_as_codes(tmp_path):
    codes = np.full((10, 16, 24, 2), 140, np.uint8)
    write_published(tmp_path / "in", "clip", "jpg", [codes], codes.shape)
    import_flow(tmp_path / "in", tmp_path / "store")
    store = FlowStore(tmp_path / "store")
    assert np.abs(store.read_codes("clip").astype(int) - codes).max() <= 1
    facts = store.get_facts("clip")
    assert (facts.num_frames, facts.record, facts.video_id) == (11, "", "clip") and store.read_valid("clip").all()


def test_flow_of_other_clips_is_failed_and_named(tmp_path):
    for name in (IDS[0], "somebody else"):
        write_published(tmp_path / "in", name, "npy", [FIELDS], FIELDS.shape)
    (tmp_path / "in" / "damaged.npy").write_bytes(b"\x93NUMPY")
    dataset = make_dataset(make_video("a", [(400, 800), (0, 200)]))
    result = import_flow(tmp_path / "in", tmp_path / "store", dataset=dataset)
    assert list(result.build.tally.done) == [IDS[0]] and result.missing == (IDS[1],)
    assert set(result.build.tally.failed) == {"somebody else", "damaged"}
    assert (tmp_path / "store/skipped.csv").exists()
    actions = write_published(tmp_path / "in2", "a_E_000000_000001", "npy", [FIELDS], FIELDS.shape)
    assert actions == 1
    again = import_flow(tmp_path / "in2", tmp_path / "store2", dataset=dataset)
    assert again.missing == () and again.build.store.settings.unit == "action"
