"""The long tail: bins, queries and calibration against slow roads; what helps is told from what does not."""

import numpy as np
import pytest
from pretended_runs import PretendedResults, make_logits

from finegym.evaluation.calibration import compute_ece
from finegym.evaluation.estimates import resample_groups
from finegym.evaluation.queries import find_asked_nodes, read_answers, score_queries
from finegym.evaluation.report import find_groups
from finegym.studies import findings, longtail
from finegym.studies.all import SIZES
from finegym.studies.longtail_measures import MEASURES, NO_END, Tail, measure_classes
from finegym.studies.planning import plan_predictions
from finegym.studies.size_simulated import SMOKE, TINY


def read(say=lambda planned, split: make_logits(split, 0.5, seed=3), size=TINY):
    results = PretendedResults(say, size)
    (planned, *_) = longtail.plan_remedy(size, longtail.NONE)
    return results, results.read(planned, longtail.ROLE)


def get_rows(outcome, number=0):
    return {row.id: row for row in outcome.tables[number].rows}


def is_tree(planned):
    return any("tree" in word for word in planned.run.overrides)


def test_bins_are_means_over_their_classes():
    results, answers = read()
    counts, groups = [5] * 6 + [50] * 6, results.get_groups(longtail.ROLE)
    reading = measure_classes(31, NO_END)([answers], Tail(counts, (), groups))
    said, targets = answers.aligned.logits.argmax(axis=1), answers.aligned.targets
    by_hand = []
    for k in range(6, 12):
        own = [int(said[i]) == k for i in range(len(targets)) if targets[i] == k]
        by_hand.append(sum(own) / len(own))
    assert reading.sampled.by_seed[0] == pytest.approx(sum(by_hand) / 6)
    assert reading.num_instances == sum(int(target) >= 6 for target in targets)
    assert measure_classes(11, 30)([answers], Tail(counts, (), groups)) is None


def test_queries_are_the_mean_of_their_balanced_accuracies():
    results, answers = read()
    tail = longtail.collect_tail(results, longtail.ROLE)
    nodes = find_asked_nodes(answers.split.subset, results.dataset.codebook)
    groups = find_groups(results.dataset, answers.aligned.instance_ids, "video")
    scores = score_queries([read_answers(answers.aligned.logits, answers.aligned.targets, nodes)], groups)
    known = [each.balanced_accuracy.value for each in scores if each.num_yes and each.num_no]
    assert MEASURES["queries"]([answers], tail).sampled.by_seed[0] == pytest.approx(np.mean(known))


def test_calibration_is_that_of_evaluation_in_every_resample():
    results, answers = read(lambda planned, split: 3 * make_logits(split, 0.6, seed=1))
    groups = resample_groups(find_groups(results.dataset, answers.aligned.instance_ids, "video"), num_resamples=20)
    found = MEASURES["ece"]([answers], Tail((), (), groups)).sampled
    logits = answers.aligned.logits
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert found.by_seed[0] == pytest.approx(compute_ece(probabilities, answers.aligned.targets))
    for weights, value in zip(groups.weights, found.resampled[0], strict=True):
        drawn = np.concatenate([np.flatnonzero(groups.group_of == g).repeat(int(n)) for g, n in enumerate(weights)])
        assert value == pytest.approx(compute_ece(probabilities[drawn], answers.aligned.targets[drawn]))


def test_classes_without_test_instances_are_said_to_have_none():
    """Classes of 20 training instances each: all of them are middling, none is rare or frequent."""
    rows = get_rows(longtail.make(PretendedResults(lambda planned, split: make_logits(split, 1.0))))
    row = rows[longtail.NONE]
    assert row.get("middling").value == row.get("queries").value == 100.0
    assert row.get("rare").value is None and row.get("rare").why_empty
    assert row.get("frequent").value is None


def test_a_remedy_that_helps_is_told_from_one_that_does_not():
    def say(planned, split):
        seed = next(int(word[5:]) for word in planned.run.overrides if word.startswith("seed="))
        return make_logits(split, 0.8 if is_tree(planned) else 0.4, seed=seed)

    outcome = longtail.make(PretendedResults(say, SMOKE))
    gains = get_rows(outcome, 1)
    gained = gains[longtail.TREE].get("mean")
    assert gained.value == pytest.approx(40, abs=8) and gained.low > 0 and len(gained.by_seed) == 3
    nothing = gains["logit adjustment"].get("mean")
    assert (nothing.value, nothing.low) == (0, None) and "the same" in nothing.no_interval
    scores = get_rows(outcome)
    assert scores[longtail.TREE].get("mean").value - scores[longtail.NONE].get("mean").value == pytest.approx(
        gained.value
    )


def test_the_finding_on_the_tree_head_is_about_rare_elements(monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")
    results = PretendedResults(lambda planned, split: make_logits(split, 0.5))
    rows = get_rows(findings.make(results))
    assert rows["tree-head"].labels[1] == "not run"  # no class of the pretended split is rare
    assert set(longtail.plan(TINY)) >= {
        p for r in (longtail.NONE, longtail.TREE) for p in longtail.plan_remedy(TINY, r)
    }


@pytest.mark.parametrize("name", SIZES)
def test_every_size_tries_remedies_on_a_method_that_it_trains(name):
    size = SIZES[name]
    planned = longtail.plan(size)
    assert len(planned) == len(longtail.REMEDIES) * (1 if name == "tiny" else 3)
    assert set(plan_predictions(size, size.tail_method, longtail.ROLE)) <= set(planned)
    assert longtail.find_needs(size) == (("clips",) if name in ("large", "paper") else ("poses",))


def test_nothing_run_leaves_nothing():
    outcome = longtail.make(PretendedResults(lambda planned, split: None))
    assert outcome.figures == ()
    assert {row.get(column.id).value for table in outcome.tables for row in table.rows for column in table.columns} == {
        None
    }
    assert any("SIMULATED" in note for note in outcome.tables[0].notes)
