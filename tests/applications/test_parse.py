"""From a film to a page: bundles, parsing, what is kept of a killed run, watching a folder, and bad input."""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.applications.bundle import make_bundle, open_bundle
from finegym.applications.hierarchy import combine_levels, spread_event
from finegym.applications.parse.evaluating import Counts, score_parses
from finegym.applications.parse.files import Candidate, Parse, ParsedAction, ParsedSubAction, Stretch, read_parse
from finegym.applications.parse.found import FoundAction, FoundSubAction, read_found
from finegym.applications.parse.interpreting import Thresholds, average_sets, doubt_replays, interpret_action
from finegym.applications.parse.recognising import Opinion
from finegym.applications.parse.run import ParseItem, ParseSettings, parse_video, parse_videos
from finegym.applications.parse.watch import watch_folder
from finegym.applications.scoring.code_of_points import read_code
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, PredictionError, VideoError
from finegym.localization.opening import open_localizer
from finegym.training.run_folder import RunFolder, read_checkpoint

CODEBOOK = read_builtin("artistic-women")
LOW = ParseSettings(Thresholds(0.02, 0.0, 0.5, 0.05), device="cpu")


def test_a_bundle_gives_back_the_runs_it_was_made_of(tiny, tmp_path):
    bundle = open_bundle(tiny.bundle)
    assert bundle.codebook == read_dataset(tiny.dataset).codebook
    for inside, outside in ((bundle.actions, tiny.actions), (bundle.recognisers[0], tiny.recogniser)):
        mine, theirs = (read_checkpoint(RunFolder(path).find_checkpoint()) for path in (inside, outside))
        assert mine["classes"] == theirs["classes"] and mine["epochs_done"] == theirs["epochs_done"]
        assert mine["model"].keys() == theirs["model"].keys()
        assert all(torch.equal(mine["model"][key], value) for key, value in theirs["model"].items())
    localizers = [open_localizer(path, device="cpu").localizer for path in (bundle.actions, tiny.actions)]
    states = [localizer.state_dict() for localizer in localizers]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    again = make_bundle(
        tmp_path / "tiny.finegym", actions=tiny.actions, sub_actions=tiny.sub_actions, recognisers=[tiny.recogniser]
    )
    assert again == bundle.facts and (tmp_path / "tiny.finegym").read_bytes() == tiny.bundle.read_bytes()
    for lost in ("bundle.json", "codebook.yaml", bundle.facts.actions):  # a cache that was cleared in part
        there = open_bundle(tiny.bundle, tmp_path / "cache").folder / lost
        shutil.rmtree(there) if there.is_dir() else there.unlink()
        assert (open_bundle(tiny.bundle, tmp_path / "cache").folder / lost).exists()


def test_a_damaged_bundle_is_refused(tiny, tmp_path):
    content = bytearray(tiny.bundle.read_bytes())
    place = content.index(b"learning_rate")
    content[place : place + 8] = b"LEARNING"
    (tmp_path / "bad.finegym").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        open_bundle(tmp_path / "bad.finegym", tmp_path / "cache")
    assert not any((tmp_path / "cache").glob("*/bundle.json"))
    with zipfile.ZipFile(tmp_path / "evil.finegym", "w") as archive:
        text = zipfile.ZipFile(tiny.bundle).read("bundle.json").decode().replace("codebook.yaml", "../../evil.yaml")
        archive.writestr("bundle.json", text)
    with pytest.raises(ConfigError, match="damaged"):
        open_bundle(tmp_path / "evil.finegym", tmp_path / "cache")
    (tmp_path / "text.finegym").write_text("no archive")
    with pytest.raises(ConfigError, match="no bundle"):
        open_bundle(tmp_path / "text.finegym", tmp_path / "cache")
    with pytest.raises(ConfigError, match="finegym bundle make"):
        open_bundle(tmp_path / "none.finegym", tmp_path / "cache")


