"""In a real browser, the frame that the player calls confirmed is the frame on screen. Always.

Records with a number drawn into every frame become proxies as ingest makes them. A page seeks, steps, plays and pauses;
after each move the number is read back from the screen and compared with what the player says.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from browser_tools import WEB, build_with_vite
from numbered import write_numbered
from range_server import serve_folder

from finegym.labelling.record_clock import compute_times_ms
from finegym.video.ingest.chunks import Chunk
from finegym.video.ingest.proxy import read_proxy_map, write_proxy

SIZE = (320, 180)


def write_records(folder: Path, num_frames: int) -> dict[str, Path]:
    """One record of each kind that goes wrong where frames are computed from rates."""
    rng = np.random.default_rng(5)
    ntsc = Fraction(30000, 1001)
    uneven = np.cumsum(rng.choice([17, 20, 33, 40, 41, 100, 120], num_frames)).tolist()
    later = [5000 + 40 * number for number in range(num_frames)]

    def write(name: str, **facts) -> Path:
        return write_numbered(folder / name, num_frames, size=SIZE, options={"preset": "ultrafast"}, **facts)

    return {
        "25 fps": write("r25.mp4", rate=25),
        "29.97 fps": write("r29.mp4", rate=ntsc),
        "50 fps": write("r50.mp4", rate=50),
        "variable rate": write("vfr.mp4", rate=25, times=uneven, time_base=Fraction(1, 1000)),
        "B-frames": write_numbered(
            folder / "bf.mp4", num_frames, size=SIZE, rate=25, b_frames=3, options={"preset": "veryfast"}
        ),
        "starts at 5 s": write("start.mkv", rate=25, times=later, time_base=Fraction(1, 1000)),
    }


def write_work_item(record: Path, out: Path) -> int:
    """Proxy and map of a chunk that begins inside the record, as ingest and the server give them to a page."""
    start_ms = 5600 if record.stem == "start" else 600
    proxy = write_proxy(record, Chunk(number=0, start_ms=start_ms, end_ms=10**7, split=()), out)
    stored = read_proxy_map(out.with_suffix(".npz"))
    assert stored is not None
    assert stored.frames[0] > 0, "the chunk should begin inside the record: else record and proxy count alike"
    base = stored.time_base
    page = {
        "frames": stored.frames.tolist(),
        "pts": stored.pts.tolist(),
        "time_base": [base.numerator, base.denominator],
        "times_ms": compute_times_ms(stored).tolist(),
        "end_frame": int(stored.frames[-1]) + 1,
        "end_ms": int(compute_times_ms(stored)[-1]) + 40,
    }
    out.with_suffix(".json").write_text(json.dumps(page))
    return len(proxy.frames)


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """The folder with the page that holds the player alone."""
    folder = tmp_path_factory.mktemp("harness") / "page"
    build_with_vite("--config", str(WEB / "harness" / "vite.config.ts"), "--outDir", str(folder))
    return folder


def open_page(chromium, address: str):
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{address}/index.html")
    page.wait_for_function("() => window.harness !== undefined")
    return page


def make_moves(rng: np.random.Generator, count: int, num_frames: int) -> list[tuple[str, int]]:
    """Seeks anywhere, to the first and the last frame, steps by 1 and 10 both ways."""
    steps = [-10, -1, -1, 1, 1, 1, 10]
    moves = [
        ("seek", int(rng.integers(num_frames))) if rng.random() < 0.4 else ("step", int(rng.choice(steps)))
        for _ in range(count - 2)
    ]
    return [*moves, ("seek", num_frames - 1), ("seek", 0)]


def find_wrong(kind: str, seen: list[dict]) -> list[str]:
    return [
        f"{kind}: {one['move']}: said {one['said']}, shown {one['shown']}"
        for one in seen
        if one["said"] != one["shown"]
    ]


def check_records(chromium, harness, tmp_path, *, num_moves: int, num_frames: int) -> int:
    """Moves on every kind of record, in one page each; the number of frames compared."""
    rng = np.random.default_rng(11)
    wrong, compared, times = [], 0, []
    records = write_records(tmp_path, num_frames)
    with serve_folder(harness) as address:
        for kind, record in records.items():
            count = write_work_item(record, harness / f"{record.stem}.mp4")
            page = open_page(chromium, address)
            urls = [f"{record.stem}.mp4", f"{record.stem}.json"]
            assert page.evaluate("([url, map]) => harness.open(url, map)", urls) == count
            moved = page.evaluate("moves => harness.move(moves)", make_moves(rng, num_moves, count))
            assert len(moved) == num_moves
            assert page.evaluate("() => harness.refusesMark(5)")
            hurried = page.evaluate("moves => harness.hurry(moves)", rng.choice([-1, 1, 1, 10], 25).tolist())
            played = [*page.evaluate("() => harness.play(1, 700)"), *page.evaluate("() => harness.play(-1, 500)")]
            assert len(hurried) >= 1
            assert len(played) >= 7, f"{kind}: only {len(played)} frames were confirmed while playing and after"
            for seen in (moved, hurried, played):
                wrong += find_wrong(kind, seen)
                compared += len(seen)
            times += [one["ms"] for one in moved]
            page.close()
    assert wrong == []
    print(f"{compared} frames compared, 0 wrong; a move took {np.median(times):.0f} ms (median)")
    return compared


def test_frame_on_screen_is_the_confirmed_one(chromium, harness, tmp_path):
    check_records(chromium, harness, tmp_path, num_moves=20, num_frames=120)


@pytest.mark.slow
def test_a_thousand_moves_show_no_wrong_frame(chromium, harness, tmp_path):
    assert check_records(chromium, harness, tmp_path, num_moves=170, num_frames=900) >= 1000


def test_reading_numbers_back_can_fail(chromium, harness, tmp_path):
    """Where a page computes frames from a rate, the screen disagrees: the comparison above is not empty."""
    record = write_records(tmp_path, 100)["variable rate"]
    count = write_work_item(record, harness / "vfr.mp4")
    frames = read_proxy_map(harness / "vfr.npz").frames.tolist()
    with serve_folder(harness) as address:
        page = open_page(chromium, address)
        page.evaluate("([url, map]) => harness.open(url, map)", ["vfr.mp4", "vfr.json"])
        asked = list(range(5, count - 5, 6))
        shown = page.evaluate("([asked, fps]) => harness.seekByRate(asked, fps)", [asked, 25])
        page.close()
    wrong = sum(frames[index] != number for index, number in zip(asked, shown, strict=True))
    assert wrong > len(asked) / 2
