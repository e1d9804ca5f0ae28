"""The 48 vaults that were really annotated twice, against what was measured of them elsewhere."""

import csv

import numpy as np
import pytest

from finegym.codebook.source import open_codebook
from finegym.quality.agreement import measure_agreement
from finegym.quality.units import Item, Unit, make_units

TWO = ("first", "second")


@pytest.fixture(scope="module")
def vaults(shared):
    with (shared / "finegym" / "annotations" / "double_annotated_vaults.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, open_codebook(str(shared / "finegym" / "official"))[0]


def read_vaults(vaults, level):
    """A vault is an item; the first annotation of each pair is by one annotator, the second by another."""
    rows, codebook = vaults
    what = "event" if level == "action" else "sub"
    units, items = [], []
    for row in rows:
        record, _, _ = row["id_1"].partition("_E_")
        times = [[round(1000 * float(row[f"{what}_{edge}_{n}"])) for edge in ("start", "end")] for n in (1, 2)]
        items.append(Item(row["id_1"], record, min(t[0] for t in times), max(t[1] for t in times), 25.0))
        for number, name in enumerate(TWO, 1):
            # Gym99's classes of the vault set are its first ones.
            label = "VT" if level == "action" else f"class {row[f'gym99_class_{number}']}"
            units.append((name, row["id_1"], *times[number - 1], label, row[f"id_{number}"]))
    vault = codebook.get_elements_of_set("VT-S1")
    names = {f"class {index}": element.id for index, element in enumerate(vault)} | {"VT": "VT"}
    made = [Unit(*unit[:4], names[unit[4]], unit[5]) for unit in units]
    return make_units(made, items, TWO, level, codebook)


def test_events_overlap_as_published(vaults):
    agreement = measure_agreement(read_vaults(vaults, "action"))
    assert agreement.num_shared_groups == 48
    start = agreement.tables["boundaries"].get("all", "start").cells
    assert start["mean_tiou"].value == pytest.approx(0.903, abs=5e-4)
    assert start["min_tiou"].value == pytest.approx(0.711, abs=5e-4)
    assert start["mean_tiou"].low < 0.903 < start["mean_tiou"].high
    given = sorted(float(row["event_tiou"]) for row in vaults[0])
    assert np.sort(agreement.comparison.matches.tiou) == pytest.approx(given, abs=1e-6)


def test_sub_actions_differ_as_published(vaults):
    tables = measure_agreement(read_vaults(vaults, "sub-action")).tables
    start, end = (tables["boundaries"].get("all", edge).cells for edge in ("start", "end"))
    assert start["mean_tiou"].value == pytest.approx(0.947, abs=5e-4)
    assert start["abs_median_ms"].value == 160
    assert end["abs_median_ms"].value == 60


def test_labels_agree_48_times_of_48(vaults):
    tables = measure_agreement(read_vaults(vaults, "sub-action")).tables
    labels = tables["labels"].get("element").cells
    assert labels["agreement"].value == labels["alpha"].value == labels["ac1"].value == 1
    assert labels["agreement"].count == 48
    assert tables["labels_pairs"].get(*TWO, "element").cells["cohen"].value == 1
    # There is one set and one event, so that chance cannot be told there.
    assert tables["labels"].get("set").cells["alpha"].value is None
    assert tables["labels"].get("event").cells["alpha"].undefined


def test_the_file_is_sorted_by_start_so_that_its_signs_mean_nothing(vaults):
    """All events of the second annotations start later: no bias of a person, but the order of the rows."""
    start = measure_agreement(read_vaults(vaults, "action")).tables["boundaries_pairs"].get(*TWO, "start").cells
    assert start["bias_ms"].value == start["mae_ms"].value > 0
