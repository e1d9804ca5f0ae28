import json

import pytest
from annotation_samples import VT_1
from competition_samples import CODEBOOK, make_action, make_dataset, sample_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.audit import AUDITED, Leak, audit_split, count_swapped, explain_audit, format_audit
from finegym.annotations.choosing import choose_split
from finegym.annotations.groups import get_group_key
from finegym.annotations.source import open_source
from finegym.annotations.splits import Split
from finegym.annotations.subsets import find_subset
from finegym.errors import AnnotationError

SUBSET = find_subset("element", CODEBOOK)


def make_split(dataset, val):
    """A split with the instances of these numbers in val."""
    ids = list(dataset.instances)
    return Split("s", SUBSET, {id_: 0 for i, id_ in enumerate(ids) if i not in val}, {ids[i]: 0 for i in val})


def make():
    """Two videos of a cup and one of a final; instances 0 1 | 2 3, 4 5 | 6, 7 (twins)."""
    return make_dataset(
        {"id": "a" * 11, "actions": (make_action(0, 30, "70", "71", athlete="x"),), "competition": "cup"},
        {
            "id": "b" * 11,
            "actions": (make_action(0, 30, "70", "71", athlete="y"), make_action(100, 130, "70", "71", athlete="x")),
            "competition": "cup",
        },
        {"id": "c" * 11, "actions": (make_action(0, 30, "72"), make_action(1, 30, "72")), "competition": "final"},
    )


def test_a_hand_worked_split():
    audit = audit_split(make_split(make(), {1, 4, 5, 7}), make())
    assert audit.get("action") == Leak("action", 5, 2, 2, ("aaaaaaaaaaa_E_000000_000030",), 1, 1)
    assert audit.get("video") == Leak("video", 3, 0, 0, ("aaaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc"), 4, 4)
    assert audit.get("competition") == Leak("competition", 2, 0, 0, ("cup", "final"), 4, 4)
    assert audit.get("athlete") == Leak("athlete", 2, 1, 0, ("x",), 1, 3, 2)
    pair = "ccccccccccc_E_000000_000030 = ccccccccccc_E_000001_000030"
    assert audit.get("near-duplicate") == Leak("near-duplicate", 1, 0, 0, (pair,), 1, 1)
    assert not audit.is_clean


def test_a_clean_split_says_so_and_what_it_does_not_know():
    audit = audit_split(make_split(make(), {6, 7}), make())
    assert audit.is_clean
    assert audit.get("near-duplicate").num_val_only == 1
    assert explain_audit(audit) == (
        "The athlete of 2 instances is not known; they may leak.",
        "No known group is on both sides.",
    )


def test_prose_says_what_is_affected():
    text = format_audit(audit_split(make_split(make(), {1, 4, 5, 7}), make()))
    assert "3 of 3 videos are on both sides: 4 of 4 validation instances (100%)" in text
    assert "1 of 5 actions are on both sides: 1 of 4 validation instances (25%)" in text
    assert "Localization needs whole routines on one side" in text
    assert "one performance annotated twice" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_split_by_video_is_not_told_to_split_by_video():
    dataset = make()
    by_video = explain_audit(audit_split(make_split(dataset, {2, 3, 4, 5}), dataset))
    assert by_video[-1] == (
        "Numbers of this split say little about new competitions or athletes; for those, split with "
        "--by competition,athlete."
    )
    across = explain_audit(audit_split(make_split(dataset, {2, 3}), dataset))
    assert across[-1].endswith("split with --by video,competition.")


def test_numbers_for_machines_have_the_prose_too():
    value = json.loads(json.dumps(audit_split(make_split(make(), {1}), make()).to_dict()))
    assert [leak["kind"] for leak in value["leaks"]] == list(AUDITED)
    assert value["is_clean"] is False
    assert any("1 of 5 actions" in sentence for sentence in value["meaning"])