def test_a_bundle_of_wrong_parts_is_refused(tiny, tmp_path):
    out = tmp_path / "x.finegym"
    with pytest.raises(ConfigError, match="task sub-actions; expected one of actions"):
        make_bundle(out, actions=tiny.sub_actions, sub_actions=tiny.actions, recognisers=[tiny.recogniser])
    with pytest.raises(ConfigError, match="needs a recogniser"):
        make_bundle(out, actions=tiny.actions, sub_actions=tiny.sub_actions, recognisers=[])
    assert not out.exists()


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
            assert sum(one.probability for one in sub.candidates) <= 1 + 1e-6
            assert (sub.element_id is not None) <= (sub.candidates[0].probability >= 0.5)
            assert sub.familiarity is not None and 0 < sub.familiarity <= 1
    # The folder is a dataset folder, and the tables say the same.
    dataset = read_dataset(folder)
    assert len(dataset.videos[0].actions) == len(parse.actions)
    named = [one.sub_action.element_id for one in dataset.instances.values()]
    assert named == [sub.element_id for action in parse.actions for sub in action.sub_actions]
    assert (folder / "chapters.vtt").read_text().startswith("WEBVTT")
    page = (folder / "parse.html").read_text()
    assert "http://" not in page and "https://" not in page  # nothing from elsewhere
    assert page.count("<article") == len(named) and page.count("data:image/jpeg") == 3 * len(named)
    assert not (folder / ".work").exists()


def test_what_is_parsed_stays_and_what_was_killed_goes_on(parsed, tiny, tmp_path, monkeypatch):
    video = tiny.dataset / "records/rec3.mp4"
    assert len(parse_videos([video], tiny.bundle, parsed, LOW, show_progress=False).skipped) == 1
    from finegym.applications.parse import run

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "find_stretches", die)
    item = ParseItem(video, tmp_path / "rec3")
    with pytest.raises(KeyboardInterrupt):
        parse_video(item, bundle=tiny.bundle, settings=LOW, show_progress=False)
    assert not (item.out / "parse.json").exists() and (item.out / ".work").is_dir()
    monkeypatch.undo()
    monkeypatch.setenv("FINEGYM_BUNDLES_FOLDER", str(tmp_path / "elsewhere"))
    parse_video(item, bundle=tiny.bundle, settings=LOW, show_progress=False)
    first, second = (read_parse(path / "rec3/parse.json") for path in (parsed, tmp_path))
    assert first.actions == second.actions
    (item.out / "parse.json").write_text("{")
    assert len(parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False).done) == 1
    edited = tmp_path / "edited.yaml"
    shipped = Path(str(files("finegym.applications.codes_of_points") / "fig-women-2017.yaml"))
    edited.write_text(shipped.read_text(encoding="utf-8").replace("A: 0.1", "A: 0.15"), encoding="utf-8")
    again = dataclasses.replace(LOW, code=str(edited))  # of the same name
    assert len(parse_videos([video], tiny.bundle, tmp_path, again, show_progress=False).done) == 1


def test_a_clip_is_taken_whole(tiny, tmp_path):
    video = tiny.dataset / "records/rec3.mp4"
    settings = ParseSettings(Thresholds(), device="cpu", whole="sub-action")
    tally = parse_videos([video], tiny.bundle, tmp_path, settings, show_progress=False)
    parse = read_parse(tally.done[str(video)])
    (action,) = parse.actions
    (sub,) = action.sub_actions
    assert (action.start_ms, action.end_ms, sub.end_ms) == (0, 4000, 4000)
    assert action.event_id == max(sub.events, key=sub.events.get)
    assert "Taken whole" in (tmp_path / "rec3/parse.html").read_text()


def test_real_clips_go_through(tiny, shared, tmp_path):
    """Footage that the models have never seen the like of: every file gets a page, whatever it is said to show."""
    beam = min((shared / "clips/ucf101/BalanceBeam").glob("*.avi"))
    clips = [shared / "finegym/examples/bb_01.gif", beam]
    settings = ParseSettings(Thresholds(), device="cpu", whole="sub-action")
    tally = parse_videos(clips, tiny.bundle, tmp_path, settings, show_progress=False)
    assert not tally.failed
    for clip in clips:
        (action,) = read_parse(tmp_path / clip.stem / "parse.json").actions
        assert action.sub_actions[0].familiarity is not None


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
    assert said == ["rec3.mp4: parsed", "parsed 1"]
    assert looks == [0, 0, 1, 1]  # seen first, taken at the look after
    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, once=True, say=said.append) == 0
    assert said[-1] == "rec3.mp4: was parsed before"
    shutil.copy(folder / "rec3.mp4", folder / "rec3.mkv")
    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, once=True, say=said.append) == 0
    assert said[-2] == "rec3.mkv: was parsed before" and said[-1].startswith("rec3.mp4: left out")


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


