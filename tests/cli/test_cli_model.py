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


def test_export_writes_a_checked_file(tmp_path):
    path = tmp_path / "mlp.onnx"
    result = runner.invoke(app, ["model", "export", "pose-mlp", "--onnx", str(path)])
    assert result.exit_code == 0, result.output
    assert "pose-mlp, RANDOM weights" in result.stdout
    assert "clips (B, 3, 48, 17, 1): B, C, T, V, M; B is free" in result.stdout
    assert "logits (B, 99)" in result.stdout
    assert "batches of 1 and 3: greatest difference " in result.stdout
    facts = json.loads(runner.invoke(app, ["model", "export", "pose-mlp", "--onnx", str(path), "--json"]).stdout)
    assert facts["size_bytes"] == path.stat().st_size and facts["metadata"]["weights"] == "random"
