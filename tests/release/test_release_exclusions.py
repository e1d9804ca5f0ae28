"""Rules leave out what they say, how far they say, and are counted; what is withdrawn is nowhere."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from release_samples import SETTINGS, build, make_dataset, read_everything

from finegym.annotations.folder import read_dataset
from finegym.annotations.splits import Split, read_split
from finegym.annotations.subsets import make_subset
from finegym.errors import ConfigError, ReleaseError
from finegym.quality.unit_files import make_units_of_datasets
from finegym.release.exclusions import ExclusionRule, ExclusionsFile, apply_exclusions
from finegym.release.toml_files import read_toml


def make_rule(**facts):
    return ExclusionRule(**{"name": "rule", "why": "other", **facts})


def list_elements(dataset):
    return {one.id: one.sub_action.element_id for one in dataset.iterate_instances()}


def test_out_of_the_settings_changes_no_annotation():
    found = apply_exclusions(make_dataset(), [make_rule(elements=("leap",))])
    assert found.dataset == make_dataset()
    assert found.no_classes == {"leap": "rule"}
    leaps = [id_ for id_, element in list_elements(make_dataset()).items() if element == "leap"]
    assert list(found.not_in_settings) == list(found.rules[0].instance_ids) == leaps


def test_out_of_the_labels_keeps_times_and_sets():
    dataset = make_dataset()
    found = apply_exclusions(dataset, [make_rule(leave_out_of="labels", elements=("leap",), sets=("UB-S1",))]).dataset
    for before, after in zip(dataset.iterate_instances(), found.iterate_instances(), strict=True):
        was, now = before.sub_action, after.sub_action
        assert (now.name, now.stages) == (was.name, was.stages)
        if was.element_id == "leap":
            assert (now.element_id, now.set_id) == (None, "FX-S1")
        elif was.set_id == "UB-S1":
            assert (now.element_id, now.set_id) == (None, None)
        else:
            assert now == was


def test_out_of_the_release_takes_away_and_nothing_else():
    dataset = make_dataset()
    one = "record00002_E_000005_000020_A_0003_0005"
    rules = [
        make_rule(name="a", leave_out_of="release", records=("record00001",)),
        make_rule(name="b", leave_out_of="release", actions=("record00002_E_000105_000120",)),
        make_rule(name="c", leave_out_of="release", instances=(one,), elements=("giant",)),
        make_rule(name="d", leave_out_of="release", events=("UB",)),
    ]
    found = apply_exclusions(dataset, rules)
    expected = {
        id_
        for id_, element in list_elements(dataset).items()
        if not id_.startswith(("record00001", "record00002_E_000105"))
        and id_ != one
        and element not in ("giant", "kip")
    }
    assert set(found.dataset.instances) == expected
    assert "record00001" not in {video.id for video in found.dataset.videos}
    assert {action.event_id for video in found.dataset.videos for action in video.actions} == {"FX"}
    counts = {one.rule.name: (one.num_records, one.num_actions, len(one.instance_ids)) for one in found.rules}
    giants = sum(element == "giant" for element in list_elements(dataset).values())
    assert counts == {"a": (1, 3, 15), "b": (0, 1, 5), "c": (0, 0, 1 + giants), "d": (0, 12, 55)}


def test_rules_reach_the_splits_that_are_made(tmp_path):
    rule = make_rule(elements=("leap",), records=("record00004",)).model_dump()
    made = build(tmp_path, exclusions=(rule,))
    split = read_split(made.folder / "splits/long-tailed")
    assert "leap" not in split.subset.class_index_by_id and len(split.train) > 20
    assert not [id_ for id_ in (*split.train, *split.val) if id_.startswith("record00004")]
    covered = [
        id_
        for id_, element in list_elements(make_dataset()).items()
        if element == "leap" or id_.startswith("record00004")
    ]
    assert split.outside["left out by rule rule"] == len(covered) == made.facts.exclusions[0].sub_actions
    counted = json.loads((made.folder / "statistics/long-tailed.json").read_bytes())
    assert counted["events"][-1]["num_sub_actions"] == len(split.train) + len(split.val)
    assert "| rule | other | the settings | 0 | 0 |" in (made.folder / "README.md").read_text()


def test_a_split_that_is_brought_along_loses_instances_and_never_classes(tmp_path):
    codebook = make_dataset().codebook
    subset = make_subset("mine", "element", ["leap", "kip"], codebook)
    index = subset.class_index_by_id
    sides = ({}, {})
    for one in make_dataset().iterate_instances():
        if one.sub_action.element_id in index:
            sides[int(one.video.id[-5:]) > 8][one.id] = index[one.sub_action.element_id]
    split = Split("mine", subset, *sides)
    settings = replace(SETTINGS, splits=("mine",))
    withdrawn = make_rule(leave_out_of="release", why="withdrawn", records=("record00002",)).model_dump()
    made = build(tmp_path, settings=settings, splits=(split,), exclusions=(withdrawn,))
    kept = read_split(made.folder / "splits/mine")
    assert kept.subset == subset
    assert kept.train == {id_: i for id_, i in split.train.items() if not id_.startswith("record00002")}
    with pytest.raises(ReleaseError, match=r"leaves out 1 of its classes \(leap\)"):
        build(tmp_path, "other", settings, splits=(split,), exclusions=(make_rule(elements=("leap",)).model_dump(),))


def test_what_is_withdrawn_is_nowhere_in_the_release(tmp_path):
    dataset = make_dataset()
    units = make_units_of_datasets({"Xanthippe": dataset, "Bea": dataset}, "sub-action", dataset.codebook)
    rules = (
        make_rule(name="gone", why="withdrawn", leave_out_of="release", records=("record00002",)).model_dump(),
        make_rule(name="seen", elements=("leap",)).model_dump(),
    )
    made = build(
        tmp_path,
        settings=replace(SETTINGS, with_figures=True, exports=None),
        exclusions=rules,
        units={"sub-actions": units},
    )
    files = read_everything(made.folder)
    assert not [name for name, data in files.items() if b"record00002" in data]
    assert not [name for name, data in files.items() if b"Xanthippe" in data]
    for path in made.folder.rglob("*.parquet"):  # compressed: to be read, not searched
        text = str(pq.read_table(path).to_pylist())
        assert "record00002" not in text and "Xanthippe" not in text
    assert len(read_dataset(made.folder).videos) == 11
    assert [(rule.name, rule.records) for rule in made.facts.exclusions] == [("gone", 1), ("seen", 0)]
    assert made.facts.votes.annotators == 2 and made.facts.votes.votes == 2 * (175 - 15)
    assert b"record00001" in files["exclusions.json"]


def test_agreement_that_names_what_is_withdrawn_is_refused(tmp_path):
    measured = {"format": "finegym-agreement/1", "level": "sub-action", "items": ["record00002_E_000005_000020"]}
    rule = make_rule(why="withdrawn", leave_out_of="release", records=("record00002",)).model_dump()
    with pytest.raises(ConfigError, match="names record00002"):
        build(tmp_path, exclusions=(rule,), agreement={"sub-actions": measured})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "rule rule names nothing"),
        ({"elements": ("leep",)}, "element 'leep' is not in the dataset; did you mean \"leap\""),
        ({"records": ("x",)}, "record 'x' is not in the dataset"),
    ],
)
def test_rules_that_cannot_be(facts, words):
    with pytest.raises(ConfigError, match=words):
        apply_exclusions(make_dataset(), [make_rule(**facts)])


def test_two_rules_of_one_name():
    with pytest.raises(ConfigError, match="two rules are called rule"):
        apply_exclusions(make_dataset(), [make_rule(elements=("leap",)), make_rule(elements=("kip",))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[rule]]\nname = "a"\nwhy = "no reason"\nelements = ["x"]', "rule.1.why"),
        ('[[rule]]\nname = "a"\nwhy = "other"\nelement = ["x"]', "unknown key rule.1.element"),
        ("[[rule]", "expected a TOML file"),
        ("rules = []", 'unknown key rules; did you mean "rule"'),
    ],
)
def test_files_of_rules_that_are_none(tmp_path, text, words):
    (tmp_path / "exclusions.toml").write_text(text)
    with pytest.raises(ConfigError, match=words) as error:
        read_toml(tmp_path / "exclusions.toml", ExclusionsFile)
    assert "\n" not in str(error.value)
