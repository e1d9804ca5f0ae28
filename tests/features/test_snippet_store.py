"""Stores of snippets, made by a maker whose features can be worked out by hand."""

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from feature_samples import write_records, write_video

from finegym.errors import FeatureError
from finegym.features.snippets import make
from finegym.features.snippets.build import build_snippets, check_snippets
from finegym.features.snippets.make import Item, place_snippets
from finegym.features.snippets.store import SnippetSettings, SnippetStore, get_paths

ITEMS = [Item("a", "a", "records/a.mp4"), Item("b", "b", "records/b.mp4")]


@dataclass(frozen=True)
class FrameNumbers:
    """Features: the first and last frame of a window, the mean grey of its first frame."""

    needs_cuts: bool = False
    bad_frame: int = -1
    log: str = ""

    def make_settings(self, unit, stride):
        return SnippetSettings(unit=unit, stride=stride, window=4, feature_size=3, maker={"name": "numbers"})

    def describe_origin(self):
        return {"backbone": "numbers"}

    def make(self, item_id, reader, windows, cuts):
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{item_id} {len(windows)}\n")
        if (windows == self.bad_frame).any():
            raise FeatureError(f"frame {self.bad_frame} is bad")
        frames = reader.read_frames(windows[:, 0], colours="grey")
        means = frames.mean(axis=(1, 2))
        return np.stack([windows[:, 0], windows[:, -1], means], axis=1), {"cuts": len(cuts)} if cuts else {}


def build(folder, items=ITEMS, maker=FrameNumbers(), unit="record", stride=4, **arguments):
    out = folder / "features" / "numbers"
    return build_snippets(items, folder, out, maker.make_settings(unit, stride), maker, **arguments)


def test_windows_stand_around_centres_and_are_moved_inside():
    centres, starts = place_snippets(range(30), 4, 4)
    assert centres.tolist() == [2, 6, 10, 14, 18, 22, 26]
    assert starts.tolist() == [0, 4, 8, 12, 16, 20, 24]
    centres, starts = place_snippets(range(10, 20), 3, 6)
    assert (centres.tolist(), starts.tolist()) == ([11, 14, 17], [10, 11, 14])
    # Fewer frames than a window, fewer than half a stride.
    assert [part.tolist() for part in place_snippets(range(5, 8), 2, 9)] == [[6], [5]]
    assert [part.tolist() for part in place_snippets(range(5, 8), 20, 1)] == [[6], [6]]


def test_features_are_those_of_the_frames_that_the_times_name(tmp_path):
    write_records(tmp_path)
    result = build(tmp_path)
    assert (len(result.tally.done), result.tally.failed) == (2, {})
    store = SnippetStore(tmp_path / "features/numbers")
    features, times = store.read("a")
    assert isinstance(features, np.memmap) and features.dtype == np.float16
    assert times[:, 0].tolist() == [2, 6, 10, 14, 18, 22, 26]
    assert times[:, 1].tolist() == [40 * frame for frame in times[:, 0]]
    assert features[:, :2].tolist() == [[frame - 2, frame + 1] for frame in times[:, 0]]
    # By another road: the frame itself, decoded by itself.
    import av

    with av.open(str(tmp_path / "records/a.mp4")) as container:
        grey = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert features[:, 2] == pytest.approx([grey[frame - 2] for frame in times[:, 0]], abs=1)
    facts = store.get_facts("a")
    assert (facts.num_frames, facts.end_ms, facts.record) == (30, 1200, "records/a.mp4")
    assert store.facts.items == {"a": (0, 1200), "b": (0, 1200)}
    assert store.facts.origin == {"backbone": "numbers"}
    assert check_snippets(store) == []


def test_an_action_holds_the_frames_of_its_own_time(tmp_path):
    write_records(tmp_path)
    build(tmp_path, [Item("a_E_000000_000001", "a", "records/a.mp4", 400, 800)], unit="action", stride=2)
    features, times = SnippetStore(tmp_path / "features/numbers").read("a_E_000000_000001")
    assert times[:, 0].tolist() == [11, 13, 15, 17, 19]
    assert features[:, 0].min() == 10 and features[:, 1].max() == 19, "no frame outside is seen"


def test_a_build_goes_on_where_it_was_stopped_and_makes_anew_what_changed(tmp_path):
    write_records(tmp_path)
    maker = FrameNumbers(log=str(tmp_path / "log"))
    build(tmp_path, maker=maker)
    first = get_paths(tmp_path / "features/numbers", "a")[0].stat().st_mtime_ns
    again = build(tmp_path, maker=maker)
    assert again.tally.skipped == ["a", "b"] and not again.tally.done
    # As if it had been killed between two items: the file that says that b is there was not written.
    (tmp_path / "features/numbers/store.json").unlink()
    get_paths(tmp_path / "features/numbers", "b")[2].unlink()
    with pytest.raises(FeatureError, match="no finished snippet store"):
        SnippetStore(tmp_path / "features/numbers")
    assert list(build(tmp_path, maker=maker).tally.done) == ["b"]
    assert get_paths(tmp_path / "features/numbers", "a")[0].stat().st_mtime_ns == first
    # Another record under the same name.
    write_video(tmp_path / "records/a.mp4", range(5, 25))
    result = build(tmp_path, maker=maker)
    assert list(result.tally.done) == ["a"]
    assert SnippetStore(tmp_path / "features/numbers").facts.items["a"] == (0, 800)


