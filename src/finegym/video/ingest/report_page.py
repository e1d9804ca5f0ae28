"""The report as a page for people: the corpus, shared parts to confirm, damage in time, stills of every record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import cv2
import numpy as np

from finegym import __version__
from finegym.annotations.text import format_count
from finegym.errors import VideoError
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table, write_page
from finegym.video.ingest.corpus import CORPUS_HEADER, describe_damage, make_rows, summarise
from finegym.video.ingest.duplicates import Duplicates, Pair
from finegym.video.ingest.pictures import format_time
from finegym.video.ingest.record import KINDS, Kind, Record
from finegym.video.ingest.run import Run
from finegym.video.reader import VideoReader
from finegym.workspace import Workspace

NUM_MOMENTS = 4
# Pairs with stills on the page; the rest is in the table. Each costs some 60 KB.
MAX_PICTURED = 60
# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS: dict[Kind, str] = {
    "truncated": "#d55e00",
    "missing": "#d55e00",
    "undecodable": "#cc79a7",
    "no_key_frame": "#cc79a7",
    "gap": "#e69f00",
    "clock_jump": "#7a6a00",
    "frozen": "#56b4e9",
    "frozen_hint": "#a9d8f3",
    "black": "#111111",
}


def write_report_page(workspace: Workspace, run: Run, records: Mapping[str, Record], duplicates: Duplicates) -> None:
    """Write ``report.html``.

    Raises:
        OutputError: it cannot be written.
    """
    sections = [
        _describe_corpus(run, records),
        *_describe_problems(run),
        _describe_pairs(workspace, records, duplicates),
        _describe_damage(records),
    ]
    for verdict in ("accepted", "disqualified"):
        chosen = {record_id: record for record_id, record in records.items() if record.verdict == verdict}
        if chosen:
            sections.append(_show_records(workspace, f"{verdict.capitalize()} records", chosen))
    total = summarise(records, len(run.failed))[-1]
    lead = (
        f"{format_count(total.num_records, 'record')}, {total.hours:.2f} hours; {total.num_accepted} accepted, "
        f"{total.num_disqualified} disqualified; this run: {run}. Times are on each record's own clock."
    )
    footer = f"finegym {__version__}, video ingest, workspace {workspace.folder}"
    write_page(workspace.report_page, "Ingest", sections, lead=lead, footer=footer)


def _describe_corpus(run: Run, records: Mapping[str, Record]) -> Section:
    rows = make_rows(summarise(records, len(run.failed)))
    classes: dict[str, list[int]] = {}
    for record in records.values():
        classes.setdefault(record.probe.resolution_class, []).append(record.probe.duration_ms)
    order = sorted(classes.items(), key=lambda item: -sum(item[1]))
    by_class = [(name, len(found), round(sum(found) / 3_600_000, 3)) for name, found in order]
    caption = "720p and above: share of the hours. Failed files are those of the last run."
    return Section(
        "The corpus",
        [Table(CORPUS_HEADER, rows, caption), Table(("resolution", "records", "hours"), by_class)],
    )


def _describe_problems(run: Run) -> list[Section]:
    failed = [f"{place}: {reason.removeprefix(f'{place}: ')}" for place, reason in run.failed.items()]
    rows = [("still being written", place, reason) for place, reason in run.growing.items()]
    rows += [("moved", record_id, f"was {old}") for record_id, old in run.moved.items()]
    rows += [("lost", record_id, f"{path} is gone") for record_id, path in run.lost.items()]
    rows += [("not there", place, reason) for place, reason in run.sources.absent.items()]
    rows += [("renamed", name, f"is record {record_id}") for name, record_id in run.sources.renamed.items()]
    others = run.sources.other_files
    # Reasons are sentences: they wrap in prose and would not in a table.
    blocks: list[Prose | Table] = [Prose(f"Failed: {line}") for line in failed[:MAX_PICTURED]]
    if len(failed) > MAX_PICTURED:
        blocks.append(Prose(f"{len(failed) - MAX_PICTURED} more failed, in skipped.csv."))
    if rows:
        blocks.append(Table(("what", "where", "why"), rows))
    if others:
        names = ", ".join(path.name for path in others[:10])
        more = f" and {len(others) - 10} more, in skipped.csv" if len(others) > 10 else ""
        blocks.append(Prose(f"{len(others)} files are no media by their suffix: {names}{more}."))
    return [Section("What was not taken", blocks)] if blocks else []


def _describe_pairs(workspace: Workspace, records: Mapping[str, Record], duplicates: Duplicates) -> Section:
    blocks: list[Prose | Table | Picture] = [
        Prose(
            f"{duplicates.num_compared} records were compared by what moves in them. "
            + (
                "Look at each pair: the same moment, one record above the other."
                if duplicates.pairs
                else "No two of them share a part."
            )
        )
    ]
    if duplicates.not_compared:
        names = ", ".join(duplicates.not_compared[:10]) + (", …" if len(duplicates.not_compared) > 10 else "")
        blocks.append(Prose(f"{len(duplicates.not_compared)} were not (a quick run, or nothing moves): {names}."))
    if duplicates.num_left_out:
        blocks.append(Prose(f"{duplicates.num_left_out} offsets of pairs with many candidates were not looked at."))
    if duplicates.pairs:
        header = ("left", "from", "to", "right", "from", "to", "kind", "score", "of the shorter")
        blocks.append(Table(header, [_make_pair_row(pair) for pair in duplicates.pairs]))
    for pair in duplicates.pairs[:MAX_PICTURED]:
        blocks.append(_show_pair(workspace, records, pair))
    if len(duplicates.pairs) > MAX_PICTURED:
        blocks.append(Prose(f"{len(duplicates.pairs) - MAX_PICTURED} more pairs are in duplicates.json."))
    return Section("Shared parts", blocks)


def _make_pair_row(pair: Pair) -> tuple[object, ...]:
    left = (pair.left, format_time(pair.left_start_ms), format_time(pair.left_end_ms))
    right = (pair.right, format_time(pair.right_start_ms), format_time(pair.right_end_ms))
    return (*left, *right, pair.kind, round(pair.score, 2), f"{pair.share_of_shorter:.0%}")


def _show_pair(workspace: Workspace, records: Mapping[str, Record], pair: Pair) -> Picture | Prose:
    """Some moments of both records, one above the other."""
    name = f"{pair.left} and {pair.right}"
    share = (np.arange(NUM_MOMENTS) + 0.5) / NUM_MOMENTS
    frames, labels = [], []
    try:
        for record_id, start, end in (
            (pair.left, pair.left_start_ms, pair.left_end_ms),
            (pair.right, pair.right_start_ms, pair.right_end_ms),
        ):
            times = start + share * (end - start)
            with VideoReader(workspace.find_path(records[record_id].media.path)) as reader:
                numbers = [reader.find_frame_at(float(time)) for time in times]
                frames += [_fit_tile(frame) for frame in reader.read_frames(numbers, short_side=180)]
            labels += [f"{record_id}  {format_time(float(time))}" for time in times]
    except VideoError as error:
        return Prose(f"{name}: no stills: {error}")
    sheet = draw_sheet(frames, labels, columns=NUM_MOMENTS)
    length = f"{(pair.left_end_ms - pair.left_start_ms) / 1000:.1f} s, score {pair.score:.2f}"
    return Picture(encode_jpeg(sheet, 75), f"{name}: {pair.kind}, {length}", f"The same moments of {name}")


def _fit_tile(frame: np.ndarray) -> np.ndarray:
    """A frame on a 16:9 tile, so that both rows stand under each other whatever their proportions."""
    height, width = frame.shape[:2]
    scale = min(135 / height, 240 / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    tile = np.full((135, 240, 3), 230, np.uint8)
    top, left = (135 - size[1]) // 2, (240 - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def _describe_damage(records: Mapping[str, Record]) -> Section:
    damaged = {record_id: record for record_id, record in records.items() if record.damage}
    if not damaged:
        return Section("Damage", [Prose("Nothing is missing, black or frozen in any record.")])
    rows = [
        (record_id, found.kind, format_time(found.start_ms), format_time(found.end_ms), found.note)
        for record_id, record in damaged.items()
        for found in record.damage
    ]
    kinds = sorted({found.kind for record in damaged.values() for found in record.damage})
    meaning = "; ".join(f"{kind}: {KINDS[kind]}" for kind in kinds)
    shown = dict(list(damaged.items())[:60])
    caption = f"Records with damage, each over its own length{'' if len(shown) == len(damaged) else ' (the first 60)'}."
    return Section(
        "Damage",
        [
            Prose(f"{meaning}."),
            Picture(draw_timeline(shown).encode(), caption, "Where each record is damaged"),
            Table(("record", "kind", "from", "to", "note"), rows[:200], _say_more(rows)),
        ],
    )


def _say_more(rows: Sequence[object]) -> str:
    return f"{len(rows) - 200} more are in report.json." if len(rows) > 200 else ""


def draw_timeline(records: Mapping[str, Record]) -> str:
    """SVG: a bar a record, its damage in colours."""
    row, left, width = 22, 220, 640
    kinds = [
        kind for kind in KINDS if any(found.kind == kind for record in records.values() for found in record.damage)
    ]
    height = row * (len(records) + 1) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height}" '
        'font-family="sans-serif" font-size="12">'
    ]
    for place, kind in enumerate(kinds):
        x = float(left + place * 110)
        parts.append(f'<rect x="{x:g}" y="6" width="12" height="12" fill="{_COLOURS[kind]}"/>')
        parts.append(f'<text x="{x + 17:g}" y="16" fill="#2d3238">{kind}</text>')
    for place, (record_id, record) in enumerate(records.items(), 1):
        y = place * row + 6
        start = min(record.probe.clock.start_ms, *(found.start_ms for found in record.damage))
        end = max(record.probe.clock.end_ms, *(found.end_ms for found in record.damage))
        scale = width / max(1.0, end - start)
        name = record_id if len(record_id) <= 32 else record_id[:30] + "…"
        parts.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end" fill="#2d3238">{escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{width}" height="14" rx="2" fill="#dde3e8"/>')
        for found in record.damage:
            x = left + (found.start_ms - start) * scale
            w = max(1.5, (found.end_ms - found.start_ms) * scale)
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="14" fill="{_COLOURS[found.kind]}"/>')
        length = format_time(end - start)
        parts.append(f'<text x="{left + width + 8}" y="{y + 11}" fill="#5b6770">{length}</text>')
    return "\n".join([*parts, "</svg>"])


def _show_records(workspace: Workspace, title: str, records: Mapping[str, Record]) -> Section:
    blocks: list[Prose | Picture] = []
    for record_id, record in records.items():
        facts = describe_record(record_id, record)
        sheet = workspace.get_sheet_file(record_id)
        if sheet.is_file():
            blocks.append(Picture(sheet.read_bytes(), facts, f"Stills of {record_id}"))
        else:
            blocks.append(Prose(f"{facts} (no stills)"))
    return Section(title, blocks)


def describe_record(record_id: str, record: Record) -> str:
    """One paragraph about a record."""
    probe = record.probe
    rate = f"{probe.clock.fps_average:.4g} fps{'' if probe.clock.is_constant_rate else ' (varies)'}"
    sound = ", ".join(f"{audio.codec} {audio.rate_hz} Hz" for audio in probe.audio) or "no sound"
    facts = [
        f"{record_id}: {format_time(probe.duration_ms)}, {probe.width}x{probe.height} ({probe.resolution_class})",
        f"{probe.codec} {rate}",
        f"{probe.bit_rate_bps / 1000:.0f} kb/s",
        sound,
    ]
    if record.media_is != "source":
        facts.append(f"{record.media_is} of {probe.container}")
    if record.num_cuts is not None:
        facts.append(
            f"{format_count(record.num_cuts, 'cut')}, {format_count(record.num_replays or 0, 'replay candidate')}"
        )
    if record.num_chunks:
        facts.append(format_count(record.num_chunks, "chunk"))
    if record.damage:
        facts.append(describe_damage(record))
    text = "; ".join(facts) + "."
    if record.reasons:
        text += f" Disqualified: {'; '.join(record.reasons)}."
    return text + "".join(f" Note: {note}." for note in record.notes)
