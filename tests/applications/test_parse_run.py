"""From a film to a page: parsing, what is kept of a killed run, watching a folder, and bad input."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.applications.parse.files import read_parse
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseItem, ParseSettings, parse_video, parse_videos
from finegym.applications.parse.watch import list_videos, watch_folder
from finegym.cli.app import app
from finegym.errors import ConfigError, VideoError

LOW = ParseSettings(Thresholds(0.02, 0.0, 0.5, 0.05), device="cpu")


@pytest.fixture(scope="module")
def parsed(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("parsed")
    tally = parse_videos([tiny.dataset / "records/rec3.mp4"], tiny.bundle, out, LOW, show_progress=False)
    assert not tally.failed, tally
    return out


def test_a_film_becomes_a_page_and_files(parsed, tiny):
    folder = parsed / "rec3"
    parse = read_parse(folder / "parse.json")
    assert parse.actions and any(action.sub_actions for action in parse.actions)
    assert parse.is_trained_on_simulation is False
    for action in parse.actions:
        assert action.points is None or action.points >= 0
        for sub in action.sub_actions:
            assert sum(sub.events.values()) <= 1 + 1e-9
            assert sum(one.probability for one in sub.candidates) <= 1 + 1e-5  # each is rounded to six digits
            assert (sub.element_id is not None) <= (sub.candidates[0].probability >= 0.5)
            assert sub.familiarity is not None and 0 < sub.familiarity <= 1
    # The folder is a dataset folder of the routines that are whole; the table has all.
    dataset = read_dataset(folder)
    whole = [action for action in parse.actions if action.kind == "routine"]
    assert [action.name for action in dataset.videos[0].actions] == [action.name for action in whole]
    annotated = [one.sub_action.element_id for one in dataset.instances.values()]
    assert annotated == [sub.element_id for action in whole for sub in action.sub_actions]
    named = [sub.element_id for action in parse.actions for sub in action.sub_actions]
    with (folder / "sub_actions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["instance_id"]]
    assert [row["element_id"] or None for row in rows] == named
    chapters = (folder / "chapters.vtt").read_text()
    assert chapters.startswith("WEBVTT")
    assert parse.warnings and all(f"\n\nNOTE WARNING: {warning}\n\n" in chapters for warning in parse.warnings)
    page = (folder / "parse.html").read_text()
    assert "http://" not in page and "https://" not in page  # nothing from elsewhere
    assert page.count("<article") == len(named) and page.count("data:image/jpeg") == 3 * len(named)
    assert not (folder / ".work").exists()


def test_what_is_parsed_stays_and_what_was_killed_goes_on(parsed, tiny, tmp_path, monkeypatch):
    video = tiny.dataset / "records/rec3.mp4"
    assert len(parse_videos([video], tiny.bundle, parsed, LOW, show_progress=False).skipped) == 1
    from finegym.applications.parse import run

    def die(*_, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "ask", die)
    item = ParseItem(video, tmp_path / "rec3")
    with pytest.raises(KeyboardInterrupt):
        parse_video(item, bundle=tiny.bundle, settings=LOW, show_progress=False)
    assert not (item.out / "parse.json").exists() and (item.out / ".work").is_dir()
    (kept,) = (item.out / ".work").glob("*/seconds.json")
    before = json.loads(kept.read_text())
    assert before["localize"] > 0 and "recognise" in before
    kept.write_text(json.dumps({**before, "localize": 1000.0}))
    monkeypatch.undo()
    monkeypatch.setenv("FINEGYM_BUNDLES_FOLDER", str(tmp_path / "elsewhere"))
    with monkeypatch.context() as patch:
        patch.setattr(run, "localize_nested_inputs", None)  # what was found is not looked for again
        parse_video(item, bundle=tiny.bundle, settings=LOW, show_progress=False)
    first, second = (read_parse(path / "rec3/parse.json") for path in (parsed, tmp_path))
    assert first.actions == second.actions
    assert 1000 <= second.seconds["localize"] < 1000 + first.seconds["localize"]
    assert second.seconds.keys() == first.seconds.keys() == {"localize", "replays", "recognise", "read"}
    (item.out / "parse.json").write_text("{")
    assert len(parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False).done) == 1
    edited = tmp_path / "edited.yaml"
    shipped = Path(str(files("finegym.applications.codes_of_points") / "fig-women-2017.yaml"))
    edited.write_text(shipped.read_text(encoding="utf-8").replace("A: 0.1", "A: 0.15"), encoding="utf-8")
    again = dataclasses.replace(LOW, code=str(edited))  # of the same name
    assert len(parse_videos([video], tiny.bundle, tmp_path, again, show_progress=False).done) == 1


def test_another_recording_of_the_same_name_is_not_written_over(parsed, tiny, tmp_path):
    there = (parsed / "rec3/parse.json").read_bytes()
    other = tmp_path / "rec3.mp4"
    other.write_bytes((tiny.dataset / "records/rec2.mp4").read_bytes())
    tally = parse_videos([other], tiny.bundle, parsed, LOW, show_progress=False)
    assert "is the parse of another recording of that name" in tally.failed[str(other)]
    assert (parsed / "rec3/parse.json").read_bytes() == there


def test_a_clip_is_taken_whole(tiny, tmp_path, monkeypatch):
    video = tiny.dataset / "records/rec3.mp4"
    settings = ParseSettings(Thresholds(), device="cpu", whole="sub-action")
    tally = parse_videos([video], tiny.bundle, tmp_path, settings, show_progress=False)
    parse = read_parse(tally.done[str(video)])
    (action,) = parse.actions
    (sub,) = action.sub_actions
    assert (action.start_ms, action.end_ms, sub.end_ms) == (0, 4000, 4000)
    assert action.event_id == max(sub.events, key=sub.events.get)
    assert "Taken whole" in (tmp_path / "rec3/parse.html").read_text()
    # Killed while another parse takes its place: nothing says that what lies there is one.
    (tmp_path / "rec3/reasons.json").write_text("{}")
    monkeypatch.setattr("finegym.applications.parse.exporting.write_parse_page", None)
    settings = dataclasses.replace(settings, thresholds=Thresholds(min_probability=0.9))
    with pytest.raises(TypeError):
        parse_videos([video], tiny.bundle, tmp_path, settings, show_progress=False)
    assert not any((tmp_path / "rec3" / name).exists() for name in ("parse.json", "reasons.json"))


def test_bad_input_gets_one_line(tiny, tmp_path):
    out = ["--out", str(tmp_path / "out"), "--bundle", str(tiny.bundle)]
    runner = CliRunner()
    missing = runner.invoke(app, ["parse", str(tmp_path / "none.mp4"), *out])
    assert missing.exit_code == 1 and "there is no such file" in missing.output
    (tmp_path / "text.mp4").write_text("no video")
    broken = runner.invoke(app, ["parse", str(tmp_path / "text.mp4"), *out])
    assert broken.exit_code == 1 and "failed 1" in broken.output
    (tmp_path / "out/rec3").mkdir(parents=True)
    (tmp_path / "out/rec3/mine.txt").write_text("precious")
    foreign = runner.invoke(app, ["parse", str(tiny.dataset / "records/rec3.mp4"), *out])
    assert foreign.exit_code == 1 and "no parse of finegym's" in foreign.output
    with pytest.raises(ConfigError, match="fig-women-2017"):
        parse_videos([], tiny.bundle, tmp_path, ParseSettings(code="fig-women-2018"))
    with pytest.raises(ConfigError, match="name of two videos"):
        parse_videos([tmp_path / "a/x.mp4", tmp_path / "b/x.mp4"], tiny.bundle, tmp_path)


def test_a_watched_folder_is_parsed_once_files_stand_still(tiny, tmp_path):
    folder, said, looks = tmp_path / "incoming", [], []
    folder.mkdir()

    def sleep(_):
        looks.append(len(said))
        if len(looks) == 1:
            shutil.copy(tiny.dataset / "records/rec3.mp4", folder / "rec3.mp4")
            (folder / "notes.txt").write_text("no video")
        if len(looks) == 4:
            raise KeyboardInterrupt

    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, say=said.append, sleep=sleep) == 1
    assert said[0].startswith("rec3.mp4: parsed: ") and "routine" in said[0] and said[-1] == "parsed 1"
    warnings = read_parse(tmp_path / "out/rec3/parse.json").warnings
    assert warnings and said[1:-1] == [f"rec3.mp4: WARNING: {warning}" for warning in warnings]
    assert looks == [0, 0, *[1 + len(warnings)] * 2]  # seen first, taken at the look after
    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, once=True, say=said.append) == 0
    assert said[-1] == "rec3.mp4: was parsed before"
    shutil.copy(folder / "rec3.mp4", folder / "rec3.mkv")
    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, once=True, say=said.append) == 0
    assert said[-2] == "rec3.mkv: was parsed before" and said[-1].startswith("rec3.mp4: left out")


def test_a_watcher_names_wrong_rules_at_once_and_bears_what_is_moved_away(tiny, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="fig-women-2018"):
        watch_folder(tmp_path, tiny.bundle, tmp_path, ParseSettings(code="fig-women-2018"), once=True, say=print)
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_file", lambda _: True)  # it still was, a moment ago
        assert list_videos(tmp_path) == {}


def test_a_folder_parsed_once_says_what_failed(tiny, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    said = []
    with pytest.raises(VideoError, match="1 of 1 recordings"):
        watch_folder(tmp_path, tiny.bundle, tmp_path / "out", LOW, once=True, say=said.append)
    assert said[0].startswith("text.mp4: ")


def test_the_command_prints_json_and_lines(parsed, tiny):
    arguments = ["parse", str(tiny.dataset / "records/rec3.mp4"), "--bundle", str(tiny.bundle), "--out", str(parsed)]
    arguments += ["--min-score", "0.02", "--min-sub-score", "0"]
    printed = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(printed.stdout)[0]["record_id"] == "rec3"
    assert "skipped 1" in CliRunner().invoke(app, arguments).output
    shown = CliRunner().invoke(app, ["bundle", "show", str(tiny.bundle)]).output
    assert "routines " in shown
    assert "temperature" in shown and "footage that was not simulated" in shown


def test_the_call_of_five_lines(parsed, tiny, monkeypatch):
    import finegym

    video = tiny.dataset / "records/rec3.mp4"
    with pytest.raises(ConfigError, match="FINEGYM_BUNDLE"):
        finegym.parse(video, out=parsed)
    monkeypatch.setenv("FINEGYM_BUNDLE", str(tiny.bundle))
    found = finegym.parse(str(video), out=str(parsed), min_score=0.02, min_sub_score=0.0)
    assert found == read_parse(parsed / "rec3/parse.json")
    with pytest.raises(VideoError, match="no such file"):
        finegym.parse("none.mp4", out=parsed)
