"""The paper's size on FineGym's real annotations: settings of the published sizes, the real Table 1, all runs named."""

import pytest
from pretended_runs import write_store_facts

from finegym.annotations.convert import convert_to_folder
from finegym.annotations.source import open_source
from finegym.annotations.splits import read_split
from finegym.errors import ConfigError
from finegym.studies import table1
from finegym.studies.all import STUDIES
from finegym.studies.data import prepare_data
from finegym.studies.recipes import find_recipes
from finegym.studies.results import Results
from finegym.studies.run_store import RunStore
from finegym.studies.runner import sort_jobs
from finegym.studies.size_paper import PAPER


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    target = tmp_path_factory.mktemp("official") / "gym"
    convert_to_folder(open_source(shared / "finegym"), target, allow_loss=True)
    prepare_data(PAPER, target, {"annotations"}, workers=1, say=lambda line: None)
    return target


@pytest.fixture
def store(folder, tmp_path):
    return RunStore(tmp_path, folder, find_recipes())


def test_settings_have_the_classes_of_the_paper(folder):
    """99 and 288 classes; Table 3b: VT 6 and FX 35; Table 3c: FX-S1 11 and UB-S1 15; v1.1 has 28,594 of Gym288 here."""
    wanted = {"balanced": 99, "long-tailed": 288, "VT": 6, "FX": 35, "FX-S1": 11, "UB-S1": 15, "event": 4}
    splits = {role: read_split(folder / "splits" / role) for role in wanted}
    assert {role: len(split.subset) for role, split in splits.items()} == wanted
    assert (len(splits["balanced"].train), len(splits["balanced"].val)) == (26320, 8521)
    # FACTS: sub-actions of Gym99 by event.
    assert (len(splits["VT"].train), len(splits["VT"].val)) == (1080, 446)
    assert (len(splits["FX"].train), len(splits["FX"].val)) == (5408, 2226)


def test_table_1_of_the_real_annotations(store):
    (table,) = table1.STUDY.make(Results(PAPER, store)).tables
    rows = {row.id: row for row in table.rows}
    assert [rows[event].get("elements").value for event in ("VT", "FX", "BB", "UB")] == [67, 137, 193, 133]
    assert [rows[event].get("sub_actions").value for event in ("VT", "FX", "BB", "UB")] == [2042, 8960, 13897, 13200]
    assert rows["all"].get("largest").value == 2094
    # Nobody has the records here: an empty cell, not a 0.
    assert rows["all"].get("hours").value is None and rows["all"].get("hours").why_empty


def test_what_of_the_data_is_missing_is_named_before_anything_runs(folder):
    with pytest.raises(ConfigError) as caught:
        prepare_data(PAPER, folder, {"clips", "flow", "poses"}, workers=1, say=lambda line: None)
    for remedy in ("finegym clips build", "finegym features flow", "finegym features import-poses"):
        assert remedy in str(caught.value)


def test_all_runs_of_all_studies_have_a_name(store, folder):
    features = [f"features/{name}" for name in (PAPER.flow_store, PAPER.pose_store, "snippets-rgb", "snippets-flow")]
    for name in ("clips", *features):
        write_store_facts(folder, name)
    planned = [each for study in STUDIES.values() for each in study.plan(PAPER)]
    jobs = [job for wave in sort_jobs(planned, store) for job in wave]
    names = {store.get_name(job.run) for job in jobs}
    assert len(names) == len(jobs)
    # 14 models of Table 3 on six splits, ActionVLAD's first steps, TSN's other numbers of frames, …: three seeds each.
    assert len(jobs) > 14 * 6 * 3
    assert len(names) < len({each.run for each in planned} | {each.run.start for each in planned})
