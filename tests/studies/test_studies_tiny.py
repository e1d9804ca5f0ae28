"""All studies at the size that is made for this: real data, real trainings, real tables; then nothing is done again."""

import json
import os

import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.models.complexity import count_multiply_adds
from finegym.studies.all import STUDIES
from finegym.studies.size_simulated import TINY
from finegym.training.build_model import build_model
from finegym.training.run_folder import RunFolder

pytest.importorskip("efficientnet_lite_pytorch", reason="the small sizes need the extra lite")


def call(out, *words):
    result = CliRunner().invoke(app, ["study", *words, "--size", "tiny", "--out", str(out)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def ran(out):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return json.loads(call(out, "run", "--json"))


def test_every_study_is_made(ran, out):
    assert ran["failed"] == {} and ran["runs"]["failed"] == {}
    assert ran["runs"]["done"] == len({path.parent for path in (out / "tiny" / "runs").glob("*/cost.json")})
    for name in STUDIES:
        assert (out / "tiny" / "results" / name / "study.json").is_file(), name


def test_cells_are_empty_where_nothing_was_trained_and_nowhere_else(ran):
    tables = {table["id"]: table for table in ran["tables"]}
    for cell in tables["table3a"]["cells"]:
        role = cell["column"].partition("/")[0]
        method = cell["row"].replace("2Stream", "Flow")
        choice = TINY.choices.get(method)
        is_trained = choice is not None and (not choice.roles or role in choice.roles)
        if cell["row"] == "Random":
            is_trained = cell["column"].endswith("/mean")
        assert (cell["value"] is not None) == is_trained, cell
    assert all(cell["value"] is not None for cell in tables["table2"]["cells"])


def test_costs_are_those_of_the_networks(ran, out):
    """Parameters are the tensors of the checkpoint; three frames cost three times what torch counts for one."""
    table = next(table for table in ran["tables"] if table["id"] == "efficiency")
    cells = {(cell["row"], cell["column"]): cell["value"] for cell in table["cells"]}
    for method, run in (("TSN RGB", "tsn-rgb"), ("ST-GCN Pose", "stgcn-pose")):
        (path,) = (out / "tiny" / "runs").glob(f"{run}-balanced-s0-*/speed.json")
        folder = RunFolder(path.parent)
        model, _ = build_model(folder.read_recipe(), len(folder.read_facts()["classes"]), load_weights=False)
        number = sum(parameter.numel() for parameter in model.parameters())
        assert cells[method, "parameters"] == pytest.approx(number / 1e6)
        assert cells[method, "clips_per_s"] > 0 and cells[method, "train_cpu_s"] > 0
        if method == "TSN RGB":
            one = count_multiply_adds(model, (1, 1, 3, 32, 32))
            assert cells[method, "gmacs"] == pytest.approx(3 * one / 1e9, rel=0.01)


def test_nothing_is_done_again(ran, out):
    again = json.loads(call(out, "run", "--json"))
    assert again["runs"]["done"] == 0
    assert again["runs"]["skipped"] == ran["runs"]["done"]
    assert again["tables"] == ran["tables"]


def test_studies_are_compared_with_the_paper(ran, out):
    text = call(out, "compare", "table3a")
    assert "SIMULATED" in text and "60.5" in text  # ActionVLAD on Gym288, which tiny does not run
    facts = json.loads(call(out, "compare", "table2", "--json"))
    cells = facts["tables"][0]["cells"]
    assert {cell["published"] for cell in cells} >= {98.42, 99.86}
    known = [cell for cell in cells if None not in (cell["value"], cell["published"])]
    assert known and all(cell["difference"] == cell["value"] - cell["published"] for cell in known)
    assert all(cell["difference"] is None for cell in cells if cell not in known)


def test_report_is_one_page(ran, out):
    call(out, "report")
    page = (out / "tiny" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("table3a", "fig6b", "findings"))
    assert "http://" not in page.replace("http://www.w3.org", "")
