"""The formats on all of FineGym that is there: 181 records, with vaults that overlap and sub-actions past their end."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from export_readers import READERS
from test_export_formats import CARRIED

from finegym.release.exports.exported import ExportSettings
from finegym.release.exports.facts import FACTS
from finegym.release.exports.folder import open_folder
from finegym.release.exports.write import EXPORT_FORMATS, FRAME_FORMATS, write_exports

SLOW = ("elan", "cvat", "label-studio")


@pytest.fixture(scope="module")
def opened(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    for path in (shared / "finegym" / "official").iterdir():
        shutil.copy(path, folder)
    annotations = shared / "finegym" / "annotations" / "finegym_annotation_info_v1.1.rebuilt.json.gz"
    shutil.copy(annotations, folder / "finegym_annotation_info_v1.1.json.gz")
    return open_folder(Path(folder))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in READERS]
)
def test_finegym_is_read_back(name, opened, tmp_path):
    videos = opened.dataset.videos
    if name in FRAME_FORMATS:
        videos = tuple(replace(one, fps=25.0, num_frames=2_000_000, width=1280, height=720) for one in videos)
    dataset = replace(opened.dataset, videos=videos)
    (exported,) = write_exports(dataset, tmp_path, [name], ExportSettings(splits=opened.splits)).values()
    assert (exported.counts["records"], exported.counts["actions"]) == (181, 5497)
    assert exported.counts["sub-actions"] == len(dataset.instances) == 38_099
    set_of = {element.id: element.set_id for element in dataset.codebook.elements}
    found = {video.id: video for video in READERS[name](tmp_path / name, set_of)}
    lost = set(FACTS) - CARRIED[name]
    assert len(found) == 181
    for video in videos:
        assert found[video.id] == simplify(video, lost)


def simplify(video, lost):
    """A record in order of time, without facts that are lost; FineGym's files know nothing of records themselves."""
    if "frame rates" in lost:
        video = replace(video, fps=None)
    if "frame counts" in lost:
        video = replace(video, num_frames=None)
    if "picture sizes" in lost:
        video = replace(video, width=None, height=None)
    actions = sorted(video.actions, key=lambda one: (one.start_ms, one.end_ms, one.name))
    return replace(video, actions=tuple(replace(one, sub_actions=sort_subs(one, lost)) for one in actions))


def sort_subs(action, lost):
    if action.sub_actions is None:
        return None
    subs = sorted(action.sub_actions, key=lambda one: (one.start_ms, one.end_ms, one.name))
    return tuple(replace(sub, stages=((sub.start_ms, sub.end_ms),)) if "stages" in lost else sub for sub in subs)


def test_without_frame_rates_three_formats_are_left_out_and_said(opened, tmp_path):
    small = replace(opened.dataset, videos=opened.dataset.videos[:1])
    done = write_exports(small, tmp_path)
    assert {name for name in EXPORT_FORMATS if not done[name].written} == set(FRAME_FORMATS)
    assert all(done[name].cannot_carry[0].startswith("everything: ") for name in FRAME_FORMATS)
