import pytest
from competition_samples import make_action, make_dataset, sample_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.check import check_dataset
from finegym.annotations.groups import GROUP_KINDS, find_near_duplicates, get_group_key, group_instances
from finegym.annotations.source import open_source
from finegym.errors import AnnotationError


def make(*videos):
    return make_dataset(*({"id": f"video{i:06d}", **video} for i, video in enumerate(videos)))


def group(dataset, *kinds, **options):
    """Groups as a set of frozensets of action ids."""
    grouping = group_instances(dataset, dataset.instances, kinds, **options)
    found = {}
    for id_, number in grouping.group_of.items():
        found.setdefault(number, set()).add(dataset.instances[id_].action_id)
    assert set(found) == set(range(grouping.num_groups))
    assert sum(grouping.count_instances()) == len(dataset.instances)
    return {frozenset(actions) for actions in found.values()}


A, B, C, D = (make_action(100 * i, 100 * i + 30, "70", "71", athlete=a) for i, a in enumerate("xyxz"))


def test_kinds_join_actions():
    dataset = make(
        {"actions": (A, B), "competition": "cup"},
        {"actions": (C,), "competition": "cup"},
        {"actions": (D,), "competition": "final"},
    )
    a, b, c, d = (instance.action_id for instance in list(dataset.instances.values())[::2])
    assert group(dataset, "action") == {frozenset({x}) for x in (a, b, c, d)}
    assert group(dataset, "video") == {frozenset({a, b}), frozenset({c}), frozenset({d})}
    assert group(dataset, "competition") == {frozenset({a, b, c}), frozenset({d})}
    assert group(dataset, "athlete") == {frozenset({a, c}), frozenset({b}), frozenset({d})}
    assert group(dataset, "video", "athlete") == {frozenset({a, b, c}), frozenset({d})}


def test_twins_are_one_group():
    twin = make_action(101, 130, "70")
    dataset = make({"actions": (A, B, twin)})
    pairs = find_near_duplicates(dataset)
    assert [(p.action_id[12:], p.other_id[12:], round(p.tiou, 3)) for p in pairs] == [
        ("E_000100_000130", "E_000101_000130", 0.967)
    ]
    assert len(group(dataset, "duplicate")) == 2
    assert len(group(dataset, "action")) == 3


def test_other_events_and_small_overlaps_are_no_twins():
    bars = make_action(100, 130, "80", event_id="UB")
    late = make_action(120, 150, "70")
    assert find_near_duplicates(make({"actions": (B, bars, late)})) == ()
    assert len(find_near_duplicates(make({"actions": (B, late)}), min_tiou=0.2)) == 1


def test_only_instances_that_take_part_connect():
    bridge = make_action(500, 530, "72", athlete="x")
    dataset = make({"actions": (A, B)}, {"actions": (bridge, D)})
    taking_part = [id_ for id_, i in dataset.instances.items() if i.sub_action.element_id != "72"]
    assert group_instances(dataset, dataset.instances, ("video", "athlete")).num_groups == 1
    assert group_instances(dataset, taking_part, ("video", "athlete")).num_groups == 2


def test_unknown_groups_are_an_error_or_counted():
    dataset = make({"actions": (A, make_action(100, 130, "70"))}, {"actions": (C,)})
    with pytest.raises(AnnotationError, match=r"the athlete of 1 of 5.*actions\.csv"):
        group_instances(dataset, dataset.instances, ("athlete",))
    with pytest.raises(AnnotationError, match=r"the competition of 5, the athlete of 1 of 5"):
        group_instances(dataset, dataset.instances, ("competition", "athlete"))
    grouping = group_instances(dataset, dataset.instances, ("athlete",), allow_unknown=True)
    assert (grouping.num_groups, grouping.unknown) == (2, {"athlete": 1})


@pytest.mark.parametrize("kinds", [("videos",), (), ("video", "")])
def test_unknown_kinds_list_what_there_is(kinds):
    dataset = make({"actions": (A,)})
    with pytest.raises(AnnotationError, match=r"\(did you mean video\?\): there are competition, video, athlete, "):
        group_instances(dataset, [], ("Videos",))
    with pytest.raises(AnnotationError, match="there are competition, video, athlete, action, duplicate"):
        group_instances(dataset, dataset.instances, kinds)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.sampled_from(GROUP_KINDS), min_size=1, unique=True))
def test_groups_are_the_connected_components(seed, kinds):
    dataset = sample_dataset(seed, num_videos=5, num_competitions=3, num_athletes=6)
    instances = list(dataset.instances.values())
    twins = {frozenset({p.action_id, p.other_id}) for p in find_near_duplicates(dataset)}

    def touch(left, right):
        keys = [kind for kind in kinds if kind != "duplicate"] + ["action"]
        return any(get_group_key(left, k) == get_group_key(right, k) for k in keys) or (
            "duplicate" in kinds and frozenset({left.action_id, right.action_id}) in twins
        )

    # Slow and obvious: spread a label until nothing changes.
    label = list(range(len(instances)))
    changed = True
    while changed:
        changed = False
        for i, left in enumerate(instances):
            for j, right in enumerate(instances[:i]):
                if label[i] != label[j] and touch(left, right):
                    low = min(label[i], label[j])
                    label = [low if other in (label[i], label[j]) else other for other in label]
                    changed = True
    grouping = group_instances(dataset, dataset.instances, kinds)
    pairs = {(expected, grouping.group_of[instance.id]) for expected, instance in zip(label, instances, strict=True)}
    assert len(pairs) == len(set(label)) == grouping.num_groups


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_near_duplicates_agree_with_the_check(seed):
    dataset = sample_dataset(seed)
    findings = [f for f in check_dataset(dataset) if f.kind == "near-duplicate-actions"]
    assert {(f.id, f.other_id) for f in findings} == {(p.action_id, p.other_id) for p in find_near_duplicates(dataset)}


def test_finegyms_doubly_annotated_vaults_are_found(shared):
    dataset = open_source(shared / "finegym").dataset
    table = (shared / "finegym/annotations/double_annotated_vaults.csv").read_text().splitlines()[1:]
    listed = {frozenset(id_[:27] for id_ in line.split(",")[:2]) for line in table}
    found = {frozenset({pair.action_id, pair.other_id}) for pair in find_near_duplicates(dataset)}
    assert len(listed) == 48
    assert listed <= found
