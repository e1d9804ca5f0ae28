"""The process that ingests for the server: it decodes for hours, and must not slow requests.

What to do comes as one line of JSON on stdin, which stays open: when it closes, the server is gone, and so is this.
What happens goes to stdout, a line of JSON each: ``{"total": n, "names": [...]}``, then ``{"report": ...}`` or
``{"error": ...}``. A run that was cut off is started again and goes on where it was (``video.ingest``).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finegym.errors import FineGymError, LabellingError
from finegym.files import write_text
from finegym.video.ingest.lock import hold_workspace
from finegym.video.ingest.record import Settings
from finegym.video.ingest.report import write_reports
from finegym.video.ingest.rules import Rules, read_rules
from finegym.video.ingest.run import ingest
from finegym.video.ingest.sources import Source, find_sources
from finegym.workspace import Workspace


def run(asked: dict[str, Any]) -> None:
    """Ingest what was asked for."""
    workspace = Workspace(Path(asked["workspace"]))
    paths = [Path(path) for path in asked["paths"]]
    settings = Settings(chunk_minutes=asked["chunk_minutes"], overlap_s=asked["overlap_s"])
    try:
        rules = _read_rules(asked.get("rules_toml"))
        with hold_workspace(workspace):
            sources = find_sources(paths).found
            _check_roots(sources, [Path(root) for root in asked["roots"]])
            _say({"total": len(sources), "names": [source.record_id for source in sources]})
            result = ingest(
                paths,
                workspace,
                rules=rules,
                settings=settings,
                routines=asked.get("routines") or {},
                show_progress=False,
            )
            report = write_reports(workspace, result)
        _say({"report": report, "names": [source.record_id for source in result.sources.found]})
    except FineGymError as error:
        _say({"error": str(error)})


def _read_rules(text: str | None) -> Rules:
    if not text:
        return read_rules(None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.toml"
        write_text(path, text)
        return read_rules(path)


def _check_roots(sources: Sequence[Source], roots: Sequence[Path]) -> None:
    """Tables and links may name any file of the machine; leads may ingest those below the media folders."""
    outside = [source.path for source in sources if not _is_inside(source.path.resolve(), roots)]
    if outside:
        raise LabellingError(
            f"{outside[0]} and {len(outside) - 1} more lie outside of the server's media folders. Start the server "
            "with --media-root for the folder they are in."
        )


def _is_inside(path: Path, roots: Sequence[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _die_with_server() -> None:
    """The pipe from the server has ended: somebody killed it."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Read what to do, and do it."""
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_server, daemon=True).start()
    run(asked)
    sys.stdout.flush()
    os._exit(0)  # the thread still waits for stdin


if __name__ == "__main__":
    main()
