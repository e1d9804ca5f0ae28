"""The main job, whole, on the smallest competition that has something to learn."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from finegym.annotations.folder import read_dataset
from finegym.demo.plan import FULL, LARGEST_SET, QUICK, Modality, Plan, Task
from finegym.demo.run import run_demo
from finegym.simulation.undrawn import make_undrawn_competition

TINY = Plan(
    videos=2,
    minutes=0.8,
    elements_per_set=2,
    clip_short_side=112,
    tasks=(
        *(Task("event", modality, num_segments=1, epochs=1, min_instances=1) for modality in get_args(Modality)),
        Task("set", "pose", num_segments=1, epochs=1, min_instances=1),
    ),
    routine_epochs=1,
    sub_action_epochs=1,
    unseen_minutes=0.6,
    parsed_by=(("set", "pose"),),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory, shared):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINEGYM_WEIGHTS_FOLDER", str(shared / "weights"))
        yield from run(tmp_path_factory)


def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    said: list[str] = []
    page = run_demo(out, TINY, seed=0, workers=1, say=said.append)
    yield out, page, said


def test_report_is_one_page_with_pictures_and_numbers(demo):
    _, page, _ = demo
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/") >= 5
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text), "the page loads nothing from outside"
    words = (
        "simulated",
        "What ingest found",
        "top-1",
        "95 % interval",
        "Decision tree",
        "Annotators and their exam",
        "Agreement of annotators",
        "Consensus and adjudication",
        "finegym release verify",
        "Confusion matrix",
        "Optical flow",
        "Poses",
        "Figure 5",
        "Localization: routines in records",
        "Parsing an unseen competition",
    )
    assert [missing for missing in words if missing not in text] == []


def test_a_competition_that_is_not_drawn_is_annotated_like_one_that_is(demo):
    out, _, _ = demo
    drawn = read_dataset(out / "competition")
    undrawn = make_undrawn_competition(TINY.make_competition(0), drawn.codebook)
    assert {v.id: v for v in undrawn.videos} == {v.id: replace(v, path=None) for v in drawn.videos}


def test_second_run_repeats_nothing(demo):
    out, page, _ = demo
    records = {path: path.stat().st_mtime_ns for path in (out / "competition" / "records").iterdir()}
    checkpoints = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.pt")}
    assert records and checkpoints
    said: list[str] = []
    assert run_demo(out, TINY, seed=0, workers=1, say=said.append) == page
    assert any("done 0, skipped 2" in line for line in said), said
    assert any("done 0, kept 2, failed 0" in line for line in said), said
    assert all(path.stat().st_mtime_ns == when for path, when in {**records, **checkpoints}.items())


def test_plans_train_on_the_set_level_and_on_one_set():
    for plan in (FULL, QUICK):
        assert {task.subset for task in plan.tasks} == {"set", "element", LARGEST_SET}
        assert set(plan.parsed_by) <= {(task.subset, task.modality) for task in plan.tasks}
        assert {task.modality for task in plan.tasks} == set(get_args(Modality))
