"""A folder of trimmed clips, a class a subfolder, as a dataset.

This is how UCF101, HMDB51 and most home-made sets of clips look. Every subfolder becomes an element (all of one set and
one event), every clip a record with one action and one sub-action that span it. Clips of one recording share a group,
found by a pattern in the file name, and stored as ``Video.competition``: splits keep it on one side.

Lengths come from the files themselves through ``probe``: this room is above ``video`` and opens no media.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import AnnotationError, join_problems
from finegym.jobs import run_jobs

CLIP_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".webm", ".gif", ".mov", ".m4v", ".mpg"})
EVENT_ID = "clips"
SET_ID = "clips-S1"


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a probe says about one media file.

    Attributes:
        num_frames: frames that can be shown.
        fps: on average.
        start_ms: when its first frame is shown, whole milliseconds on the file's own clock.
        end_ms: when its last frame stops being shown.
        width: in pixels, as shown.
        height: in pixels, as shown.
    """

    num_frames: int
    fps: float
    start_ms: int
    end_ms: int
    width: int
    height: int


Probe = Callable[[Path], ClipFacts]
"""Reads the facts of one file; raises ``VideoError`` where it does not decode whole."""


@dataclass(frozen=True)
class ClipFolder:
    """What became of the files of a folder.

    Attributes:
        dataset: the clips that were read.
        damaged: files that do not decode, with the reason; empty unless the caller allowed them.
        excluded: files that the caller asked to leave out.
        ignored: other files: no clips, or not directly in a class's subfolder.
    """

    dataset: Dataset
    damaged: Mapping[str, str]
    excluded: tuple[str, ...]
    ignored: tuple[str, ...]


def is_clip_folder(folder: Path) -> bool:
    """Whether a folder has a subfolder with at least one clip in it."""
    folder = Path(folder)
    return folder.is_dir() and any(
        path.suffix.lower() in CLIP_SUFFIXES for sub in folder.iterdir() if sub.is_dir() for path in sub.iterdir()
    )


def read_clip_folder(
    folder: Path,
    probe: Probe,
    *,
    group_pattern: str | None = None,
    exclude: Sequence[str] = (),
    skip_damaged: bool = False,
    workers: int = 1,
    show_progress: bool = True,
) -> ClipFolder:
    r"""Read a folder of trimmed clips.

    Args:
        folder: holds a subfolder a class; its name becomes the codebook's.
        probe: gives the facts of a file; must be importable if ``workers > 1``.
        group_pattern: regular expression searched in every file name; its first group (without one, the whole match)
            names the recording that the clip comes from, such as ``_(g\d+)_`` in UCF101. ``None``: no groups.
        exclude: files to leave out, as ``class/file.avi``.
        skip_damaged: leave out files that do not decode, and count them, rather than stop.
        workers: processes that probe.
        show_progress: a bar on stderr, where that is a terminal.

    Returns:
        The dataset, and every file that is not in it. Records are in the order of their path, and named by file name
        without suffix, or as ``class/name`` where two classes share one.

    Raises:
        AnnotationError: no classes, a class without clips, names without the pattern, an excluded file that is not
            there, or damaged files; all are listed.
    """
    folder = Path(folder)
    names, ignored = _list_clips(folder)
    classes = _list_classes(names)
    excluded = tuple(name for name in names if name in exclude)
    problems = [f"excluded file {name} is not there" for name in exclude if name not in excluded]
    names = [name for name in names if name not in exclude]
    groups = _find_groups(names, group_pattern, problems)
    ids = _name_records(names, problems)
    if problems:
        raise AnnotationError(f"{folder}: {join_problems(problems)}. Correct the names or the options.")
    tally = run_jobs(
        names,
        partial(_probe_clip, folder, probe),
        key=lambda name: name,
        workers=workers,
        title="reading clips",
        show_progress=show_progress,
    )
    if tally.failed and not skip_damaged:
        reasons = [f"{name}: {reason}" for name, reason in sorted(tally.failed.items())]
        raise AnnotationError(
            f"{folder}: {len(reasons)} of {len(names)} clips do not decode: {join_problems(reasons)}. Replace them, or "
            f"leave them out and counted: --skip-damaged, or --exclude {reasons[0].split(':')[0]} …"
        )
    names = [name for name in names if name in tally.done]
    emptied = [name for name in classes if name not in _list_classes(names)]
    if emptied:
        raise AnnotationError(
            f"{folder}: no clip is left in {join_problems(emptied)} after {len(tally.failed)} damaged and "
            f"{len(excluded)} excluded files. Add clips, or remove the classes."
        )
    videos = tuple(_make_video(ids[name], name, groups.get(name), tally.done[name]) for name in names)
    return ClipFolder(
        Dataset(_make_codebook(folder, classes), videos), dict(sorted(tally.failed.items())), excluded, ignored
    )


