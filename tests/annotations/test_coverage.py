"""What missing records cost, counted a second time in a plainer way."""

import csv
import gzip
import io
import json
import random
from collections import Counter

import pytest
from annotation_samples import FX_1, FX_2, UB_1, VT_1, datasets, make_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.choosing import choose_split
from finegym.annotations.coverage import Kept, compute_coverage, get_record_id, list_record_ids
from finegym.annotations.coverage_text import format_classes_csv, format_coverage
from finegym.annotations.source import open_source
from finegym.annotations.splits import Split
from finegym.annotations.subsets import assign_classes, find_subset


def make_split(train, val, level="element"):
    return Split("mine", find_subset(level, make_dataset().codebook), train, val)


def test_a_hand_worked_case():
    # Elements 1 (VT), 2 and 3 (FX), 5 (UB); _E_-A_bbbbb holds UB_1 only.
    split = make_split({VT_1: 1, UB_1: 5}, {FX_1: 2, FX_2: 3})
    coverage = compute_coverage(make_dataset(), [split], ["_E_-A_bbbbb", "stranger"], min_instances=1)
    assert (coverage.missing, coverage.unknown) == (("_E_-A_bbbbb",), ("stranger",))
    dataset = {part.name: (part.records, part.actions, part.sub_actions) for part in coverage.parts}
    assert dataset == {
        "VT": (Kept(1, 1), Kept(1, 1), Kept(1, 1)),
        "FX": (Kept(2, 1), Kept(2, 1), Kept(2, 2)),
        "UB": (Kept(1, 0), Kept(2, 0), Kept(1, 0)),
        "all": (Kept(2, 1), Kept(5, 2), Kept(4, 3)),
    }
    found = coverage.splits[0]
    assert {part.name: (part.records, part.actions, part.sub_actions) for part in found.parts} == {
        "train": (Kept(2, 1), Kept(2, 1), Kept(2, 1)),
        "val": (Kept(1, 1), Kept(1, 1), Kept(2, 2)),
        "both": (Kept(2, 1), Kept(3, 2), Kept(4, 3)),
    }
    assert {set_.id: set_.sides["train"] for set_ in found.sets} == {
        "VT-S1": Kept(1, 1),
        "FX-S1": Kept(0, 0),
        "UB-S3": Kept(1, 0),
    }
    assert [event.id for event in found.events] == ["VT", "FX", "UB"]
    assert [class_.id for class_ in found.find_emptied("train")] == ["5"]
    assert [class_.id for class_ in found.find_fallen("train")] == ["5"]
    assert found.find_emptied("val") == []


def test_nothing_to_lose_is_no_share():
    assert (Kept(0, 0).lost_share, Kept(4, 1).lost_share, Kept(4, 4).lost_share) == (None, 0.75, 0.0)


def test_instances_that_the_dataset_lacks_count_with_the_record_in_their_id():
    stranger = "xx_E_-A_yyyy_E_000003_000030_A_0001_0002"
    split = make_split({VT_1: 1}, {stranger: 1})
    assert get_record_id(stranger) == "xx_E_-A_yyyy"
    assert list_record_ids(make_dataset(), [split]) == ["aaaaaaaaaaa", "_E_-A_bbbbb", "xx_E_-A_yyyy"]
    coverage = compute_coverage(make_dataset(), [split], ["xx_E_-A_yyyy"])
    assert (coverage.missing, coverage.unknown) == (("xx_E_-A_yyyy",), ())
    assert coverage.splits[0].num_not_in_dataset == 1
    assert coverage.splits[0].parts[1].sub_actions == Kept(1, 0)
    assert "1 instances are not in the annotations" in format_coverage(coverage)


@pytest.mark.parametrize("level", ["element", "set", "event"])
def test_every_level_has_its_groups(level):
    dataset = make_dataset()
    split = make_split(assign_classes(dataset, find_subset(level, dataset.codebook)).class_index_by_id, {}, level)
    found = compute_coverage(dataset, [split], ["aaaaaaaaaaa"]).splits[0]
    assert {event.id: event.sides["train"] for event in found.events} == {
        "VT": Kept(1, 0),
        "FX": Kept(2, 0),
        "UB": Kept(1, 1),
    }
    assert len(found.sets) == (0 if level == "event" else 3)


