import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_samples import write_folder

from finegym.errors import FeatureError
from finegym.features.snippets.build import build_snippets
from finegym.features.snippets.make import Item
from finegym.features.snippets.store import SnippetSettings, SnippetStore
from finegym.localization.snippets import Snippets
from finegym.localization.snippets_source import SnippetSource, open_snippets
from finegym.localization.timelines import Timeline


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Features: the number of the centre frame, times ``factor``."""

    factor: int = 1
    needs_cuts: bool = False

    def make_settings(self, unit, stride):
        return SnippetSettings(unit=unit, stride=stride, window=1, feature_size=1, maker={"factor": self.factor})

    def describe_origin(self):
        return {}

    def make(self, item_id, reader, windows, cuts):
        return windows.astype(float) * self.factor, {}


def build(folder, name, items, unit="record", stride=5, factor=1):
    out = folder / "features" / name
    maker = Numbers(factor)
    build_snippets(items, folder, out, maker.make_settings(unit, stride), maker)
    return SnippetStore(out)


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=20),
    st.lists(st.floats(-30, 60, allow_nan=False), max_size=10),
)
def test_positions_and_times_are_inverse(steps, positions):
    times = np.cumsum(steps)
    snippets = Snippets(np.zeros((len(times), 1), np.float16), times, int(times[-1]) + 10)
    wanted = np.array(positions)
    assert snippets.to_positions(snippets.to_ms(wanted)) == pytest.approx(wanted, abs=1e-6)
    assert snippets.to_ms(np.arange(len(times))).tolist() == times.tolist()


def test_beyond_the_ends_time_goes_on_with_the_usual_step():
    snippets = Snippets(np.zeros((4, 1), np.float16), np.array([20, 60, 100, 140]), 160)
    assert snippets.step_ms == 40
    assert snippets.to_ms(np.array([-0.5, 0.25, 3.5])).tolist() == [0, 30, 160]
    alone = Snippets(np.zeros((1, 1), np.float16), np.array([50]), 100)
    assert alone.to_ms(np.array([-0.5, 0.5])).tolist() == [0, 100]


def test_a_store_of_records_serves_records_and_actions(tmp_path):
    write_folder(tmp_path, 1)
    source = SnippetSource([build(tmp_path, "numbers", [Item("rec0", "rec0", "records/rec0.mp4")])])
    whole = source.read(Timeline("rec0", "rec0", None, 0, 4000))
    assert whole.features[:, 0].tolist() == whole.times_ms.tolist()[:0] + list(range(2, 100, 5))
    assert whole.times_ms.tolist() == [40 * frame for frame in range(2, 100, 5)]
    inside = source.read(Timeline("rec0_E_000000_000001", "rec0", None, 400, 1400))
    # Frames 10 to 34 are in the action, of which 12, 17, … are centres; times are on the action's clock.
    assert inside.features[:, 0].tolist() == [12, 17, 22, 27, 32]
    assert inside.times_ms.tolist() == [80, 280, 480, 680, 880]
    assert inside.duration_ms == 1000
    with pytest.raises(FeatureError, match="no snippet lies in short, which lasts 40 ms"):
        source.read(Timeline("short", "rec0", None, 0, 40))
    assert source.find_missing([Timeline("other", "other", None, 0, 10)]) == {"other": f"not in {source.stores[0]}"}
    with pytest.raises(FeatureError, match="has no snippets of other"):
        source.read(Timeline("other", "other", None, 0, 10))


def test_a_store_of_actions_tells_when_their_times_have_changed(tmp_path):
    write_folder(tmp_path, 1)
    item = Item("rec0_E_000000_000001", "rec0", "records/rec0.mp4", 400, 1400)
    source = SnippetSource([build(tmp_path, "numbers", [item], unit="action")])
    snippets = source.read(Timeline(item.item_id, "rec0", None, 400, 1400))
    assert snippets.features[:, 0].tolist() == [12, 17, 22, 27, 32]
    with pytest.raises(FeatureError, match=r"are of \[400, 1400\) ms, but it is annotated as \[400, 1500\)"):
        source.read(Timeline(item.item_id, "rec0", None, 400, 1500))


def test_stores_are_joined_in_order_and_must_go_together(tmp_path):
    write_folder(tmp_path, 1)
    items = [Item("rec0", "rec0", "records/rec0.mp4")]
    for name, factor in (("one", 1), ("three", 3)):
        build(tmp_path, name, items, factor=factor)
    build(tmp_path, "sparse", items, stride=10)
    source = open_snippets(tmp_path, ["three", "one"])
    assert source.feature_size == 2
    features = source.read(Timeline("rec0", "rec0", None, 0, 4000)).features
    assert features.dtype == np.float16 and (features[:, 0] == 3 * features[:, 1]).all()
    assert [each["maker"]["factor"] for each in source.describe()] == [3, 1]
    with pytest.raises(FeatureError, match="different strides"):
        open_snippets(tmp_path, ["one", "sparse"])
    with pytest.raises(FeatureError, match="two is no finished snippet store; beside it there are: one, sparse, three"):
        open_snippets(tmp_path, ["two"])