def test_parses_are_scored_as_by_hand():
    rows = ((1000, 2000, "fx-turn-1"), (3000, 4000, "fx-turn-2"), (6000, 7000, "fx-turn-3"))
    true = tuple(SubAction(f"A_{n:04d}_{n:04d}", ((s, e),), element) for n, (s, e, element) in enumerate(rows))
    actions = (Action("E_000000_000010", "FX", 0, 10_000, true),)
    truth = Dataset(CODEBOOK, (Video("v", actions),))
    # The first is hit and named rightly, the second is hit and takes its set only, the third is missed by 100 ms.
    subs = (
        make_parsed(1100, 2100, "fx-turn-1"),
        make_parsed(3000, 4000, None, candidate="fx-turn-2"),
        make_parsed(6600, 7600, "fx-turn-3"),
    )
    parsed = make_parse((make_action(subs, 0, 11_000), make_action((), 20_000, 30_000)))
    scores = score_parses([parsed], truth)
    assert scores.routines == Counts(1, 2, 1)
    assert scores.sub_actions == Counts(3, 3, 2)
    assert scores.sets == Counts(3, 3, 2)
    assert scores.elements == Counts(3, 2, 1)
    assert scores.likeliest == Counts(3, 3, 2)
    assert (scores.elements.precision, scores.elements.recall) == (1 / 2, 1 / 3)
    assert Counts(0, 0, 0).precision is None
    with pytest.raises(PredictionError, match="not annotated"):
        score_parses([parsed.model_copy(update={"record_id": "w"})], truth)
    with pytest.raises(PredictionError, match="v: parsed twice"):
        score_parses([parsed, parsed], truth)


def make_parsed(start_ms, end_ms, element_id, candidate=None):
    best = element_id or candidate
    return ParsedSubAction(
        name=f"A_{start_ms:04d}_{end_ms:04d}",
        start_ms=start_ms,
        end_ms=end_ms,
        score=0.9,
        element_id=element_id,
        set_id="FX-S2",
        events={"FX": 1.0},
        sets={"FX-S2": 1.0},
        candidates=(Candidate(element_id=best, name=best, set_id="FX-S2", probability=0.6, path=()),),
        attributes={},
        familiarity=None,
        unsure=(),
    )


def make_action(subs, start_ms, end_ms):
    return ParsedAction(
        name=f"E_{start_ms // 1000:06d}_{end_ms // 1000:06d}",
        event_id="FX",
        start_ms=start_ms,
        end_ms=end_ms,
        score=0.9,
        sub_actions=subs,
        unsure=(),
        points=None,
        points_of_likeliest=None,
    )


def make_parse(actions):
    return Parse(
        record_id="v",
        video="v.mp4",
        video_fingerprint="",
        duration_ms=60_000,
        bundle="b",
        bundle_sha256="",
        is_trained_on_simulation=None,
        code_of_points="fig-women-2017",
        settings={},
        actions=actions,
        stretches=(),
        seconds={},
    )


def test_routines_in_a_replay_say_so():
    live, shown_again = make_action((), 0, 10_000), make_action((), 20_000, 30_000)
    replay = Stretch(kind="replay", start_ms=21_000, end_ms=29_000, score=1.0, reasons=())
    slow = Stretch(kind="slow motion", start_ms=0, end_ms=10_000, score=1.0, reasons=())
    doubted = doubt_replays([live, shown_again], [replay, slow])
    assert [bool(action.unsure) for action in doubted] == [False, True]


# Reading, with opinions made by hand.


def make_opinion(level, probabilities, familiarity=0.5, instance="v_E_000001_000040_A_0001_0002"):
    ids, values = zip(*probabilities.items(), strict=True)
    return Opinion("made", level, ids, (instance,), np.array([values]), np.array([familiarity]))


FOUND = FoundAction(
    "E_000001_000040", "FX", 1000, 40_000, 0.9, (FoundSubAction("A_0001_0002", 2000, 3000, "FX-S2", 0.8, 0),)
)


def read(*opinions):
    action = interpret_action(FOUND, "v", opinions, CODEBOOK, Thresholds(), read_code("fig-women-2017"))
    return action, action.sub_actions[0]


