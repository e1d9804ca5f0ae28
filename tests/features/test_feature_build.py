"""A feature build: what it makes, repeats, keeps, removes and says."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from feature_samples import (
    IDS,
    SETTINGS,
    NumberMaker,
    build,
    make_dataset,
    make_video,
    read_all,
    read_numbers,
    write_records,
    write_video,
)

from finegym.errors import ConfigError, FeatureError, OutputError
from finegym.features import make as make_module
from finegym.features.carried import read_facts
from finegym.features.store import FeatureSettings, FeatureStore
from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.shots import find_shots, write_shots
from finegym.video.ingest.signals import compute_signals
from finegym.workspace import Workspace

FRAMES = [range(10, 20), range(2, 3), range(0, 15), range(0, 5), range(5, 25)]


@pytest.fixture(scope="session")
def _records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records-of-features")
    write_records(folder)
    return folder


@pytest.fixture
def folder(_records, tmp_path):
    shutil.copytree(_records / "records", tmp_path / "data" / "records")
    return tmp_path / "data"


def open_store(folder, name="numbers"):
    return FeatureStore(folder / "features" / name)


def test_every_clip_has_the_frames_that_are_annotated(folder):
    result = build(folder)
    store = open_store(folder)
    assert list(store.instance_ids) == IDS and sorted(result.tally.done) == sorted(IDS)
    assert [read_numbers(store, name) for name in IDS] == [list(frames) for frames in FRAMES]
    facts = store.get_facts(IDS[4])
    assert (facts.record, facts.first_frame, facts.num_frames) == ("records/b.mp4", 5, 20)
    assert [pts * 25 for pts in facts.pts] == [12800 * k for k in range(5, 25)]
    assert facts == read_facts(folder / "features/numbers" / store.get(IDS[4]).path)
    assert result.store.counts == {"frames": sum(map(len, FRAMES))}


def test_cuts_are_found_once_and_said(folder):
    result = build(folder, only=IDS[3:4])
    assert dict(result.cuts) == {"ingest": 0, "kept": 0, "found": 1}
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": [15]}
    result = build(folder)
    assert dict(result.cuts) == {"ingest": 0, "kept": 1, "found": 1}
    assert dict(build(folder).cuts) == {"ingest": 0, "kept": 2, "found": 0}


def test_cuts_of_ingest_are_believed(folder):
    shots = find_shots(folder / "records/b.mp4", compute_signals(folder / "records/b.mp4"))
    moved = shots.cuts[0].model_copy(update={"frame": 7, "begin_frame": 7, "end_frame": 7})
    write_shots(Workspace(folder).get_shots_file("b"), shots.model_copy(update={"cuts": (moved,)}))
    result = build(folder, only=IDS[3:])
    assert dict(result.cuts) == {"ingest": 1, "kept": 0, "found": 0}
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": [7]}


@pytest.mark.parametrize(
    "change",
    [
        {"record_fingerprint": "of another"},  # as long, and yet another film
        {"record_fingerprint": "", "num_frames": 31},  # files of before have no fingerprint
        {"record_fingerprint": "", "end_ms": 1201.0},
    ],
)
def test_shots_of_another_file_are_not_believed(folder, change):
    shots = find_shots(folder / "records/b.mp4", compute_signals(folder / "records/b.mp4"))
    write_shots(Workspace(folder).get_shots_file("b"), shots.model_copy(update=change))
    assert dict(build(folder, only=IDS[3:]).cuts) == {"ingest": 0, "kept": 0, "found": 1}


def test_shots_without_a_fingerprint_are_believed_of_a_record_as_long(folder):
    shots = find_shots(folder / "records/b.mp4", compute_signals(folder / "records/b.mp4"))
    write_shots(Workspace(folder).get_shots_file("b"), shots.model_copy(update={"record_fingerprint": ""}))
    assert dict(build(folder, only=IDS[3:]).cuts) == {"ingest": 1, "kept": 0, "found": 0}


def put_cut(folder, video, frame):
    """What ingest, or a person who corrects it, says of a record that has one cut."""
    path = folder / f"records/{video}.mp4"
    cut = Cut(frame=frame, time_ms=40 * frame, begin_frame=frame, end_frame=frame, is_gradual=False, score=0.9)
    shots = find_shots(path, compute_signals(path)).model_copy(update={"cuts": (cut,)})
    write_shots(Workspace(folder).get_shots_file(video), shots)


FLOW = SETTINGS.model_copy(update={"kind": "flow"})


def test_corrected_cuts_reach_flow_that_is_there_and_no_clip_that_they_do_not_touch(folder):
    build(folder, settings=FLOW)
    put_cut(folder, "a", 12)  # ingested later; in the first clip (10 to 19) and the third (0 to 14)
    result = build(folder, settings=FLOW)
    assert sorted(result.tally.done) == [IDS[0], IDS[2]] and len(result.tally.skipped) == 3
    assert open_store(folder).get_facts(IDS[0]).cuts == ((12, 12, 12),)
    assert build(folder, settings=FLOW).tally.done == {}
    put_cut(folder, "a", 16)  # corrected
    assert sorted(build(folder, settings=FLOW).tally.done) == [IDS[0], IDS[2]]
    put_cut(folder, "a", 20)  # between clips; named ones only
    assert list(build(folder, settings=FLOW, only=IDS[:1]).tally.done) == [IDS[0]]
    assert build(folder, settings=FLOW).tally.done == {}


def test_poses_follow_cuts_and_times_of_their_action(folder):
    """The gymnast is followed through the whole action: a cut elsewhere in it matters, and so does its length."""
    build(folder)
    put_cut(folder, "a", 25)  # in no clip
    assert sorted(build(folder).tally.done) == IDS[:3]
    times = [[(400, 800), (80, 120), (0, 600)], [(0, 200), (200, 1000)]]
    longer = make_dataset(make_video("a", times[0], length_ms=1000), make_video("b", times[1]))
    assert sorted(build(folder, longer).tally.done) == IDS[:3]
    build(folder, settings=FLOW, name="flow")
    assert build(folder, longer, settings=FLOW, name="flow").tally.done == {}


def test_clips_stay_where_cuts_cannot_be_read_and_that_is_said(folder):
    build(folder)
    place = Workspace(folder).get_shots_file("a")
    place.parent.mkdir(parents=True)
    place.write_text("{")
    result = build(folder)
    assert sorted(result.without_record) == IDS[:3] and len(result.tally.skipped) == 5
    assert "shots.json" in result.without_record[IDS[0]]


def test_a_second_run_repeats_nothing_and_changes_no_byte(folder):
    build(folder)
    before = read_all(folder / "features")
    result = build(folder, maker=NumberMaker(bad=0))
    assert (result.tally.done, sorted(result.tally.skipped)) == ({}, sorted(IDS))
    assert read_all(folder / "features") == before


def test_workers_and_one_process_write_the_same_bytes(folder):
    build(folder, name="one")
    build(folder, name="two", workers=2)
    assert read_all(folder / "features/one") == read_all(folder / "features/two")


def test_a_ray_cluster_writes_the_same_bytes(folder, monkeypatch):
    pytest.importorskip("ray")
    started = []
    monkeypatch.setattr(
        "finegym.ray_engine.run_on_ray",
        lambda pending, do, workers, **_: (started.append(workers) or (name, do(item), "") for name, item in pending),
    )
    build(folder, name="one")
    build(folder, name="two", engine="ray", workers=2)
    assert started and read_all(folder / "features/one") == read_all(folder / "features/two")


def test_only_what_changed_is_made_again(folder, tmp_path):
    build(folder)
    changed = make_dataset(make_video("a", [(400, 800), (80, 120), (0, 640)]), make_video("b", [(0, 200), (200, 1000)]))
    log = tmp_path / "log"
    result = build(folder, changed, NumberMaker(log=str(log)))
    assert log.read_text().split() == [IDS[2]] and list(result.tally.done) == [IDS[2]]
    assert read_numbers(open_store(folder), IDS[2]) == list(range(16))


def test_features_of_a_changed_record_are_made_again(folder):
    build(folder)
    write_video(folder / "records/b.mp4", range(500, 530), speed=0)
    result = build(folder)
    assert sorted(result.tally.done) == sorted(IDS[3:]) and sorted(result.tally.skipped) == sorted(IDS[:3])
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": []}


def test_clips_no_longer_annotated_are_removed_and_counted(folder):
    build(folder)
    result = build(folder, make_dataset(make_video("a", [(400, 800)])))
    assert sorted(result.removed) == sorted(IDS[1:])
    assert [path.stem for path in (folder / "features/numbers/clips").rglob("*.safetensors")] == IDS[:1]
    assert open_store(folder).instance_ids == (IDS[0],)


def test_others_stay_when_some_are_named(folder):
    build(folder, only=IDS[:2])
    result = build(folder, make_dataset(make_video("a", [(400, 760), (80, 120), (0, 600)])), only=[IDS[2]])
    assert list(result.tally.done) == [IDS[2]] and result.stale == (IDS[0],)
    assert sorted(open_store(folder).instance_ids) == sorted(IDS[:3])
    with pytest.raises(ConfigError, match="nobody"):
        build(folder, only=["nobody"])


def test_what_cannot_be_made_costs_only_itself_and_is_listed(folder):
    dataset = make_dataset(
        make_video("a", [(400, 800), (80, 120), (9000, 9900)]),
        make_video("b", [(0, 200), (200, 1000)]),
        make_video("c", [(0, 100)], path=None),
        make_video("d", [(0, 100)]),
    )
    result = build(folder, dataset, NumberMaker(bad=2))
    assert sorted(result.tally.done) == [IDS[0], *IDS[3:]]
    reasons = result.tally.failed
    assert "frame 2 is bad" in reasons[IDS[1]] and "outside the video" in reasons[IDS[2]]
    assert "no file in records.csv" in reasons["c_E_000000_000001_A_0000_0000"]
    assert "d.mp4" in reasons["d_E_000000_000001_A_0000_0000"]
    with (folder / "features/numbers/skipped.csv").open() as file:
        assert {row["instance_id"]: row["reason"] for row in csv.DictReader(file)} == reasons
    assert open_store(folder).facts.num_skipped == 4
    again = build(folder, dataset)
    assert IDS[1] in again.tally.done and len(again.tally.failed) == 3


def test_features_outlive_their_record(folder):
    build(folder)
    (folder / "records/b.mp4").unlink()
    result = build(folder)
    assert sorted(result.without_record) == sorted(IDS[3:]) and not result.tally.failed and not result.removed


def test_settings_do_not_mix(folder):
    build(folder)
    other = FeatureSettings(kind="pose", parameters={"model": "words"})
    with pytest.raises(ConfigError, match=r"model numbers .asked for words"):
        build(folder, settings=other)
    result = build(folder, settings=other, replace=True)
    assert len(result.tally.done) == 5 and open_store(folder).settings == other
    detailed = other.model_copy(update={"details": {"steps": 3}})
    with pytest.raises(ConfigError, match=r"steps unknown .asked for 3"):
        build(folder, settings=detailed)


def test_settings_do_not_mix_in_an_unfinished_store_either(folder):
    build(folder)
    (folder / "features/numbers/store.json").unlink()
    other = SETTINGS.model_copy(update={"unit": "action"})
    with pytest.raises(ConfigError, match="pose of sub-actions"):
        build(folder, settings=other)
    result = build(folder, settings=other, replace=True)
    assert list(result.tally.done) == ["a_E_000000_000001", "b_E_000000_000001"]
    assert [p.stem for p in sorted((folder / "features/numbers/clips").rglob("*.safetensors"))] == list(
        result.tally.done
    )


def test_a_folder_of_something_else_is_refused(folder):
    (folder / "features/numbers").mkdir(parents=True)
    (folder / "features/numbers/store.json").write_text('{"format": "finegym-clips/1"}')
    with pytest.raises(FeatureError, match="finegym-features/1"):
        build(folder, replace=True)


def test_damaged_files_are_made_again_when_asked(folder):
    build(folder)
    path = folder / "features/numbers" / open_store(folder).get(IDS[0]).path
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    (folder / "features/numbers" / open_store(folder).get(IDS[3]).path).unlink()
    assert build(folder, only=[IDS[4]]).damaged == (IDS[3],)  # what is not there is noticed in any case
    result = build(folder, verify=True)
    assert result.damaged == (IDS[0],) and sorted(result.tally.done) == [IDS[0], IDS[3]]
    assert read_numbers(open_store(folder), IDS[0]) == list(range(10, 20))


@pytest.mark.parametrize("is_finished", [True, False])
def test_damaged_clips_that_nobody_asked_for_are_failed_and_set_aside(folder, is_finished):
    build(folder)
    out = folder / "features/numbers"
    path = out / open_store(folder).get(IDS[0]).path
    path.write_bytes(b"half")
    if not is_finished:
        (out / "store.json").unlink()
    aside = path.with_name(f"{path.name}.damaged")
    for _ in range(2):  # whoever builds other clips again loses no word of it
        result = build(folder, only=[IDS[4]])
        assert aside.read_bytes() == b"half" and not path.exists()
        assert IDS[0] in (out / "skipped.csv").read_text() and open_store(folder).facts.num_skipped == 1
    (out / "store.json").unlink()
    result = build(folder, only=[IDS[4]])
    assert sorted(result.tally.skipped) == [IDS[1], IDS[2], *IDS[3:]] and IDS[0] not in open_store(folder)
    assert list(build(folder).tally.done) == [IDS[0]] and not aside.exists()


def test_a_damaged_clip_is_counted_where_others_are_named(folder):
    build(folder)
    (folder / "features/numbers" / open_store(folder).get(IDS[0]).path).write_bytes(b"half")
    result = build(folder, only=[IDS[4]])
    assert result.damaged == (IDS[0],) and "set aside" in result.tally.failed[IDS[0]]


def test_a_new_store_of_some_clips_only_is_refused(folder):
    build(folder)
    other = FeatureSettings(kind="pose", parameters={"model": "words"})
    with pytest.raises(ConfigError, match=r"--only 1 of its 5 clips"):
        build(folder, settings=other, only=IDS[:1], replace=True)
    assert open_store(folder).settings == SETTINGS and len(open_store(folder)) == 5


def test_half_written_files_of_a_killed_build_are_not_believed(folder):
    build(folder)
    path = folder / "features/numbers" / open_store(folder).get(IDS[0]).path
    (folder / "features/numbers/store.json").unlink()
    path.write_bytes(b"half")
    stray = path.with_name(".half-1234.safetensors")
    stray.write_bytes(b"half")
    result = build(folder)
    assert list(result.tally.done) == [IDS[0]] and result.damaged == (IDS[0],)
    assert not stray.exists()


def test_what_others_put_among_the_clips_stays_and_harms_no_build(folder):
    build(folder)
    clips = folder / "features/numbers/clips"
    strays = [clips / ".DS_Store", clips / "a/.DS_Store", clips / "b/notes.txt"]
    for stray in strays:
        stray.write_bytes(b"")
    (clips / "a/more.mp4").mkdir()
    (folder / "features/numbers/store.json").unlink()
    result = build(folder)
    assert len(result.tally.skipped) == 5 and result.damaged == ()
    build(folder, make_dataset(make_video("b", [(0, 200)])))  # a's clips go, what is not ours stays
    assert all(stray.is_file() for stray in strays) and not list(clips.glob("a/*.safetensors"))


def test_a_full_disk_is_said_and_the_others_are_there(folder, monkeypatch):
    write = make_module.write_clip

    def write_or_fail(out, facts, made):
        if facts.instance_id == IDS[0]:
            raise OutputError("no space left")
        return write(out, facts, made)

    monkeypatch.setattr(make_module, "write_clip", write_or_fail)
    result = build(folder)
    assert result.tally.failed == {IDS[0]: "no space left"} and len(open_store(folder)) == 4


def test_a_clip_that_kills_its_process_costs_only_itself(folder, tmp_path):
    """In order of time a's clips begin at 0, 2 and 10: one was finished, one comes after; all are of another record."""
    build(folder)
    write_video(folder / "records/a.mp4", range(500, 530))
    log = tmp_path / "log"
    result = build(folder, maker=NumberMaker(deadly=2, log=str(log)), workers=2)  # a job alone, and yet a process
    assert sorted(result.tally.done) == [IDS[0], IDS[2]] and len(result.tally.skipped) == 2
    assert list(result.tally.failed) == [IDS[1]] and "process died" in result.tally.failed[IDS[1]]
    assert IDS[1] not in open_store(folder)  # its file of before is not taken for what the process had made
    assert log.read_text().split() == [IDS[2], IDS[2], IDS[0]]  # jobs give a process a second chance; we do not a third


