"""Every size plans all that it should, every recipe that it names parses, and studies share runs."""

import json
from functools import cache

import pytest

from finegym.localization.recipe import LocalizationRecipe
from finegym.models import MODELS
from finegym.studies.all import SIZES, STUDIES
from finegym.studies.planning import plan_predictions
from finegym.studies.recipes import find_recipes
from finegym.studies.run_store import resolve_recipe
from finegym.studies.size_paper import PAPER
from finegym.studies.sizes import ROLES
from finegym.studies.table3a import METHODS
from finegym.studies.table5 import NUM_FRAMES, plan_frames

TABLES = {"table3a": ("long-tailed", "balanced"), "table3b": ("VT", "FX"), "table3c": ("FX-S1", "UB-S1")}


@cache
def plan(size_name, study_name):
    return tuple(STUDIES[study_name].plan(SIZES[size_name]))


def resolve(run):
    start = () if run.start is None else ('model.weights="first"',)
    return resolve_recipe(run.recipe, find_recipes(), [*run.overrides, 'data.dataset="data"', *start])


@pytest.mark.parametrize("size_name", SIZES)
def test_every_recipe_of_every_plan_parses(size_name):
    runs = {each.run for name in STUDIES for each in plan(size_name, name)}
    starts = {run.start for run in runs} - {None}
    seen = set()
    for run in runs | starts:
        recipe = resolve(run)
        seen.add(recipe.model.name)
        assert any(f"seed={recipe.seed}" == override for override in run.overrides)
        if not isinstance(recipe, LocalizationRecipe):
            assert recipe.model.name in MODELS
            assert recipe.data.split in ROLES
    assert "tsn" in seen


@pytest.mark.parametrize("table", TABLES)
def test_paper_runs_every_row_with_three_seeds(table):
    planned = plan("paper", table)
    assert len(set(planned)) == len(planned)
    trained = [m for m in METHODS if m != "Random" and "2Stream" not in m]
    assert len(planned) == len(trained) * 2 * 3
    for method in trained:
        for role in TABLES[table]:
            found = plan_predictions(PAPER, method, role)
            assert [resolve(each.run).seed for each in found] == [0, 1, 2]
            assert {resolve(each.run).data.split for each in found} == {role}
            assert set(found) <= set(planned)


def test_paper_recipes_are_the_published_schedules():
    by_method = {
        method: resolve(plan_predictions(PAPER, method, "balanced")[0].run)
        for method in PAPER.choices
        if plan_predictions(PAPER, method, "balanced")
    }
    assert (by_method["TSN RGB"].schedule.epochs, by_method["TSN Flow"].schedule.epochs) == (80, 200)
    assert by_method["TSM RGB"].schedule.epochs == 100
    assert by_method["TSN RGB"].model.backbone == "bn_inception"
    assert by_method["I3D* RGB"].model.weights.endswith("i3d_r50_k400.safetensors")
    assert by_method["TSN Flow"].data.features == PAPER.flow_store
    assert by_method["ST-GCN Pose"].data.features == PAPER.pose_store


def test_actionvlad_begins_from_its_first_step():
    for each in plan_predictions(PAPER, "ActionVLAD RGB", "balanced"):
        start = each.run.start
        assert start.recipe.endswith("step1")
        assert resolve(start).seed == resolve(each.run).seed
        assert resolve(start).data.split == "balanced"


@pytest.mark.parametrize("size_name", ["smoke", "medium", "large", "paper"])
def test_studies_share_the_runs_of_table_3(size_name):
    table = {each.run for name in TABLES for each in plan(size_name, name)}
    for name in ("efficiency", "confusion", "fig6a"):
        assert {each.run for each in plan(size_name, name)} <= table, name


def test_table_5_trains_and_tests_with_as_many_frames():
    for number in NUM_FRAMES:
        for each in plan_frames(PAPER, number):
            recipe = resolve(each.run)
            assert (recipe.data.num_segments, recipe.data.num_segments_test) == (number, number)
            assert each.overrides == ()


def test_what_a_size_does_not_train_is_not_planned():
    assert plan_predictions(SIZES["smoke"], "I3D* RGB", "balanced") == ()
    assert plan_predictions(SIZES["tiny"], "TSM RGB", "VT") == ()


def test_seeds_and_limits():
    smoke = SIZES["smoke"]
    assert len(plan_predictions(smoke, "TSN RGB", "balanced")) == 3
    assert len(plan_predictions(smoke, "ActionVLAD RGB", "balanced")) == 1


def test_large_is_a_benchmark_of_all_elements():
    competition = SIZES["large"].competition
    assert competition.elements == ()  # all 328
    assert json.dumps(SIZES["large"].notes).count("SIMULATED") == 1
    planned = plan("large", "table3a")
    assert {resolve(each.run).data.crop_size for each in planned if "pose" not in each.run.recipe} >= {112}
