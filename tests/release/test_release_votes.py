"""Votes: joined to what came of them, numbered, complete; agreement of numbered annotators beside them."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from release_samples import CODEBOOK, SETTINGS, build, make_action, make_dataset, make_folder, read_everything

from finegym.annotations.model import Dataset, Video
from finegym.errors import ConfigError
from finegym.quality.agreement import measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.quality.consensus import make_consensus
from finegym.quality.consensus_files import export_consensus
from finegym.quality.unit_files import make_units_of_datasets
from finegym.quality.units import Item, Unit, make_units, name_no_element
from finegym.release.agreement_card import number_names
from finegym.release.build import build_release
from finegym.release.decisions import place_decisions
from finegym.release.extras import add_agreement, add_annotators, add_consensus
from finegym.release.source import Decision, ReleaseSource, open_release_source
from finegym.release.votes import collect_votes

ACTION = make_action(5, ["leap", "turn", "giant"])
DATASET = Dataset(CODEBOOK, (Video("record00000", (ACTION,)),))
LEAP, TURN, GIANT = DATASET.instances
ITEM = Item("record00000_E_000005_000014", "record00000", 5_000, 14_000, 25.0)


def make(*units):
    return make_units([Unit(*unit) for unit in units], [ITEM], ["zoe", "ann"], "sub-action", CODEBOOK)


def test_votes_of_two_annotators_by_hand():
    """Zoe found the leap, and something that is not there; Ann an unsure turn and no element on bars."""
    units = make(
        ("zoe", ITEM.id, 5_100, 7_000, "ring-leap", "z1", None),
        ("zoe", ITEM.id, 7_100, 7_900, None, "z2", ()),
        ("ann", ITEM.id, 8_000, 10_000, "FX-S2", "a1", (("twice", "unsure"),)),
        ("ann", ITEM.id, 11_000, 13_200, name_no_element("UB-S1"), "a2", (("round", "no"), ("ring", "yes"))),
    )
    one, two = (("sub-actions", f"annotator-{number}", "record00000") for number in (1, 2))
    assert [tuple(vote) for vote in collect_votes(units, DATASET)] == [
        (*one, 5_100, 7_000, ITEM.id, LEAP, "FX", "FX-S1", "ring-leap", (("ring", "yes"),)),
        (*one, 7_100, 7_900, None, None, None, None, None, ()),
        (*two, 8_000, 10_000, ITEM.id, TURN, "FX", "FX-S2", None, (("twice", "unsure"),)),
        (*two, 11_000, 13_200, ITEM.id, GIANT, "UB", "UB-S1", None, (("round", "no"), ("ring", "yes"))),
    ]


def test_votes_on_routines_are_about_actions():
    item = Item("chunk 0", "record00000", 0, 60_000, 25.0)
    found = [
        Unit("zoe", item.id, 5_200, 14_100, "FX", "z", None),
        Unit("ann", item.id, 40_000, 50_000, "UB", "a", None),
    ]
    units = make_units(found, [item], ["zoe", "ann"], "action", CODEBOOK)
    zoe, ann = collect_votes(units, DATASET, "routines", {"zoe": "annotator-7", "ann": "annotator-1"})
    assert zoe[:2] == ("routines", "annotator-7") and zoe[5:] == (ITEM.id, None, "FX", None, None, ())
    assert ann[:2] == ("routines", "annotator-1") and ann[5:] == (None, None, "UB", None, None, ())


def test_two_units_of_one_annotator_never_have_one_sub_action():
    units = make(("ann", ITEM.id, 5_000, 6_000, "leap", "a1", None), ("ann", ITEM.id, 6_000, 7_000, "leap", "a2", None))
    assert sorted(str(vote.instance_id) for vote in collect_votes(units, DATASET)) == sorted([LEAP, "None"])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("votes")
    truth = make_dataset()
    late = [
        replace(
            v,
            actions=tuple(
                replace(a, sub_actions=None if a.sub_actions is None else a.sub_actions[1:]) for a in v.actions
            ),
        )
        for v in truth.videos
    ]
    folders = [
        make_folder(folder / name, one)
        for name, one in (("xanthippe", truth), ("bea", replace(truth, videos=tuple(late))))
    ]
    source = add_annotators(open_release_source(make_folder(folder / "sample")), folders)
    return build_release(source, folder / "release", SETTINGS)


def test_every_vote_and_every_answer_is_published(published):
    every = pq.read_table(published.folder / "tables/votes.parquet").to_pylist()
    votes = [vote for vote in every if vote["stage"] == "sub-actions"]
    assert len(votes) == 175 + 140 and len(every) == len(votes) + 2 * 36 == published.facts.votes.votes
    assert {vote["annotator"] for vote in votes} == {"annotator-1", "annotator-2"}
    dataset = make_dataset()
    for vote in votes:
        sub = dataset.instances[vote["instance_id"]].sub_action
        assert (vote["start_ms"], vote["end_ms"], vote["element_id"]) == (sub.start_ms, sub.end_ms, sub.element_id)
    answers = pq.read_table(published.folder / "tables/vote_answers.parquet").to_pylist()
    expected = {"leap": [("ring", "no")], "kip": [("round", "no"), ("ring", "no")], "giant": [("round", "yes")]}
    for vote in votes:
        if vote["element_id"] in expected:
            mine = [(a["query_id"], a["answer"]) for a in answers if a["vote"] == vote["vote"]]
            assert mine == expected[vote["element_id"]]


def test_agreement_is_measured_without_names(published):
    measured = json.loads((published.folder / "agreement/sub-actions.json").read_bytes())
    assert [one["name"] for one in measured["annotators"]] == ["annotator-1", "annotator-2"]
    assert not [name for name, data in read_everything(published.folder).items() if b"xanthippe" in data]
    card = (published.folder / "README.md").read_text()
    assert "### Agreement on routines" in card
    card = card.split("### Agreement on sub-actions")[1]
    row = next(line for line in card.splitlines() if line.startswith("| 0.5 |"))
    f1 = 2 * 140 / (175 + 140)  # Bea missed the first of five everywhere, and all else is equal
    assert f"| {100 * f1:.1f} %" in row


def test_agreement_from_a_file_loses_its_names(tmp_path):
    dataset = make_dataset(num_videos=3)
    units = make_units_of_datasets({"xanthippe": dataset, "bea": dataset}, "sub-action", CODEBOOK)
    (tmp_path / "agreement.json").write_text(json.dumps(export_agreement(measure_agreement(units))))
    source = add_agreement(ReleaseSource("sample", dataset), tmp_path / "agreement.json")
    text = json.dumps(source.agreement)
    assert "xanthippe" not in text and "annotator-2" in text
    with pytest.raises(ConfigError, match="stand inside of other texts"):
        number_names({"annotators": [{"name": "bea"}], "notes": ["bea did nothing"]})


@pytest.mark.parametrize("text", ["[]", '{"format": "other"}', '{"format": "finegym-agreement/1"}'])
def test_files_that_are_no_agreement(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match="expected the JSON of `finegym quality agreement`"):
        add_agreement(ReleaseSource("sample", DATASET), tmp_path / "a.json")


def test_without_votes_there_are_no_tables_of_them(tmp_path):
    made = build(tmp_path)
    assert not list(made.folder.glob("tables/vote*")) and "votes" not in (made.folder / "croissant.json").read_text()


def make_decision(start_ms, end_ms, choice="agreed", stage="sub-actions", **facts):
    return Decision(stage, "record00000", start_ms, end_ms, 2, 3, 0.5, "labels differ", choice, **facts)


def test_decisions_are_about_what_came_of_them():
    decisions = (
        make_decision(5_100, 7_000),
        make_decision(8_000, 10_000, "annotator", annotator="zoe", reason="she looked longer"),
        make_decision(11_000, 13_000, "none"),
        make_decision(5_000, 14_000, stage="routines"),
    )
    placed = place_decisions(decisions, DATASET, {"zoe": "annotator-4"})
    assert [one.instance_id for one in placed] == [LEAP, TURN, None, None]
    assert [one.action_id for one in placed] == [ITEM.id, ITEM.id, None, ITEM.id]
    assert placed[1].annotator == "annotator-4" and "zoe" not in str(placed)


def test_a_consensus_is_published_unit_by_unit(tmp_path):
    dataset = make_dataset(num_videos=3)
    units = make_units_of_datasets({"zoe": dataset, "bea": dataset, "cleo": make_dataset(1, 3)}, "sub-action", CODEBOOK)
    consensus = make_consensus(units)
    (tmp_path / "votes.json").write_text(json.dumps(export_consensus(consensus)))
    source = add_consensus(ReleaseSource("sample", dataset), tmp_path / "votes.json")
    made = build_release(source, tmp_path / "release", replace(SETTINGS, splits=()))
    rows = pq.read_table(made.folder / "tables/decisions.parquet").to_pylist()
    assert len(rows) == len(consensus.units)
    counts = consensus.count_decisions()
    assert sum(row["choice"] == "agreed" for row in rows) == counts.get("agreed", 0) + counts.get("one annotator", 0)
    assert sum(row["choice"] == "open" for row in rows) == counts.get("third annotator", 0) + counts.get(
        "adjudicate", 0
    )
    found = [(unit.start_ms, sum(vote.unit_id is not None for vote in unit.votes)) for unit in consensus.units]
    assert sorted((row["start_ms"], row["num_found"]) for row in rows) == sorted(found)
    assert "zoe" not in str(rows)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ConfigError, match="expected the JSON of `finegym quality consensus"):
        add_consensus(source, tmp_path / "other.json")