def test_a_record_that_changes_meanwhile_is_not_filed_as_what_it_was(folder):
    maker = NumberMaker()

    class Changing:
        def make(self, reader, action, clips, cuts):
            if reader.path.name == "a.mp4":
                (folder / "records/a.mp4").write_bytes((folder / "records/b.mp4").read_bytes())
            return maker.make(reader, action, clips, cuts)

    result = build(folder, maker=Changing())
    assert sorted(result.tally.failed) == sorted(IDS[:3])
    assert all("changed while" in reason for reason in result.tally.failed.values())
    assert sorted(open_store(folder).instance_ids) == sorted(IDS[3:])


PROGRAM = """
import sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from feature_samples import NumberMaker, build
if __name__ == "__main__":
    build(Path(sys.argv[1]), maker=NumberMaker(wait_s=0.4, log=sys.argv[2]), workers=1)
"""


def start(folder, log):
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(folder), str(log), str(Path(__file__).parent)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def wait_for_lines(log, number, process):
    for _ in range(600):
        if log.exists() and len(log.read_text().splitlines()) >= number:
            return
        assert process.poll() is None, "it ended"
        time.sleep(0.05)
    raise AssertionError("nothing happened")


def test_a_killed_build_repeats_no_clip_that_it_finished_and_two_at_once_are_refused(folder, tmp_path):
    log = tmp_path / "log"
    process = start(folder, log)
    wait_for_lines(log, 3, process)
    with pytest.raises(OutputError, match="another build is at work"):
        build(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(FeatureError, match="no finished feature store"):
        open_store(folder)
    finished = {path.stem for path in (folder / "features/numbers/clips").rglob("*.*") if path.name[0] != "."}
    assert 2 <= len(finished) < 5
    result = build(folder)
    assert set(result.tally.skipped) == finished and set(result.tally.done) == set(IDS) - finished
    build(folder, name="whole")
    assert read_all(folder / "features/numbers/clips") == read_all(folder / "features/whole/clips")
    assert dict(build(folder).cuts) == {"ingest": 0, "kept": 2, "found": 0}


def test_a_folder_that_cannot_be_made_is_one_clear_error(folder):
    (folder / "features").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        build(folder)


def test_actions_are_clips_too(folder):
    result = build(folder, settings=SETTINGS.model_copy(update={"unit": "action"}))
    assert [facts.num_frames for facts in result.tally.done.values()] == [30, 30]


def test_a_clip_that_reaches_past_its_record_is_counted(folder):
    dataset = make_dataset(make_video("a", [(1000, 1500)], length_ms=1500))
    result = build(folder, dataset)
    assert result.shortened == (IDS[0],) and open_store(folder).get_facts(IDS[0]).missing_ms == 300