def _list_clips(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    """Clips as ``class/file`` and everything else, both sorted; hidden files and folders are neither."""
    if not folder.is_dir():
        raise AnnotationError(
            f"{folder}: expected a folder with a subfolder a class, but there is none. Check the path."
        )
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    clips = [path.as_posix() for path in files if len(path.parts) == 2 and path.suffix.lower() in CLIP_SUFFIXES]
    known = set(clips)
    ignored = tuple(path.as_posix() for path in files if path.as_posix() not in known)
    filled = {name.split("/")[0] for name in clips}
    empty = [name for name in classes if name not in filled]
    if not classes or empty:
        what = f"no clip in {join_problems(empty)}" if empty else "no subfolders"
        raise AnnotationError(
            f"{folder}: {what}; expected a subfolder a class, with clips ({', '.join(sorted(CLIP_SUFFIXES))}) in it. "
            "Remove empty classes."
        )
    return clips, ignored


def _find_groups(names: Sequence[str], pattern: str | None, problems: list[str]) -> dict[str, str]:
    if pattern is None:
        return {}
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise AnnotationError(f"group pattern {pattern!r} is no regular expression: {error}. Correct it.") from error
    groups = {}
    for name in names:
        match = compiled.search(name.split("/")[1])
        group = match and (match[1] if compiled.groups else match[0])
        if group:
            groups[name] = group
        else:
            problems.append(f"{name} does not match the group pattern {pattern!r}")
    return groups


def _name_records(names: Sequence[str], problems: list[str]) -> dict[str, str]:
    short = {name: Path(name).stem for name in names}
    counts = Counter(short.values())
    ids = {name: stem if counts[stem] == 1 else f"{name.split('/')[0]}/{stem}" for name, stem in short.items()}
    problems += [
        f"{sum(other == id_ for other in ids.values())} clips are called {id_}"
        for id_, count in Counter(ids.values()).items()
        if count > 1
    ]
    return ids


def _probe_clip(folder: Path, probe: Probe, name: str) -> ClipFacts:
    return probe(folder / name)


def _make_video(video_id: str, name: str, group: str | None, facts: ClipFacts) -> Video:
    seconds = (facts.end_ms - facts.start_ms) // 1000
    sub_action = SubAction(f"A_0000_{seconds:04d}", ((facts.start_ms, facts.end_ms),), name.split("/")[0], SET_ID)
    action_name = f"E_{facts.start_ms // 1000:06d}_{facts.end_ms // 1000:06d}"
    action = Action(action_name, EVENT_ID, facts.start_ms, facts.end_ms, (sub_action,))
    return Video(
        video_id,
        (action,),
        path=name,
        competition=group,
        fps=facts.fps,
        num_frames=facts.num_frames,
        width=facts.width,
        height=facts.height,
    )


def _list_classes(names: Sequence[str]) -> list[str]:
    return sorted({name.split("/")[0] for name in names})


def _make_codebook(folder: Path, classes: Sequence[str]) -> Codebook:
    return Codebook(
        name=folder.resolve().name,
        version="1.0.0",
        sport="trimmed clips",
        events=(Event(EVENT_ID, "clips", 1),),
        sets=(Set(SET_ID, EVENT_ID, "classes of a folder of clips", 1),),
        elements=tuple(Element(name, SET_ID, name) for name in classes),
        queries=(),
        trees=(),
        source="made from a folder of clips, a class a subfolder",
    )
