import hashlib
import json
from collections import Counter

import pytest
from annotation_samples import FX_1, FX_2, UB_1, VT_1, write_official_folder
from competition_samples import CODEBOOK, sample_dataset

from finegym.annotations.choosing import choose_split, choose_subset, list_splits
from finegym.annotations.source import open_source
from finegym.annotations.splits import (
    Split,
    check_split,
    find_unknown_instances,
    format_split,
    get_official_list_names,
    read_split,
    write_split,
)
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.errors import AnnotationError, OutputError


def make_split(name="mine", subset="set", every=3):
    dataset = sample_dataset(1, num_videos=2)
    chosen = find_subset(subset, CODEBOOK)
    assigned = list(assign_classes(dataset, chosen).class_index_by_id.items())
    train = dict(pair for index, pair in enumerate(assigned) if index % every)
    return dataset, Split(name, chosen, train, dict(assigned[::every]), "by hand", ("video",), 7, {"elsewhere": 2})


def test_a_split_is_read_back_as_it_was(tmp_path):
    _, split = make_split()
    write_split(split, tmp_path / "mine")
    assert read_split(tmp_path / "mine") == split
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted(format_split(split))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"], "temporary folders stay behind"


def test_counts_of_a_split():
    _, split = make_split()
    assert sum(split.count_classes("train")) == len(split.train)
    assert split.count_classes("val") == [list(split.val.values()).count(index) for index in range(3)]
    assert split.val_share == len(split.val) / (len(split.train) + len(split.val))
    assert Split("none", split.subset, {}, {}).val_share == 0


def test_split_json_says_what_it_is(tmp_path):
    _, split = make_split()
    write_split(split, tmp_path / "mine")
    about = json.loads((tmp_path / "mine/split.json").read_text())
    assert about["format"] == "finegym-split/1"
    assert about["counts"] == {"train": len(split.train), "val": len(split.val)}
    assert about["subset"] == {"name": "set", "level": "set", "num_classes": 3, "sha256": split.subset.sha256}
    for name, digest in about["hashes"].items():
        assert hashlib.sha256((tmp_path / "mine" / name).read_bytes()).hexdigest() == digest


def test_an_existing_split_is_replaced_only_on_request(tmp_path):
    _, split = make_split()
    _, other = make_split(every=5)
    write_split(split, tmp_path / "mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write_split(other, tmp_path / "mine")
    assert read_split(tmp_path / "mine") == split
    write_split(other, tmp_path / "mine", overwrite=True)
    assert read_split(tmp_path / "mine") == other


def test_a_split_that_cannot_be_written_leaves_nothing(tmp_path):
    _, split = make_split()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_split(split, tmp_path / "file" / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_changed_files_are_noticed_and_allowed_when_meant(tmp_path):
    _, split = make_split()
    write_split(split, tmp_path / "mine")
    path = tmp_path / "mine/val.txt"
    path.write_text(path.read_text().split("\n", 1)[1])
    with pytest.raises(AnnotationError, match=r"val\.txt is not the file that was written"):
        read_split(tmp_path / "mine")
    about = json.loads((tmp_path / "mine/split.json").read_text())
    del about["hashes"]["val.txt"]
    (tmp_path / "mine/split.json").write_text(json.dumps(about))
    assert len(read_split(tmp_path / "mine").val) == len(split.val) - 1


def write_without_hashes(split, folder):
    write_split(split, folder)
    about = json.loads((folder / "split.json").read_text())
    (folder / "split.json").write_text(json.dumps({**about, "hashes": {}}))
    return folder


def test_instances_on_both_sides_and_unknown_classes_name_their_lines(tmp_path):
    _, split = make_split()
    folder = write_without_hashes(split, tmp_path / "mine")
    first = next(iter(split.train))
    (folder / "val.txt").write_text(f"\n{VT_1} 3\n{first} 0\n")
    with pytest.raises(AnnotationError) as caught:
        read_split(folder)
    assert "line 2: class index 3, but set has classes 0 to 2" in str(caught.value)
    assert f"line 3: {first} is in train.txt too" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"format": "finegym-split/2"}, "format"),
        ({"seeed": 1}, "seeed"),
        ({"subset": {"name": "x"}}, "subset.level"),
        ({"rule": None}, "rule"),
    ],
)
def test_a_damaged_split_json_names_the_field(tmp_path, change, fact):
    _, split = make_split()
    write_split(split, tmp_path / "mine")
    path = tmp_path / "mine/split.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(AnnotationError, match=fact):
        read_split(tmp_path / "mine")


def test_a_folder_that_is_no_split(tmp_path):
    with pytest.raises(AnnotationError, match="expected a split folder"):
        read_split(tmp_path)
    (tmp_path / "split.json").write_text("{")
    with pytest.raises(AnnotationError, match="not a finegym-split/1 file"):
        read_split(tmp_path)


@pytest.mark.parametrize("missing", ["train.txt", "val.txt", "categories.txt"])
def test_a_missing_file_is_named(tmp_path, missing):
    _, split = make_split()
    write_split(split, tmp_path / "mine")
    (tmp_path / "mine" / missing).unlink()
    with pytest.raises(AnnotationError, match=missing.replace(".", r"\.")):
        read_split(tmp_path / "mine")


