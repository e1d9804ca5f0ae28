"""The annotation page in a real browser: first frame, a step, and a timeline with 2,000 segments.

    python benchmarks/annotation_page.py                 # a ten-minute 720p record; takes minutes to make
    python benchmarks/annotation_page.py --minutes 2     # quicker; 2,000 segments need as many frames

Needs Chromium, Playwright and the built pages (``cd web && npm ci && npm run build``). The server runs as
``finegym serve`` on this machine. Times are taken inside the page: from the start of the navigation to the first
confirmed frame, and from a key press to the confirmed frame. To be held: under 1 s, and under 50 ms (median). Both are
taken again with 2,000 segments on the page.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import uuid
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "labelling"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "labelling" / "browser"))
from app_pages import Person
from labelling_process import ServerProcess
from playwright.sync_api import sync_playwright

FPS = 25

# From a key press to the moment at which the page calls another frame confirmed.
STEP = """(key) => new Promise((resolve) => {
  const frame = () => document.querySelector(".readout.confirmed .readout-frame")?.textContent ?? null;
  const before = frame();
  const begun = performance.now();
  const observer = new MutationObserver(() => {
    if (frame() !== null && frame() !== before) { observer.disconnect(); resolve(performance.now() - begun); }
  });
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  observer.observe(document.querySelector(".readout"), everything);
  window.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
})"""

FIRST_FRAME = """() => new Promise((resolve) => {
  const isShown = () => document.querySelector(".readout.confirmed") !== null;
  const look = () => isShown() ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
})"""

# Zoom in and out for three seconds; how long each picture of the screen took.
ZOOM = """() => new Promise((resolve) => {
  const canvas = document.querySelector("canvas.timeline");
  const box = canvas.getBoundingClientRect();
  const times = [];
  let last = performance.now();
  const begun = last;
  const tick = (now) => {
    times.push(now - last);
    last = now;
    const way = Math.floor((now - begun) / 700) % 2 === 0 ? -40 : 40;
    const place = { clientX: box.left + box.width / 2, clientY: box.top + 30 };
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: way, cancelable: true, ...place }));
    now - begun < 3000 ? requestAnimationFrame(tick) : resolve(times.slice(2));
  };
  requestAnimationFrame(tick);
})"""


def write_record(path: Path, minutes: float) -> None:
    """A 720p record with a moving picture."""
    rng = np.random.default_rng(1)
    texture = np.kron(rng.integers(40, 215, (90, 160), np.uint8), np.ones((8, 8), np.uint8))
    with av.open(str(path), "w") as media:
        stream = media.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "30"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(round(minutes * 60 * FPS)):
            planes = np.full((1080, 1280), 128, np.uint8)
            planes[:720] = np.roll(texture, 3 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))


class Desk:
    """A lead who has taken the record, and her way to the API."""

    def __init__(self, lead: Person, server: ServerProcess, incoming: Path) -> None:
        self.lead = lead
        lead.accept(server.started["setup_url"], "Lea Lead", "lead@example.org")
        self.api = lead.page.request
        token = self.api.get(f"{lead.url}/api/session").json()["csrf_token"]
        self.headers = {"X-CSRF-Token": token, "Origin": lead.url}
        project = self.post("/projects", {"name": "Benchmark", "codebook": "artistic-women"})["id"]
        wanted = {"paths": [str(incoming)], "chunk_minutes": 10, "overlap_s": 60}
        job = self.post(f"/projects/{project}/ingest", wanted)
        while job["state"] in ("queued", "running"):
            lead.page.wait_for_timeout(1000)
            job = self.api.get(f"{lead.url}/api/jobs/{job['id']}").json()
        assert job["state"] == "done", job
        self.taken = self.post(f"/projects/{project}/work/next", {"stage": "routines"})

    def post(self, path: str, body: dict, **more: str) -> dict:
        headers = {**self.headers, **more}
        answer = self.api.post(f"{self.lead.url}/api{path}", data=body, headers=headers, timeout=60_000)
        assert answer.ok, answer.text()[:300]
        return answer.json()

    def add_segments(self, count: int) -> None:
        num_frames, version = self.taken["item"]["end_frame"], 0
        length = max(1, num_frames // (count + count // 3))
        starts = np.linspace(0, num_frames - length - 1, count).astype(int)
        for part in np.array_split(starts, 5):
            operations = [make_segment(int(start), int(start) + length) for start in part]
            path = f"/passes/{self.taken['id']}/operations"
            version = self.post(path, {"operations": operations}, **{"If-Match": f'"{version}"'})["version"]

    def measure(self, name: str) -> dict[str, float]:
        page, first = self.lead.page, []
        for _ in range(7):
            page.goto("about:blank")
            page.goto(f"{self.lead.url}/passes/{self.taken['id']}", wait_until="commit")
            first.append(page.evaluate(FIRST_FRAME))
        page.wait_for_timeout(1500)
        steps = [page.evaluate(STEP, key) for key in ["ArrowRight"] * 60 + ["ArrowLeft"] * 60]
        pictures = page.evaluate(ZOOM)
        return {
            f"{name}: first frame, ms, median": float(np.median(first)),
            f"{name}: first frame, ms, largest": float(np.max(first)),
            f"{name}: step, ms, median": float(np.median(steps)),
            f"{name}: step, ms, 95th percentile": float(np.percentile(steps, 95)),
            f"{name}: a picture while zooming, ms, median": float(np.median(pictures)),
            f"{name}: a picture while zooming, ms, 95th percentile": float(np.percentile(pictures, 95)),
        }


def make_segment(start_frame: int, end_frame: int) -> dict:
    payload = {"segment_id": str(uuid.uuid4()), "level": "action", "label": "FX"}
    payload |= {"start_frame": start_frame, "end_frame": end_frame}
    return {"uuid": str(uuid.uuid4()), "kind": "create_segment", "payload": payload}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the record")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        incoming = Path(folder) / "incoming"
        incoming.mkdir()
        write_record(incoming / "record.mp4", arguments.minutes)
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        server = ServerProcess(Path(folder))
        try:
            lead = Person(browser, server.url.replace("127.0.0.1", "localhost"))
            desk = Desk(lead, server, incoming)
            found = desk.measure("empty")
            desk.add_segments(2000)
            found |= desk.measure("2,000 segments")
        finally:
            browser.close()
            server.stop()
    if arguments.json:
        print(json.dumps(found))
        return
    machine = platform.processor() or platform.machine()
    print(f"{machine}, Python {platform.python_version()}, {arguments.minutes:g} minutes of 720p")
    for name, value in found.items():
        print(f"{name:60} {value:8.1f}")


if __name__ == "__main__":
    main()
