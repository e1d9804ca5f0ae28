"""Parsing what arrives in a folder, once it has arrived whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from finegym.applications.bundle import open_bundle
from finegym.applications.parse.files import read_parse
from finegym.applications.parse.page import count_kinds
from finegym.applications.parse.run import ParseSettings, parse_videos
from finegym.applications.scoring.code_of_points import read_code
from finegym.errors import ConfigError, VideoError
from finegym.files import is_held
from finegym.jobs import Tally
from finegym.video.ingest.sources import MEDIA_SUFFIXES

State = tuple[int, int]  # size in bytes, time of change in nanoseconds


def watch_folder(
    folder: Path,
    bundle: Path,
    out: Path,
    settings: ParseSettings,
    *,
    every_s: float = 10.0,
    once: bool = False,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Parse recordings as they arrive; ends with Ctrl-C. One that another process is parsing is looked at again.

    Args:
        folder: to look into, not below.
        bundle: file of the models.
        out: folder for the results.
        settings: how recordings are parsed.
        every_s: seconds from one look to the next.
        once: end after what was there at the first look; it is taken as whole.
        say: told what is done, line by line.
        sleep: waits; tests give their own.

    Returns:
        How many recordings were parsed, those that were parsed before not counted.

    Raises:
        ConfigError: there is no such folder or code of points, or the bundle is not usable.
        VideoError: with ``once``, some recordings could not be parsed.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder to watch. Check the path.")
    open_bundle(bundle)
    read_code(settings.code)  # before the first recording arrives, which may be hours
    seen: dict[Path, State] = {}
    taken: dict[str, Path] = {}  # results are told apart by name
    handled: dict[Path, State] = {}
    waiting: set[Path] = set()  # another process is parsing them: looked at again
    num_parsed, failed = 0, 0
    try:
        while True:
            there = list_videos(folder)
            whole = [path for path, state in there.items() if handled.get(path) != state]
            if not once:
                whole = [path for path in whole if seen.get(path) == there[path]]
            for path in whole:
                other = taken.setdefault(path.stem, path)
                if other != path:
                    handled[path] = there[path]
                    say(f"{path.name}: left out, its results would replace those of {other.name}. Give it another name")
                    continue
                tally = parse_videos([path], bundle, out, settings, show_progress=False)
                num_parsed += len(tally.done)
                failed += len(tally.failed)
                is_busy = bool(tally.failed) and is_held(out / path.stem)
                for line in () if is_busy and path in waiting else describe_outcome(tally):
                    say(f"{path.name}: {line}")
                waiting = waiting | {path} if is_busy else waiting - {path}
                if not is_busy:
                    handled[path] = there[path]
            seen = there
            if once and failed:
                raise VideoError(
                    f"{failed} of {len(there)} recordings in {folder} could not be parsed; they are named above."
                )
            if once:
                return num_parsed
            sleep(every_s)
    except KeyboardInterrupt:
        say(f"parsed {num_parsed}")
        return num_parsed


def describe_outcome(tally: Tally[Path]) -> list[str]:
    """What came of one recording: why it failed, or what was found, and what to know before believing it."""
    if tally.failed:
        return [next(iter(tally.failed.values()))]
    if not tally.done:
        return ["was parsed before"]
    parse = read_parse(next(iter(tally.done.values())))
    return [f"parsed: {count_kinds(parse)}", *(f"WARNING: {warning}" for warning in parse.warnings)]


def list_videos(folder: Path) -> dict[Path, State]:
    """The recordings in a folder by name, each with what changes while it grows."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in MEDIA_SUFFIXES and path.is_file() and not path.name.startswith("."):
            with suppress(FileNotFoundError):  # moved or renamed at this moment: the next look finds it, or it is gone
                facts = path.stat()
                found[path] = (facts.st_size, facts.st_mtime_ns)
    return found
