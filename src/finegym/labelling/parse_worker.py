"""The process that parses for the server: it needs PyTorch, which the server does not, and takes long.

What to do comes as one line of JSON on stdin, which stays open: when it closes, the server is gone, and so is this.
What happens goes to stdout (see ``background_jobs``). A recording at a time: one network on all cores is faster than
several that share them. A run that was cut off is started again and goes on where it was (``applications.parse``).
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from finegym.errors import FineGymError
from finegym.labelling.parse_jobs import BUNDLE_SUFFIX
from finegym.workspace import Workspace

_STAGES = {  # in the order in which ``parse_video`` tells of them
    "localize": "looking for routines",
    "replays": "looking for replays",
    "recognise": "recognising",
    "read": "reading",
    "write": "writing",
}
_THRESHOLDS = ("min_score", "min_sub_score", "min_probability")


class Channel:
    """What the server hears. Whatever libraries print goes to stderr instead."""

    def __init__(self) -> None:
        self._out: IO[str] = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        """A line for the server."""
        print(json.dumps(message), file=self._out, flush=True)


class Teller:
    """Says how far the parsing of several records is: in seconds of video, of which a record's stages share its own.

    The bars that stages draw elsewhere are told in words, step by step, but not more often than twice a second.
    """

    def __init__(self, channel: Channel, records: Sequence[dict[str, Any]], now_s: Callable[[], float]) -> None:
        self._channel, self._records, self._now_s = channel, records, now_s
        self._seconds = [float(record.get("seconds", 1.0)) for record in records]
        self._number, self._stage, self._told_s = 0, 0, -math.inf

    def begin_record(self, number: int) -> None:
        """On to the next record."""
        self._number, self._stage = number, 0

    def tell_stage(self, stage: str) -> None:
        """A stage of the record begins."""
        self._stage = list(_STAGES).index(stage) if stage in _STAGES else self._stage
        self._say(_STAGES.get(stage, stage))

    def tell_step(self, title: str, done: int, total: int) -> None:
        """A step of the stage is done."""
        if done < total and self._now_s() - self._told_s < 0.5:
            return
        self._say(f"{list(_STAGES.values())[self._stage]} ({title}: {done} of {total})")

    def _say(self, what: str) -> None:
        self._told_s = self._now_s()
        done_s = sum(self._seconds[: self._number]) + self._seconds[self._number] * self._stage / len(_STAGES)
        total_s = sum(self._seconds)
        text = f"{self._records[self._number]['name']}: {what}; step {self._stage + 1} of {len(_STAGES)}"
        if len(self._records) > 1:
            text += f" of record {self._number + 1} of {len(self._records)}; {done_s:.0f} of {total_s:.0f} s of video"
        self._channel.say({"progress": {"done": round(done_s, 1), "total": round(total_s, 1), "text": text}})


def run(asked: dict[str, Any], channel: Channel) -> None:
    """Parse what was asked for; what fails is named, and the rest goes on."""
    try:
        from finegym.applications.bundle import open_bundle
        from finegym.applications.parse.interpreting import Thresholds
        from finegym.applications.parse.run import ParseItem, ParseSettings, is_parsed, parse_video
        from finegym.training.progress import follow_bars
    except ModuleNotFoundError as error:
        channel.say({"error": f"parsing needs {error.name}, which is not installed where the server runs"})
        return
    workspace = Workspace(Path(asked["workspace"]))
    bundle = workspace.bundles / (asked["bundle"] + BUNDLE_SUFFIX)
    given = {name: asked[name] for name in _THRESHOLDS if asked.get(name) is not None}
    settings = ParseSettings(Thresholds(**given))
    done, there, failed = [], [], {}
    try:
        opened = open_bundle(bundle)
    except FineGymError as error:
        channel.say({"error": str(error)})
        return
    teller = Teller(channel, asked["records"], time.monotonic)
    for number, record in enumerate(asked["records"]):
        name = record["name"]
        item = ParseItem(workspace.find_path(record["path"]), workspace.parses / name)
        teller.begin_record(number)
        try:
            if is_parsed(item, opened, settings):
                there.append(name)
                continue
            with follow_bars(teller.tell_step):
                parse_video(item, bundle=bundle, settings=settings, show_progress=False, tell=teller.tell_stage)
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
