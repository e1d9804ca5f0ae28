import json

import pytest

from finegym.cli import main

SMALL = ["--videos", "1", "--minutes", "0.4", "--size", "64x64", "--events", "VT", "--seed", "2"]


@pytest.fixture
def run(monkeypatch, capsys):
    def run_command(*arguments):
        monkeypatch.setattr("sys.argv", ["finegym", "simulate", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code or 0
        return code, *capsys.readouterr()

    return run_command


def test_simulate_makes_a_dataset_says_what_it_holds_and_resumes(run, tmp_path):
    code, out, _ = run("--out", tmp_path / "c", *SMALL)
    assert code == 0
    assert "done 1, skipped 0 (already there), failed 0" in out and "simulated" in out
    assert (tmp_path / "c" / "annotations.json").is_file()
    code, out, _ = run("--out", tmp_path / "c", *SMALL, "--json")
    report = json.loads(out)
    assert code == 0 and report["done"] == 0 and report["skipped"] == 1 and report["records"] == 1


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["--size", "641x360"], "641x360"),
        (["--size", "large"], '"large"'),
        (["--fps", "24"], "24"),
        (["--codebook", "artistic-wemen"], "artistic-wemen"),
        (["--codebook", "diving"], "no elements of event"),
        (["--events", "VT,PH"], "PH"),
        (["--minutes", "0"], "minutes"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, tmp_path, arguments, fact):
    code, out, err = run("--out", tmp_path / "c", *SMALL, *arguments)
    assert code == 1 and out == ""
    assert fact in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / "c").exists()


def test_help_ends_with_an_example(run):
    code, out, _ = run("--help")
    assert code == 0 and "finegym simulate --out" in " ".join(out.split())
