"""Studies of figures, confusions, queries and findings, on predictions whose scores are known beforehand."""

import numpy as np
import pytest
from pretended_runs import NUM_RECORDS, TIMES, PretendedResults, make_logits

from finegym.studies import confusion, fig5, fig6a, fig6b, fig6c, fig6d, findings, measures, queries, table4
from finegym.studies.all import SIZES
from finegym.studies.planning import plan_predictions
from finegym.studies.size_simulated import SMOKE, TINY, TINY_ELEMENTS

STUDIES = (fig6a, fig6b, fig6c, fig6d, confusion, queries, findings, table4, fig5)


def get_rows(outcome, number=0):
    return {row.id: row for row in outcome.tables[number].rows}


def is_flow(planned):
    return any("flow" in override for override in planned.run.overrides)


@pytest.mark.parametrize("module", STUDIES, ids=lambda module: module.STUDY.name)
def test_what_was_not_run_is_empty_and_has_no_picture(module, monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")
    outcome = module.STUDY.make(PretendedResults(lambda planned, split: None))
    for table in outcome.tables:
        values = [row.get(column.id).value for row in table.rows for column in table.columns]
        assert set(values) <= {None}, table.id
    assert outcome.figures == ()


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_plans_are_the_same_every_time_and_studies_share_runs(size):
    plans = {module.STUDY.name: module.STUDY.plan(size) for module in STUDIES}
    assert plans == {module.STUDY.name: module.STUDY.plan(size) for module in STUDIES}
    runs = {name: {each.run for each in plan} for name, plan in plans.items()}
    assert plans["fig5"] == () and len(plans["table4"]) == 4 * (1 if size.name in ("tiny", "smoke") else 3)
    assert runs["fig6b"] <= runs["findings"] and runs["fig6c"] <= runs["findings"]
    assert sum(each.is_shuffled for each in plans["fig6b"]) == len(plans["fig6b"]) / 2


def test_fig6a_shows_where_flow_gains():
    def say(planned, split):
        logits = make_logits(split, 1.0)
        circles = [c.class_index for c in split.subset.classes if c.id.startswith("ub-")]
        hidden = np.isin(logits.argmax(axis=1), circles) & (not is_flow(planned))
        return np.where(hidden[:, None], np.roll(logits, 1, axis=1), logits)

    outcome = fig6a.make(PretendedResults(say))
    rows = get_rows(outcome)
    assert rows["mean"].get("left").value == pytest.approx(100 * 8 / 12)
    assert rows["mean"].get("difference").value == pytest.approx(100 * 4 / 12)
    assert rows["mean"].get("instances").value == 12 * NUM_RECORDS * TIMES
    gains = [row.get("difference").value for row in outcome.tables[0].rows[1:]]
    assert gains == [100.0] * 4 + [0.0] * 8
    assert "giant backward, UB (20)" in outcome.figures[0].content.decode()


def test_fig6b_counts_what_order_gave():
    def say(planned, split):
        return make_logits(split, 0.3 if planned.is_shuffled and "trn" in planned.run.recipe else 0.9, seed=1)

    rows = get_rows(fig6b.make(PretendedResults(say)))
    assert rows["TRN RGB"].get("top1/loss").value == pytest.approx(60, abs=12)
    assert rows["TRN RGB"].get("top1/loss").low > 30
    lost = rows["TSN RGB"].get("top1/loss")
    assert (lost.value, lost.low, lost.high) == (0, 0, 0)
    assert rows["TSN RGB"].get("mean/ordered").num_instances == 4 * NUM_RECORDS * TIMES


def test_fig6c_draws_one_line_a_method():
    def say(planned, split):
        number = next((int(o.split("=")[1]) for o in planned.overrides), 3)
        return make_logits(split, 0.8 if "tsn" in planned.run.recipe else 0.8 - 0.05 * (number - 3))

    outcome = fig6c.make(PretendedResults(say))
    rows = get_rows(outcome)
    assert rows["UB-S1/TSN RGB"].get("change").value == rows["balanced/TSN RGB"].get("change").value == 0
    assert rows["balanced/TSM RGB"].get("change").value == pytest.approx(-45, abs=8)
    by_number = [rows["balanced/TSM RGB"].get(str(number)).value for number in fig6c.TESTED]
    assert by_number == sorted(by_number, reverse=True)
    assert "TSM RGB" in outcome.figures[0].content.decode()


def test_fig6d_says_which_pre_trainings_it_compares():
    outcome = fig6d.make(PretendedResults(lambda planned, split: make_logits(split, 0.5)))
    titles = [column.title for column in outcome.tables[0].columns]
    assert titles == ["instances", "I3D, no pre-training", "I3D, ImageNet", "second less first"]
    assert list(fig6d.plan_both(SIZES["paper"])) == ["I3D, ImageNet", "I3D, Kinetics"]


def test_confusions_are_counted_by_the_query_that_parts_them():
    def say(planned, split):
        ids = [c.id for c in split.subset.classes]
        logits = make_logits(split, 1.0)
        if "ub-giant-forward" not in ids:
            return logits
        taken = logits.argmax(axis=1) == ids.index("ub-giant-forward")  # all of them for the other way round
        logits[taken] = np.eye(len(ids))[ids.index("ub-giant-backward")]
        return logits

    outcome = confusion.make(PretendedResults(say))
    pairs, by_query = outcome.tables
    assert {row.labels[0] for row in pairs.rows} == {"UB-S1"} and len(pairs.rows) == len(confusion.METHODS)
    row = pairs.rows[0]
    assert row.labels[2:4] == ("giant forward", "giant backward") and row.labels[4].endswith("? yes")
    assert (row.get("count").value, row.get("share").value) == (20, 100)
    (asked,) = by_query.rows
    assert "circle forward" in asked.labels[1] and asked.get("TSN RGB").value == 20
    assert len(outcome.figures) == 8
    assert outcome.figures[0].to_see.startswith("Nothing is confused")
    assert outcome.figures[-1].to_see.startswith("Giant forward is taken for giant backward in 100 % of the cases")


def test_queries_show_what_a_model_cannot_see():
    """A model that tells everything but the direction of circles."""

    def say(planned, split):
        ids = [c.id for c in split.subset.classes]
        said = [ids[place] for place in make_logits(split, 1.0).argmax(axis=1)]
        rng = np.random.default_rng(0)
        blind = [
            id_.rpartition("-")[0] + rng.choice(["-backward", "-forward"]) if "ub-" in id_ else id_ for id_ in said
        ]
        return np.eye(len(ids))[[ids.index(id_) for id_ in blind]]

    outcome = queries.make(PretendedResults(say))
    by_query = {row.labels[1]: row.get("TSN RGB") for row in outcome.tables[1].rows}
    circle = next(cell for text, cell in by_query.items() if "circle forward" in text)
    assert circle.low < 50 < circle.high
    others = [cell.value for text, cell in by_query.items() if "circle forward" not in text]
    assert others and set(others) == {100.0}
    topics = get_rows(outcome)
    direction = topics["direction"].get("TSN RGB")
    assert 70 < direction.value < 95 and topics["direction"].get("queries").value >= 2
    assert "guessing" in outcome.figures[0].content.decode()


@pytest.mark.parametrize("module", [m for m in STUDIES if m not in (findings, fig5)], ids=lambda m: m.STUDY.name)
def test_every_table_says_how_many_trainings_stand_behind_it(module):
    for table in module.STUDY.make(PretendedResults(lambda planned, split: make_logits(split, 0.5))).tables:
        assert any("1 seed" in note for note in table.notes), table.id
        assert not any("over seeds and records" in note for note in table.notes), table.id
        if module in (queries, confusion):
            assert any("skeletons are the simulation's own joints" in note for note in table.notes), table.id


def test_a_finding_of_one_training_says_so(monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")

    def say(planned, split):
        seed = next(int(one.removeprefix("seed=")) for one in planned.run.overrides if one.startswith("seed="))
        return make_logits(split, 0.8 if is_flow(planned) else 0.5, seed=seed)

    rows = get_rows(findings.make(PretendedResults(say, SMOKE)))
    says = {id_ for id_, row in rows.items() if "One training each" in row.remark}
    assert "flow-events" in says and "order-trn" not in says  # which changes nothing here, on any records
    assert not says & {"flow-elements", "order-tsn", "tree-head", "sub-actions"}
    assert rows["flow-elements"].get("difference").interval == "seeds and records"


def test_what_no_number_of_frames_can_test_is_not_decided(monkeypatch):
    """The pretended clips have 37 frames, a third of which is the most that Table 5 trains with."""
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")
    row = get_rows(findings.make(PretendedResults(lambda planned, split: make_logits(split, 0.5))))["frames-suffice"]
    cell = row.get("difference")
    assert (row.labels[1], cell.value, cell.why_empty) == ("not decided", None, measures.NO_MORE)
    assert findings.make(PretendedResults(lambda planned, split: None)).tables[0].rows[1].labels[1] == "not run"


@pytest.mark.parametrize("agrees", [True, False])
def test_findings_are_confirmed_or_not_by_what_was_predicted(agrees, monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")

    def say(planned, split):
        recipe, overrides = planned.run.recipe, " ".join(planned.run.overrides)
        tested = next((int(o.split("=")[1]) for o in planned.overrides if "num_segments" in o), 3)
        share = 0.5
        if is_flow(planned):
            share += (0.3 if split.name == "balanced" else -0.3) * (1 if agrees else -1)
        if "num_segments=1 " in overrides + " ":
            share += -0.3 if agrees else 0.3
        if planned.is_shuffled and ("trn" in recipe) == agrees:
            share -= 0.4
        if tested == 12:
            share += -0.4 if ("tsm" in recipe) == agrees else 0.2
        return make_logits(split, share, seed=5)

    rows = get_rows(findings.make(PretendedResults(say)))
    verdicts = {id_: row.labels[1] for id_, row in rows.items()}
    expected = "confirmed" if agrees else "not confirmed"
    tested = ("frames-help", "flow-elements", "flow-events", "order-trn", "order-tsn")
    tested += ("number-tsm/balanced", "number-tsn/balanced", "number-tsn/UB-S1")
    assert {id_: verdicts[id_] for id_ in tested} == dict.fromkeys(tested, expected)
    # The tiny size trains TSM on one split only, and no class of the pretended long tail is rare.
    not_run = ("number-tsm/UB-S1", "sub-actions", "poses", "tree-head")
    assert {verdicts[id_] for id_ in not_run} == {"not run"}
    remarks = {id_: row.remark for id_, row in rows.items()}
    assert [id_ for id_ in rows if verdicts[id_] != "not run" and not remarks[id_]] == []
    assert remarks["frames-suffice"].startswith("A third of the mean clip is 12 frames")
    assert "guessing gives 25.0 %, always naming the most frequent element 25.0 %" in remarks["order-trn"]
    assert ("rounding" in remarks["order-tsn"]) == agrees
    assert "direction +" in remarks["flow-elements"] or "direction -" in remarks["flow-elements"]


def test_no_change_at_all_decides_nothing_but_what_follows_from_equal_scores(monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", "nowhere")
    rows = get_rows(findings.make(PretendedResults(lambda planned, split: make_logits(split, 0.5))))
    verdicts = {id_: row.labels[1] for id_, row in rows.items()}
    assert (verdicts.pop("order-tsn"), verdicts.pop("order-trn")) == ("confirmed", "not confirmed")
    assert set(verdicts.values()) == {"not decided", "not run"}


def test_differences_are_of_runs_of_the_same_seed():
    def say(planned, split):
        seed = next(int(one.removeprefix("seed=")) for one in planned.run.overrides if one.startswith("seed="))
        return None if is_flow(planned) and seed == 1 else np.full((len(split.val), len(split.subset)), float(seed))

    plans = [plan_predictions(SMOKE, method, "balanced") for method in ("TSN RGB", "TSN Flow")]
    pairs = PretendedResults(say, SMOKE).read_pairs(*plans, "balanced")
    assert [[each.aligned.logits[0, 0] for each in side] for side in pairs] == [[0, 2], [0, 2]]


def test_a_third_of_the_clip_is_the_largest_number_of_frames_within_it():
    results = PretendedResults(lambda planned, split: None)
    assert measures.count_mean_frames(results) == pytest.approx(37)
    assert measures.find_third(results) == 12
    assert len(TINY_ELEMENTS) == 12 and TINY.is_simulated
