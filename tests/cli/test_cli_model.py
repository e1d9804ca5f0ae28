import json

from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.models import zoo

runner = CliRunner()


def test_info_says_what_a_network_is():
    result = runner.invoke(app, ["model", "info", "stgcn"])
    assert result.exit_code == 0, result.output
    assert "parameters: 3,098,727" in result.output
    assert "(1.83 GMACs)" in result.output
    assert "AAAI 2018" in result.output
    assert json.loads(runner.invoke(app, ["model", "info", "stgcn", "--json"]).stdout)["num_parameters"] == 3_098_727


def test_list_has_a_line_for_every_network(monkeypatch):
    monkeypatch.setattr(zoo, "NETWORKS", {name: zoo.NETWORKS[name] for name in ("stgcn", "pose-mlp")})
    lines = runner.invoke(app, ["model", "list"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["network", "stgcn", "pose-mlp"]
    facts = json.loads(runner.invoke(app, ["model", "list", "--json"]).stdout)
    assert [fact["name"] for fact in facts] == ["stgcn", "pose-mlp"]
