"""``finegym annotations coverage``: what a person sees, from every way to say what is missing."""

import csv
import json
import re
import sys

import pytest

from finegym import cli
from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.codebook.builtin import read_builtin
from finegym.video.download_manifest import DownloadRow, write_manifest

RECORDS = ("-odd.id", "AbC", "aBc", "plain")


@pytest.fixture
def folder(tmp_path):
    """Four records with two dives each, of two elements; three for training, one for validation."""
    codebook = read_builtin("diving")
    first, second = (element.id for element in codebook.get_elements_of_set("DV-S1")[:2])
    subs = (SubAction("A_0000_0001", ((0, 1000),), first), SubAction("A_0001_0002", ((1000, 2000),), second))
    videos = tuple(Video(id_, (Action("E_000000_000004", "DV", 0, 4000, subs),), f"files/{id_}.mp4") for id_ in RECORDS)
    dataset = Dataset(codebook, videos)
    write_dataset(dataset, tmp_path / "data")
    subset = find_subset("element", codebook)
    assigned = assign_classes(dataset, subset).class_index_by_id
    train = {id_: index for id_, index in assigned.items() if not id_.startswith("plain")}
    write_split(
        Split("mine", subset, train, {k: v for k, v in assigned.items() if k not in train}),
        tmp_path / "data/splits/mine",
    )
    return tmp_path / "data"


