"""Jobs: every item is accounted for, in one process and in a pool."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from finegym import jobs
from finegym.errors import ConfigError, VideoError
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


def die_at_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)  # what the system does when memory runs out
    return number


def test_an_item_whose_process_dies_is_failed_and_the_others_are_done():
    tally = run_jobs(range(20), die_at_seven, key=str, workers=2)
    assert sorted(tally.done.values()) == [number for number in range(20) if number != 7]
    assert list(tally.failed) == ["7"]
    assert "its process died" in tally.failed["7"]


def sleep_and_tell(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_do_not_outlive_a_killed_job(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_jobs import run_jobs, sleep_and_tell\n"
        "if __name__ == '__main__':\n"
        f"    run_jobs([{str(tmp_path)!r}, {str(tmp_path) + '/.'!r}], sleep_and_tell, key=str, workers=2)\n"
    )
    script = tmp_path.parent / f"{tmp_path.name}.py"
    script.write_text(program)
    job = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    job.send_signal(signal.SIGKILL)
    job.wait()
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_ray_gives_the_same_tally(monkeypatch):
    """On a cluster of one machine that the job starts and stops; its workers must be able to import this file."""
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with warnings.catch_warnings():
        # Ray leaves its own sockets to the garbage collector, and speaks of its next version.
        warnings.simplefilter("ignore")
        tally = run_jobs(range(6), square, key=str, is_done=lambda number: number == 1, workers=2, engine="ray")
        with pytest.raises(ZeroDivisionError):
            run_jobs([1, 99], square, key=str, workers=2, engine="ray")
    assert {key: tally.done[key] for key in sorted(tally.done)} == {"0": 0, "2": 4, "4": 16, "5": 25}
    assert tally.skipped == ["1"]
    assert tally.failed == {"3": "three is damaged"}
    assert not ray.is_initialized()


def test_an_item_whose_process_dies_on_ray_is_failed_and_the_others_are_done(monkeypatch):
    warnings.simplefilter("ignore")  # Ray's own
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    tally = run_jobs([6, 7, 8], die_at_seven, key=str, workers=2, engine="ray")
    assert print.__module__ == "builtins"  # Ray would put its own there
    assert sorted(tally.done.values()) == [6, 8]
    assert list(tally.failed) == ["7"] and "its process died" in tally.failed["7"]


def see_threads(number: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr(jobs, "count_cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert set(run_jobs(range(4), see_threads, key=str, workers=2).done.values()) == {"3"}
    monkeypatch.setattr(jobs, "count_cores", lambda: 1)
    assert set(run_jobs(range(4), see_threads, key=str, workers=2).done.values()) == {"1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert set(run_jobs(range(4), see_threads, key=str, workers=2).done.values()) == {"5"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are taken away as Linux does")
def test_cores_that_were_taken_away_do_not_count():
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert jobs.count_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert jobs.count_cores() == len(cores)


def see_gpus(number: int) -> str | None:
    time.sleep(0.5)  # long enough for the other process to take an item too
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def test_each_process_of_a_pool_sees_one_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert set(run_jobs(range(6), see_gpus, key=str, workers=2, gpus=("4", "7")).done.values()) == {"4", "7"}
    assert set(run_jobs(range(4), see_gpus, key=str, workers=2, gpus=()).done.values()) == {"4,7"}
    assert set(run_jobs(range(2), see_gpus, key=str, workers=2).done.values()) == {"4,7"}


def test_an_item_on_ray_gets_a_gpu_only_if_it_uses_one(monkeypatch):
    warnings.simplefilter("ignore")  # Ray's own
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_DEDUP_LOGS", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    ray.init(num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)  # Ray believes in these GPUs
    try:
        on_gpus = run_jobs(range(2), see_gpus, key=str, workers=2, engine="ray", gpus=())
        without = run_jobs(range(2), see_gpus, key=str, workers=2, engine="ray")
    finally:
        ray.shutdown()
    assert set(on_gpus.done.values()) == {"0", "1"}
    assert not any(without.done.values())


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install \"finegym\[ray\]\""):
        run_jobs([1, 2], square, key=str, engine="ray")
