"""Builds of a clip store that are killed, or meet another: no clip is lost, and none is cut twice."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import (
    FAST,
    build,
    make_dataset,
    make_long_dataset,
    read_all,
    read_new,
)

from finegym.errors import OutputError, VideoError
from finegym.video.store.lock import hold_store
from finegym.video.store.pack import list_shards
from finegym.video.store.read import ClipStore

PROGRAM = """
import os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from finegym.video.store import cut, pack
from store_samples import FAST, build, make_dataset, make_long_dataset
def count_down(module, name, number):
    original = getattr(module, name)
    def call(*arguments, **named):
        nonlocal number
        number -= 1
        if number == 0:
            os.kill(os.getpid(), 9)
        return original(*arguments, **named)
    setattr(module, name, call)
count_down({module}, {name!r}, {number})
build({dataset}, Path({folder!r}), settings=FAST, shard_mb=1)
"""
SMALL_SHARDS = {"settings": FAST, "shard_mb": 1}


def kill(folder, module, name, number, dataset="make_dataset()"):
    """A build that ends when it calls a function for the ``number``-th time."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    program = PROGRAM.format(paths=paths, module=module, name=name, number=number, dataset=dataset, folder=str(folder))
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9


def test_a_run_killed_while_cutting_is_taken_up_where_it_stopped(dataset, folder):
    kill(folder, "cut", "format_run", 4)
    assert not (folder / "clips" / "store.json").exists()
    with pytest.raises(VideoError, match="no finished clip store"):
        ClipStore(folder / "clips")
    # A file that the killed run had begun does not count.
    (folder / "clips" / ".pending" / ".x-y.tar").write_bytes(b"half a clip")
    tally = build(dataset, folder, **SMALL_SHARDS).tally
    assert (len(tally.skipped), len(tally.done), tally.failed) == (3, 2, {})
    assert read_all(folder / "clips") == read_new(dataset, folder, **SMALL_SHARDS)


@pytest.mark.parametrize(
    ("name", "number"),
    [("_write_shard", 1), ("_read_run", 2), ("_read_run", 5), ("finish_store", 1), ("format_index", 1)],
)
def test_a_run_killed_while_packing_loses_no_clip(dataset, folder, name, number):
    """For an old store of other clips: shards change while some of their clips are kept."""
    build(make_dataset([(0, 200), (400, 600)]), folder, **SMALL_SHARDS)
    kill(folder, "pack", name, number)
    tally = build(dataset, folder, **SMALL_SHARDS).tally
    assert (tally.skipped, tally.done, tally.failed) == (list(dataset.instances), {}, {})
    assert read_all(folder / "clips") == read_new(dataset, folder, **SMALL_SHARDS)


def test_a_run_killed_between_two_shards_taking_their_places_loses_no_clip(folder):
    build(make_long_dataset(range(40)), folder, **SMALL_SHARDS)
    new = make_long_dataset(range(1, 40))
    expected = read_new(new, folder, **SMALL_SHARDS)
    # replace() of 39 clips, of some shards under .pending, then of the first shards into their places.
    number = 39 + len(list_shards(folder / "new")) + 2
    kill(folder, "Path", "replace", number, dataset="make_long_dataset(range(1, 40))")
    assert not (folder / "clips" / "store.json").exists()
    tally = build(new, folder, **SMALL_SHARDS).tally
    assert (len(tally.skipped), len(tally.done)) == (39, 0)
    assert read_all(folder / "clips") == expected


def test_the_lock_of_a_killed_build_is_gone_with_it(dataset, folder):
    kill(folder, "cut", "format_run", 1)
    assert sorted(path.name for path in (folder / "clips").iterdir()) == [".lock", ".pending"]
    assert len(build(dataset, folder, settings=FAST).tally.done) == 5


def test_two_builds_at_once_are_refused(dataset, folder):
    (folder / "clips").mkdir()
    with (folder / "clips" / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another build is at work there"):
            build(dataset, folder)


def test_a_build_that_ends_leaves_the_file_that_another_locks(dataset, folder):
    """Two that opened the lock before and after the end of a build hold the same file, never one each."""
    with hold_store(folder / "clips"):
        early = (folder / "clips" / ".lock").stat().st_ino
    build(dataset, folder)
    with hold_store(folder / "clips"):
        assert (folder / "clips" / ".lock").stat().st_ino == early
        with pytest.raises(OutputError, match="another build is at work there"), hold_store(folder / "clips"):
            pass
