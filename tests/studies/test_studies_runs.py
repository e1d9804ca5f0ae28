"""Runs are named by what they compute; jobs are merged by name, and come after what they begin from."""

import shutil
from functools import partial

import pytest
from pretended_runs import make_dataset, write_store_facts

from finegym.annotations.folder import write_dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import write_split
from finegym.annotations.subsets import find_subset
from finegym.errors import ConfigError
from finegym.features.snippets.store import ItemFacts, SnippetSettings, StoreFacts, format_facts, get_paths
from finegym.studies.recipes import find_recipes
from finegym.studies.run_store import RunStore
from finegym.studies.runner import is_done, sort_jobs
from finegym.studies.study import PlannedPrediction, PlannedRun

RUN = PlannedRun("smoke/tsn_smoke", ('data.split="balanced"', "seed=0"))


def make_folder(folder, val_share=0.25):
    dataset = make_dataset()
    write_dataset(dataset, folder)
    split = make_split(dataset, find_subset("element", dataset.codebook), "balanced", val_share=val_share).split
    write_split(split, folder / "splits" / "balanced")
    write_store_facts(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture
def store(folder, tmp_path):
    return RunStore(tmp_path / "size", folder, find_recipes())


def add(run, *overrides):
    return PlannedRun(run.recipe, (*run.overrides, *overrides), run.start)


def test_same_run_same_name_wherever_the_data_lies(store, folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    elsewhere = RunStore(tmp_path / "other", moved, find_recipes())
    assert elsewhere.get_name(RUN) == store.get_name(RUN)
    # How fast, and under which name, is not what is computed; nor is a value that the recipe has anyway.
    for same in ("data.workers=0", "train.batch_size_test=4", 'note="else"', 'name="else"', "data.num_segments=6"):
        assert store.get_name(add(RUN, same)) == store.get_name(RUN), same


@pytest.mark.parametrize(
    "override", ["seed=1", "data.num_segments=5", "optim.learning_rate=0.01", 'model.weights="none"', "data.flip=true"]
)
def test_another_run_has_another_name(store, override):
    assert store.get_name(add(RUN, override)) != store.get_name(RUN)


def test_another_split_has_another_name(store, tmp_path):
    other = RunStore(tmp_path / "size", make_folder(tmp_path / "other", val_share=0.5), find_recipes())
    assert other.get_name(RUN) != store.get_name(RUN)


def name_of_copy(folder, out, run, change):
    """The name of a run on a copy of the data in which something is otherwise."""
    shutil.copytree(folder, out)
    change(out)
    return RunStore(out.parent, out, find_recipes()).get_name(run)


FLOW = ('data.modality="flow"', 'data.features="flow"', "model.freeze=[]")


@pytest.mark.parametrize(("overrides", "store_of"), [(FLOW, "features/flow"), ((), "clips")])
def test_other_pictures_or_features_have_another_name(folder, tmp_path, overrides, store_of):
    run = add(RUN, *overrides)
    names = [
        name_of_copy(folder, tmp_path / f"{content}{version}", run, partial(write_store_facts, **facts))
        for content, version in (("a", "1"), ("b", "1"), ("a", "2"))
        for facts in [{"store": store_of, "content": content, "version": version}]
    ]
    assert names[0] != names[1]
    assert names[0] == names[2]  # which version of finegym wrote the same does not matter


def test_without_what_it_reads_a_run_has_no_name(store):
    with pytest.raises(ConfigError, match=r"features/flow/store\.json.*study run"):
        store.get_name(add(RUN, *FLOW))


def test_times_are_in_the_name_of_a_localizer_only(folder, tmp_path):
    def change(out):
        write_store_facts(out, "features/snippets-lite0")
        path = out / "annotations.json"
        path.write_text(path.read_text().replace("1480", "1520") + "\n")

    def keep(out):
        write_store_facts(out, "features/snippets-lite0")

    localizer = PlannedRun("smoke/ssn_actions_smoke", ('data.split="balanced"', "seed=0"))
    for run, is_same in ((RUN, True), (localizer, False)):
        names = [name_of_copy(folder, tmp_path / run.recipe / str(n), run, do) for n, do in enumerate((keep, change))]
        assert (names[0] == names[1]) is is_same, run.recipe


@pytest.mark.parametrize(
    ("content", "is_same"), [({}, True), ({"crc32": 2}, False), ({"record_fingerprint": "of other pictures"}, False)]
)
def test_a_localizer_is_named_by_the_content_of_its_snippets(folder, tmp_path, content, is_same):
    run = PlannedRun("smoke/ssn_actions_smoke", ('data.split="balanced"', "seed=0"))
    names = [
        name_of_copy(folder, tmp_path / str(n), run, partial(write_snippet_facts, origin=f"run {n}", **changed))
        for n, changed in enumerate(({}, content))
    ]
    assert (names[0] == names[1]) is is_same


def write_snippet_facts(out, origin, **content):
    store, record = out / "features" / "snippets-lite0", "record00000"
    settings = SnippetSettings(unit="record", stride=8, window=1, feature_size=4, maker={"name": "a network"})
    numbers = {"num_snippets": 5, "size_bytes": 40}
    item = ItemFacts(
        **{"item_id": record, "record_id": record, "record": "a.mp4", "record_bytes": 1, "record_fingerprint": "a"}
        | {"start_ms": 0, "end_ms": 9, "first_frame": 0, "num_frames": 40, "crc32": 1, "settings": settings}
        | numbers
        | content
    )
    facts = StoreFacts(
        finegym="1",
        settings=settings,
        items={record: (0, 9)},
        num_skipped=0,
        counts={},
        origin={"run": origin},
        **numbers,
    )
    (store / "items").mkdir(parents=True)
    (store / "store.json").write_text(format_facts(facts))
    get_paths(store, record)[2].write_text(format_facts(item))


def test_times_are_in_the_name_of_what_reads_whole_records(folder, tmp_path):
    def change(out, by):
        (out / "clips" / "store.json").unlink()  # nothing that it reads
        path = out / "annotations.json"
        path.write_text(path.read_text() + by)

    names = [
        name_of_copy(folder, tmp_path / str(n), add(RUN, 'data.source="records"'), partial(change, by=by))
        for n, by in enumerate(("", "", "\n"))
    ]
    assert names[0] == names[1] != names[2]


def test_data_that_changes_meanwhile_has_another_name(folder, tmp_path):
    out = tmp_path / "set"
    shutil.copytree(folder, out)
    before = RunStore(tmp_path, out, find_recipes()).get_name(RUN)
    write_store_facts(out, content="other pictures")
    assert RunStore(tmp_path, out, find_recipes()).get_name(RUN) != before


def test_name_says_what_it_is(store):
    assert store.get_name(RUN).startswith("tsn-rgb-balanced-s0-")


def test_a_run_is_named_by_what_it_begins_from(store):
    begun = [PlannedRun(RUN.recipe, RUN.overrides, add(RUN, f"optim.learning_rate={rate}")) for rate in ("0.1", "0.2")]
    names = [store.get_name(run) for run in begun]
    assert names[0] != names[1]
    assert store.resolve(begun[0]).model.weights == str(store.get_path(begun[0].start))


def test_predictions_of_a_run_have_their_own_files(store):
    paths = {
        store.get_prediction_path(planned)
        for planned in (
            PlannedPrediction(RUN),
            PlannedPrediction(RUN, ("data.num_segments_test=12",)),
            PlannedPrediction(RUN, is_shuffled=True),
            PlannedPrediction(RUN, ("data.num_segments_test=12",), True),
        )
    }
    assert len(paths) == 4
    assert {path.parent.parent for path in paths} == {store.get_path(RUN)}
    assert store.get_prediction_path(PlannedPrediction(RUN)).name == "val.parquet"


def test_equal_runs_of_several_studies_are_one_job(store):
    planned = [
        PlannedPrediction(RUN),
        PlannedPrediction(add(RUN, "data.num_segments=6")),  # the recipe's own
        PlannedPrediction(RUN, ("data.num_segments_test=12",)),
        PlannedPrediction(add(RUN, "seed=1")),
    ]
    (jobs,) = sort_jobs(planned, store)
    assert [len(job.predictions) for job in jobs] == [2, 1]


def test_first_steps_come_first(store):
    begun = PlannedRun(RUN.recipe, RUN.overrides, add(RUN, "optim.learning_rate=0.1"))
    first, second = sort_jobs([PlannedPrediction(begun), PlannedPrediction(RUN)], store)
    assert [job.run for job in first] == [begun.start, RUN]
    assert first[0].predictions == ()
    assert [job.run for job in second] == [begun]


def test_a_job_is_done_when_all_its_files_are_there(store):
    ((job,),) = sort_jobs([PlannedPrediction(RUN), PlannedPrediction(RUN, is_shuffled=True)], store)
    assert not is_done(job, store)
    path = store.get_path(RUN)
    (path / "predictions").mkdir(parents=True)
    (path / "cost.json").write_text("{}")
    for each in job.predictions:
        assert not is_done(job, store)
        store.get_prediction_path(each).write_bytes(b"")
    assert is_done(job, store)