def test_a_split_fits_the_dataset_that_it_was_made_from(tmp_path):
    dataset, split = make_split()
    check_split(split, dataset)
    assert find_unknown_instances(split, dataset) == {"train": [], "val": []}


def test_unknown_ids_and_other_classes_name_their_lines(tmp_path):
    dataset, split = make_split()
    ids = list(split.train)
    train = {**{VT_1: 0}, **split.train, ids[1]: (split.train[ids[1]] + 1) % 3}
    wrong = Split("wrong", split.subset, train, split.val)
    with pytest.raises(AnnotationError) as caught:
        check_split(wrong, dataset, tmp_path)
    message = str(caught.value)
    assert f"{tmp_path / 'train.txt'}, line 1: {VT_1} is not in the dataset" in message
    assert f"train.txt, line 3: {ids[1]} has class {train[ids[1]]}" in message
    assert "(2 instances)" in message
    with pytest.raises(AnnotationError, match="1 instances"):
        check_split(wrong, dataset, tmp_path, allow_unknown=True)
    assert find_unknown_instances(wrong, dataset)["train"] == [VT_1]


def test_names_of_official_lists():
    assert get_official_list_names("gym99")["train"] == "gym99_train_element_v1.1.txt"
    with pytest.raises(AnnotationError, match=r"gym99 1\.0"):
        get_official_list_names("gym530")


def test_official_lists_are_splits_whatever_their_line_ends(tmp_path):
    source = open_source(write_official_folder(tmp_path))
    split, folder = choose_split(source, "gym99")
    assert (split.train, split.val, folder) == ({VT_1: 0, UB_1: 2}, {FX_2: 1}, tmp_path)
    old, _ = choose_split(source, "gym99-v1.0")
    assert (old.name, old.train, old.val) == ("gym99-v1.0", {VT_1: 0}, {FX_2: 1})
    assert choose_split(source, "gym288-v1.1")[0].val == {FX_2: 2, FX_1: 1}
    assert list_splits(source) == ["gym99-v1.1", "gym99-v1.0", "gym288-v1.1", "gym288-v1.0"]
    write_split(split, tmp_path / "copy")
    assert read_split(tmp_path / "copy") == split


def test_a_split_is_found_by_name_or_by_path(tmp_path):
    source = open_source(write_official_folder(tmp_path))
    split, _ = choose_split(source, "gym99")
    write_split(split, tmp_path / "splits" / "copy")
    assert choose_split(source, "copy") == (split, tmp_path / "splits/copy")
    assert choose_split(source, str(tmp_path / "splits/copy"))[0] == split
    with pytest.raises(AnnotationError, match=r"no split 'gym1'.*gym99-v1\.1"):
        choose_split(source, "gym1")


def test_subsets_of_a_source_know_its_lists(tmp_path):
    source = open_source(write_official_folder(tmp_path))
    assert [class_.id for class_ in choose_subset(source, "gym288").classes] == ["1", "2", "3", "5"]
    assert [class_.id for class_ in choose_subset(source, "gym99", tmp_path).classes] == ["1", "3", "5"]


def test_real_lists_have_their_published_sizes(shared):
    source = open_source(shared / "finegym")
    sizes = {}
    for name in list_splits(source):
        split, _ = choose_split(source, name)
        sizes[name] = (len(split.subset), len(split.train), len(split.val))
    assert sizes == {
        "gym99-v1.1": (99, 26_320, 8_521),
        "gym99-v1.0": (99, 20_484, 8_521),
        "gym288-v1.1": (288, 29_334, 9_646),
        "gym288-v1.0": (288, 22_671, 9_646),
    }
    split, _ = choose_split(source, "gym99")
    check_split(split, source.dataset)
    # FACTS: per event train/val of Gym99 v1.1.
    event_of = {instance.id: instance.action.event_id for instance in source.dataset.instances.values()}
    sides = {side: Counter(event_of[id_] for id_ in split.get_side(side)) for side in ("train", "val")}
    counts = {event_id: (sides["train"][event_id], sides["val"][event_id]) for event_id in ("VT", "FX", "BB", "UB")}
    assert counts == {"VT": (1_080, 446), "FX": (5_408, 2_226), "BB": (10_238, 3_035), "UB": (9_594, 2_814)}
    # Gym288's list names 956 instances that the annotations at hand do not hold.
    unknown = find_unknown_instances(choose_split(source, "gym288")[0], source.dataset)
    assert (len(unknown["train"]), len(unknown["val"])) == (740, 216)


def test_overwrite_never_replaces_a_folder_that_holds_more_than_a_split(tmp_path):
    from finegym.annotations.subsets import Subset, SubsetClass

    subset = Subset("s", "set", (SubsetClass(0, "A-S1", "a"), SubsetClass(1, "A-S2", "b")))
    split = Split("s", subset, {"v_E_000000_000001_A_0000_0001": 0}, {"w_E_000000_000001_A_0000_0001": 1})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"holds more than a split \(thesis\.txt\)"):
        write_split(split, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"
