"""The splits of the studies: what follows from the two settings, and what is refused."""

from dataclasses import replace

import pytest
from pretended_runs import make_dataset

from finegym.annotations.balance import Thresholds
from finegym.annotations.folder import write_dataset
from finegym.annotations.splits import read_split, write_split
from finegym.codebook.builtin import read_builtin
from finegym.codebook.check import check_codebook
from finegym.codebook.tree import get_paths
from finegym.errors import CodebookError, ConfigError
from finegym.studies.codebook import keep_elements
from finegym.studies.size_simulated import ELEMENTS, TINY_ELEMENTS
from finegym.studies.sizes import ROLES
from finegym.studies.splits import make_simulated_splits, read_official_splits, write_splits


@pytest.fixture(scope="module")
def dataset():
    made = make_dataset()
    videos = tuple(replace(video, competition=f"cup {number // 2}") for number, video in enumerate(made.videos))
    return replace(made, videos=videos)


@pytest.fixture(scope="module")
def splits(dataset):
    return make_simulated_splits(dataset, Thresholds(10, 3), seed=0)


def test_every_role_has_a_split_of_whole_records(splits):
    assert set(splits) >= set(ROLES)
    for role, split in splits.items():
        records = {side: {id_.partition("_E_")[0] for id_ in split.get_side(side)} for side in ("train", "val")}
        assert records["train"] and records["val"] and not records["train"] & records["val"], role


def test_levels_are_the_same_instances_with_other_labels(splits, dataset):
    for level in ("event", "set"):
        assert set(splits[level].val) == set(splits["long-tailed"].val)
        for instance_id, index in splits[level].val.items():
            element = dataset.codebook.element_by_id[dataset.instances[instance_id].sub_action.element_id]
            set_ = dataset.codebook.set_by_id[element.set_id]
            wanted = set_.event_id if level == "event" else set_.id
            assert splits[level].subset.classes[index].id == wanted


def test_parts_are_those_of_the_balanced_setting(splits, dataset):
    for part in ("VT", "FX", "FX-S1", "UB-S1"):
        for side in ("train", "val"):
            inside = {}
            for instance_id, index in splits["balanced"].get_side(side).items():
                element = dataset.codebook.element_by_id[splits["balanced"].subset.classes[index].id]
                if part in (element.set_id, dataset.codebook.set_by_id[element.set_id].event_id):
                    inside[instance_id] = element.id
            ours = {id_: splits[part].subset.classes[k].id for id_, k in splits[part].get_side(side).items()}
            assert ours == inside
    assert len(splits["FX-S1"].subset) == 2


def test_written_splits_stay_and_others_are_refused(splits, dataset, tmp_path):
    write_splits(tmp_path, splits)
    write_splits(tmp_path, splits)
    assert read_split(tmp_path / "splits" / "FX-S1").val == splits["FX-S1"].val
    fewer = replace(splits["FX"], val=dict(list(splits["FX"].val.items())[1:]))
    with pytest.raises(ConfigError, match="not the split"):
        write_splits(tmp_path, {"FX": fewer})


def test_official_settings_are_gym288_and_gym99(splits, dataset, tmp_path):
    write_dataset(dataset, tmp_path)
    with pytest.raises(ConfigError, match="gym288, gym99"):
        read_official_splits(tmp_path, dataset)
    write_split(splits["long-tailed"], tmp_path / "splits" / "gym288")
    write_split(splits["balanced"], tmp_path / "splits" / "gym99")
    found = read_official_splits(tmp_path, dataset)
    assert {role: found[role].val for role in ROLES} == {role: splits[role].val for role in ROLES}


@pytest.mark.parametrize("element_ids", [ELEMENTS, TINY_ELEMENTS], ids=["smoke", "tiny"])
def test_a_smaller_codebook_says_the_same_of_its_elements(element_ids):
    whole = read_builtin("artistic-women")
    part = keep_elements(whole, element_ids, "part")
    assert {element.id for element in part.elements} == set(element_ids)
    assert not [problem for problem in check_codebook(part) if problem.severity == "error"]
    for id_ in element_ids:
        assert part.attributes_by_element_id[id_] == whole.attributes_by_element_id[id_]
        set_id = part.element_by_id[id_].set_id
        assert get_paths(part.tree_by_set_id[set_id])[id_] == get_paths(whole.tree_by_set_id[set_id])[id_]


def test_unknown_elements_are_refused():
    with pytest.raises(CodebookError, match="nobody"):
        keep_elements(read_builtin("artistic-women"), ["nobody"], "part")
