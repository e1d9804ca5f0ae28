"""A video site on this machine: media under /ID, with everything that goes wrong on real ones."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

CHUNK = 16384


@dataclass
class Site:
    """What the site holds and what it was asked.

    Attributes:
        media: bytes by id.
        status: HTTP status by id, instead of media.
        later_status: the same, but not for the first request, which only asks what there is.
        headers: more headers by id.
        break_after: how many bytes of a response come before the connection breaks, by id; used up by one response.
        pause_s: between pieces of 16 KB.
        requests: (id, first byte asked for) in order.
    """

    media: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    later_status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    break_after: dict[str, list[int]] = field(default_factory=dict)
    content_type: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    requests: list[tuple[str, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cookies: list[str | None] = field(default_factory=list)
    url_template: str = ""

    def count(self, video_id: str) -> int:
        return sum(id_ == video_id for id_, _ in self.requests)


def _make_handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            video_id = unquote(self.path[1:])
            match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            start = int(match[1]) if match else 0
            site.requests.append((video_id, start))
            site.times.append(time.monotonic())
            site.cookies.append(self.headers.get("Cookie"))
            status = site.status.get(video_id, 200 if video_id in site.media else 404)
            if site.count(video_id) > 1:
                status = site.later_status.get(video_id, status)
            if status != 200:
                self.send_response(status)
                for name, value in site.headers.get(video_id, {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._send(video_id, site.media[video_id], start, is_partial=match is not None)

        def _send(self, video_id: str, content: bytes, start: int, *, is_partial: bool) -> None:
            self.send_response(206 if is_partial else 200)
            self.send_header("Content-Type", site.content_type.get(video_id, "video/mp4"))
            self.send_header("Accept-Ranges", "bytes")
            if is_partial:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            # The first request of yt-dlp asks for the type only: it never reads on, and is not to be broken.
            breaks = site.break_after.get(video_id) if site.count(video_id) % 2 == 0 else None
            stop = start + breaks.pop(0) if breaks else len(content)
            try:
                for offset in range(start, stop, CHUNK):
                    self.wfile.write(content[offset : min(offset + CHUNK, stop)])
                    time.sleep(site.pause_s)
            except (BrokenPipeError, ConnectionResetError):
                return
            if stop < len(content):
                self.close_connection = True

    return Handler


@contextmanager
def serve_site() -> Iterator[Site]:
    """Run the site in a thread."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(site))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    site.url_template = f"http://127.0.0.1:{server.server_address[1]}/{{id}}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
