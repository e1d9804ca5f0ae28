"""Ours: what a model cannot see, as accuracy on every query of the decision trees, by what the query is about.

What counts as an answer, which instances count and what chance is: ``finegym.evaluation.queries``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finegym.evaluation.estimates import Estimate
from finegym.evaluation.queries import (
    Answers,
    QueryScore,
    find_asked_nodes,
    find_topic,
    list_topics,
    read_answers,
    score_queries,
    score_topics,
)
from finegym.evaluation.report import find_groups
from finegym.report.dot_plot import Dots, draw_dots
from finegym.studies.accuracy import make_notes
from finegym.studies.cells import make_cell, make_dots
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Column, Row, Table, make_count

ROLE = "balanced"
METHODS = ("TSN RGB", "TSN Flow", "TRN RGB", "TSM RGB", "I3D RGB", "ST-GCN Pose")
NUM_DRAWN = 12  # queries in the second figure, those with the most instances of their rarer answer
TITLE, TOPIC_TITLE = "What a model cannot see, query by query", "What a model cannot see, by what is asked about"
Seeds = list[dict[str, Answers]]


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Every kind of model on the balanced setting: runs of table 3a."""
    return tuple(planned for method in METHODS for planned in plan_predictions(size, method, ROLE))


def make(results: Results) -> Outcome:
    """Score what is there."""
    said = {method: seeds for method in METHODS if (seeds := read_method(results, method))}
    notes = (
        *make_notes(results, METHODS, (ROLE,)),
        "balanced accuracy: mean of the shares right among the true yes and the true no; chance is 50 %",
        "each query by itself, whatever was answered before it: see docs/studies-figures.md",
        "queries whose true answer is always the same are left out",
    )
    columns = tuple(Column(method, method) for method in METHODS)
    if not said:
        return Outcome((Table("queries", TITLE, ("about", "query"), columns, (), notes),))
    groups = find_groups(results.dataset, list(results.get_split(ROLE).val), "video")
    scores = {method: {s.query_id: s for s in score_queries(seeds, groups)} for method, seeds in said.items()}
    topics = list_topics(next(iter(said.values()))[0], results.dataset.codebook)
    by_topic = {method: score_topics(seeds, topics, groups) for method, seeds in said.items()}
    query_table = Table("queries", TITLE, ("about", "query"), (_YES, _NO, *columns), _make_rows(results, scores), notes)
    topic_rows = _make_topic_rows(topics, by_topic, next(iter(said.values()))[0])
    topic_table = Table("queries-topics", TOPIC_TITLE, ("about",), (_QUERIES, _ANSWERS, *columns), topic_rows, notes)
    return Outcome((topic_table, query_table), (_draw_topics(topics, by_topic), _draw_queries(results, scores)))


_YES, _NO = Column("yes", "yes", "", 0), Column("no", "no", "", 0)
_QUERIES, _ANSWERS = Column("queries", "queries", "", 0), Column("answers", "answers", "", 0)


def read_method(results: Results, method: str) -> Seeds:
    """What the runs of a method that are there answered."""
    split = results.get_split(ROLE)
    nodes = find_asked_nodes(split.subset, results.dataset.codebook)
    runs = results.read_seeds(plan_predictions(results.size, method, ROLE), ROLE)
    return [read_answers(run.aligned.logits, run.aligned.targets, nodes) for run in runs]


def _make_topic_rows(
    topics: Mapping[str, tuple[str, ...]],
    by_topic: Mapping[str, Mapping[str, Estimate]],
    answers: Mapping[str, Answers],
) -> tuple[Row, ...]:
    rows = []
    for topic, query_ids in topics.items():
        count = sum(len(answers[query_id].rows) for query_id in query_ids)
        cells = {method: make_cell(found[topic], count) for method, found in by_topic.items()}
        counts = {"queries": make_count(len(query_ids)), "answers": make_count(count)}
        rows.append(Row(topic, (topic,), {**counts, **cells}))
    return tuple(rows)


def _make_rows(results: Results, scores: Mapping[str, Mapping[str, QueryScore]]) -> tuple[Row, ...]:
    codebook, rows = results.dataset.codebook, []
    for query_id, first in next(iter(scores.values())).items():
        if first.num_yes and first.num_no:
            count = first.num_yes + first.num_no
            cells = {method: make_cell(each[query_id].balanced_accuracy, count) for method, each in scores.items()}
            counts = {"yes": make_count(first.num_yes), "no": make_count(first.num_no)}
            labels = (find_topic(codebook, query_id), codebook.query_by_id[query_id].text)
            rows.append(Row(query_id, labels, {**counts, **cells}))
    return tuple(rows)


def _draw_topics(topics: Mapping[str, tuple[str, ...]], by_topic: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    to_see = (
        "Rows are what queries ask about. Dots at the dashed line are guesses: the model does not see that attribute, "
        "however well it does elsewhere."
    )
    names = [
        f"{topic} ({len(queries)} {'query' if len(queries) == 1 else 'queries'})" for topic, queries in topics.items()
    ]
    series = [make_dots(method, [found[topic] for topic in topics]) for method, found in by_topic.items()]
    return Figure("queries-topics", TOPIC_TITLE, to_see, _draw(names, series))


def _draw_queries(results: Results, scores: Mapping[str, Mapping[str, QueryScore]]) -> Figure:
    first = [each for each in next(iter(scores.values())).values() if each.num_yes and each.num_no]
    chosen = sorted(first, key=lambda each: -min(each.num_yes, each.num_no))[:NUM_DRAWN]
    query_by_id = results.dataset.codebook.query_by_id
    names = [f"{query_by_id[s.query_id].text} ({s.num_yes} yes, {s.num_no} no)" for s in chosen]
    series = [
        make_dots(method, [each[score.query_id].balanced_accuracy for score in chosen])
        for method, each in scores.items()
    ]
    to_see = (
        f"The {len(chosen)} of {len(first)} queries that have the most instances of their rarer answer; all are in the "
        "table."
    )
    return Figure("queries", TITLE, to_see, _draw(names, series))


def _draw(names: Sequence[str], series: Sequence[Dots]) -> bytes:
    return draw_dots(
        names,
        series,
        value_label="balanced accuracy (%)",
        value_range=(0, 100),
        line_at=50,
        line_label="guessing",
    )


STUDY = Study("queries", TITLE, ("clips", "flow", "poses"), plan, make)
