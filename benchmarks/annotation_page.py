"""The annotation page in a real browser: first frame, a step, and a timeline with 2,000 segments.

    python benchmarks/annotation_page.py                 # a ten-minute 720p record; takes minutes to make
    python benchmarks/annotation_page.py --minutes 1     # quicker

Needs Chromium, Playwright and the built pages (``cd web && npm ci && npm run build``). The server runs as
``finegym serve`` on this machine. Times are taken inside the page: from the start of the navigation to the first
confirmed frame, and from a key press to the confirmed frame. To be held: under 1 s, and under 50 ms (median).
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


def set_up(lead: Person, server: ServerProcess, incoming: Path) -> str:
    """A project with the record; the pass that the lead has taken."""
    lead.accept(server.started["setup_url"], "Lea Lead", "lead@example.org")
    api = lead.page.request
    token = api.get(f"{lead.url}/api/session").json()["csrf_token"]
    headers = {"X-CSRF-Token": token, "Origin": lead.url}

    def post(path: str, body: dict, **more: str) -> dict:
        answer = api.post(f"{lead.url}/api{path}", data=body, headers={**headers, **more}, timeout=60_000)
        assert answer.ok, answer.text()
        return answer.json()

    project = post("/projects", {"name": "Benchmark", "codebook": "artistic-women"})["id"]
    job = post(f"/projects/{project}/ingest", {"paths": [str(incoming)], "chunk_minutes": 10, "overlap_s": 60})
    while job["state"] in ("queued", "running"):
        lead.page.wait_for_timeout(1000)
        job = api.get(f"{lead.url}/api/jobs/{job['id']}").json()
    assert job["state"] == "done", job
    made = post(f"/projects/{project}/work/next", {"stage": "routines"})
    num_frames, version = made["item"]["end_frame"], 0
    starts = np.linspace(0, num_frames - 6, 2000).astype(int)
    for part in np.array_split(starts, 5):
        operations = [
            {
                "uuid": str(uuid.uuid4()),
                "kind": "create_segment",
                "payload": {
                    "segment_id": str(uuid.uuid4()),
                    "level": "action",
                    "start_frame": int(start),
                    "end_frame": int(start) + max(1, num_frames // 2600),
                    "label": "FX",
                },
            }
            for start in part
        ]
        body = {"operations": operations}
        version = post(f"/passes/{made['id']}/operations", body, **{"If-Match": f'"{version}"'})["version"]
    return made["id"]


def measure(lead: Person, pass_id: str) -> dict[str, float]:
    page, first = lead.page, []
    for _ in range(5):
        page.goto("about:blank")
        page.goto(f"{lead.url}/passes/{pass_id}", wait_until="commit")
        first.append(page.evaluate(FIRST_FRAME))
    page.wait_for_timeout(1500)
    steps = [page.evaluate(STEP, key) for key in ["ArrowRight"] * 60 + ["ArrowLeft"] * 60]
    pictures = page.evaluate(ZOOM)
    return {
        "first_frame_ms_median": float(np.median(first)),
        "first_frame_ms_max": float(np.max(first)),
        "step_ms_median": float(np.median(steps)),
        "step_ms_p95": float(np.percentile(steps, 95)),
        "zoom_2000_segments_ms_a_picture_median": float(np.median(pictures)),
        "zoom_2000_segments_ms_a_picture_p95": float(np.percentile(pictures, 95)),
    }


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
            found = measure(lead, set_up(lead, server, incoming))
        finally:
            browser.close()
            server.stop()
    if arguments.json:
        print(json.dumps(found))
        return
    machine = platform.processor() or platform.machine()
    print(f"{machine}, Python {platform.python_version()}, {arguments.minutes:g} minutes of 720p")
    for name, value in found.items():
        print(f"{name:42} {value:8.1f}")


if __name__ == "__main__":
    main()
