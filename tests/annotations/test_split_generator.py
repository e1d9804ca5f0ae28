from itertools import product

import numpy as np
import pytest
from competition_samples import CODEBOOK, make_action, make_dataset, sample_dataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finegym.annotations import split_generator
from finegym.annotations.audit import audit_split
from finegym.annotations.balance import BALANCED, Thresholds
from finegym.annotations.choosing import choose_subset
from finegym.annotations.groups import group_instances
from finegym.annotations.source import open_source
from finegym.annotations.split_generator import _choose_groups, _Goal, keep_setting, make_split
from finegym.annotations.subsets import assign_classes, find_subset, keep_frequent_classes
from finegym.errors import AnnotationError

ELEMENTS = find_subset("element", CODEBOOK)


def make(*videos, athlete=None):
    """A video from each tuple of element ids, all in one action."""
    return make_dataset(
        *(
            {"id": f"video{i:06d}", "actions": (make_action(0, 60, *ids, athlete=athlete),)}
            for i, ids in enumerate(videos)
        )
    )


def compute_cost(val, total, groups_of_class, val_share):
    """The cost of the module's docstring, a class at a time."""
    cost = 0.0
    for k in range(len(total)):
        cost += (val[k] / total[k] - val_share) ** 2
        if groups_of_class[k] > 1 and val[k] in (0, total[k]):
            cost += 1
    return cost + len(total) * (sum(val) / sum(total) - val_share) ** 2


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from(["competition", "video", "athlete", "action", "duplicate"]), min_size=1, unique=True),
)
def test_no_group_is_ever_on_both_sides_and_nothing_is_lost(seed, by):
    dataset = sample_dataset(seed, num_videos=8, num_athletes=30)
    groups = group_instances(dataset, dataset.instances, by)
    assume(groups.num_groups > 1)
    generated = make_split(dataset, ELEMENTS, "s", by=by, seed=seed, restarts=2, allow_empty_classes=True)
    split = generated.split
    sides = [{groups.group_of[id_] for id_ in side} for side in (split.train, split.val)]
    assert sides[0] & sides[1] == set()
    assert all(sides)
    assert {**split.train, **split.val} == assign_classes(dataset, ELEMENTS).class_index_by_id
    assert len(split.train) + len(split.val) == len(dataset.instances)
    assert generated.num_groups == (groups.num_groups, len(sides[1]))
    audit = audit_split(split, dataset)
    for kind in by:
        assert audit.get("near-duplicate" if kind == "duplicate" else kind).shared == ()
    assert audit.get("action").shared == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9), st.integers(2, 6), st.integers(1, 5))
def test_few_groups_are_shared_out_in_the_best_way(seed, val_share, num_groups, num_classes):
    counts = np.random.default_rng(seed).integers(0, 6, (num_groups, num_classes)).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    assume(counts.size and (counts.sum(axis=1) > 0).all())
    total, spread = counts.sum(axis=0), (counts > 0).sum(axis=0)
    choice, restarts = _choose_groups(counts, val_share, seed, 4)
    assert restarts == 0
    best = min(
        compute_cost(np.array(bits) @ counts, total, spread, val_share)
        for bits in product((0, 1), repeat=num_groups)
        if 0 < sum(bits) < num_groups
    )
    assert compute_cost(choice @ counts, total, spread, val_share) == pytest.approx(best, abs=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_cost_agrees_with_a_class_at_a_time(seed, val_share):
    rng = np.random.default_rng(seed)
    total = rng.integers(1, 30, 5).astype(float)
    val, spread = rng.integers(0, total + 1).astype(float), rng.integers(1, 4, 5)
    cost = _Goal(total, spread > 1, val_share).compute_cost(val[None])
    assert cost[0] == pytest.approx(compute_cost(val, total, spread, val_share), abs=1e-8)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_improving_comes_close_to_the_best(seed):
    """Thirteen groups are improved, not enumerated; the best of all is known by trying all."""
    counts = np.random.default_rng(seed).integers(0, 6, (13, 4)).astype(float)
    goal = _Goal(counts.sum(axis=0), (counts > 0).sum(axis=0) > 1, 0.25)
    choice, restarts = _choose_groups(counts, 0.25, 0, 16)
    assert restarts == 16
    every = np.arange(1, 2**13 - 1)[:, None] >> np.arange(13) & 1
    best = goal.compute_cost(every @ counts).min()
    assert goal.compute_cost((choice @ counts)[None])[0] <= best + 0.005


def test_classes_are_shared_out_exactly_where_that_is_possible():
    dataset = make(*([("70", "71", "72")] * 8))
    generated = make_split(dataset, find_subset("FX-S1", CODEBOOK), "s", val_share=0.25)
    assert [(c.num_train, c.num_val) for c in generated.balance.classes] == [(6, 2), (6, 2)]
    assert generated.largest_group == 1 / 8
    assert generated.split.outside == {"of another element": 8}


def test_a_class_in_one_group_only_goes_to_train():
    dataset = make(("70", "72"), *([("70", "71")] * 7))
    subset = keep_frequent_classes(ELEMENTS, dataset, 1)
    generated = make_split(dataset, subset, "s", allow_empty_classes=True)
    assert {where: [c.class_.id for c in found] for where, found in generated.balance.empty.items()} == {"val": ["72"]}


def test_an_empty_class_is_an_error_that_names_it():
    dataset = make(("70", "72"), ("70", "71"), ("70", "71"))
    with pytest.raises(AnnotationError) as caught:
        make_split(dataset, ELEMENTS, "s")
    message = str(caught.value)
    assert "4 of 6 classes are empty on a side" in message
    assert "class 3 (75, element 75) has no instance" in message
    assert "class 2 (72, element 72) is not in val: 1 instance in 1 group" in message
    assert "--allow-empty-classes" in message
    generated = make_split(dataset, ELEMENTS, "s", allow_empty_classes=True)
    assert [c.class_.id for c in generated.balance.empty["anywhere"]] == ["75", "80", "81"]


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"val_share": 0.0}, "between 0 and 1"),
        ({"val_share": 1.0}, "between 0 and 1"),
        ({"restarts": 0}, "at least one restart"),
        ({"by": ("athlete",)}, "one group"),
        ({"by": ("competition",)}, "competition of 4 of 4"),
        ({"by": ("clip",)}, "there are"),
    ],
)
def test_what_cannot_be_split_says_why(options, fact):
    with pytest.raises(AnnotationError, match=fact):
        make_split(make(("70", "71"), ("70", "71"), athlete="x"), ELEMENTS, "s", **options)


