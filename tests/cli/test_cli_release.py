"""``finegym release``: what it prints and writes, and how it fails."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset, write_dataset
from finegym.cli import main
from finegym.cli.app import app

samples = runpy.run_path(str(Path(__file__).parents[1] / "release" / "release_samples.py"))
QUICK = ("--no-figures", "--export", "none", "--min-train", "8", "--min-val", "3")


@pytest.fixture
def folder(tmp_path):
    return samples["make_folder"](tmp_path / "competition")


def run(*arguments):
    result = CliRunner().invoke(app, ["release", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def fail(capsys, monkeypatch, *arguments):
    """Run the whole command; its one line of error."""
    monkeypatch.setattr(sys, "argv", ["finegym", "release", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "Error" in line]
    assert len(lines) == 1
    return lines[0]


def test_build_verify_and_diff(folder):
    code, out, progress = run("build", folder, "--version", "1.0", *QUICK)
    assert code == 0 and "checksums" in progress
    assert "competition 1.0: 12 records, 36 actions, 175 sub-actions, of them 175 with an element" in out
    assert "split balanced: " in out and "questions of about.toml are not answered" in out
    release = folder / "releases" / "competition-1.0"
    sha256 = out.strip().splitlines()[-1].split()[-1]
    code, out, _ = run("verify", release, "--sha256", sha256)
    assert code == 0 and "as published" in out and sha256 in out
    dataset = read_dataset(folder)
    write_dataset(replace(dataset, videos=dataset.videos[1:]), folder)
    code, out, _ = run("build", folder, "--version", "1.1", "--since", release, *QUICK)
    assert code == 0 and (folder / "releases/competition-1.1/CHANGES.md").is_file()
    code, out, _ = run("diff", release, folder / "releases/competition-1.1")
    assert code == 0 and "records removed (1)" in out and "sub-actions removed (10)" in out
    code, out, _ = run("diff", release, release)
    assert out == "competition 1.0 and competition 1.0 hold the same\n"


def test_json_of_all_three(folder, tmp_path):
    _, out, _ = run("build", folder, "--version", "2", "--out", tmp_path / "r", "--split", "none", "--json", *QUICK)
    built = json.loads(out)
    assert built["release"]["counts"]["sub_actions"] == 175 and built["release"]["splits"] == []
    (tmp_path / "r/elements.txt").write_text("")
    code, out, _ = run("verify", tmp_path / "r", "--json")
    found = json.loads(out)
    assert code == 1 and not found["is_intact"] and found["manifest_sha256"] == built["manifest_sha256"]
    assert len(found["problems"]) == 1
    _, out, _ = run("diff", folder, folder, "--json")
    assert json.loads(out)["counts"]["action"]["same"] == 36


def test_files_beside_the_dataset_are_read(folder):
    (folder / "about.toml").write_text('title = "Ours"\nlicence = "CC0"\n')
    (folder / "exclusions.toml").write_text('[[rule]]\nname = "leaps"\nwhy = "unregulated move"\nelements = ["leap"]\n')
    _, out, _ = run("build", folder, "--version", "1", *QUICK)
    assert "rule leaps (unregulated move): " in out
    assert "# Ours 1" in (folder / "releases/competition-1/README.md").read_text()


def test_bad_input_is_one_line(folder, tmp_path, capsys, monkeypatch):
    def line(*arguments):
        return fail(capsys, monkeypatch, *arguments)

    assert "version 'x'" in line("build", folder, "--version", "x")
    assert "there is no such folder" in line("build", tmp_path / "nowhere", "--version", "1")
    assert "Lower --min-train and --min-val" in line("build", folder, "--version", "1")
    assert "expected SPLIT:KIND=REASON" in line("build", folder, "--version", "1", "--allow-leak", "gym99")
    assert "cannot be read" in line("build", folder, "--version", "1", "--about", tmp_path / "no.toml")
    assert "expected the manifest of a release" in line("verify", folder)
    assert "expected a release or a dataset folder" in line("diff", folder, tmp_path)
    (folder / "about.toml").write_text('titel = "Ours"\n')
    assert 'unknown key titel; did you mean "title"' in line("build", folder, "--version", "1")
    (folder / "about.toml").write_text('url = "example.org"\ndate_published = "soon"\n')
    message = line("build", folder, "--version", "1")
    assert "expected an address" in message and "date_published" in message
    (folder / "about.toml").unlink()
    run("build", folder, "--version", "1", *QUICK)
    assert "is there already" in line("build", folder, "--version", "1", *QUICK)


def test_leaks_are_refused_with_the_flag_that_would_let_them_through(folder, capsys, monkeypatch):
    split = ("--by", "action", *QUICK)
    message = fail(capsys, monkeypatch, "build", folder, "--version", "1", "--split", "balanced", *split)
    assert "video groups are on both sides" in message and "--allow-leak 'balanced:video=WHY'" in message
    code, out, _ = run(
        "build",
        folder,
        "--version",
        "1",
        "--split",
        "balanced",
        "--allow-leak",
        "balanced:video=short of records",
        *split,
    )
    assert code == 0 and "excepted from the leak gate: video" in out
    assert "short of records" in (folder / "releases/competition-1/README.md").read_text()


def test_media_are_hashed_where_they_are_all_there(folder, capsys, monkeypatch):
    build = ("build", folder, "--version", "1", "--split", "none", "--hash-media", *QUICK)
    message = fail(capsys, monkeypatch, *build)
    assert "media files of 12 records cannot be hashed: records/0.mp4 (No such file or directory)" in message
    (folder / "records").mkdir()
    for number in range(12):
        (folder / f"records/{number}.mp4").write_bytes(bytes([number]))
    assert run(*build)[0] == 0
    release = folder / "releases" / "competition-1"
    (release / "records").mkdir()
    (release / "records/3.mp4").write_bytes(b"another film")
    code, out, _ = run("verify", release)
    assert code == 1 and "records/3.mp4: is not the media file that was annotated" in out
