import csv
import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import FX_1, FX_2, LABELS, UB_1, VT_1, make_codebook, make_dataset, write_official_folder

from finegym.annotations.activitynet import convert_to_activitynet
from finegym.annotations.clip_folder import ClipFacts
from finegym.annotations.convert import (
    INSTANCE_COLUMNS,
    convert_to_csv,
    convert_to_folder,
    convert_to_official,
)
from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.lists import make_list
from finegym.annotations.model import Dataset
from finegym.annotations.source import open_source
from finegym.annotations.splits import read_split
from finegym.errors import AnnotationError, OutputError


@pytest.fixture
def official(tmp_path):
    return write_official_folder(tmp_path / "official")


@pytest.fixture
def folder(official, tmp_path):
    convert_to_folder(open_source(official), tmp_path / "folder")
    return tmp_path / "folder"


def read_all(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def probe(path):
    return ClipFacts(25, 25.0, 0, 1000, 64, 48)


def test_each_kind_of_folder_is_known_by_its_files(official, folder, tmp_path):
    (tmp_path / "clips" / "beam").mkdir(parents=True)
    (tmp_path / "clips" / "beam" / "1.avi").write_bytes(b"")
    assert open_source(official).kind == "official"
    assert open_source(folder).kind == "folder"
    assert open_source(tmp_path / "clips", probe=probe).kind == "clips"
    with pytest.raises(AnnotationError, match="found none of their files"):
        open_source(tmp_path / "clips")
    with pytest.raises(AnnotationError, match="no such folder"):
        open_source(tmp_path / "gone")


def test_official_files_become_a_dataset_folder_with_splits(official, folder):
    source = open_source(folder)
    assert source.dataset.videos == make_dataset().videos
    assert source.dataset.codebook == open_source(official).dataset.codebook
    assert source.class_elements == {"gym288": ["1", "2", "3", "5"], "gym99": ["1", "3", "5"]}
    split = read_split(folder / "splits" / "gym288")
    assert (split.train, split.val) == ({VT_1: 0, UB_1: 3}, {FX_2: 2, FX_1: 1})
    assert split.rule == "FineGym's published lists, version 1.1"


def test_official_to_official_gives_the_same_bytes(official, tmp_path):
    path = official / "gym99_train_element_v1.1.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b" \r\n").rstrip())
    path = official / "finegym_annotation_info_v1.1.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2) + "\n")
    result = convert_to_official(open_source(official), tmp_path / "again")
    old_versions = {name for name in read_all(official) if "v1.0" in name}
    assert read_all(tmp_path / "again") == {k: v for k, v in read_all(official).items() if k not in old_versions}
    assert result.counts == {"records": 2, "actions": 5, "sub-actions": 4}
    assert {path.name for path in result.written} == read_all(tmp_path / "again").keys()


def test_official_to_folder_to_official_keeps_everything(official, folder, tmp_path):
    convert_to_official(open_source(folder), tmp_path / "again")
    again = open_source(tmp_path / "again")
    assert again.dataset.videos == make_dataset().videos
    before = open_source(official)
    assert {s: {p: x.label_by_id for p, x in of.items()} for s, of in again.lists.items()} == {
        s: {p: x.label_by_id for p, x in of.items()} for s, of in before.lists.items()
    }
    for name in ("set_categories.txt", "gym530_categories.txt", "gym99_categories.txt", "finegym_glabel_to_Qtree.json"):
        assert (tmp_path / "again" / name).read_bytes() == (official / name).read_bytes()


def test_folder_to_folder_keeps_splits_and_moves_paths(folder, tmp_path):
    dataset = read_dataset(folder)
    videos = (replace(dataset.videos[0], path="records/a.mp4"), replace(dataset.videos[1], path="/media/b.mp4"))
    write_dataset(Dataset(dataset.codebook, videos), folder)
    convert_to_folder(open_source(folder), tmp_path / "deep" / "copy")
    copy = read_dataset(tmp_path / "deep" / "copy")
    assert [video.path for video in copy.videos] == ["../../folder/records/a.mp4", "/media/b.mp4"]
    for name in ("gym99", "gym288"):
        assert read_all(tmp_path / "deep" / "copy" / "splits" / name) == read_all(folder / "splits" / name)


def test_a_folder_of_clips_becomes_a_dataset_folder(tmp_path):
    (tmp_path / "clips" / "beam").mkdir(parents=True)
    (tmp_path / "clips" / "beam" / "v_g07_1.avi").write_bytes(b"")
    source = open_source(tmp_path / "clips", probe=probe, group_pattern=r"_(g\d+)_")
    convert_to_folder(source, tmp_path / "folder")
    (video,) = read_dataset(tmp_path / "folder").videos
    assert (video.path, video.competition) == ("../clips/beam/v_g07_1.avi", "g07")
    assert (tmp_path / "folder" / video.path).is_file()


def test_listed_instances_without_annotations_need_leave_to_be_left_out(official, tmp_path):
    unknown = VT_1.replace("000010", "000011")
    (official / "gym288_val_element.txt").write_text(f"{FX_2} 2\n{unknown} 0\n")
    with pytest.raises(AnnotationError, match=f"1 instances of gym288 without annotations, such as {unknown}"):
        convert_to_folder(open_source(official), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    result = convert_to_folder(open_source(official), tmp_path / "folder", allow_loss=True)
    assert result.left_out == {"instances of gym288 without annotations": (unknown,)}
    split = read_split(tmp_path / "folder" / "splits" / "gym288")
    assert (split.val, split.outside) == ({FX_2: 2}, {"in the lists, not in the annotations": 1})


def test_what_official_files_cannot_hold_needs_leave_to_be_left_out(folder, tmp_path):
    dataset = read_dataset(folder)
    first, second = dataset.videos
    first = replace(first, path="a.mp4", actions=(first.actions[0], replace(first.actions[1], athlete="Ann")))
    write_dataset(Dataset(dataset.codebook, (first, second)), folder)
    (folder / "splits" / "gym288").rename(folder / "splits" / "by-video")
    with pytest.raises(AnnotationError) as caught:
        convert_to_official(open_source(folder), tmp_path / "again")
    for fact in (
        "1 splits that are none of gym99, gym288 …, such as by-video",
        f"1 elements of sub-actions that are in no list, such as {FX_1}",
        "1 records with a file, a competition or a size, such as aaaaaaaaaaa",
        "1 athletes of actions, such as aaaaaaaaaaa_E_000100_000190",
        "--allow-loss",
    ):
        assert fact in str(caught.value)
    result = convert_to_official(open_source(folder), tmp_path / "again", allow_loss=True)
    assert len(result.left_out) == 4
    labels = {i.id: i.sub_action.element_id for i in open_source(tmp_path / "again").dataset.iterate_instances()}
    assert labels == {**LABELS, FX_1: None}


def test_a_codebook_of_ones_own_does_not_fit_official_category_files(tmp_path):
    codebook = make_codebook()
    own = replace(codebook, elements=tuple(replace(element, glabel=None) for element in codebook.elements))
    write_dataset(Dataset(own, make_dataset().videos), tmp_path / "folder")
    with pytest.raises(AnnotationError, match=r"annotations\.json of a dataset folder already has the official shape"):
        convert_to_official(open_source(tmp_path / "folder"), tmp_path / "again", allow_loss=True)
    assert not (tmp_path / "again").exists()


def test_csv_has_a_row_a_sub_action_and_loses_no_action_or_record(folder, tmp_path):
    source = open_source(folder)
    result = convert_to_csv(source, tmp_path / "i.csv")
    with (tmp_path / "i.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0])[: len(INSTANCE_COLUMNS)] == INSTANCE_COLUMNS
    assert tuple(rows[0])[len(INSTANCE_COLUMNS) :] == ("gym288_train", "gym288_val", "gym99_train", "gym99_val")
    assert result.counts == {"records": 2, "actions": 5, "sub-actions": 4}
    by_id = {row["instance_id"]: row for row in rows if row["instance_id"]}
    frame = source.dataset.sub_actions_frame
    assert list(by_id) == frame["instance_id"].to_list()
    for row, known in zip(by_id.values(), frame.iter_rows(named=True), strict=True):
        assert {key: row[key] for key in ("action_id", "video_id", "event_id", "set_id", "element_id")} == {
            key: known[key] for key in ("action_id", "video_id", "event_id", "set_id", "element_id")
        }
        assert (int(row["start_ms"]), int(row["end_ms"])) == (known["start_ms"], known["end_ms"])
    assert by_id[VT_1]["stages_ms"] == "10110-13300 13300-14480 14480-16790"
    assert by_id[VT_1]["element_name"] == "element 1, é"
    assert (by_id[FX_2]["gym288_val"], by_id[FX_2]["gym99_val"], by_id[FX_2]["gym99_train"]) == ("2", "1", "")
    empty = [row["action_id"] for row in rows if not row["instance_id"]]
    assert empty == ["_E_-A_bbbbb_E_000040_000060", "_E_-A_bbbbb_E_042204_042230"]


def test_activitynet_holds_segments_in_seconds_of_the_record(folder, tmp_path):
    result = convert_to_activitynet(open_source(folder), tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert data["database"]["aaaaaaaaaaa"] == {
        "duration": None,
        "subset": "all",
        "annotations": [
            {"segment": [10.11, 16.79], "label": "1"},
            {"segment": [105.0, 105.9], "label": "2"},
            {"segment": [108.1, 110.004], "label": "3"},
        ],
    }
    assert result.counts == {"records": 2, "segments": 4, "records of unknown duration": 2}
    nodes = {node["nodeId"]: node for node in data["taxonomy"]}
    assert nodes["3"] == {"nodeId": "3", "nodeName": "element 3, é", "parentId": "FX-S1"}
    assert nodes["FX-S1"]["parentId"] == "FX" and nodes["FX"]["parentId"] is None


def test_activitynet_of_sets_and_events(folder, tmp_path):
    convert_to_activitynet(open_source(folder), tmp_path / "set.json", level="set")
    convert_to_activitynet(open_source(folder), tmp_path / "event.json", level="event")
    read = lambda name: json.loads((tmp_path / name).read_text(encoding="utf-8"))["database"]["_E_-A_bbbbb"]  # noqa: E731
    assert read("set.json")["annotations"] == [{"segment": [4.86, 5.61], "label": "UB-S3"}]
    assert [row["label"] for row in read("event.json")["annotations"]] == ["UB", "UB", "FX"]


def test_activitynet_of_a_split_puts_whole_records_on_a_side(folder, tmp_path):
    with pytest.raises(AnnotationError, match="split gym99 has 1 records on both sides, such as aaaaaaaaaaa"):
        convert_to_activitynet(open_source(folder), tmp_path / "a.json", setting="gym99")
    with pytest.raises(AnnotationError, match="there is no split mine; there are gym288, gym99"):
        convert_to_activitynet(open_source(folder), tmp_path / "a.json", setting="mine")
    source = open_source(folder)
    val_only = {"by-video": {"val": source.lists["gym288"]["val"]}}
    convert_to_activitynet(replace(source, lists=val_only), tmp_path / "a.json", setting="by-video")
    database = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["database"]
    assert {id_: entry["subset"] for id_, entry in database.items()} == {"aaaaaaaaaaa": "validation"}


def test_sub_actions_without_a_label_need_leave_to_be_left_out(folder, tmp_path):
    (folder / "elements.txt").write_text(f"{VT_1} 1\n")
    with pytest.raises(AnnotationError, match="3 sub-actions without a label of the element level"):
        convert_to_activitynet(open_source(folder), tmp_path / "a.json")
    result = convert_to_activitynet(open_source(folder), tmp_path / "a.json", allow_loss=True)
    assert result.counts["segments"] == 1
    assert result.left_out == {"sub-actions without a label of the element level": (FX_2, FX_1, UB_1)}


def test_activitynet_of_actions_has_their_own_clock_and_ignores_what_is_no_class(folder, tmp_path):
    (folder / "elements.txt").write_text(f"{VT_1} 1\n{FX_2} 3\n")
    source = open_source(folder)
    unseen = "_E_-A_bbbbb_E_000040_000060"  # nobody has looked for its sub-actions
    with pytest.raises(
        AnnotationError, match=f"1 actions in which nobody has looked for sub-actions, such as {unseen}"
    ):
        convert_to_activitynet(source, tmp_path / "a.json", task="sub-actions")
    result = convert_to_activitynet(source, tmp_path / "a.json", task="sub-actions", allow_loss=True)
    database = json.loads((tmp_path / "a.json").read_text())["database"]
    names = [f"{video.id}_{action.name}" for video in source.dataset.videos for action in video.actions]
    assert list(database) == [name for name in names if name != unseen]
    action = source.dataset.instances[FX_1].action
    assert database[f"aaaaaaaaaaa_{action.name}"] == {
        "duration": (action.end_ms - action.start_ms) / 1000,
        "subset": "all",
        "record": "aaaaaaaaaaa",
        "annotations": [{"segment": [8.1, 10.004], "label": "3"}],
        "ignored": [{"segment": [5.0, 5.9]}],
    }
    assert result.counts == {"records": 2, "actions": 4, "segments": 2, "ignored segments": 2}
    assert list(result.left_out.values()) == [(unseen,)]


def test_classes_of_a_split_are_those_of_its_instances(folder, tmp_path):
    source = replace(open_source(folder), lists={"mine": {"val": make_list({FX_2: 0})}})
    result = convert_to_activitynet(source, tmp_path / "element.json", setting="mine", task="sub-actions")
    assert result.counts == {"records": 1, "actions": 2, "segments": 1, "ignored segments": 2}
    result = convert_to_activitynet(source, tmp_path / "e.json", setting="mine", task="sub-actions", level="event")
    assert result.counts == {"records": 1, "actions": 2, "segments": 2, "ignored segments": 1}


def test_task_actions_is_of_events(folder, tmp_path):
    convert_to_activitynet(open_source(folder), tmp_path / "task.json", task="actions")
    convert_to_activitynet(open_source(folder), tmp_path / "level.json", level="event")
    assert (tmp_path / "task.json").read_bytes() == (tmp_path / "level.json").read_bytes()
    with pytest.raises(AnnotationError, match="have an event and no set"):
        convert_to_activitynet(open_source(folder), tmp_path / "a.json", task="actions", level="set")


def test_known_durations_are_written(folder, tmp_path):
    dataset = read_dataset(folder)
    videos = (replace(dataset.videos[0], fps=25.0, num_frames=5000), dataset.videos[1])
    write_dataset(Dataset(dataset.codebook, videos), folder)
    result = convert_to_activitynet(open_source(folder), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["database"]["aaaaaaaaaaa"]["duration"] == 200.0
    assert result.counts["records of unknown duration"] == 1


@pytest.mark.parametrize("convert", [convert_to_folder, convert_to_official, convert_to_csv, convert_to_activitynet])
def test_nothing_is_overwritten(official, tmp_path, convert):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    target = tmp_path / "out" / "mine.txt" if convert in (convert_to_csv, convert_to_activitynet) else tmp_path / "out"
    with pytest.raises(OutputError, match="is there already"):
        convert(open_source(official), target)
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("convert", [convert_to_folder, convert_to_official])
def test_a_folder_is_written_whole_or_not_at_all(official, tmp_path, monkeypatch, convert):
    source = open_source(official)
    write_bytes = Path.write_bytes

    def write_until_full(path, data):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write_bytes(path, data)

    written = []
    monkeypatch.setattr(Path, "write_bytes", write_until_full)
    with pytest.raises(OutputError, match="No space left on device"):
        convert(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["official"]


def test_an_empty_folder_that_is_there_is_filled(official, tmp_path):
    (tmp_path / "out").mkdir()
    convert_to_folder(open_source(official), tmp_path / "out")
    assert read_dataset(tmp_path / "out").videos == make_dataset().videos


def test_real_official_files_come_out_byte_for_byte(shared, tmp_path):
    source = open_source(shared / "finegym")
    convert_to_official(source, tmp_path / "out")
    for path in (tmp_path / "out").glob("*.txt"):
        assert path.read_bytes() == (shared / "finegym" / "official" / path.name).read_bytes()
    result = convert_to_folder(source, tmp_path / "folder", allow_loss=True)
    assert {reason: len(ids) for reason, ids in result.left_out.items()} == {
        "instances of gym288 without annotations": 956
    }
    again = open_source(tmp_path / "folder")
    assert again.dataset == source.dataset
    assert sum(map(len, again.lists["gym99"].values())) == 26_320 + 8_521