def test_a_subset_without_instances_cannot_be_split():
    with pytest.raises(AnnotationError, match="no instance of subset UB-S1"):
        make_split(make(("70",)), find_subset("UB-S1", CODEBOOK), "s")


def test_unknown_groups_stand_for_themselves_on_request():
    dataset = make(("70", "71"), ("70", "71"))
    generated = make_split(dataset, find_subset("FX-S1", CODEBOOK), "s", by=("athlete",), allow_unknown_groups=True)
    assert generated.unknown_groups == {"athlete": 4}
    assert generated.num_groups[0] == 2


def test_same_seed_same_split_and_other_seeds_differ():
    dataset = sample_dataset(3, num_videos=30)

    def make_with(seed):
        return make_split(dataset, find_subset("set", CODEBOOK), "s", seed=seed, restarts=1)

    assert make_with(1) == make_with(1)
    assert len({tuple(make_with(seed).split.val) for seed in range(4)}) > 1


def test_a_setting_keeps_the_split():
    dataset = sample_dataset(3, num_videos=30)
    generated = make_split(dataset, ELEMENTS, "s", allow_empty_classes=True)
    kept = keep_setting(generated, Thresholds(20, 5))
    assert 0 < len(kept.split.subset) < 6
    assert kept.split.val.keys() < generated.split.val.keys()
    assert kept.to_dict()["classes"][0]["train"] >= 20
    assert kept.balance.empty == {}


def test_many_small_groups_take_fewer_restarts_and_are_balanced_all_the_same(monkeypatch):
    counts = np.random.default_rng(0).multinomial(3, [1 / 20] * 20, 1000).astype(float)
    monkeypatch.setattr(split_generator, "_MAX_RESTART_WORK", 2 * counts.size)
    choice, restarts = _choose_groups(counts, 0.25, 0, 16)
    assert restarts == 2
    assert np.abs(choice @ counts / counts.sum(axis=0) - 0.25).max() < 0.005


def test_gym99_can_be_split_by_video(shared):
    source = open_source(shared / "finegym")
    generated = make_split(source.dataset, choose_subset(source, "gym99"), "by-video", restarts=2)
    split, balance = generated.split, generated.balance
    assert len(split.train) + len(split.val) == 26_320 + 8_521
    assert generated.num_groups[0] == 180
    assert balance.empty == {}
    assert abs(split.val_share - 0.25) < 0.01
    assert balance.compute_deviation(0.25) < 0.02
    assert audit_split(split, source.dataset).is_clean
    whole = make_split(source.dataset, choose_subset(source, "gym288"), "s", allow_empty_classes=True, restarts=1)
    assert 90 <= len(keep_setting(whole, BALANCED).split.subset) <= 105
