"""A feature build that goes wrong: damage, full disks, killed processes; what fails is said, and costs only itself."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from feature_samples import (
    IDS,
    NumberMaker,
    build,
    get_file,
    make_dataset,
    make_video,
    open_store,
    read_all,
    read_numbers,
    write_video,
)

from finegym.errors import FeatureError, OutputError
from finegym.features import make as make_module


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


def test_damaged_files_are_made_again_when_asked(folder):
    build(folder)
    path = get_file(folder, IDS[0])
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    get_file(folder, IDS[3]).unlink()
    assert build(folder, only=[IDS[4]]).damaged == (IDS[3],)  # what is not there is noticed in any case
    result = build(folder, verify=True)
    assert result.damaged == (IDS[0],) and sorted(result.tally.done) == [IDS[0], IDS[3]]
    assert read_numbers(open_store(folder), IDS[0]) == list(range(10, 20))


@pytest.mark.parametrize("is_finished", [True, False])
def test_damaged_clips_that_nobody_asked_for_are_failed_and_set_aside(folder, is_finished):
    build(folder)
    out = folder / "features/numbers"
    path = get_file(folder, IDS[0])
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
    get_file(folder, IDS[0]).write_bytes(b"half")
    result = build(folder, only=[IDS[4]])
    assert result.damaged == (IDS[0],) and "set aside" in result.tally.failed[IDS[0]]


def test_half_written_files_of_a_killed_build_are_not_believed(folder):
    build(folder)
    path = get_file(folder, IDS[0])
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
