"""The paper's numbers in the package are those of the paper; misprints stand as printed and are named."""

import csv
import json
from importlib.resources import files

import pytest

from finegym.studies.all import STUDIES
from finegym.studies.published import find_published, read_published
from finegym.studies.size_paper import PAPER
from finegym.studies.table3a import METHODS

COLUMNS = {
    "table3a": ("table3a_elements_across_events", {"gym288": "long-tailed", "gym99": "balanced"}),
    "table3b": ("table3b_elements_within_event", {"VT_6_classes": "VT", "FX_35_classes": "FX"}),
    "table3c": ("table3c_elements_within_set", {"FX-S1_11_classes": "FX-S1", "UB-S1_15_classes": "UB-S1"}),
}


@pytest.fixture(scope="module")
def printed(shared):
    return json.loads((shared / "paper" / "tables.json").read_text(encoding="utf-8"))


def get_value(*place):
    found = find_published(*place)
    return None if found is None else found.value


@pytest.mark.parametrize("table", COLUMNS)
def test_table_3_is_as_printed(table, printed):
    key, columns = COLUMNS[table]
    for row in printed[key]:
        name = "Random" if row["method"] == "Random" else f"{row['method']} {row['modality']}"
        assert name in METHODS
        for theirs, ours in columns.items():
            assert get_value(table, name, f"{ours}/mean") == row[theirs]["mean_class_accuracy"]
            assert get_value(table, name, f"{ours}/top1") == row[theirs]["top1_accuracy"]


def test_other_tables_are_as_printed(printed):
    for row in printed["table2_tsn_event_set"]:
        for level in ("event", "set"):
            there = [get_value("table2", f"TSN {row['modality']}", f"{level}/{metric}") for metric in ("mean", "top1")]
            assert there == row[level]
    for row in printed["table5_tsn_number_of_training_frames"]:
        for theirs, ours in (("gym99", "balanced/mean"), ("ucf101", "ucf101"), ("activitynet_v1.2", "activitynet")):
            assert get_value("table5", f"{row['frames']} frames", ours) == row[theirs]
    table4 = printed["table4_ssn_mAP_at_tiou"]
    for ours, theirs in (("actions", "action"), ("sub-actions", "sub_action")):
        assert [get_value("table4", ours, f"map/{tiou}") for tiou in table4["tiou"]] == table4[theirs]
        assert get_value("table4", ours, "map/average") == table4[f"{theirs}_average_0.50_to_0.95_step_0.05"]
    table1 = printed["table1_statistics_v1.0"]
    for event in ("VT", "FX", "BB", "UB"):
        for column in ("sets", "actions", "sub_actions"):
            assert get_value("table1", event, column) == table1[event][column]
        assert get_value("table1", event, "elements") == sum(table1[event]["elements"])
    total = table1["total"]
    assert get_value("table1", "all", "largest") == total["max_instances_per_element"]
    assert get_value("table1", "all", "hours") == total["hours"]


def test_no_number_is_there_twice():
    text = files("finegym.studies").joinpath("published.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(text.splitlines()))) == 1 + len(read_published())


def test_misprints_are_named():
    swapped = find_published("table3c", "TRN 2Stream", "UB-S1/mean")
    assert (swapped.value, "swapped" in swapped.note) == (83.0, True)
    assert "137" in find_published("table1", "FX", "elements").note


def test_every_published_row_and_column_is_ours():
    tables = {place[0] for place in read_published()}
    assert tables <= set(STUDIES)
    for table in COLUMNS:
        rows = {place[1] for place in read_published() if place[0] == table}
        assert rows == set(METHODS)
        # Every row of the paper is run at its size.
        assert {row for row in rows if row != "Random" and "2Stream" not in row} <= set(PAPER.choices)