@pytest.fixture
def run(capsys, monkeypatch, folder):
    """Run the verb; returns exit status, stdout and stderr."""

    def run_command(*words, dataset=folder):
        monkeypatch.setattr(sys, "argv", ["finegym", "annotations", "coverage", str(dataset), *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


def write_ids(path, *ids):
    path.write_text("\n".join(ids) + "\n")
    return path


def test_a_list_of_missing_records(run, tmp_path):
    status, out, _ = run("--missing", write_ids(tmp_path / "gone.txt", "plain", "stranger"))
    assert status == 0
    assert out.startswith("1 of 4 records are missing (25%)\n1 ids are neither in the dataset nor in a split")
    assert re.search(r"^split mine +records +left +lost", out, re.M)
    assert re.search(r"^train +3 +3 +0% +3 +3 +0% +6 +6 +0%$", out, re.M)
    assert re.search(r"^val +1 +0 +100% +1 +0 +100% +2 +0 +100%$", out, re.M)
    assert "val: 2 of 48 classes lose everything: " in out


def test_a_folder_of_media_compares_names_as_they_stand(run, tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    for name in ("-odd.id.mkv", "AbC.mp4", "plain.mp4.part", "other.mp4"):
        (media / name).write_bytes(b"x")
    status, out, err = run("--media", media, "--json")
    assert (status, json.loads(out)["missing"]) == (0, ["aBc", "plain"])
    assert "3 media files, 1 of them of no record (other)" in err
    assert "only files directly in the folder count" not in err


def test_a_media_file_of_another_name_counts_where_the_dataset_says_so(run, folder, tmp_path):
    text = (folder / "records.csv").read_text()
    (folder / "records.csv").write_text(text.replace("files/plain.mp4", "files/Finale 2016.mp4"))
    (tmp_path / "media").mkdir()
    (tmp_path / "media/Finale 2016.mp4").write_bytes(b"x")
    _, out, err = run("--media", tmp_path / "media", "--json")
    assert json.loads(out)["missing"] == ["-odd.id", "AbC", "aBc"]
    assert "1 media files, 0 of them of no record" in err


def test_a_manifest_brings_the_reasons(run, tmp_path):
    rows = {
        "AbC": DownloadRow("AbC", "there", "", "AbC.mp4", 1, "0" * 64),
        "aBc": DownloadRow("aBc", "missing", "private"),
        "stranger": DownloadRow("stranger", "there", "", "stranger.mp4", 1, "0" * 64),
        "gone": DownloadRow("gone", "missing", "private"),
    }
    write_manifest(rows, tmp_path / "download.csv")
    for path in (tmp_path / "download.csv", tmp_path):
        _, out, _ = run("--manifest", path, "--json")
        facts = json.loads(out)
        assert facts["missing"] == ["-odd.id", "aBc", "plain"]
        assert facts["reasons"] == {"not in the manifest": 2, "missing: private": 1}
        assert facts["unknown"] == ["gone", "stranger"]
    status, _, err = run("--missing", tmp_path / "download.csv")
    assert (status, "Give it with --manifest" in err) == (1, True)


def test_classes_go_into_a_table(run, tmp_path):
    _, _, err = run("--missing", write_ids(tmp_path / "gone.txt", "AbC"), "--csv", tmp_path / "classes.csv")
    assert "48 classes written to" in err
    with (tmp_path / "classes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = rows[0]
    assert (len(rows), first["split"], first["set_id"], first["event_id"]) == (48, "mine", "DV-S1", "DV")
    assert (first["train"], first["train_left"], first["train_lost"], first["val"]) == ("3", "2", "1", "1")


def test_the_threshold_is_the_user_s(run, tmp_path):
    gone = write_ids(tmp_path / "gone.txt", "AbC")
    for wanted, expected in ((2, 0), (3, 2), (4, 0)):
        _, out, _ = run("--missing", gone, "--min-instances", wanted, "--json")
        assert len(json.loads(out)["splits"][0]["fallen_below_min_instances"]["train"]) == expected


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("mien", "--missing", "gone.txt"), "did you mean mine?"),
        (("--missing", "nope.txt"), "nope.txt: expected a list of records"),
        (
            ("--missing", "other.txt"),
            "none of its 1 ids is a record of the dataset, not 'planes' for one (did you mean",
        ),
        (("--missing", "empty.txt"), "names no record"),
        (("--missing", "data"), "expected a list of missing records, got a dataset"),
        (("--media", "nope"), "nope: expected a folder of media"),
        (("--media", "gone.txt"), "gone.txt: expected a folder of media"),
        (("--manifest", "gone.txt"), "expected a manifest"),
        (("--manifest", "nope.csv"), "nope.csv: expected a manifest"),
    ],
)
def test_wrong_input_is_one_clear_line(run, tmp_path, monkeypatch, words, fact):
    monkeypatch.chdir(tmp_path)
    write_ids(tmp_path / "gone.txt", "AbC")
    write_ids(tmp_path / "other.txt", "planes")
    write_ids(tmp_path / "empty.txt", "")
    status, out, err = run(*words)
    assert (status, out, len(err.strip().splitlines())) == (1, "", 1)
    assert fact in err


def test_one_way_to_say_what_is_missing_is_asked_for(run, tmp_path):
    assert run()[0] == 2
    assert run("--missing", tmp_path / "a", "--media", tmp_path)[0] == 2


def test_a_dataset_without_splits_is_counted_whole(run, folder, tmp_path):
    (folder / "splits").rename(tmp_path / "splits")
    status, out, _ = run("--missing", write_ids(tmp_path / "gone.txt", "AbC"))
    assert (status, "no splits: make one with" in out) == (0, True)
    # A split folder of any place will do.
    _, out, _ = run(tmp_path / "splits/mine", "--missing", tmp_path / "gone.txt")
    assert "split mine" in out


def test_finegym_s_two_settings_are_the_default(run, shared, tmp_path):
    gone = write_ids(tmp_path / "gone.txt", "A0xAXXysHUo")
    _, out, _ = run("--missing", gone, "--json", dataset=shared / "finegym")
    facts = json.loads(out)
    assert [split["split"] for split in facts["splits"]] == ["gym99", "gym288"]
    train, val, _ = facts["splits"][0]["parts"]
    assert (train["sub_actions"]["total"], val["sub_actions"]["total"]) == (26320, 8521)
    _, out, _ = run("gym99-v1.0", "--missing", gone, "--json", dataset=shared / "finegym")
    assert json.loads(out)["splits"][0]["parts"][0]["sub_actions"]["total"] == 20484