def test_times_that_changed_are_made_anew_and_what_is_not_wanted_goes(tmp_path):
    write_records(tmp_path)
    build(
        tmp_path, [Item("a1", "a", "records/a.mp4", 0, 400), Item("a2", "a", "records/a.mp4", 400, 800)], unit="action"
    )
    result = build(tmp_path, [Item("a2", "a", "records/a.mp4", 400, 1000)], unit="action")
    assert (list(result.tally.done), result.removed) == (["a2"], ("a1",))
    assert list(SnippetStore(tmp_path / "features/numbers").facts.items) == ["a2"]


def test_failures_are_listed_and_the_rest_is_there(tmp_path):
    write_records(tmp_path)
    items = [*ITEMS, Item("c", "c", "records/c.mp4")]
    result = build(tmp_path, items)
    assert list(result.tally.failed) == ["c"]
    assert (tmp_path / "features/numbers/skipped.csv").read_text().startswith("instance_id,reason\nc,")
    store = SnippetStore(tmp_path / "features/numbers")
    assert (len(store), store.facts.num_skipped) == (2, 1)
    with pytest.raises(FeatureError, match="c is not among its 2 items"):
        store.read("c")
    bad = build(tmp_path, maker=FrameNumbers(bad_frame=29), stride=3, replace=True)
    assert set(bad.tally.failed) == {"a", "b"}, "a maker's own errors count as failures"


def test_other_settings_are_refused_unless_replaced(tmp_path):
    write_records(tmp_path)
    build(tmp_path)
    with pytest.raises(FeatureError, match="holds 2 items of other snippets"):
        build(tmp_path, stride=8)
    assert len(build(tmp_path, stride=8, replace=True).tally.done) == 2
    assert SnippetStore(tmp_path / "features/numbers").settings.stride == 8


def test_damage_is_found_and_mended(tmp_path):
    write_records(tmp_path)
    build(tmp_path)
    store = SnippetStore(tmp_path / "features/numbers")
    path = get_paths(store.folder, "b")[0]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert check_snippets(store) == ["b: its file of features is missing or damaged"]
    assert list(build(tmp_path, verify=True).tally.done) == ["b"]
    path.write_bytes(b"no array")
    with pytest.raises(FeatureError, match="cannot be read"):
        SnippetStore(store.folder).read("b")
    assert list(build(tmp_path).tally.done) == ["b"], "of another size: seen without a checksum"


def test_cuts_are_given_to_those_who_want_them(tmp_path):
    write_records(tmp_path)
    result = build(tmp_path, maker=FrameNumbers(needs_cuts=True))
    assert "cuts" not in result.tally.done["a"].counts
    assert result.tally.done["b"].counts["cuts"] >= 1


@pytest.mark.parametrize("engine", ["pool", pytest.param("ray", marks=pytest.mark.slow)])
def test_several_processes_give_the_same(tmp_path, engine, monkeypatch):
    if engine == "ray":
        pytest.importorskip("ray")
    write_records(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # Ray's processes import the maker from here
    build(tmp_path)
    here = [path.read_bytes() for path in sorted((tmp_path / "features/numbers/items").iterdir())]
    (tmp_path / "features").rename(tmp_path / "before")
    build(tmp_path, workers=2, engine=engine)
    assert [path.read_bytes() for path in sorted((tmp_path / "features/numbers/items").iterdir())] == here


MEASURE = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_snippet_store import FrameNumbers
from finegym.features.snippets.build import build_snippets
from finegym.features.snippets.make import Item
maker = FrameNumbers()
folder = Path(sys.argv[1])
out = folder / sys.argv[2].replace("/", "-")
build_snippets([Item("r", "r", sys.argv[2])], folder, out, maker.make_settings("record", 1), maker)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_record(tmp_path):
    # 256 x 192 pixels: all frames of the longer record would be 118 MB more in grey, 353 MB in colour.
    write_video(tmp_path / "records/short.mp4", [n % 50 for n in range(200)], size=(256, 192))
    write_video(tmp_path / "records/long.mp4", [n % 50 for n in range(2600)], size=(256, 192))
    script = textwrap.dedent(MEASURE.format(tests=str(Path(__file__).parent)))
    peaks = {}
    for name in ("short", "long"):
        command = [sys.executable, "-c", script, str(tmp_path), f"records/{name}.mp4"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[name] = json.loads(done.stdout.splitlines()[-1]) / 1024
    assert peaks["long"] - peaks["short"] < 25, peaks


@pytest.mark.parametrize(("stride", "window"), [(1, 1), (4, 4), (3, 8), (100, 5), (7, 200)])
def test_portions_hold_every_window_once_and_few_frames(stride, window):
    starts = np.arange(0, 3000, stride)
    portions = list(make._iterate_windows(starts, window))
    assert np.concatenate([portion[:, 0] for portion in portions]).tolist() == starts.tolist()
    for portion in portions:
        assert portion.shape[1] == window and len(portion) <= make.PORTION_SNIPPETS
        assert len(portion) == 1 or len(np.unique(portion)) <= make.PORTION_FRAMES
    for portion, following in pairwise(portions):
        one_more = np.unique(np.concatenate([portion, following[:1]]))
        is_full = len(portion) == make.PORTION_SNIPPETS or len(one_more) > make.PORTION_FRAMES
        assert is_full, "no smaller than need be"
