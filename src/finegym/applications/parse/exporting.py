"""A parse as files: the page, official annotations, chapters and a table. What is no routine is told apart in each."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from finegym.annotations.folder import (
    ACTIONS_FILE,
    ANNOTATIONS_FILE,
    ELEMENTS_FILE,
    RECORDS_FILE,
    SETS_FILE,
    write_dataset,
)
from finegym.annotations.model import Dataset, Video
from finegym.annotations.webvtt import CHAPTERS_FILE, format_webvtt, mark_cue
from finegym.applications.parse.files import (
    PARSE_FILE,
    REASONS_FILE,
    REASONS_FOLDER,
    Parse,
    ParsedAction,
    ParsedSubAction,
    write_parse,
)
from finegym.applications.parse.interpreting import make_action
from finegym.applications.parse.page import write_parse_page
from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.codebook.model import Codebook
from finegym.files import remove_stale, write_text

PAGE_FILE, CSV_FILE = "parse.html", "sub_actions.csv"
DATASET_FILES = (ANNOTATIONS_FILE, ELEMENTS_FILE, SETS_FILE, RECORDS_FILE, ACTIONS_FILE)
EARLIER_FILES = (PARSE_FILE, REASONS_FILE, PAGE_FILE, CHAPTERS_FILE, CSV_FILE, *DATASET_FILES)
"""``parse.json`` first: without it, nobody takes the rest for a parse."""
CSV_COLUMNS = (
    "video_id",
    "action_id",
    "kind",
    "replay_of",
    "event_id",
    "action_start_ms",
    "action_end_ms",
    "points",
    "is_doubtful",
    "routine_unsure",
    "instance_id",
    "start_ms",
    "end_ms",
    "set_id",
    "element_id",
    "element_name",
    "probability",
    "is_strange",
    "is_seen",
    "unsure",
)


def write_outputs(parse: Parse, found: Dataset, code: CodeOfPoints, video: Path, out: Path) -> None:
    """Write everything about a parse into ``out``; ``parse.json`` last, because it says that the rest is there.

    So that of an earlier parse goes first: killed in between, files of two parses would look like one.

    The dataset folder holds what annotators would annotate: routines that were performed live and to their end, without
    those that are in doubt as such unless they were asked for. Chapters and table hold everything, and say what it is.
    """
    record = found.videos[0]
    routines = tuple(make_action(action) for action in parse.actions if find_mark(action, parse) is None)
    dataset = Dataset(found.codebook, (replace(record, actions=routines),))
    remove_earlier(out)
    write_dataset(dataset, out)
    write_text(out / CHAPTERS_FILE, format_chapters(parse, record, found.codebook))
    write_text(out / CSV_FILE, format_table(parse, found.codebook))
    write_parse_page(out / PAGE_FILE, parse, dataset, code, video)
    write_parse(out / PARSE_FILE, parse)
    remove_stale(out)


def remove_earlier(out: Path) -> None:
    """Remove what an earlier parse and questions about it have left; the codebook stays, with its comments."""
    out.mkdir(parents=True, exist_ok=True)
    for name in EARLIER_FILES:
        (out / name).unlink(missing_ok=True)
    if (out / REASONS_FOLDER).is_dir():
        shutil.rmtree(out / REASONS_FOLDER)


def find_mark(action: ParsedAction, parse: Parse) -> str | None:
    """Why a routine is no annotation: its kind, or that it is ``doubtful``; ``None``: it is one."""
    if action.kind != "routine":
        return action.kind
    return "doubtful" if action.is_doubtful and not parse.with_doubtful else None


def format_chapters(parse: Parse, record: Video, codebook: Codebook) -> str:
    """WebVTT: what the official annotations hold, cue by cue; and the rest, marked as none.

    Doubtful routines come with their sub-actions, of other kinds there is one cue each. Warnings are notes at the top,
    which editors show and players do not.
    """
    blocks = [format_webvtt(replace(record, actions=()), codebook).rstrip("\n")]
    blocks += [f"NOTE WARNING: {warning}" for warning in parse.warnings]
    for action in parse.actions:
        one = replace(record, actions=(make_action(action),))
        cues = format_webvtt(one, codebook).rstrip("\n").split("\n\n")[2:]  # without head and note
        mark = find_mark(action, parse)
        again = f" of {action.replay_of}" if action.replay_of else ""
        shown = cues if mark in (None, "doubtful") else cues[:1]
        blocks += [mark_cue(cue, mark, f"{mark}{again}") for cue in shown] if mark else shown
    return "\n\n".join(blocks) + "\n"


def format_table(parse: Parse, codebook: Codebook) -> str:
    """CSV, a row a sub-action with its routine; a routine without sub-actions has one row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for action in parse.actions:
        writer.writerows(_make_rows(parse.record_id, action, codebook))
    return buffer.getvalue()


def _make_rows(record_id: str, action: ParsedAction, codebook: Codebook) -> Iterator[list[object]]:
    action_id = f"{record_id}_{action.name}"
    points = "" if action.points is None else f"{action.points:.1f}"
    head = [record_id, action_id, action.kind, action.replay_of or "", action.event_id]
    head += [str(action.start_ms), str(action.end_ms), points]
    head += [str(action.is_doubtful).lower(), "; ".join(action.unsure)]
    if not action.sub_actions:
        yield [*head, *[""] * (len(CSV_COLUMNS) - len(head) - 1), "; ".join(action.unsure)]
    for sub in action.sub_actions:
        element = codebook.element_by_id.get(sub.element_id or "")
        set_id = element.set_id if element else sub.set_id or ""
        named = [set_id, sub.element_id or "", element.name.strip() if element else "", _find_probability(sub)]
        where = [f"{action_id}_{sub.name}", sub.start_ms, sub.end_ms]
        flags = [str(flag).lower() for flag in (sub.is_strange, sub.is_seen)]
        yield [*head, *where, *named, *flags, "; ".join(sub.unsure)]


def _find_probability(sub: ParsedSubAction) -> str:
    """Of what is named."""
    if sub.element_id is not None:
        return f"{sub.candidates[0].probability:.4f}"
    return f"{sub.sets[sub.set_id]:.4f}" if sub.set_id is not None else ""
