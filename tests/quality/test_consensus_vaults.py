"""The 48 vaults that were really annotated twice: which of them a third person should see, and the medians."""

import csv

import pytest

from finegym.codebook.source import open_codebook
from finegym.quality.adjudication import AdjudicationRules
from finegym.quality.consensus import ConsensusSettings, make_consensus
from finegym.quality.grading import Tolerance
from finegym.quality.units import Item, Unit, make_units


@pytest.fixture(scope="module")
def rows(shared):
    with (shared / "finegym" / "annotations" / "double_annotated_vaults.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def units(shared, rows):
    codebook = open_codebook(str(shared / "finegym" / "official"))[0]
    vaults = [element.id for element in codebook.get_elements_of_set("VT-S1")]  # Gym99's first classes
    items, found = [], []
    for row in rows:
        times = {n: [round(1000 * float(row[f"sub_{edge}_{n}"])) for edge in ("start", "end")] for n in (1, 2)}
        items.append(Item(row["id_1"], row["id_1"][:11], 0, 10**9, 25.0))
        found += [
            Unit(f"pass {n}", row["id_1"], *times[n], vaults[int(row[f"gym99_class_{n}"])], row[f"id_{n}"])
            for n in (1, 2)
        ]
    return make_units(found, items, ("pass 1", "pass 2"), "sub-action", codebook)


@pytest.mark.parametrize(("tolerance_ms", "expected"), [(100, 35), (200, 27), (500, 10)])
def test_a_third_person_sees_exactly_those_whose_edges_differ(rows, units, tolerance_ms, expected):
    rules = AdjudicationRules(tolerance=Tolerance(tolerance_ms, min_tiou=0.3))
    consensus = make_consensus(units, ConsensusSettings(rules=rules))
    assert len(consensus.units) == 48
    asked = {unit.item_id for unit in consensus.list_open()}
    slow = {
        row["id_1"]
        for row in rows
        if any(
            round(1000 * abs(float(row[f"sub_{edge}_1"]) - float(row[f"sub_{edge}_2"]))) > tolerance_ms
            for edge in ("start", "end")
        )
    }
    assert asked == slow
    assert len(asked) == expected
    assert all(reason.kind != "label" for unit in consensus.units for reason in unit.reasons)


def test_edges_are_in_the_middle(rows, units):
    by_item = {unit.item_id: unit for unit in make_consensus(units).units}
    for row in rows:
        unit = by_item[row["id_1"]]
        middle = 500 * (float(row["sub_start_1"]) + float(row["sub_start_2"]))
        assert abs(unit.start_ms - middle) <= 1
        assert unit.label_belief > 0.9
