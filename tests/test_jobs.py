"""Jobs: every item is accounted for, in one process and in a pool."""

from pathlib import Path

import pytest

from finegym.errors import VideoError
from finegym.jobs import run_jobs


def square(number: int) -> int:
    if number == 3:
        raise VideoError("three is damaged")
    if number == 99:
        raise ZeroDivisionError("a bug")
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_done_skipped_or_failed(workers):
    tally = run_jobs(range(6), square, key=str, is_done=lambda number: number == 1, workers=workers)
    assert tally.done == {"0": 0, "2": 4, "4": 16, "5": 25}
    assert tally.skipped == ["1"]
    assert tally.failed == {"3": "three is damaged"}
    assert str(tally) == "done 4, skipped 1 (already there), failed 1\n  failed 3: three is damaged"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_is_raised(workers):
    with pytest.raises(ZeroDivisionError):
        run_jobs([1, 99], square, key=str, workers=workers)


def test_second_run_repeats_nothing(tmp_path: Path):
    def write(name: str) -> None:
        (tmp_path / name).write_text("done")

    def run():
        return run_jobs(["a", "b"], write, key=str, is_done=lambda name: (tmp_path / name).exists())

    assert len(run().done) == 2
    assert run().skipped == ["a", "b"]


def test_keys_must_be_unique():
    with pytest.raises(AssertionError):
        run_jobs([1, 1], square, key=str)
