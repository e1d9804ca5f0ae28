"""Datasets that are odd: hard names, nothing in them, nobody has looked, another sport. All become releases."""

from dataclasses import replace

import pytest
from export_samples import make_hard_dataset
from release_samples import CODEBOOK, SETTINGS

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.builtin import read_builtin
from finegym.release.build import build_release
from finegym.release.source import ReleaseSource
from finegym.release.verify import verify_release

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def make_dive():
    codebook = read_builtin("diving")
    element = codebook.elements[3]
    event_id = codebook.set_by_id[element.set_id].event_id
    dive = SubAction("A_0000_0002", ((0, 2000),), element.id, element.set_id)
    return Dataset(codebook, (Video("d", (Action("E_000000_000009", event_id, 0, 9000, (dive,)),)),))


ODD = {
    "hard names": make_hard_dataset(),
    "no records": Dataset(CODEBOOK, ()),
    "no actions": Dataset(CODEBOOK, (Video("a", ()),)),
    "nobody has looked": Dataset(CODEBOOK, (Video("a", (Action("E_000000_000001", "FX", 0, 1000, None),)),)),
    "another sport": make_dive(),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_datasets_become_releases(tmp_path, name):
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = ODD[name]
    settings = replace(SETTINGS, splits=(), with_figures=True, exports=None)
    made = build_release(ReleaseSource("odd", dataset), tmp_path / "release", settings)
    assert verify_release(made.folder).is_intact
    assert [len(video.actions) for video in read_dataset(made.folder).videos] == [
        len(v.actions) for v in dataset.videos
    ]
    loaded = mlcroissant.Dataset(str(made.folder / "croissant.json"))
    assert len(list(loaded.records("sub_actions"))) == len(dataset.instances)
    assert [row["records/video_id"].decode() for row in loaded.records("records")] == [v.id for v in dataset.videos]
    again = build_release(ReleaseSource("odd", dataset), tmp_path / "again", settings)
    assert again.sha256 == made.sha256
