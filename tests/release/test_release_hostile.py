"""A release of records and labels with hard names: built twice, verified, loaded by others, and read back."""

import json

import pyarrow.parquet as pq
import pytest
from export_readers import READERS
from export_samples import HARD, drop_facts, make_hard_dataset
from release_samples import read_everything
from test_export_formats import CARRIED, SET_OF, UNHELD

from finegym.annotations.folder import read_dataset
from finegym.release.build import build_release
from finegym.release.exports.facts import FACTS
from finegym.release.read import read_release
from finegym.release.settings import ReleaseSettings
from finegym.release.source import ReleaseSource
from finegym.release.verify import verify_release

SETTINGS = ReleaseSettings("1.0", splits=(), with_figures=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hard") / "release"
    build_release(ReleaseSource("hard", make_hard_dataset()), folder, SETTINGS)
    return folder


def test_the_dataset_is_in_it(folder):
    assert drop_facts(read_dataset(folder), set()) == drop_facts(make_hard_dataset(), set())
    assert read_release(folder).name == "hard 1.0"


def test_it_verifies_and_a_second_build_is_the_same(folder, tmp_path):
    assert verify_release(folder).problems == ()
    build_release(ReleaseSource("hard", make_hard_dataset()), tmp_path / "again", SETTINGS)
    assert read_everything(tmp_path / "again") == read_everything(folder)


@pytest.mark.parametrize("name", READERS)
def test_its_exports_are_the_dataset(name, folder):
    found = sorted(READERS[name](folder / "exports" / name, SET_OF), key=lambda video: video.id)
    expected = drop_facts(make_hard_dataset(), set(FACTS) - CARRIED[name])
    assert found == [video for video in expected.videos if video.id not in UNHELD.get(name, ())]


def test_it_says_what_its_exports_leave_out(folder):
    exports = json.loads((folder / "release.json").read_bytes())["exports"]
    assert set(exports) == set(CARRIED)
    assert (
        exports["cvat"]["cannot_carry"][0] == "records left out: their frame rate is not known: 1, such as unmeasured"
    )
    assert exports["cvat"]["counts"]["records"] == 4 and exports["elan"]["counts"]["records"] == 5
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"**{name}**" in card for name in CARRIED)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlcroissant_loads_names_as_they_are(folder):
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(str(folder / "croissant.json"))
    assert dataset.metadata.ctx.issues.errors == set()
    names = {row["elements/name"].decode() for row in dataset.records("elements")}
    assert HARD in names and "é" * 90 in names


def test_its_tables_hold_hard_names(folder):
    rows = pq.read_table(folder / "exports" / "parquet" / "actions.parquet").to_pylist()
    assert [row["athlete"] for row in rows if row["athlete"]] == ['Zoë <O\'Neil> & "Co", 王', "Ann, B."]
    assert HARD in (folder / "tables" / "elements.csv").read_text(encoding="utf-8").replace('""', '"')
