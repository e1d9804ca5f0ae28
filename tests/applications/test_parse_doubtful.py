"""What the page doubts is in no official file: foreign recordings, clips that nobody saw; `finegym score` says so."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
from parse_builders import make_action, make_parse, make_parsed
from test_parse_run import LOW
from tiny_bundles import make_overconfident
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Dataset, Video
from finegym.annotations.webvtt import parse_webvtt
from finegym.applications.parse import run
from finegym.applications.parse.files import PARSE_FILE, read_parse, write_parse
from finegym.applications.parse.run import parse_videos
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin


def parse(video, bundle, out, settings=LOW):
    tally = parse_videos([video], bundle, out, settings, show_progress=False)
    assert not tally.failed, tally
    return out / video.stem, read_parse(out / video.stem / PARSE_FILE)


@pytest.fixture(scope="module")
def foreign(tiny, tmp_path_factory):
    """A bundle that has seen a simulation only, and what it makes of a record that is none."""
    root = tmp_path_factory.mktemp("foreign")
    changes = {"is_simulated": True, "routines": None}  # without facts about whole ones, nothing is interrupted
    bundle = make_overconfident(tiny.bundle, root / "simulated.finegym", **changes)
    return bundle, parse(tiny.dataset / "records/rec3.mp4", bundle, root / "out")[0]


def score(folder, *more):
    return CliRunner().invoke(app, ["score", str(folder), *more])


def test_a_foreign_recording_gives_no_official_labels_unless_asked(foreign, tiny, tmp_path):
    bundle, folder = foreign
    found = read_parse(folder / PARSE_FILE)
    routines = [action for action in found.actions if action.kind == "routine"]
    assert found.is_foreign and routines and any(sub.set_id for action in routines for sub in action.sub_actions)
    assert all(action.is_doubtful for action in found.actions) and found.num_doubtful == len(routines)
    dataset = read_dataset(folder)
    assert dataset.videos[0].actions == () and (folder / "elements.txt").read_text() == ""
    chapters, left_out = (folder / "chapters.vtt").read_text(), []
    assert parse_webvtt(chapters, "rec3", dataset.codebook, left_out).actions == () and left_out
    page = (folder / "parse.html").read_text()
    assert "in doubt, not in the annotations" in page and "left out of the official annotations" in page
    settings, video = dataclasses.replace(LOW, with_doubtful=True), tiny.dataset / "records/rec3.mp4"
    assert not run.is_parsed(run.ParseItem(video, folder), run.open_bundle(bundle), settings)
    asked, all_of_it = parse(video, bundle, tmp_path, settings)
    assert [one.name for one in read_dataset(asked).videos[0].actions] == [one.name for one in routines]
    assert all_of_it.num_doubtful == len(routines) and "in doubt, not in" not in (asked / "parse.html").read_text()
    said = score(asked).stderr
    assert f"in doubt as such, and among them: {len(routines)} routine" in said


def test_scores_of_a_parse_say_whose_labels_they_are(foreign, tmp_path):
    _, folder = foreign
    scored = score(folder, "--page", str(tmp_path / "scores.html"))
    (said,) = [line for line in scored.stderr.splitlines() if line.startswith("WARNING")]
    assert "nobody has checked these labels" in said and "of another kind than what they learned from" in said
    assert "left out, because in doubt as such: " in said and "a doubt is noted of 0 of 0 named sub-actions" in said
    assert "nobody has checked these labels" in (tmp_path / "scores.html").read_text()
    assert json.loads(score(folder, "--json").stdout)["origin"] in said
    codebook = read_builtin("artistic-women")
    write_dataset(Dataset(codebook, (Video("v", ()),)), tmp_path / "people")
    assert json.loads(score(tmp_path / "people", "--json").stdout)["origin"] is None
    assert "WARNING" not in score(tmp_path / "people").stderr
    subs = [make_parsed(0, 900, unsure=("no",)), make_parsed(1000, 1900), make_parsed(2000, 2900, set_id=None)]
    write_parse(tmp_path / "people" / PARSE_FILE, make_parse((make_action(subs, 0, 9000),)))
    assert "a doubt is noted of 1 of 2 named sub-actions" in score(tmp_path / "people").stderr
    (tmp_path / "people" / PARSE_FILE).write_text('{"format": "finegym-parse/2"}')
    assert "of another version: doubtful ones may be among them" in score(tmp_path / "people").stderr


def test_what_nobody_saw_is_counted_everywhere_and_named_nowhere(tiny, tmp_path, monkeypatch):
    ask = run.ask

    def ask_blind(*arguments, **more):
        opinion = ask(*arguments, **more)
        return dataclasses.replace(opinion, seen=np.arange(len(opinion.instance_ids), dtype=np.float64))

    monkeypatch.setattr(run, "ask", ask_blind)  # no gymnast in the first one
    folder, found = parse(tiny.dataset / "records/rec3.mp4", tiny.bundle, tmp_path)
    subs = [sub for action in found.actions for sub in action.sub_actions]
    assert [sub.is_seen for sub in subs] == [False] + [True] * (len(subs) - 1)
    assert (subs[0].element_id, subs[0].set_id) == (None, None) and found.num_not_seen == 1
    assert any(f"In 1 of {len(subs)} sub-action" in warning for warning in found.warnings)
    page = (folder / "parse.html").read_text()
    assert ", 1 not seen." in page and "1. not seen</p>" in page
    assert page.count("What the localizer alone takes it for") == 1
    with (folder / "sub_actions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["instance_id"]]
    assert [row["is_seen"] for row in rows] == ["false"] + ["true"] * (len(subs) - 1)
