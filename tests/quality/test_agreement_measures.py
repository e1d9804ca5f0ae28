"""What is measured, against loops over units and frames, other packages, and cases worked by hand."""

import itertools
import json
import math

import krippendorff
import numpy as np
import pytest
from agreement_samples import CODEBOOK, ELEMENTS, draw_sample, make_sample
from sklearn.metrics import cohen_kappa_score

from finegym.codebook.tree import get_paths
from finegym.errors import AnnotationError, ConfigError
from finegym.quality.agreement import measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.quality.agreement_table import Column, Row, Table, sort_worst_first
from finegym.quality.agreement_text import format_agreement, print_table
from finegym.quality.alpha import ALL_ALIKE, NO_PAIRS
from finegym.quality.comparison import AgreementSettings
from finegym.quality.detection import NOBODY, NONE_OF_SECOND
from finegym.quality.frames import find_runs
from finegym.quality.matching import match_units
from finegym.quality.units import NO_LABEL, Unit
from finegym.quality.values import Value, compute_quantile, make_bootstrap

SEEDS = (0, 1, 2)
QUICK = AgreementSettings(num_resamples=50)


def count_units(units, annotator, items):
    return sum(a == annotator and i in items for a, i in zip(units.annotator_index, units.item_index, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_precision_and_recall_of_pairs_are_counted_over_items_that_both_did(seed):
    units = draw_sample(seed)
    table = measure_agreement(units, QUICK).tables["detection_pairs"]
    for tiou in (0.5, 0.75, 0.9):
        matches = match_units(units, tiou)
        for first, second in itertools.combinations(range(3), 2):
            both = {i for i in range(len(units.items)) if units.done[first, i] and units.done[second, i]}
            num_first, num_second = (count_units(units, a, both) for a in (first, second))
            matched = sum(
                units.annotator_index[a] == first and units.annotator_index[b] == second
                for a, b in zip(matches.left, matches.right, strict=True)
            )
            row = table.get(units.annotators[first], units.annotators[second], f"{tiou:g}").cells
            assert row["recall"].value == pytest.approx(matched / num_first)
            assert row["precision"].value == pytest.approx(matched / num_second)
            assert row["f1"].value == pytest.approx(2 * matched / (num_first + num_second))
            assert (row["misses"], row["extras"]) == (num_first - matched, num_second - matched)


@pytest.mark.parametrize("seed", SEEDS)
def test_annotators_and_sets_are_sums_over_pairs(seed):
    units = draw_sample(seed)
    tables = measure_agreement(units, QUICK).tables
    pairs, mine = tables["detection_pairs"], tables["detection_annotators"]
    for name in units.annotators:
        rows = [row for row in pairs.rows if name in (row.about["first"], row.about["second"])
                and row.about["tIoU"] == "0.5"]  # fmt: skip
        missed = sum(row.cells["misses" if row.about["second"] == name else "extras"] for row in rows)
        assert mine.get(name, "0.5").cells["misses"] == missed
    matches = match_units(units, 0.5)
    partners = np.bincount(np.concatenate([matches.left, matches.right]), minlength=len(units))
    set_of = [CODEBOOK.element_by_id[units.labels[label]].set_id for label in units.label_index]
    for row in tables["detection_sets"].rows:
        members = [n for n in range(len(units)) if set_of[n] == row.about["set"]]
        looked = sum(units.done[:, units.item_index[n]].sum() - 1 for n in members)
        assert row.cells["found_0.5"].value == pytest.approx(partners[members].sum() / looked)


def test_boundaries_of_a_hand_worked_case():
    # Four matches; bea starts 40, 80, 120 and 160 ms later and ends when ada ends, but for one 200 ms earlier.
    rows = []
    for number, (late, early) in enumerate([(40, 0), (80, 0), (120, 0), (160, 200)]):
        rows += [
            ("ada", f"i{number}", 1000, 3000, ELEMENTS[0]),
            ("bea", f"i{number}", 1000 + late, 3000 - early, ELEMENTS[0]),
        ]
    tables = measure_agreement(make_sample(rows), QUICK).tables
    start = tables["boundaries_pairs"].get("ada", "bea", "start").cells
    assert start["bias_ms"].value == start["mae_ms"].value == start["median_ms"].value == 100
    assert start["bias_frames"].value == 2.5
    assert start["p95_ms"].value == pytest.approx(154)
    assert [start[f"within_{k}"].value for k in (1, 2, 5)] == [0.25, 0.5, 1.0]
    end = tables["boundaries_pairs"].get("ada", "bea", "end").cells
    assert (end["bias_ms"].value, end["mae_ms"].value, end["median_ms"].value) == (-50, 50, 0)
    tious = [1960 / 2000, 1920 / 2000, 1880 / 2000, 1640 / 2000]
    assert start["mean_tiou"].value == pytest.approx(np.mean(tious))
    assert start["min_tiou"].value == min(tious)
    annotators = tables["boundaries_annotators"]
    assert annotators.get("bea", "start").cells["bias_ms"].value == 100
    assert annotators.get("ada", "start").cells["bias_ms"].value == -100
    elements = tables["boundaries_elements"].get(ELEMENTS[0]).cells
    assert (elements["start_mae_ms"].value, elements["end_mae_ms"].value) == (100, 50)


def test_an_unknown_frame_rate_leaves_frames_undefined_and_milliseconds_as_they_are():
    units = make_sample([("ada", "i", 0, 1000, None), ("bea", "i", 40, 1000, None)], fps=None)
    start = measure_agreement(units, QUICK).tables["boundaries"].get("all", "start").cells
    assert start["mae_ms"].value == 40
    assert start["mae_frames"].value is None
    assert start["within_1"].undefined == "the frame rate is not known"


@pytest.mark.parametrize(("share", "off"), [(0.5, 0.1), (0.95, 0.3)])
def test_interval_of_a_quantile_is_near_that_of_resampling_in_a_loop(share, off):
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(60), 30)
    values = rng.gamma(2.0, 60.0, 1800) * np.exp(rng.normal(0, 0.3, 60))[group]
    boot = make_bootstrap(60, 1000, 3)
    value = compute_quantile(values, group, share, boot, "none")
    loop = []
    for weights in boot.weights[1:]:
        drawn = np.repeat(values, weights[group].astype(int))
        loop.append(np.quantile(drawn, share))
    low, high = np.percentile(loop, [2.5, 97.5])
    width = high - low
    assert value.value == pytest.approx(np.quantile(values, share))
    assert value.low == pytest.approx(low, abs=off * width)
    assert value.high == pytest.approx(high, abs=off * width)


@pytest.mark.parametrize("seed", SEEDS)
def test_alpha_of_a_query_is_that_of_the_table_of_its_answers(seed):
    agreement = measure_agreement(draw_sample(seed), QUICK)
    units = agreement.units
    paths = {id_: path for tree in CODEBOOK.trees for id_, path in get_paths(tree).items()}
    answers: dict = {}
    for members in agreement.comparison.groups.members.tolist():
        if sum(row >= 0 for row in members) < 2:
            continue
        said: dict = {}
        for annotator, row in enumerate(members):
            if row >= 0:
                label = units.labels[units.label_index[row]]
                for step in paths[label]:
                    key = CODEBOOK.element_by_id[label].set_id, step.query_id
                    said.setdefault(key, [math.nan] * 3)[annotator] = float(step.answer)
        for key, row in said.items():
            answers.setdefault(key, []).append(row)
    table = agreement.tables["queries"]
    asked = set()
    for row in table.rows:
        key = tuple(row.about.values())
        data = np.array(answers.get(key, [[math.nan] * 3]))
        twice = data[(~np.isnan(data)).sum(axis=1) >= 2]
        asked.add(key)
        alpha = row.cells["alpha"]
        if len(np.unique(twice[~np.isnan(twice)])) < 2:
            assert alpha.value is None
            assert alpha.undefined
        else:
            expected = krippendorff.alpha(reliability_data=data.T, level_of_measurement="nominal")
            assert alpha.value == pytest.approx(expected, abs=1e-12)
        assert row.cells["yes"] == np.nansum(data)
    assert asked >= set(answers)


def test_an_unsure_is_no_answer_and_is_counted():
    element = CODEBOOK.elements[0]
    tree = CODEBOOK.tree_by_set_id[element.set_id]
    query = tree.root.query_id
    said = [("ada", "i", "yes"), ("bea", "i", "unsure"), ("ada", "k", "yes"), ("bea", "k", "no")]
    rows = [(name, item, 0, 1000, element.id, ((query, answer),)) for name, item, answer in said]
    agreement = measure_agreement(make_sample(rows), QUICK)
    row = agreement.tables["queries"].get(element.set_id, query).cells
    assert (row["yes"], row["no"], row["unsure"]) == (2, 1, 1)
    assert row["agreement"].value == 0
    assert agreement.tables["queries_annotators"].get("bea").cells["unsure"].value == 0.5
    assert "1 answers are unsure: they count as no answer" in agreement.notes


def expand_frames(units):
    """Every frame of every item that two did, a label for every annotator; bounds are on the nearest frame."""
    rows = []
    for number, item in enumerate(units.items):
        if units.done[:, number].sum() < 2:
            continue
        mine = np.flatnonzero(units.item_index == number)
        begin = round(min([item.start_ms, *units.start_ms[mine]]) / 40)
        end = round(max([item.end_ms, *units.end_ms[mine]]) / 40)
        for frame in range(begin, end):
            row = [-1 if units.done[a, number] else -2 for a in range(len(units.annotators))]
            for unit in mine:
                if round(units.start_ms[unit] / 40) <= frame < round(units.end_ms[unit] / 40):
                    row[units.annotator_index[unit]] = units.label_index[unit]
            rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_frame_level_alpha_and_kappa_are_those_of_all_frames_written_out(seed):
    units = draw_sample(seed, num_items=5)
    tables = measure_agreement(units, QUICK).tables
    frames = expand_frames(units)
    assert find_runs(units).num_frames.sum() == len(frames)
    data = np.where(frames == -2, np.nan, frames).T
    expected = krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
    assert tables["frames"].get("element").cells["alpha"].value == pytest.approx(expected, abs=1e-9)
    presence = np.where(frames == -2, np.nan, frames >= 0).T.astype(float)
    expected = krippendorff.alpha(reliability_data=presence, level_of_measurement="nominal")
    assert tables["frames"].get("any unit").cells["alpha"].value == pytest.approx(expected, abs=1e-9)
    both = (frames[:, 0] != -2) & (frames[:, 1] != -2)
    cohen = tables["frames_pairs"].get("ada", "bea", "element").cells["cohen"]
    assert cohen.value == pytest.approx(cohen_kappa_score(frames[both, 0], frames[both, 1]), abs=1e-9)


def test_runs_count_what_no_frame_shows_and_what_lies_beneath():
    rows = [("ada", "i", 0, 2000, None), ("ada", "i", 400, 800, None), ("bea", "i", 10, 15, None)]
    runs = find_runs(make_sample(rows))
    assert (runs.num_vanished, runs.num_painted_over) == (1, 1)
    assert len(runs.notes) == 2
    shown = {row: runs.num_frames[runs.unit[:, 0] == row].sum() for row in (0, 2)}  # rows in order of start
    assert shown == {0: 40, 2: 10}


@pytest.mark.parametrize("level", ["event", "set", "element"])
def test_perfect_agreement_is_one_everywhere(level):
    rows = [(name, f"i{n}", 0, 1000, ELEMENTS[30 * (n % 5)]) for n in range(10) for name in ("ada", "bea")]
    tables = measure_agreement(make_sample(rows), QUICK).tables
    labels = tables["labels"].get(level).cells
    if len({CODEBOOK.get_event_of_element(row[4]).id for row in rows}) > 1:
        assert labels["alpha"].value == labels["fleiss"].value == labels["ac1"].value == 1
    assert tables["labels"].get("any").cells["alpha_tree"].value == 1
    assert tables["detection"].get("0.9").cells["f1"].value == 1
    assert tables["boundaries"].get("all", "end").cells["p95_ms"].value == 0


def test_what_is_undefined_says_why_and_nothing_is_nan():
    # bea found nothing; then two annotators who label nothing; then one label for everything.
    alone = measure_agreement(make_sample([("ada", "i", 0, 1000, ELEMENTS[0])]), QUICK)
    assert alone.tables["detection_pairs"].get("ada", "bea", "0.5").cells["precision"].undefined == NONE_OF_SECOND
    assert alone.tables["detection_pairs"].get("ada", "bea", "0.5").cells["recall"].value == 0
    assert alone.tables["labels"].get("element").cells["alpha"].undefined == NO_PAIRS
    assert alone.tables["boundaries"].get("all", "start").cells["mae_ms"].undefined == "nothing matches"
    nothing = measure_agreement(make_sample([], items=["i"]), QUICK)
    assert nothing.tables["detection"].get("0.5").cells["f1"].undefined == NOBODY
    unlabelled = measure_agreement(make_sample([("ada", "i", 0, 9, None), ("bea", "i", 0, 9, None)]), QUICK)
    assert unlabelled.tables["labels"].get("set").cells["ac1"].undefined == NO_PAIRS
    alike = measure_agreement(make_sample([(n, "i", 0, 9, ELEMENTS[0]) for n in ("ada", "bea")]), QUICK)
    assert alike.tables["labels"].get("set").cells["alpha"].undefined == ALL_ALIKE
    for agreement in (alone, nothing, unlabelled, alike):
        json.dumps(export_agreement(agreement), allow_nan=False)
        text = format_agreement(agreement)
        assert "nan" not in text.lower().replace("annotator", "")
        check_values(agreement.tables.values())


def check_values(tables: list[Table]) -> None:
    for table in tables:
        for row in table.rows:
            for cell in row.cells.values():
                if isinstance(cell, Value):
                    assert (cell.value is None) == bool(cell.undefined), (table.key, row)
                    has_interval = cell.low is not None and cell.high is not None
                    assert cell.value is None or has_interval != bool(cell.no_interval), (table.key, row)
                    if has_interval:
                        assert cell.low <= cell.value <= cell.high


@pytest.mark.parametrize("seed", SEEDS)
def test_every_value_lies_in_its_interval_or_says_why_there_is_none(seed):
    agreement = measure_agreement(draw_sample(seed, num_records=8), AgreementSettings(num_resamples=100))
    check_values(agreement.tables.values())
    exported = export_agreement(agreement)
    assert json.loads(json.dumps(exported, allow_nan=False)) == json.loads(json.dumps(exported))
    assert exported["format"] == "finegym-agreement/1"
    assert {table["key"] for tables in exported["sections"].values() for table in tables} == set(agreement.tables)


def test_the_same_seed_gives_the_same_answer():
    one, other = (export_agreement(measure_agreement(draw_sample(0), QUICK)) for _ in range(2))
    assert one == other
    changed = export_agreement(measure_agreement(draw_sample(0), AgreementSettings(num_resamples=50, seed=1)))
    assert changed["sections"] != one["sections"]


def test_without_resamples_there_are_values_and_no_intervals():
    agreement = measure_agreement(draw_sample(0), AgreementSettings(num_resamples=0))
    cell = agreement.tables["detection"].get("0.5").cells["f1"]
    assert cell.value is not None
    assert cell.no_interval == "no resamples were asked for"


def test_items_of_one_annotator_alone_are_in_no_number_but_in_a_note():
    rows = [("ada", "i", 0, 1000, ELEMENTS[0]), ("bea", "i", 0, 1000, ELEMENTS[0]), ("ada", "k", 0, 1000, ELEMENTS[9])]
    agreement = measure_agreement(make_sample(rows, not_done=[("bea", "k")]), QUICK)
    assert agreement.tables["detection_pairs"].get("ada", "bea", "0.5").cells["recall"].value == 1
    assert (agreement.num_lone_items, agreement.num_lone_units) == (1, 1)
    assert "compared 2 units; compared with nobody: 1 in 1 item of one annotator alone" in format_agreement(agreement)


def test_settings_and_work_that_cannot_be_compared_are_refused():
    units = make_sample([("ada", "i", 0, 1000, None)], not_done=[("bea", "i")])
    with pytest.raises(AnnotationError, match="no item was done by two"):
        measure_agreement(units)
    with pytest.raises(ConfigError, match=r"tIoU 1\.5"):
        measure_agreement(draw_sample(0), AgreementSettings(tious=(1.5,)))
    with pytest.raises(ConfigError, match="resamples"):
        measure_agreement(draw_sample(0), AgreementSettings(num_resamples=-1))


def test_units_are_checked_all_at_once():
    rows = [("zoe", "i", 0, 9, None), ("ada", "i", 9, 9, None), ("ada", "i", 0, 9, "no such"), ("bea", "i", 0, 9, None)]
    with pytest.raises(AnnotationError) as caught:
        make_sample(rows, not_done=[("bea", "i")])
    for fact in ("zoe", "9 ms", "no such", "bea did not do"):
        assert fact in str(caught.value)


def test_selecting_units_keeps_their_answers():
    units = draw_sample(3)
    chosen = units.select_annotators(["cleo", "ada"])
    assert chosen.annotators == ("cleo", "ada")
    for row in range(0, len(chosen), 7):
        old = units.unit_ids.index(chosen.unit_ids[row])
        assert units.annotators[units.annotator_index[old]] == chosen.annotators[chosen.annotator_index[row]]
        for which, place in ((chosen, row), (units, old)):
            part = slice(which.answers.start[place], which.answers.start[place + 1])
            if which is chosen:
                mine = which.answers.query_index[part], which.answers.answer[part]
            else:
                assert np.array_equal(mine[0], which.answers.query_index[part])
                assert np.array_equal(mine[1], which.answers.answer[part])
    assert NO_LABEL == -1
    assert Unit._fields[0] == "annotator"


def test_the_worst_rows_are_those_that_rest_on_enough():
    def make_row(name, **cell):
        return Row({"query": name}, {"alpha": Value(**cell)})

    rows = (
        make_row("undefined", value=None, undefined="why"),
        make_row("good", value=0.9, low=0.8, high=1.0),
        make_row("seen twice", value=-0.2, no_interval="why"),
        make_row("bad", value=0.1, low=0.0, high=0.3),
    )
    table = Table("t", "t", ("query",), (Column("alpha", "alpha", "coefficient"),), rows, worst_by="alpha")
    order = [row.about["query"] for row in sort_worst_first(table)]
    assert order == ["bad", "good", "seen twice", "undefined"]
    printed = print_table(table, 2)
    assert [row[0] for row in printed.rows] == ["bad", "good"]
    assert printed.rows[0][1] == "0.100 [0.000, 0.300]"
    assert any("2 more rows; these are the worst" in remark for remark in printed.remarks)
    everything = print_table(table)
    assert everything.rows[0] == ["undefined", "– (a)"]
    assert "a: why" in everything.remarks
    assert "no interval: 1 (why)" in everything.remarks