@given(datasets(), st.randoms(use_true_random=False), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_random_datasets_agree_with_counting_one_by_one(dataset, rng, wanted):
    gone = {video.id for video in dataset.videos if rng.random() < 0.4}
    subset = find_subset("element", dataset.codebook)
    sides = {"train": {}, "val": {}}
    for id_, index in assign_classes(dataset, subset).class_index_by_id.items():
        sides[rng.choice(["train", "val"])][id_] = index
    coverage = compute_coverage(dataset, [Split("s", subset, **sides)], gone, min_instances=wanted)
    # The second road follows the objects of the dataset, never the ids.
    total, left = Counter(), Counter()
    for video in dataset.videos:
        seen = set()
        for action in video.actions:
            for sub in action.sub_actions or ():
                id_ = f"{video.id}_{action.name}_{sub.name}"
                for side in sides:
                    if id_ in sides[side]:
                        part = coverage.splits[0]
                        keys = {
                            (side, "record", video.id),
                            (side, "action", video.id, action.name),
                            (side, "sub", id_),
                            (side, "class", sub.element_id, id_),
                        }
                        seen |= keys
        for side, kind, *rest in seen:
            key = (side, kind, rest[0]) if kind == "class" else (side, kind)
            total[key] += 1
            left[key] += video.id not in gone
    part = {part.name: part for part in coverage.splits[0].parts}
    for side in sides:
        assert part[side].records == Kept(total[side, "record"], left[side, "record"])
        assert part[side].actions == Kept(total[side, "action"], left[side, "action"])
        assert part[side].sub_actions == Kept(total[side, "sub"], left[side, "sub"])
        for class_ in coverage.splits[0].classes:
            key = (side, "class", class_.id)
            assert class_.sides[side] == Kept(total[key], left[key])
        emptied = {class_.id for class_ in coverage.splits[0].find_emptied(side)}
        assert emptied == {key[2] for key in total if key[:2] == (side, "class") and not left[key]}
        fallen = {class_.id for class_ in coverage.splits[0].find_fallen(side)}
        assert fallen == {key[2] for key in total if key[:2] == (side, "class") and left[key] < wanted <= total[key]}
    for groups in (coverage.splits[0].events, coverage.splits[0].sets):
        assert sum(group.total.left for group in groups) == left["train", "sub"] + left["val", "sub"]
    format_coverage(coverage)
    json.dumps(coverage.to_dict())


def test_a_tenth_of_finegym_missing_agrees_with_plain_counting(shared):
    """The files read with nothing but json and split: the other road to every number."""
    folder = shared / "finegym"
    raw = json.loads(
        gzip.decompress((folder / "annotations/finegym_annotation_info_v1.1.rebuilt.json.gz").read_bytes())
    )
    ids = sorted(raw)
    gone = set(random.Random(7).sample(ids, len(ids) // 10))
    source = open_source(folder)
    splits = [choose_split(source, name)[0] for name in ("gym99", "gym288")]
    coverage = compute_coverage(source.dataset, splits, gone)
    assert set(coverage.missing) == gone

    everything = coverage.parts[-1]
    kept = {id_: actions for id_, actions in raw.items() if id_ not in gone}
    assert everything.records == Kept(len(raw), len(kept))
    assert everything.actions == Kept(sum(map(len, raw.values())), sum(map(len, kept.values())))
    assert everything.sub_actions == Kept(
        *(sum(len(a["segments"] or ()) for video in part.values() for a in video.values()) for part in (raw, kept))
    )
    for setting, found in zip(("gym99", "gym288"), coverage.splits, strict=True):
        for side, name in (("train", "train_element_v1.1"), ("val", "val_element")):
            lines = (folder / f"official/{setting}_{name}.txt").read_text().split("\n")
            pairs = [line.split() for line in lines if line.strip()]
            left = [(id_, label) for id_, label in pairs if id_[:11] not in gone]  # FineGym's ids have 11 characters
            part = next(part for part in found.parts if part.name == side)
            assert part.sub_actions == Kept(len(pairs), len(left))
            assert part.records == Kept(len({i[:11] for i, _ in pairs}), len({i[:11] for i, _ in left}))
            assert part.actions == Kept(len({i[:27] for i, _ in pairs}), len({i[:27] for i, _ in left}))
            total, counts = Counter(label for _, label in pairs), Counter(label for _, label in left)
            for class_ in found.classes:
                label = str(class_.class_index)
                assert class_.sides[side] == Kept(total[label], counts[label])
    # FineGym's lists hold 26,320 and 8,521 instances; the CSV adds up to the same.
    rows = [
        row for row in csv.DictReader(io.StringIO(format_classes_csv(coverage))) if row["split"].startswith("gym99")
    ]
    assert (len(rows), sum(int(row["train"]) for row in rows), sum(int(row["val"]) for row in rows)) == (
        99,
        26320,
        8521,
    )
    assert sum(int(row["val_left"]) for row in rows) == coverage.splits[0].parts[1].sub_actions.left
