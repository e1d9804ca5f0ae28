"""One format of a folder: the command, frames of the records' files, paths, splits, poses, and the documentation."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from export_readers import READERS
from export_samples import drop_facts, make_codebook, make_hard_dataset
from test_export_formats import CARRIED
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import make_subset
from finegym.cli.app import app
from finegym.errors import AnnotationError, OutputError
from finegym.evaluation.localization.detections import read_truth
from finegym.features.pose.exchange import import_poses
from finegym.features.pose.pickles import read_pose_pickle, write_pose_pickle
from finegym.features.pose.poses import Poses
from finegym.release.exports.facts import FACTS as DESCRIBED
from finegym.release.exports.folder import export_folder, read_frame_times
from finegym.release.exports.poses import CARRIED as CARRIED_BY_POSES
from finegym.release.exports.write import EXPORT_FORMATS

DOCS = Path(__file__).parents[2] / "docs" / "exports.md"
SET_OF = {element.id: element.set_id for element in make_codebook().elements}
TIMES_MS = (0, 33, 67, 500, 540, 580, 620, 660, 700, 740)
"""When frames of a file are shown: the third one stands still."""


@pytest.fixture
def folder(tmp_path):
    """Two records, one with a file of varying rate; a split that keeps records whole and one that does not."""
    subs = (SubAction("A_0000_0000", ((40, 500),), "2", "BB-S1"), SubAction("A_0000_0001", ((500, 700),), "4", "BB-S2"))
    action = Action("E_000000_000000", "BB", 0, 740, subs, "Ann")
    filmed = Video("filmed", (action,), "records/film é.mp4", "Cup", 25.0, 10, 32, 32)
    unseen = Video("unseen", (replace(action, sub_actions=subs[:1]),), None, "Cup", 25.0, 10, 32, 32)
    write_dataset(Dataset(make_codebook(), (filmed, unseen)), tmp_path / "data")
    write_film(tmp_path / "data" / "records" / "film é.mp4")
    sets = make_subset("set", "set", ["BB-S1", "BB-S2"], make_codebook())
    first, second, third = (
        f"{video}_E_000000_000000_{name}"
        for video, name in (("filmed", "A_0000_0000"), ("filmed", "A_0000_0001"), ("unseen", "A_0000_0000"))
    )
    write_split(Split("whole", sets, {first: 0, second: 1}, {third: 0}), tmp_path / "data" / "splits" / "whole")
    write_split(Split("torn", sets, {first: 0}, {second: 1}), tmp_path / "data" / "splits" / "torn")
    return tmp_path / "data"


def write_film(path):
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=32, height=32, pix_fmt="yuv420p")
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number, time in enumerate(TIMES_MS):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), number * 20, np.uint8), "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def run(*words):
    return CliRunner().invoke(app, ["release", "export", *map(str, words)])


def test_frames_are_those_of_the_file(folder, tmp_path):
    dataset = read_dataset(folder)
    times = read_frame_times(dataset, folder, print)
    assert list(times) == ["filmed"]
    np.testing.assert_allclose(times["filmed"], TIMES_MS, atol=0.1)
    exported = export_folder(folder, tmp_path / "out", "label-studio")
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    filmed, unseen = (
        {r["id"].partition("_")[2]: r["value"]["ranges"] for r in task["annotations"][0]["result"]} for task in tasks
    )
    # 40 ms is nearest to the frame at 33 ms, the second; the frame at 500 ms is the fourth, and no longer in it.
    assert filmed["E_000000_000000_A_0000_0000"] == [{"start": 2, "end": 3}]
    assert filmed["E_000000_000000_A_0000_0001"] == [{"start": 4, "end": 8}]
    assert unseen["E_000000_000000_A_0000_0000"] == [{"start": 2, "end": 12}]  # 25 a second: 40 ms is 1, 500 ms 12
    assert any(re.match("records whose frames were counted.*: 1, such as unseen", one) for one in exported.cannot_carry)
    by_rate = export_folder(folder, tmp_path / "rate", "label-studio", by_rate=True)
    assert any(re.match("records whose frames were counted.*: 2, such", one) for one in by_rate.cannot_carry)


def test_damaged_files_are_said_and_counted(folder):
    (folder / "records" / "film é.mp4").write_bytes(b"no film")
    said = []
    assert read_frame_times(read_dataset(folder), folder, said.append) == {}
    assert len(said) == 1 and "frames of filmed are counted by the frame rate" in said[0]


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_the_command_writes_every_format(name, folder, tmp_path):
    result = run(folder, "--to", name, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert sorted(facts["written"]) == sorted(map(str, (tmp_path / "out").iterdir()))
    assert facts["cannot_carry"] and facts["counts"]["actions"] == 2
    if name in READERS:
        paths = (replace(video, path=video.path and f"../data/{video.path}") for video in read_dataset(folder).videos)
        expected = drop_facts(Dataset(make_codebook(), tuple(paths)), set(DESCRIBED) - CARRIED[name])
        assert sorted(READERS[name](tmp_path / "out", SET_OF), key=lambda one: one.id) == list(expected.videos)


def test_the_command_ends_with_a_tally(folder, tmp_path):
    result = run(folder, "--to", "webvtt", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert (
        result.stdout.splitlines()[-1]
        == f"{tmp_path / 'out'}: 2 records, 2 actions, 3 sub-actions, 0 stages, in 2 files"
    )
    assert "not in it: athletes of actions: 2, such as filmed_E_000000_000000" in result.stdout


def test_nothing_is_written_over(folder, tmp_path):
    export_folder(folder, tmp_path / "out", "via")
    with pytest.raises(OutputError, match="is there already"):
        export_folder(folder, tmp_path / "out", "via")


def test_an_export_that_fails_leaves_nothing(folder, tmp_path):
    dataset = read_dataset(folder)
    broken = replace(dataset.videos[1], competition="bell \x07")
    write_dataset(replace(dataset, videos=(dataset.videos[0], broken)), folder)
    with pytest.raises(AnnotationError, match="control character"):
        export_folder(folder, tmp_path / "out", "elan")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "elan", "--half"], "only --to poses has"),
        (["--to", "elan", "--pad-ms", "5"], "only --to spotting has"),
        (["--to", "poses", "--split", "whole"], "needs --poses STORE"),
    ],
)
def test_options_of_other_formats_are_refused(words, message, folder, tmp_path):
    result = run(folder, *words, "--out", tmp_path / "out")
    assert result.exit_code == 2 and message in re.sub(r"[│\s]+", " ", result.output)


def test_the_reader_of_the_evaluation_finds_the_same_segments(folder, tmp_path):
    export_folder(folder, tmp_path / "out", "activitynet")
    truth = read_truth(tmp_path / "out" / "actions.json", "all")
    assert truth.video_ids == ("filmed", "unseen") and truth.segments_s.tolist() == [[0, 0.74], [0, 0.74]]
    sides = {side: read_truth(tmp_path / "out" / "split-whole.json", side) for side in ("training", "validation")}
    assert sides["training"].video_ids == ("filmed_E_000000_000000",)
    assert sides["training"].segments_s.tolist() == [[0.04, 0.5], [0.5, 0.7]]
    assert [sides["training"].classes[index] for index in sides["training"].class_index] == ["BB-S1", "BB-S2"]
    assert sides["validation"].segments_s.tolist() == [[0.04, 0.5]]


def test_splits_are_in_the_formats_that_have_a_place_for_them(folder, tmp_path):
    from pyarrow import parquet

    torn = export_folder(folder, tmp_path / "activitynet", "activitynet").cannot_carry[0]
    assert torn == "splits that have a record on both sides, which ActivityNet's files cannot say: 1, such as torn"
    export_folder(folder, tmp_path / "coco", "coco")
    content = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    sides = [one["splits"] for one in content["annotations"] if one["level"] == "sub-action"]
    assert sides == [{"torn": "train", "whole": "train"}, {"torn": "val", "whole": "train"}, {"whole": "val"}]
    export_folder(folder, tmp_path / "parquet", "parquet")
    rows = parquet.read_table(tmp_path / "parquet" / "sub_actions.parquet").to_pylist()
    assert [(row["side_whole"], row["class_whole"]) for row in rows] == [("train", 0), ("train", 1), ("val", 0)]
    assert [(row["side_torn"], row["class_torn"]) for row in rows] == [("train", 0), ("val", 1), (None, None)]


def test_poses_of_a_split(folder, tmp_path):
    ids = list(read_dataset(folder).instances)
    rng = np.random.default_rng(0)
    poses = {id_: make_poses(rng, 3 + n) for n, id_ in enumerate(ids[:2])}
    write_pose_pickle(tmp_path / "made.pkl", poses.items(), dict.fromkeys(poses, 0), {"train": ids[:2]})
    import_poses([tmp_path / "made.pkl"], tmp_path / "store")
    words = (folder, "--to", "poses", "--poses", tmp_path / "store", "--split", "whole", "--out", tmp_path / "out")
    refused = run(*words)
    assert refused.exit_code == 1 and "lacks 1 of the 3 clips" in str(refused.exception or refused.output)
    result = run(*words, "--allow-loss", "--json")
    assert result.exit_code == 0, result.output
    found = read_pose_pickle(tmp_path / "out" / "whole.pkl")
    assert found.split == {"train": tuple(ids[:2]), "val": ()}
    assert [found.clips[id_].label for id_ in ids[:2]] == [0, 1]
    for id_, true in poses.items():
        np.testing.assert_array_equal(found.clips[id_].keypoint, true.keypoints)
        np.testing.assert_array_equal(found.clips[id_].score, true.scores)
    facts = json.loads(result.stdout)
    assert facts["counts"] == {"clips": 2, "train": 2, "val": 0}
    assert f"sub-actions left out: without poses: 1, such as {ids[2]}" in facts["cannot_carry"]


def make_poses(rng, num_frames):
    keypoints = rng.uniform(1, 30, (1, num_frames, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (1, num_frames, 17)).astype(np.float32)
    boxes = np.tile(np.array([0, 0, 32, 32], np.float32), (1, num_frames, 1))
    return Poses(keypoints, scores, boxes, np.ones((1, num_frames), np.uint8), 32, 32)


def test_the_page_says_what_each_format_carries():
    rows = [line.strip("|\n ").split("|") for line in DOCS.read_text(encoding="utf-8").splitlines() if "|" in line]
    rows = [[cell.strip() for cell in row] for row in rows]
    header = next(row for row in rows if row[0] == "fact")
    said = {row[0]: row[1:] for row in rows if set(row[1:]) <= {"✓", "–"}}
    assert header[1:] == [*EXPORT_FORMATS, "poses"]
    carried = {**CARRIED, "poses": CARRIED_BY_POSES}
    assert said == {fact: ["✓" if fact in carried[name] else "–" for name in header[1:]] for fact in DESCRIBED}
    page = DOCS.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in header[1:])


def test_without_a_flag_no_record_is_left_out(tmp_path):
    write_dataset(make_hard_dataset(), tmp_path / "data")
    with pytest.raises(AnnotationError, match="pass --allow-loss to leave these records out"):
        export_folder(tmp_path / "data", tmp_path / "out", "spotting")
