"""The command as a whole: start, exit codes, one line for an error."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "finegym", *arguments], capture_output=True, text=True)


def test_version():
    from finegym import __version__

    assert run("--version").stdout.strip() == f"finegym {__version__}"


def test_unknown_command_is_a_usage_error():
    result = run("codebok")
    assert result.returncode == 2
    assert "codebok" in result.stderr


def test_error_is_one_line_and_exit_1(tmp_path):
    result = run("codebook", "show", str(tmp_path / "nothing.yaml"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "nothing.yaml" in result.stderr
    assert result.stdout == ""


def test_traceback_shows_where_an_error_came_from(tmp_path):
    result = run("codebook", "show", str(tmp_path / "nothing.yaml"), "--traceback")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_traceback_is_in_the_help():
    assert "--traceback" in run("--help").stdout


def test_the_demo_does_not_mix_with_other_files(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    result = run("demo", "--out", str(tmp_path), "--quick")
    assert result.returncode == 1 and "is there already and holds no demo" in result.stderr
    assert result.stderr.count("\n") == 1 and [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("heavy", ["torch", "polars", "cv2", "matplotlib", "av", "numba", "numpy"])
def test_help_and_codebook_show_start_without(heavy):
    program = (
        "import sys; sys.argv = ['finegym', 'codebook', 'show', 'diving']\n"
        "from finegym.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"assert {heavy!r} not in sys.modules, 'imported {heavy}'\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_full_disk_behind_stdout_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "finegym", "codebook", "show", "diving"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr and "No space left" in result.stderr


def test_interrupt_is_one_line_and_exit_1(monkeypatch, capsys):
    import finegym.cli
    from finegym.cli.app import app

    def interrupt(*_, **__):
        raise SystemExit(finegym.cli.INTERRUPTED)

    monkeypatch.setattr("sys.argv", ["finegym", "simulate"])
    monkeypatch.setattr(type(app), "__call__", interrupt)
    with pytest.raises(SystemExit) as stop:
        finegym.cli.main()
    assert stop.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
