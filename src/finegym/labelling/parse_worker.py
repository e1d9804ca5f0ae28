"""The process that parses for the server: it needs PyTorch, which the server does not, and takes long.

What to do comes as one line of JSON on stdin, which stays open: when it closes, the server is gone, and so is this.
What happens goes to stdout (see ``background_jobs``). A recording at a time: one network on all cores is faster than
several that share them. A run that was cut off is started again and goes on where it was (``applications.parse``).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import IO, Any

from finegym.errors import FineGymError
from finegym.labelling.parse_jobs import BUNDLE_SUFFIX
from finegym.workspace import Workspace

_STAGES = {
    "localize": "looking for routines",
    "replays": "looking for replays",
    "recognise": "recognising",
    "read": "reading",
    "write": "writing",
}


class Channel:
    """What the server hears. Whatever libraries print goes to stderr instead."""

    def __init__(self) -> None:
        self._out: IO[str] = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        """A line for the server."""
        print(json.dumps(message), file=self._out, flush=True)


def run(asked: dict[str, Any], channel: Channel) -> None:
    """Parse what was asked for; what fails is named, and the rest goes on."""
    try:
        from finegym.applications.bundle import open_bundle
        from finegym.applications.parse.interpreting import Thresholds
        from finegym.applications.parse.run import ParseItem, ParseSettings, is_parsed, parse_video
    except ModuleNotFoundError as error:
        channel.say({"error": f"parsing needs {error.name}, which is not installed where the server runs"})
        return
    workspace = Workspace(Path(asked["workspace"]))
    bundle = workspace.bundles / (asked["bundle"] + BUNDLE_SUFFIX)
    settings = ParseSettings(Thresholds(asked["min_score"], asked["min_sub_score"], asked["min_probability"]))
    done, there, failed = [], [], {}
    try:
        opened = open_bundle(bundle)
    except FineGymError as error:
        channel.say({"error": str(error)})
        return
    for number, record in enumerate(asked["records"]):
        name, total = record["name"], len(asked["records"])
        item = ParseItem(workspace.find_path(record["path"]), workspace.parses / name)

        def tell(stage: str, name: str = name, number: int = number, total: int = total) -> None:
            text = f"{name}: {_STAGES.get(stage, stage)} ({number + 1} of {total} records)"
            channel.say({"progress": {"done": number, "total": total, "text": text}})

        try:
            if is_parsed(item, opened, settings):
                there.append(name)
                continue
            parse_video(item, bundle=bundle, settings=settings, show_progress=False, tell=tell)
            done.append(name)
        except FineGymError as error:
            failed[name] = str(error)
    channel.say({"report": {"done": done, "there": there, "failed": failed}})


def _die_with_server() -> None:
    """The pipe from the server has ended: somebody killed it."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Read what to do, and do it."""
    channel = Channel()
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_server, daemon=True).start()
    run(asked, channel)
    os._exit(0)  # the thread still waits for stdin


if __name__ == "__main__":
    main()
