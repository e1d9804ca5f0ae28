"""Made splits of the next release: what the last one had stays on its side, and only what is new is shared out."""

from dataclasses import replace

import numpy as np
import pytest
from release_samples import CODEBOOK, SETTINGS, build, make_dataset

from finegym.annotations.model import Dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import read_split
from finegym.annotations.subsets import find_subset
from finegym.errors import AnnotationError
from finegym.release.build import build_release
from finegym.release.read import read_release
from finegym.release.source import ReleaseSource

ALL = find_subset("element", CODEBOOK)


def split(dataset, kept=None, by=("video",), **options):
    made = make_split(dataset, ALL, "all", by=by, allow_empty_classes=True, kept_sides=kept, **options).split
    return {**dict.fromkeys(made.train, "train"), **dict.fromkeys(made.val, "val")}, made


@pytest.mark.parametrize("num_videos", [10, 30])  # few groups are tried out, many are improved
def test_old_groups_stay_and_new_ones_are_shared_out(num_videos):
    old, new = make_dataset(num_videos=num_videos), make_dataset(num_videos=num_videos + 12)
    first, _ = split(old, seed=5)
    second, made = split(new, first)
    assert {id_: second[id_] for id_ in first if id_ in second} == {i: s for i, s in first.items() if i in second}
    added = {side for id_, side in second.items() if int(id_[6:11]) >= num_videos}
    assert added == {"train", "val"}
    assert abs(made.val_share - 0.25) < 0.1
    assert f"{num_videos} groups where they were before" in made.rule


def test_with_everything_kept_the_split_is_the_same_for_any_seed():
    dataset = make_dataset(num_videos=20)
    first, _ = split(dataset, seed=1)
    assert all(split(dataset, first, seed=seed)[0] == first for seed in range(3))
    assert any(split(dataset, seed=seed)[0] != first for seed in range(2, 5))


def test_an_unbalanced_past_is_made_up_for_by_what_is_new():
    """All old groups are in train: val gets as near to its share as it can from new ones."""
    dataset = make_dataset(num_videos=24)
    kept = {id_: "train" for id_ in dataset.instances if int(id_[6:11]) < 12}
    sides, made = split(dataset, kept)
    assert {side for id_, side in sides.items() if id_ in kept} == {"train"}
    assert abs(made.val_share - 0.25) < 0.05


def test_groups_that_have_become_one_cannot_stay_on_two_sides():
    dataset = make_dataset()
    kept = {id_: "val" if id_.startswith("record00000") else "train" for id_ in dataset.instances}
    with pytest.raises(AnnotationError, match="cannot stay where they were before"):
        split(dataset, kept, by=("competition",))


def test_the_next_release_keeps_the_sides_of_the_last_one(tmp_path):
    first = build(tmp_path, "first")
    last = read_release(first.folder)
    grown = make_dataset(num_videos=20)
    changed = replace(grown.videos[0].actions[0].sub_actions[0], element_id="lost", set_id="UB-S1")
    action = grown.videos[0].actions[0]
    action = replace(action, sub_actions=(changed, *action.sub_actions[1:]))
    video = replace(grown.videos[0], actions=(action, *grown.videos[0].actions[1:]))
    source = ReleaseSource("sample", Dataset(CODEBOOK, (video, *grown.videos[1:])))
    settings = replace(SETTINGS, version="1.1", seed=9)
    second = build_release(source, tmp_path / "second", settings, previous=last)
    shuffled = build_release(source, tmp_path / "third", replace(settings, keep_sides=False), previous=last)
    for name in ("balanced", "long-tailed"):
        old, new = (read_split(one.folder / "splits" / name) for one in (first, second))
        assert not old.train.keys() & new.val.keys() and not old.val.keys() & new.train.keys()
        assert len(new.train) > len(old.train) and len(new.val) > len(old.val)
        assert next(one for one in second.changes.splits if one.name == name).num_moved == 0
    assert any(one.num_moved for one in shuffled.changes.splits)


def test_pinned_choices_are_the_best_among_those_that_are_left():
    """Second road: every choice that keeps the pinned groups, tried one by one."""
    from finegym.annotations.split_generator import _choose_groups, _Goal

    rng = np.random.default_rng(0)
    for _ in range(20):
        counts = rng.integers(0, 5, (8, 4)).astype(float) + np.eye(8, 4)
        pinned = rng.choice([-1, 0, 1], 8)
        goal = _Goal(counts.sum(axis=0), (counts > 0).sum(axis=0) > 1, 0.25)
        choices = [np.array([number >> group & 1 for group in range(8)]) for number in range(1, 255)]
        allowed = [c for c in choices if all(p in (-1, side) for p, side in zip(pinned, c, strict=True))]
        best = min(goal.compute_cost((c @ counts)[None])[0] for c in allowed)
        found, _ = _choose_groups(counts, 0.25, 0, 4, pinned)
        assert all(p in (-1, side) for p, side in zip(pinned, found, strict=True))
        assert goal.compute_cost((found @ counts)[None])[0] == best
