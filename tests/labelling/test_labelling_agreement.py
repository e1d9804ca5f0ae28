"""``finegym quality`` on a workspace: what two people signed off in the app, compared without a server."""

import json

import pytest
from labelling_gold import TRUTH, accept_routines
from labelling_world import create, make_operation
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import ConfigError, LabellingError


@pytest.fixture
def marked(sqlite_world, tmp_path):
    """A workspace in which Ann and Bob marked one routine's sub-actions; Bob starts 80 ms late, and misses one."""
    world = sqlite_world
    quality = world.lead.get(f"/api/projects/{world.project_id}")["settings"]["quality"]
    world.change_settings(annotators_per_item={"sub-actions": 2, "elements": 2}, quality=quality)
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    item = world.list_items(stage="sub-actions")[0]
    for person, subs in ((world.ann, TRUTH), (world.bob, [(start + 2, end, label) for start, end, label in TRUTH[1:]])):
        detail = person.post(f"/api/items/{item['id']}/passes")
        operations = [create(start, end, label, "sub-action", action_id) for start, end, label in subs]
        person.save(detail["id"], detail["version"], *operations, make_operation("sign_off"))
    return tmp_path / "world", item["id"]


def run(*arguments):
    return CliRunner().invoke(app, ["quality", *map(str, arguments)])


def test_agreement_of_what_was_signed_off(marked):
    workspace, item_id = marked
    result = run("agreement", workspace, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert [one["name"] for one in answer["annotators"]] == ["Ann", "Bob"]
    assert answer["num_shared_items"] == 1
    (row,) = [r for r in answer["sections"]["detection"][1]["rows"] if r["tIoU"] == "0.5"]
    assert (row["misses"], row["extras"]) == (1, 0)
    assert row["recall"]["value"] == pytest.approx(2 / 3)
    pairs = next(table for table in answer["sections"]["boundaries"] if table["key"] == "boundaries_pairs")
    start = next(row for row in pairs["rows"] if row["edge"] == "start")
    assert start["bias_ms"]["value"] == 80
    assert start["bias_frames"]["value"] == 2
    assert item_id  # the items behind disagreements are work items
    assert answer["confusions"]["set"] == []


def test_a_report_names_what_nobody_did_twice(marked, tmp_path):
    workspace, _ = marked
    result = run("report", workspace, "--page", tmp_path / "q.html")
    assert result.exit_code == 0, result.output
    assert "Sub-actions: 1 items compared" in result.stdout
    assert "Routines: not compared" in result.stdout
    assert "not compared" in (tmp_path / "q.html").read_text()


def test_names_and_codebook_are_the_workspaces_own(marked):
    workspace, _ = marked
    assert isinstance(run("agreement", workspace, "--codebook", "artistic-women").exception, ConfigError)
    assert isinstance(run("agreement", workspace, "--project", "elsewhere").exception, LabellingError)
