"""The tables of accuracies, on predictions whose scores are known beforehand."""

import numpy as np
import pytest
from pretended_runs import PretendedResults, make_logits

from finegym.studies import table1, table2, table3a, table3b, table3c, table5
from finegym.studies.accuracy import describe_seeds, split_method
from finegym.studies.planning import plan_predictions
from finegym.studies.results import METRICS
from finegym.studies.size_simulated import SMOKE, TINY

ALL = (table2, table3a, table3b, table3c, table5)


def get_rows(outcome):
    return {row.id: row for row in outcome.tables[0].rows}


def find_seed(planned):
    return next(int(word.partition("=")[2]) for word in planned.run.overrides if word.startswith("seed="))


def find_frames(planned):
    found = [word for word in planned.run.overrides if word.startswith("data.num_segments=")]
    return int(found[-1].partition("=")[2])


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.STUDY.name)
def test_nothing_run_leaves_nothing_but_guessing(module):
    outcome = module.STUDY.make(PretendedResults(lambda planned, split: None))
    for row in outcome.tables[0].rows:
        values = [row.get(column.id).value for column in outcome.tables[0].columns]
        if row.id == "Random":
            assert [value is None for value in values] == [False, True, False, True]
        else:
            assert values == [None] * len(values), row.id
    # No axes without anything on them.
    assert outcome.figures == ()


def test_perfect_predictions_score_100():
    results = PretendedResults(lambda planned, split: make_logits(split, 1.0))
    rows = get_rows(table3c.STUDY.make(results))
    for method in ("TSN RGB", "ST-GCN Pose", "TRN RGB"):
        assert [rows[method].get(f"{role}/mean").value for role in ("FX-S1", "UB-S1")] == [100.0, 100.0]
    assert rows["Random"].get("FX-S1/mean").value == 50.0  # two classes
    assert rows["Random"].get("UB-S1/mean").value == 25.0
    # What a size does not train stays empty, whatever lies about.
    assert rows["I3D* RGB"].get("FX-S1/mean").value is None


def test_accuracies_are_means_over_seeds_of_what_was_said():
    shares = {}

    def say(planned, split):
        logits = make_logits(split, 0.6, seed=find_seed(planned))
        targets = np.array(list(split.val.values()))
        right = logits.argmax(axis=1) == targets
        shares[find_seed(planned)] = 100 * right.mean()
        return logits

    results = PretendedResults(say, SMOKE)
    cell = results.score(plan_predictions(SMOKE, "TSN RGB", "balanced"), "balanced", METRICS["top1"])
    assert sorted(shares) == [0, 1, 2]
    assert cell.by_seed == pytest.approx([shares[seed] for seed in range(3)])
    assert cell.value == pytest.approx(np.mean(list(shares.values())))
    assert cell.interval == "seeds and records" and cell.low < cell.value < cell.high
    one = results.score(plan_predictions(SMOKE, "TSN RGB", "balanced")[:1], "balanced", METRICS["top1"])
    assert one.interval == "records" and one.low < one.value < one.high


def test_mean_is_over_classes():
    def say(planned, split):
        """Every instance is taken for the first class."""
        return np.eye(len(split.subset))[np.zeros(len(split.val), int)]

    results = PretendedResults(say)
    cell = results.score(plan_predictions(TINY, "TSN RGB", "balanced"), "balanced", METRICS["mean"])
    assert cell.value == pytest.approx(100 / 12)


def test_two_streams_are_the_mean_of_both():
    def say(planned, split):
        """RGB is right of the even instances and sure of it, flow of the odd; unsure where they are wrong."""
        targets = np.array(list(split.val.values()))
        number = int(any("flow" in word for word in planned.run.overrides))
        knows = np.arange(len(targets)) % 2 == number
        said = np.where(knows, targets, (targets + 1) % len(split.subset))
        return np.eye(len(split.subset))[said] * np.where(knows, 5.0, 1.0)[:, None]

    rows = get_rows(table2.STUDY.make(PretendedResults(say)))
    assert rows["TSN RGB"].get("event/top1").value == pytest.approx(50.0)
    assert rows["TSN Flow"].get("event/top1").value == pytest.approx(50.0)
    assert rows["TSN 2Stream"].get("event/top1").value == pytest.approx(100.0)


def test_two_streams_need_both():
    def say(planned, split):
        return None if any("flow" in word for word in planned.run.overrides) else make_logits(split, 1.0)

    row = get_rows(table2.STUDY.make(PretendedResults(say)))["TSN 2Stream"]
    assert row.get("event/top1").value is None


def test_table_5_reads_every_number_of_frames():
    share = {1: 0.0, 3: 0.25, 5: 0.5, 7: 0.75, 12: 1.0}

    def say(planned, split):
        targets = np.array(list(split.val.values()))
        right = np.arange(len(targets)) < round(share[find_frames(planned)] * len(targets))
        return np.eye(len(split.subset))[np.where(right, targets, (targets + 1) % len(split.subset))]

    outcome = table5.STUDY.make(PretendedResults(say))
    found = [row.get("balanced/top1").value for row in outcome.tables[0].rows]
    assert found == pytest.approx([100 * share[number] for number in table5.NUM_FRAMES])
    assert all(row.get("ucf101").value is None for row in outcome.tables[0].rows)
    assert outcome.figures[0].content.startswith(b"<?xml")


def test_table_1_counts():
    outcome = table1.STUDY.make(PretendedResults(lambda planned, split: None))
    rows = get_rows(outcome)
    assert rows["VT"].get("sub_actions").value == 10 * 2 * 2  # records, elements, times
    assert rows["all"].get("elements").value == 12
    assert rows["all"].get("videos").value == 10
    assert rows["FX"].get("sets").value == 3


def test_every_row_says_what_was_scaled_down():
    for module in ALL:
        (table,) = module.STUDY.make(PretendedResults(lambda planned, split: make_logits(split, 0.5))).tables
        assert any("SIMULATED" in note for note in table.notes), table.id
        assert any("1 seed" in note for note in table.notes), table.id


def test_fewer_seeds_are_named_streams_included():
    notes = list(describe_seeds(SMOKE, table3a.METHODS, ("long-tailed", "balanced")))
    assert notes[:2] == ["long-tailed: 1 seed", "balanced: 3 seeds"]
    for fewer in ("ActionVLAD RGB 1", "TRN Flow 1", "TRN 2Stream 1", "I3D RGB 1"):
        assert fewer in notes[2]
    assert "TSN" not in notes[2] and "TSM RGB" not in notes[2] and "Random" not in notes[2]


def test_methods_have_a_name_and_a_modality():
    assert split_method("NL I3D* RGB") == ("NL I3D*", "RGB")
    assert {split_method(method)[1] for method in table3a.METHODS} == {"-", "RGB", "Flow", "2Stream", "Pose"}
