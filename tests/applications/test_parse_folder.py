"""The folder of a parse: one writer at a time, nothing of an earlier parse, and the recording found from there."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
from parse_builders import make_parse
from test_parse_run import LOW

from finegym.applications.parse import run
from finegym.applications.parse.files import AT_WORK, PARSE_FILE, read_parse, write_parse
from finegym.applications.parse.run import ParseItem, parse_video, parse_videos
from finegym.applications.parse.watch import watch_folder
from finegym.applications.reasons_parse import explain_parse
from finegym.errors import ConfigError, OutputError
from finegym.files import hold_folder


def test_the_recording_is_found_from_the_folder_of_its_parse(tmp_path, monkeypatch):
    (tmp_path / "gym/records").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "gym")
    write_parse(tmp_path / "gym/parses/v" / PARSE_FILE, make_parse((), video="records/v.mp4"))
    stored = json.loads((tmp_path / "gym/parses/v" / PARSE_FILE).read_text())
    assert stored["video"] == "../../records/v.mp4"
    monkeypatch.chdir("/")
    assert read_parse(tmp_path / "gym/parses/v" / PARSE_FILE).video == str(tmp_path.resolve() / "gym/records/v.mp4")
    shutil.move(tmp_path / "gym", tmp_path / "hall")  # together
    assert read_parse(tmp_path / "hall/parses/v" / PARSE_FILE).video == str(tmp_path.resolve() / "hall/records/v.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "hall/parses", target_is_directory=True)
    parse = read_parse(tmp_path / "link/v" / PARSE_FILE)
    write_parse(tmp_path / "link/w" / PARSE_FILE, parse)
    assert read_parse(tmp_path / "hall/parses/w" / PARSE_FILE).video == parse.video


@pytest.mark.parametrize(
    ("format_", "video", "is_refused"),
    [
        ("finegym-parse/3", "../rec3.mp4", True),  # as seen from its folder, which is not this recording
        ("finegym-parse/3", "../../records/rec3.mp4", False),  # this one, of other content before
        ("finegym-parse/2", "../rec3.mp4", False),  # as seen from where the command runs
        ("finegym-parse/2", "../../rec3.mp4", True),
        ("finegym-parse/3", "rec3\0.mp4", False),  # damaged
    ],
)
def test_another_recording_of_the_name_is_not_written_over(tmp_path, monkeypatch, format_, video, is_refused):
    out, mine = tmp_path / "parses/rec3", tmp_path / "records/rec3.mp4"
    (tmp_path / "records/here").mkdir(parents=True)
    out.mkdir(parents=True)
    facts = {"format": format_, "video": video, "video_fingerprint": "another"}
    (out / PARSE_FILE).write_text(json.dumps(facts))
    monkeypatch.chdir(tmp_path / "records/here")
    if not is_refused:
        run._refuse_foreign(out, mine, "this")
        return
    with pytest.raises(ConfigError, match="another recording of that name"):
        run._refuse_foreign(out, mine, "this")


def test_a_damaged_parse_is_refused_in_one_line(tmp_path):
    (tmp_path / PARSE_FILE).write_bytes(b"\xff{")
    with pytest.raises(ConfigError, match=r"parse\.json: Invalid JSON.*Parse the video again"):
        read_parse(tmp_path / PARSE_FILE)
    (tmp_path / PARSE_FILE).write_text("{}")
    with pytest.raises(ConfigError, match=r"parse\.json: record_id: Field required"):
        read_parse(tmp_path / PARSE_FILE)


def test_a_second_process_in_the_folder_gets_one_line(tiny, tmp_path):
    video = tiny.dataset / "records/rec3.mp4"
    with hold_folder(tmp_path / "rec3", AT_WORK):
        tally = parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False)
    (said,) = tally.failed.values()
    assert said == f"{tmp_path / 'rec3'}: another {AT_WORK} is at work there. Wait for it to end."
    assert [path.name for path in (tmp_path / "rec3").iterdir()] == [".lock"]
    assert parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False).done  # a lock alone is no parse
    with hold_folder(tmp_path / "rec3", AT_WORK), pytest.raises(OutputError, match="is at work there"):
        explain_parse(tmp_path / "rec3", tiny.bundle)
    with pytest.raises(ConfigError, match="cannot be read"):
        explain_parse(tmp_path / "none", tiny.bundle)
    assert not (tmp_path / "none").exists()


def test_what_another_parsed_meanwhile_stays(tiny, tmp_path, monkeypatch):
    item = ParseItem(tiny.dataset / "records/rec3.mp4", tmp_path / "rec3")
    parse_video(item, bundle=tiny.bundle, settings=LOW)
    before = (tmp_path / "rec3" / PARSE_FILE).stat().st_mtime_ns
    monkeypatch.setattr(run, "find_actions", None)
    assert parse_video(item, bundle=tiny.bundle, settings=LOW).stat().st_mtime_ns == before


def test_a_watcher_waits_for_who_is_at_work(tiny, tmp_path):
    folder, said, looks = tmp_path / "incoming", [], []
    folder.mkdir()
    shutil.copy(tiny.dataset / "records/rec3.mp4", folder / "rec3.mp4")
    held = hold_folder(tmp_path / "out/rec3", AT_WORK)
    held.__enter__()

    def sleep(_):
        looks.append(len(said))
        if len(looks) == 3:
            held.__exit__(None, None, None)
        if len(looks) == 5:
            raise KeyboardInterrupt

    assert watch_folder(folder, tiny.bundle, tmp_path / "out", LOW, say=said.append, sleep=sleep) == 1
    assert looks[:3] == [0, 1, 1] and "is at work there" in said[0] and said[1].startswith("rec3.mp4: parsed: ")
    assert looks[3] == looks[4]  # and not again


def test_another_parse_leaves_nothing_of_the_earlier_one(tiny, tmp_path, monkeypatch):
    video, out = tiny.dataset / "records/rec3.mp4", tmp_path / "rec3"
    parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False)
    earlier = {path.name for path in out.iterdir()}
    (out / "reasons.json").write_text("{}")
    (out / ".reasons/features").mkdir(parents=True)
    (out / "splits").mkdir()  # somebody else's
    settings = dataclasses.replace(LOW, thresholds=dataclasses.replace(LOW.thresholds, min_probability=0.9))
    with monkeypatch.context() as patch:
        patch.setattr("finegym.applications.parse.exporting.write_dataset", None)
        with pytest.raises(TypeError):
            parse_videos([video], tiny.bundle, tmp_path, settings, show_progress=False)
    assert {path.name for path in out.iterdir()} == {".lock", ".work", "codebook.yaml", "splits"}
    parse_videos([video], tiny.bundle, tmp_path, settings, show_progress=False)
    assert {path.name for path in out.iterdir()} == earlier | {"splits"}


def test_replays_that_a_stopped_call_found_are_gone_where_nobody_looks_for_them(tiny, tmp_path, monkeypatch):
    item = ParseItem(tiny.dataset / "records/rec3.mp4", tmp_path / "rec3")
    there = []

    def stop(*_, **_more):
        there.append(bool(list((item.out / ".work").rglob("shots.json"))))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "ask", stop)
    for without_shots in (False, True):
        with pytest.raises(KeyboardInterrupt):
            parse_video(item, bundle=tiny.bundle, settings=dataclasses.replace(LOW, without_shots=without_shots))
    assert there == [True, False]


def test_a_parse_of_another_version_is_not_written_over_by_another_recording(tiny, tmp_path):
    (tmp_path / "rec3").mkdir()
    old = json.dumps({"format": "finegym-parse/2", "video": "other/rec3.mp4", "video_fingerprint": "0"})
    (tmp_path / "rec3" / PARSE_FILE).write_text(old)
    video = tiny.dataset / "records/rec3.mp4"
    tally = parse_videos([video], tiny.bundle, tmp_path, LOW, show_progress=False)
    assert "is the parse of another recording of that name" in tally.failed[str(video)]
    assert (tmp_path / "rec3" / PARSE_FILE).read_text() == old