def test_an_element_that_all_levels_agree_on_is_named():
    action, sub = read(
        make_opinion("set", {"FX-S1": 0.1, "FX-S2": 0.9}), make_opinion("element", {"fx-turn-1": 0.9, "fx-turn-2": 0.1})
    )
    assert (sub.element_id, sub.set_id, sub.unsure) == ("fx-turn-1", "FX-S2", ())
    assert sub.attributes["turns"] == 1.0
    product = np.prod([step.probability for step in sub.candidates[0].path])
    assert product == pytest.approx(sub.candidates[0].probability / sub.sets["FX-S2"], abs=1e-5)
    assert action.points == action.points_of_likeliest == 0.1 + 0.0


def test_what_is_unsure_says_so_and_names_nothing():
    _, sub = read(make_opinion("element", {"fx-turn-1": 0.4, "fx-turn-2": 0.3, "fx-turn-3": 0.3}))
    assert sub.element_id is None and sub.set_id == "FX-S2"
    assert any("the likeliest has" in doubt and "least sure" in doubt for doubt in sub.unsure)
    action, sub = read(make_opinion("element", {"fx-turn-1": 0.95, "fx-turn-2": 0.05}, familiarity=0.01))
    assert sub.element_id is None and "none of the classes" in sub.unsure[0]
    assert action.points == 0.0 and action.points_of_likeliest == 0.1


def test_a_recogniser_of_one_set_says_nothing_of_the_others():
    _, sub = read(make_opinion("set", {"FX-S1": 0.9, "FX-S2": 0.1}), make_opinion("element", {"fx-turn-1": 1.0}))
    # The localizer said FX-S2 with 0.8; the mean of both is for FX-S1, whose elements nobody can tell.
    assert sub.sets["FX-S1"] > sub.sets["FX-S2"]
    sets = average_sets(FOUND.sub_actions[0], [(make_opinion("element", {"fx-turn-1": 1.0}), 0)], CODEBOOK)
    assert sets["FX-S2"] == pytest.approx(0.8)


def test_only_who_knows_the_set_finds_it_unfamiliar():
    wide = make_opinion("element", {"fx-turn-1": 0.9, "fx-turn-2": 0.1}, familiarity=0.6)
    of_beam = make_opinion("element", {"bb-cat-leap": 0.5, "bb-cat-leap-half": 0.5}, familiarity=0.001)
    assert read(wide, of_beam)[1].element_id == "fx-turn-1"
    # Three that know it: the least p-value times three.
    others = (
        make_opinion("set", {"FX-S2": 1.0}, familiarity=0.02),
        make_opinion("event", {"FX": 1.0}, familiarity=0.9),
    )
    sub = read(wide, *others)[1]
    assert sub.familiarity == pytest.approx(0.06) and sub.element_id == "fx-turn-1"
    assert read(of_beam)[1].familiarity is None


def test_an_event_without_sets_leaves_all_of_them():
    event = dataclasses.replace(CODEBOOK.events[0], id="PH")
    codebook = dataclasses.replace(CODEBOOK, events=(*CODEBOOK.events, event))
    levels = combine_levels(codebook, sets={"FX-S1": 1.0}, events=spread_event(codebook, "PH", 1.0))
    assert sum(levels.sets.values()) == pytest.approx(1) and len(set(levels.sets.values())) == 1


def test_where_no_model_tells_elements_there_are_no_points():
    action, _ = read(make_opinion("set", {"FX-S2": 1.0}))
    assert action.points is None and action.points_of_likeliest is None


def test_findings_in_one_stretch_are_counted_once():
    rows = [
        {"label": "FX-S1", "start_ms": 5000, "end_ms": 6000, "score": 0.5},
        {"label": "FX-S2", "start_ms": 5100, "end_ms": 6100, "score": 0.9},
        {"label": "FX-S2", "start_ms": 5900, "end_ms": 7000, "score": 0.4},
        {"label": "FX-S2", "start_ms": 8000, "end_ms": 8000, "score": 0.8},
    ]
    action = {"action_id": "v_E_000001_000040", "label": "FX", "start_ms": 1000, "end_ms": 40_000, "score": 0.7}
    (found,) = read_found([{**action, "sub_actions": rows}])
    assert found.name == "E_000001_000040"
    assert [(sub.name, sub.start_ms, sub.num_shared) for sub in found.sub_actions] == [
        ("A_0004_0005", 5100, 1),
        ("A_0004_0006", 5900, 0),
    ]
