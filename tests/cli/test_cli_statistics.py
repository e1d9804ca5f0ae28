import json
import re
import sys

import pytest

from finegym import cli
from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import read_split
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set


@pytest.fixture
def dataset_folder(tmp_path):
    """Eight records of two cups with one routine each: two common elements, a rare one, one that nobody performs."""
    elements = tuple(Element(id_, "FX-S1", f"leap {id_}") for id_ in ("a", "b", "rare", "never"))
    tree = Node("q1", Leaf("a"), Node("q2", Leaf("b"), Node("q3", Leaf("rare"), Leaf("never"))))
    codebook = Codebook(
        name="small",
        version="1",
        sport="gymnastics",
        events=(Event("FX", "floor", 2),),
        sets=(Set("FX-S1", "FX", "leaps", 21),),
        elements=elements,
        queries=tuple(Query(f"q{i}", f"Question {i}?") for i in (1, 2, 3)),
        trees=(DecisionTree("FX-S1", tree),),
    )
    videos = []
    for index in range(8):
        names = ["a", "b", "a"] + (["rare"] if index == 0 else [])
        subs = tuple(
            SubAction(f"A_{3 * i:04d}_{3 * i + 1:04d}", ((3000 * i, 3000 * i + 1500),), id_, "FX-S1")
            for i, id_ in enumerate(names)
        )
        action = Action("E_000000_000030", "FX", 0, 30_000, subs)
        videos.append(Video(f"video{index:06d}", (action,), competition=f"cup {index % 4}"))
    write_dataset(Dataset(codebook, tuple(videos)), tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line; returns exit status, stdout and stderr."""

    def run_command(*words):
        monkeypatch.setattr(sys, "argv", ["finegym", "annotations", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


def test_stats_print_table_and_json_and_write_plots(run, dataset_folder, tmp_path):
    status, out, _ = run("stats", dataset_folder)
    assert status == 0
    assert re.search(r"^sub-actions +25 +25$", out, re.M)
    status, out, err = run("stats", dataset_folder, "--subset", "FX", "--plots", tmp_path / "plots", "--json")
    assert json.loads(out)["events"][0]["num_sub_actions"] == 25
    assert "4 plots written" in err
    assert {path.suffix for path in (tmp_path / "plots").iterdir()} == {".svg"}
    run("stats", dataset_folder, "--plots", tmp_path / "png", "--format", "png")
    assert (tmp_path / "png/classes.png").read_bytes().startswith(b"\x89PNG")


def test_subset_lists_names_or_classes_and_writes(run, dataset_folder, tmp_path):
    _, out, _ = run("subset", dataset_folder)
    assert re.search(r"^FX-S1 +4 +25$", out, re.M)
    assert "gym99" not in out
    status, out, _ = run("subset", dataset_folder, "FX-G1", "--min-instances", "2", "--out", tmp_path / "sub")
    assert (status, "subset FX-G1>=2: 2 classes" in out, "1 of another element" in out) == (0, True, True)
    assert (tmp_path / "sub/categories.txt").read_text() == "0\ta\tleap a\n1\tb\tleap b\n"
    assert len((tmp_path / "sub/instances.txt").read_text().splitlines()) == 24
    _, out, _ = run("subset", dataset_folder, "set", "--json")
    assert json.loads(out)["classes"] == [{"class_index": 0, "id": "FX-S1", "name": "leaps", "instances": 25}]
    _, out, _ = run("subset", dataset_folder, "--json")
    assert {"subset": "element", "classes": 4, "instances": 25} in json.loads(out)


def test_split_and_audit(run, dataset_folder):
    status, out, _ = run(
        "split", dataset_folder, "--by", "competition,video", "--min-instances", "2", "--out", "mine", "--seed", "3"
    )
    assert status == 0, out
    assert "4 groups, 1 of them in val" in out
    split = read_split(dataset_folder / "splits/mine")
    assert (len(split.train), len(split.val), split.groups, split.seed) == (18, 6, ("competition", "video"), 3)
    status, out, _ = run("audit", dataset_folder, "mine")
    assert status == 0
    assert "No known group is on both sides." in out
    _, out, _ = run("audit", dataset_folder, dataset_folder / "splits/mine", "--json")
    assert json.loads(out)["is_clean"] is True
    # The dataset knows its own splits as subsets.
    _, out, _ = run("subset", dataset_folder, "mine")
    assert "subset mine: 2 classes" in out
    # Once more is refused, and replaced on request.
    status, _, err = run("split", dataset_folder, "--min-instances", "2", "--out", "mine")
    assert (status, "--overwrite" in err) == (1, True)
    assert run("split", dataset_folder, "--min-instances", "2", "--out", "mine", "--overwrite")[0] == 0
    assert read_split(dataset_folder / "splits/mine").groups == ("video",)


def test_audit_lists_what_is_on_both_sides(run, dataset_folder):
    run("split", dataset_folder, "--min-instances", "2", "--out", "mine")
    folder = dataset_folder / "splits/mine"
    lines = (folder / "val.txt").read_text().splitlines()
    (folder / "val.txt").write_text("\n".join(lines[1:]) + "\n")
    (folder / "train.txt").write_text((folder / "train.txt").read_text() + lines[0] + "\n")
    about = json.loads((folder / "split.json").read_text())
    (folder / "split.json").write_text(json.dumps({**about, "hashes": {}}))
    _, out, _ = run("audit", dataset_folder, "mine", "--all")
    action_id = lines[0].split()[0][: -len("_A_0000_0001")]
    assert f"action\t{action_id}" in out.splitlines()
    assert "1 of 8 actions are on both sides" in out


def test_an_empty_class_is_named_in_one_line(run, dataset_folder):
    status, out, err = run("split", dataset_folder, "--out", "mine")
    assert (status, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "class 3 (never, leap never) has no instance" in err
    assert not (dataset_folder / "splits").exists()
    status, out, _ = run("split", dataset_folder, "--out", "mine", "--allow-empty-classes", "--json")
    assert (status, json.loads(out)["empty"]) == (0, {"anywhere": ["never"], "val": ["rare"]})


def test_a_setting_drops_rare_classes(run, dataset_folder):
    _, out, _ = run("split", dataset_folder, "--out", "tail", "--setting", "long-tailed")
    assert "outside of the subset: 1 of a class with too few instances" in out
    assert [class_.id for class_ in read_split(dataset_folder / "splits/tail").subset.classes] == ["a", "b"]
    status, _, err = run("split", dataset_folder, "--out", "b", "--setting", "balanced")
    assert (status, "Lower --min-train and --min-val" in err) == (1, True)
    assert (
        run("split", dataset_folder, "--out", "b", "--setting", "balanced", "--min-train", "10", "--min-val", "3")[0]
        == 0
    )
    assert [class_.id for class_ in read_split(dataset_folder / "splits/b").subset.classes] == ["a"]


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("stats", "DATA", "--subset", "FX-S9"), "'FX-S9' is no event or set"),
        (("subset", "DATA", "gym99"), "--official DIR"),
        (("split", "DATA", "--out", "x", "--by", "athlete"), r"actions\.csv"),
        (("audit", "DATA", "nothing"), "no split 'nothing'"),
        (("audit", "NOWHERE", "nothing"), "no such folder"),
    ],
)
def test_bad_input_is_one_clear_line(run, dataset_folder, words, fact):
    status, out, err = run(*(dataset_folder if word == "DATA" else word for word in words))
    assert (status, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert re.search(fact, err)


def test_an_unknown_id_in_a_split_names_its_line(run, dataset_folder):
    run("split", dataset_folder, "--min-instances", "2", "--out", "mine")
    folder = dataset_folder / "splits/mine"
    (folder / "val.txt").write_text((folder / "val.txt").read_text() + "other000000_E_000000_000001_A_0000_0001 0\n")
    _, _, err = run("audit", dataset_folder, "mine")
    assert "val.txt is not the file that was written" in err
    about = json.loads((folder / "split.json").read_text())
    (folder / "split.json").write_text(json.dumps({**about, "hashes": {}}))
    status, _, err = run("audit", dataset_folder, "mine")
    assert status == 1
    assert re.search(r"val\.txt, line 7: other000000_\S+ is not in the dataset", err)
    status, out, _ = run("audit", dataset_folder, "mine", "--allow-unknown")
    assert (status, "the dataset lacks them: 1 instance." in out) == (0, True)


def test_real_annotations_through_the_command_line(run, shared, tmp_path):
    official = shared / "finegym"
    status, out, _ = run("audit", official, "gym99")
    assert status == 0
    assert "40 of 180 videos" in out and "265 of 4,968 actions" in out
    status, _, err = run("split", official, "--out", "x")
    assert (status, "no dataset folder" in err) == (1, True)
    status, _, err = run("audit", official, "gym288")
    assert (status, "956 of 38980 instances are not in the dataset" in err) == (1, True)
    status, out, _ = run("stats", official, "--subset", "gym99")
    assert re.search(r"^sub-actions +1,526 +7,634 +13,273 +12,408 +34,841$", out, re.M)
