import json
import shutil

import pytest
from annotation_samples import FX_1, FX_2, LABELS, UB_1, VT_1, make_dataset, write_official_folder

from finegym.annotations.official import (
    LabelConflict,
    find_official_folders,
    is_official_folder,
    read_official_codebook,
    read_official_dataset,
)
from finegym.errors import AnnotationError, CodebookError


@pytest.fixture
def folder(tmp_path):
    return write_official_folder(tmp_path / "finegym")


def get_elements(official):
    return {i.id: i.sub_action.element_id for i in official.dataset.iterate_instances()}


def test_annotations_categories_and_lists_become_one_dataset(folder):
    official = read_official_dataset(folder)
    assert official.dataset.videos == make_dataset().videos
    assert get_elements(official) == LABELS
    assert official.dataset.codebook == read_official_codebook(folder)
    assert official.version == "1.1"
    assert official.conflicts == ()
    assert set(official.not_annotated.values()) == {()}


def test_class_indices_of_the_lists_are_kept_as_published(folder):
    lists = read_official_dataset(folder).lists
    assert {name: {part: dict(listed.label_by_id) for part, listed in of.items()} for name, of in lists.items()} == {
        "gym99": {"train": {VT_1: 0, UB_1: 2}, "val": {FX_2: 1}},
        "gym288": {"train": {VT_1: 0, UB_1: 3}, "val": {FX_2: 2, FX_1: 1}},
    }


def test_an_older_version_of_the_lists_can_be_chosen(folder):
    official = read_official_dataset(folder, version="1.0")
    assert official.version == "1.0"
    assert get_elements(official) == {**LABELS, UB_1: None}
    assert official.paths["gym99/train"].name == "gym99_train_element_v1.0.txt"
    with pytest.raises(AnnotationError, match=r"no lists of version 1\.2; there are 1\.0, 1\.1"):
        read_official_dataset(folder, version="1.2")


def test_files_may_lie_in_official_and_annotations(folder, tmp_path):
    whole = read_official_dataset(folder)
    (tmp_path / "split" / "annotations").mkdir(parents=True)
    shutil.move(folder / "finegym_annotation_info_v1.1.json", tmp_path / "split" / "annotations")
    shutil.move(folder, tmp_path / "split" / "official")
    assert is_official_folder(tmp_path / "split")
    assert read_official_dataset(tmp_path / "split").dataset == whole.dataset


def test_the_newest_annotations_are_read(folder):
    (folder / "finegym_annotation_info_v1.0.json").write_text("{}")
    (folder / "finegym_annotation_info_v1.10.json.gz").write_text("{}")
    assert find_official_folders(folder)[1].name == "finegym_annotation_info_v1.10.json.gz"


def test_two_files_of_one_version_are_an_error(folder):
    (folder / "finegym_annotation_info_v1.1.json.gz").write_text("{}")
    with pytest.raises(AnnotationError, match="are the same version"):
        read_official_dataset(folder)


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(AnnotationError, match="there is none"):
        read_official_dataset(tmp_path / "gone")
    (folder / "finegym_annotation_info_v1.1.json").unlink()
    with pytest.raises(AnnotationError, match=r"no finegym_annotation_info_v1\.1\.json"):
        read_official_dataset(folder)
    (folder / "gym530_categories.txt").unlink()
    (folder / "finegym_annotation_info_v1.1.json").write_text("{}")
    with pytest.raises(CodebookError, match=r"gym530_categories\.txt"):
        read_official_dataset(folder)
    (folder / "set_categories.txt").unlink()
    assert not is_official_folder(folder)
    with pytest.raises(AnnotationError, match=r"no set_categories\.txt"):
        read_official_dataset(folder)


def test_a_list_that_has_only_the_other_version_is_an_error(folder):
    (folder / "gym288_train_element_v1.1.txt").unlink()
    with pytest.raises(AnnotationError, match=r"no list of version 1\.1 for gym288_train"):
        read_official_dataset(folder)


def test_instances_of_lists_without_annotations_are_counted(folder):
    unknown = VT_1.replace("000010", "000011")
    (folder / "gym288_val_element.txt").write_text(f"{FX_2} 2\n{unknown} 0\n")
    official = read_official_dataset(folder)
    assert official.not_annotated["gym288/val"] == (unknown,)
    assert len(official.dataset.instances) == 4


def test_lists_that_disagree_leave_the_instance_without_an_element(folder):
    (folder / "gym288_val_element.txt").write_text(f"{FX_2} 1\n{FX_1} 1\n")
    official = read_official_dataset(folder)
    assert official.conflicts == (LabelConflict(FX_2, {"gym99/val": "3", "gym288/val": "2"}),)
    assert get_elements(official) == {**LABELS, FX_2: None}


def test_class_indices_outside_the_category_file_are_all_named(folder):
    (folder / "gym99_val_element.txt").write_text(f"{FX_2} 3\n{FX_1} 530\n")
    with pytest.raises(AnnotationError) as caught:
        read_official_dataset(folder)
    assert f"{FX_2} has class index 3, but gym99_categories.txt has 3 classes" in str(caught.value)
    assert f"{FX_1} has class index 530" in str(caught.value)


def test_a_list_without_its_category_file_is_an_error(folder):
    (folder / "gym99_categories.txt").unlink()
    with pytest.raises(AnnotationError, match=r"gym99_categories\.txt has 0 classes"):
        read_official_dataset(folder)


def test_lists_of_gym530_need_no_category_file_of_their_own(folder):
    (folder / "gym530_val_element.txt").write_text(f"{FX_2} 3\n")
    official = read_official_dataset(folder)
    assert get_elements(official) == LABELS
    assert official.lists["gym530"]["val"].label_by_id == {FX_2: 3}


def test_a_folder_without_lists_has_times_without_elements(folder):
    for path in folder.glob("*element*"):
        path.unlink()
    official = read_official_dataset(folder)
    assert (official.version, official.lists) == ("", {})
    assert set(get_elements(official).values()) == {None}


def test_a_truncated_annotation_file_is_one_clear_line(folder):
    path = folder / "finegym_annotation_info_v1.1.json"
    path.write_text(json.dumps(json.loads(path.read_text()))[:-9])
    with pytest.raises(AnnotationError, match="download it again if it is cut off"):
        read_official_dataset(folder)


def test_the_real_folder(shared):
    official = read_official_dataset(shared / "finegym")
    dataset, lists = official.dataset, official.lists
    assert {f"{s}/{p}": len(listed) for s, parts in lists.items() for p, listed in parts.items()} == {
        "gym99/train": 26_320,
        "gym99/val": 8_521,
        "gym288/train": 29_334,
        "gym288/val": 9_646,
    }
    assert len(dataset.videos) == 181
    assert len(dataset.instances) == 38_099
    assert official.conflicts == ()
    # The rebuilt JSON holds all of Gym99; of Gym288 it lacks balance beam sub-actions (README.md: a lower bound).
    assert {name: len(ids) for name, ids in official.not_annotated.items()} == {
        "gym99/train": 0,
        "gym99/val": 0,
        "gym288/train": 740,
        "gym288/val": 216,
    }
    unlabelled = [i for i in dataset.iterate_instances() if i.sub_action.element_id is None]
    assert len(unlabelled) == 75
    # Every label is of its action's event (FACTS.md), and the set follows from it.
    codebook = dataset.codebook
    for instance in dataset.iterate_instances():
        if instance.sub_action.element_id is not None:
            element = codebook.element_by_id[instance.sub_action.element_id]
            assert instance.sub_action.set_id == element.set_id
            assert codebook.set_by_id[element.set_id].event_id == instance.action.event_id
