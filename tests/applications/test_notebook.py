"""The example notebook runs, cell by cell, on a tiny bundle in the demo's places."""

import json
import shutil
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "docs" / "examples" / "parse.ipynb"


def test_the_notebook_runs_from_top_to_bottom(tiny, tmp_path, monkeypatch, capsys):
    (tmp_path / "demo").mkdir()
    shutil.copy(tiny.bundle, tmp_path / "demo" / "bundle.finegym")
    shutil.copytree(tiny.dataset, tmp_path / "demo" / "unseen")
    for path in sorted((tmp_path / "demo/unseen/records").glob("*.mp4"))[1:]:
        path.unlink()
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert "likeliest element, however unsure" in capsys.readouterr().out
    assert (tmp_path / "parsed").is_dir()