def test_a_split_without_a_side():
    dataset = make()
    assert audit_split(make_split(dataset, set()), dataset).is_clean
    assert audit_split(make_split(dataset, set(range(8))), dataset).get("video").num_val_only == 3
    assert audit_split(Split("s", SUBSET, {}, {}), dataset).get("video").num_groups == 0


def test_instances_that_the_dataset_lacks_are_judged_by_their_ids_on_request():
    dataset = make()
    split = make_split(dataset, {1})
    twin = "aaaaaaaaaaa_E_000000_000030_A_0099_0099"
    wider = Split("s", SUBSET, {**split.train, VT_1: 0}, {**split.val, twin: 0})
    with pytest.raises(AnnotationError, match=f"2 of 10 instances are not in the dataset: {VT_1}.*--allow-unknown"):
        audit_split(wider, dataset)
    audit = audit_split(wider, dataset, allow_unknown=True)
    assert audit.num_not_in_dataset == 2
    assert audit.get("action").num_val == 2
    assert audit.get("video").num_train == 1 + 1
    assert audit.get("competition").num_unknown == 2
    assert "the dataset lacks them: 2 instances." in format_audit(audit)
    with pytest.raises(AnnotationError, match="expected an instance id"):
        audit_split(Split("s", SUBSET, {"clip 7": 0}, {}), dataset, allow_unknown=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_counts_agree_with_looking_at_every_pair(seed, share):
    dataset = sample_dataset(seed, num_videos=4)
    num_val = round(share * len(dataset.instances))
    split = make_split(dataset, set(range(0, len(dataset.instances), max(1, num_val))))
    audit = audit_split(split, dataset)
    for kind in ("competition", "video", "athlete", "action"):
        keys = {id_: get_group_key(instance, kind) for id_, instance in dataset.instances.items()}
        in_val = [id_ for id_ in split.val if any(keys[id_] == keys[other] for other in split.train)]
        in_train = [id_ for id_ in split.train if any(keys[id_] == keys[other] for other in split.val)]
        leak = audit.get(kind)
        assert (leak.num_train, leak.num_val) == (len(in_train), len(in_val))
        assert set(leak.shared) == {keys[id_] for id_ in in_val}
        assert leak.num_groups == leak.num_train_only + leak.num_val_only + len(leak.shared)


def test_the_audit_of_gym99_is_what_was_measured(shared):
    source = open_source(shared / "finegym")
    audit = audit_split(choose_split(source, "gym99")[0], source.dataset)
    videos, actions = audit.get("video"), audit.get("action")
    assert (len(videos.shared), videos.num_groups, videos.num_val_only) == (40, 180, 25)
    assert (videos.num_val, audit.num_val) == (3_417, 8_521)
    assert (len(actions.shared), actions.num_train, actions.num_val) == (265, 1_428, 1_228)
    findings = json.loads((shared / "finegym/findings.json").read_text())
    assert set(videos.shared) == set(findings["videos_in_both_splits"])
    assert set(actions.shared) == set(findings["events_in_both_splits"])
    # All 48 doubly annotated vaults are on one side; Gym288 has three pairs across.
    twins = audit.get("near-duplicate")
    assert (twins.num_groups, twins.num_train_only + twins.num_val_only, twins.shared) == (48, 48, ())
    text = format_audit(audit)
    assert "40 of 180 videos are on both sides: 3,417 of 8,521 validation instances (40%)" in text
    assert "265 of 4,968 actions are on both sides: 1,228 of 8,521 validation instances (14%)" in text


def test_gym99_and_gym288_swap_an_instance_of_every_class(shared):
    source = open_source(shared / "finegym")
    gym99, gym288 = choose_split(source, "gym99")[0], choose_split(source, "gym288")[0]
    assert count_swapped(gym99, gym288) == {"gym99/train in gym288/val": 99, "gym288/train in gym99/val": 99}
    assert count_swapped(gym99, gym99) == {"gym99/train in gym99/val": 0}
    audit = audit_split(gym288, source.dataset, allow_unknown=True)
    assert (len(audit.get("video").shared), len(audit.get("action").shared)) == (113, 623)
    assert audit.num_not_in_dataset == 956
