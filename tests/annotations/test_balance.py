import pytest
from competition_samples import CODEBOOK, sample_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.balance import (
    BALANCED,
    LONG_TAILED,
    Thresholds,
    choose_classes,
    choose_thresholds,
    compute_balance,
    derive_setting,
    format_balance,
)
from finegym.annotations.choosing import choose_split
from finegym.annotations.source import open_source
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import Split
from finegym.annotations.subsets import find_subset
from finegym.errors import AnnotationError


def make(train_counts, val_counts):
    """A split of all elements with so many instances a class."""
    subset = find_subset("element", CODEBOOK)
    sides = [
        {f"{side}{index}-{k}": index for index, count in enumerate(counts) for k in range(count)}
        for side, counts in (("train", train_counts), ("val", val_counts))
    ]
    return Split("all", subset, *sides, rule="made up", outside={"elsewhere": 3})


def test_classes_need_enough_on_both_sides_and_in_all():
    train, val = [5, 5, 1, 0, 9], [2, 1, 5, 5, 9]
    assert choose_classes(train, val, Thresholds(1, 2)) == (0, 2, 4)
    assert choose_classes(train, val, Thresholds(1, 1, 7)) == (0, 4)
    assert choose_classes([1, 1, 0], [1, 2, 3], LONG_TAILED) == (1,)


def test_thresholds_of_a_setting_can_be_replaced():
    assert choose_thresholds(None, None, None) is None
    assert choose_thresholds("balanced", None, None) == BALANCED
    assert choose_thresholds("balanced", 3, None) == Thresholds(3, 20)
    assert choose_thresholds(None, None, 4) == Thresholds(0, 4)
    assert str(LONG_TAILED) == "at least 1 in train, 1 in val and 3 in all"


def test_a_setting_renumbers_classes_and_counts_what_left():
    setting = derive_setting(make([9, 1, 9, 0, 0, 4], [3, 3, 0, 3, 0, 2]), Thresholds(4, 2), "mine")
    assert [class_.id for class_ in setting.subset.classes] == ["70", "81"]
    assert (setting.count_classes("train"), setting.count_classes("val")) == ([9, 4], [3, 2])
    assert setting.outside == {"elsewhere": 3, "of a class with too few instances": 1 + 9 + 3 + 3}
    assert (setting.name, setting.subset.name) == ("mine", "mine")
    assert "at least 4 in train, 2 in val" in setting.rule


def test_a_setting_without_classes_says_what_there_is():
    with pytest.raises(
        AnnotationError, match=r"none of 6 classes has at least 48 in train, 20 in val \(the best has 9 and 3\)"
    ):
        derive_setting(make([9, 1, 9, 0, 0, 0], [3, 3, 0, 3, 0, 0]), BALANCED, "mine")


def test_balance_names_what_is_empty_on_a_side():
    balance = compute_balance(make([6, 0, 2, 0, 3, 1], [2, 1, 0, 0, 1, 1]))
    assert [c.val_share for c in balance.classes] == [0.25, 1.0, 0.0, None, 0.25, 0.5]
    assert {where: [c.class_.id for c in classes] for where, classes in balance.empty.items()} == {
        "anywhere": ["75"],
        "train": ["71"],
        "val": ["72"],
    }
    assert balance.imbalance == 6.0
    assert balance.compute_deviation(0.25) == pytest.approx((0 + 0.75 + 0.25 + 0 + 0.25) / 5)
    text = format_balance(balance, 2)
    assert "1 classes have no instance in val: 2 (72)" in text
    assert "the 2 classes that differ most" in text


def test_balance_of_nothing():
    balance = compute_balance(make([0] * 6, [0] * 6))
    assert (balance.imbalance, balance.compute_deviation(), len(balance.empty["anywhere"])) == (None, 0.0, 6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(0, 6), st.integers(0, 4))
def test_settings_keep_groups_apart_and_lose_nothing(seed, min_train, min_val):
    dataset = sample_dataset(seed)
    whole = make_split(dataset, find_subset("element", CODEBOOK), "all", allow_empty_classes=True, restarts=2).split
    try:
        setting = derive_setting(whole, Thresholds(min_train, min_val), "mine")
    except AnnotationError:
        assert not choose_classes(
            whole.count_classes("train"), whole.count_classes("val"), Thresholds(min_train, min_val)
        )
        return
    for side in ("train", "val"):
        for id_, index in setting.get_side(side).items():
            assert setting.subset.classes[index].id == dataset.instances[id_].sub_action.element_id
            assert id_ in whole.get_side(side)
    left = setting.outside.get("of a class with too few instances", 0)
    assert len(setting.train) + len(setting.val) + left == len(dataset.instances)
    assert min(setting.count_classes("train")) >= min_train
    assert min(setting.count_classes("val")) >= min_val


def test_rules_come_as_close_to_finegyms_settings_as_any(shared):
    source = open_source(shared / "finegym")
    for version, wrong in (("1.1", {"310"}), ("1.0", None)):
        gym288, _ = choose_split(source, f"gym288-v{version}")
        gym99, _ = choose_split(source, f"gym99-v{version}")
        train, val = gym288.count_classes("train"), gym288.count_classes("val")
        official = {class_.id for class_ in gym99.subset.classes}
        glabels = [class_.id for class_ in gym288.subset.classes]
        misses = {
            len({glabels[i] for i in choose_classes(train, val, Thresholds(a, b))} ^ official)
            for a in range(40, 80)
            for b in range(10, 40)
        }
        assert min(misses) == 1, "thresholds that reproduce Gym99 exactly: use them"
        if wrong is not None:
            assert {glabels[i] for i in choose_classes(train, val, BALANCED)} ^ official == wrong
            assert len(choose_classes(train, val, LONG_TAILED)) == 288
        else:
            counts = {glabel: (t, v) for glabel, t, v in zip(glabels, train, val, strict=True)}
            assert counts["98"] == counts["174"] == (46, 20)
            assert ("98" in official, "174" in official) == (False, True)
            assert [g for g in glabels if counts[g][0] < 1 or counts[g][1] < 1] == ["215"]
