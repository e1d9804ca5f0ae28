"""Reasons as text, as JSON, and as a page with the frames that decided and the clips that are like it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finegym import __version__
from finegym.annotations.text import format_table
from finegym.applications.reasons import Explainer, Neighbour, QuestionReasons, Reasons
from finegym.datasets.clips import ClipSource
from finegym.errors import FineGymError
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table, write_page

FORMAT = "finegym-reasons/1"
SHORT_SIDE, TILE_WIDTH, COLUMNS = 180, 260, 4
CLIP_WIDTH, CLIP_COLUMNS = 520, 2
MAX_FRAMES = 12  # that a picture shows
MOMENTS = (0.2, 0.5, 0.8)  # of a labelled clip, that are shown
FOR, AGAINST, NEITHER = (11, 122, 117), (179, 38, 30), (91, 103, 112)


def export_reasons(reasons: Reasons) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "format": FORMAT,
        "run": reasons.run,
        "checkpoint": reasons.checkpoint,
        "instance": reasons.instance_id,
        "label": reasons.label,
        "ranked": [{"class": id_, "name": name, "probability": round(p, 6)} for id_, name, p in reasons.ranked],
        "method": reasons.method,
        "frames": [list(row) for row in reasons.frames],
        "questions": [_export_question(one) for one in reasons.questions],
        "nearest": [_export_neighbour(one) for one in reasons.nearest],
        "notes": list(reasons.notes),
    }


def format_reasons(reasons: Reasons) -> str:
    """Reasons for the terminal."""
    likeliest = [(name, f"{100 * probability:.1f} %", id_) for id_, name, probability in reasons.ranked]
    lines = [f"{reasons.instance_id}, by {reasons.run} ({reasons.checkpoint})"]
    lines += [f"labelled     {reasons.label}"] if reasons.label else []
    lines += ["", format_table(("likeliest", "probability", "class"), likeliest, left=(2,)), ""]
    rows = [
        (
            one.question.text,
            _name_answer(one),
            f"{100 * one.probability:.1f} %" if one.question.against else "-",
            describe_frames(one, reasons) or "the model knows no other answer",
        )
        for one in reasons.questions
    ]
    lines.append(format_table(("decided", "answer", "probability", "frames, log-odds"), rows, left=(1, 3)))
    for one in reasons.questions:
        if one.like_answer or one.like_other:
            lines += ["", f"{one.question.text} {_name_answer(one)}", *_format_neighbours(one)]
    return "\n".join([*lines, *(f"\n{note}" for note in reasons.notes)])


def describe_frames(one: QuestionReasons, reasons: Reasons, limit: int = 3) -> str:
    """The frames that moved a decision most, in words: which, and by how much."""
    order = sorted(range(len(one.saliency)), key=lambda place: -abs(one.saliency[place]))[:limit]
    return ", ".join(f"{_name_frames(reasons.frames[place])} {one.saliency[place]:+.2f}" for place in order)


def write_reasons_page(path: Path, reasons: Reasons, explainer: Explainer) -> None:
    """Write a page: the answer, then a section a decision with its frames and labelled clips.

    Args:
        path: the file.
        reasons: what to show.
        explainer: that gave them; it knows where pictures are.
    """
    sections = [_make_answer_section(reasons)]
    sections += [_make_question_section(one, reasons, explainer) for one in reasons.questions]
    if reasons.nearest:
        sections.append(
            Section("Nearest labelled clips", _draw_neighbours(reasons.nearest, explainer, "whatever they are"))
        )
    lead = (
        f"Frames: how much the log-odds of an answer owe to each ({reasons.method}); the model looks at "
        f"{len(reasons.frames)}. Clips: the nearest among those that it learned from."
    )
    write_page(path, f"Why {reasons.ranked[0][1]}?", sections, lead=lead, footer=f"finegym {__version__}")


def _make_answer_section(reasons: Reasons) -> Section:
    likeliest = [(name, f"{100 * probability:.1f} %", id_) for id_, name, probability in reasons.ranked]
    path = [
        (_name_answer(one), f"{100 * one.probability:.1f} %" if one.question.against else "", one.question.text)
        for one in reasons.questions
    ]
    facts = [
        ("labelled", reasons.label or "by nobody"),
        ("run", f"{reasons.run} ({reasons.checkpoint})"),
    ]
    blocks: list[Any] = [
        Table(("likeliest", "probability", "class"), likeliest),
        Table(("answer", "probability", "decided"), path, "In the order of the decision tree"),
        Table(("clip", reasons.instance_id), facts),
    ]
    return Section("Answer", [*blocks, *(Prose(note) for note in reasons.notes)])


def _make_question_section(one: QuestionReasons, reasons: Reasons, explainer: Explainer) -> Section:
    title = f"{one.question.text} {_name_answer(one)}"
    if not one.question.against:
        return Section(title, [Prose("The model knows no class on the other side: nothing was decided here.")])
    blocks: list[Any] = [Prose(f"{100 * one.probability:.1f} %. Moved it most: {describe_frames(one, reasons)}.")]
    blocks += _draw_frames(one, reasons, explainer.clips.pictures)
    blocks += _draw_neighbours(one.like_answer, explainer, "of this answer")
    blocks += _draw_neighbours(one.like_other, explainer, "of the other answer")
    return Section(title, blocks)


def draw_saliency(
    one: QuestionReasons,
    reasons: Reasons,
    pictures: ClipSource | None,
    *,
    columns: int = COLUMNS,
    tile_width: int = TILE_WIDTH,
) -> bytes | None:
    """The frames that moved a decision most, in order, in colours of what they speak for; ``None`` without pictures.

    Returns:
        A JPEG of ``MAX_FRAMES`` frames at most.

    Raises:
        VideoError: a frame cannot be read.
    """
    middles = [row[len(row) // 2] for row in reasons.frames]
    there = [place for place, frame in enumerate(middles) if frame >= 0]
    shown = sorted(sorted(there, key=lambda place: -abs(one.saliency[place]))[:MAX_FRAMES])
    if pictures is None or not shown:
        return None
    wanted = np.unique([middles[place] for place in shown])
    frames = pictures.read_frames(reasons.instance_id, wanted, SHORT_SIDE)
    read = dict(zip(wanted.tolist(), frames, strict=True))
    labels = _label_frames(one, reasons)
    sheet = draw_sheet(
        [read[middles[place]] for place in shown],
        [labels[place] for place in shown],
        columns=columns,
        tile_width=tile_width,
        colours=[_choose_colour(one.saliency[place], one.saliency) for place in shown],
    )
    return encode_jpeg(sheet)


def _draw_frames(one: QuestionReasons, reasons: Reasons, pictures: ClipSource | None) -> list[Any]:
    described = "; ".join(_label_frames(one, reasons))
    try:
        picture = draw_saliency(one, reasons, pictures)
    except FineGymError as error:
        return [Prose(f"The frames cannot be shown ({error}): {described}")]
    if picture is None:
        return [Prose(f"No frames are at hand: {described}")]
    num_frames = len(reasons.frames)
    which = f"; the {MAX_FRAMES} of {num_frames} frames that moved it most" if num_frames > MAX_FRAMES else ""
    return [Picture(picture, f"Green speaks for the answer, red against it{which}", described)]


def _label_frames(one: QuestionReasons, reasons: Reasons) -> list[str]:
    return [f"{_name_frames(row)}: {value:+.2f}" for row, value in zip(reasons.frames, one.saliency, strict=True)]


def _draw_neighbours(neighbours: Sequence[Neighbour], explainer: Explainer, what: str) -> list[Any]:
    labelled = explainer.labelled
    if not neighbours or labelled is None:
        return []
    rows = [(one.class_name, f"{one.similarity:.3f}", one.instance_id) for one in neighbours]
    table = Table(("class", "similarity", "clip"), rows, f"Nearest labelled clips {what}")
    source = labelled.pictures
    missing = source.find_missing([one.instance_id for one in neighbours]) if source else {}
    if source is None or missing:
        return [table]
    try:
        tiles = [_read_moments(source, one.instance_id) for one in neighbours]
    except FineGymError as error:
        return [table, Prose(f"They cannot be shown: {error}")]
    labels = [f"{one.similarity:.2f} {one.class_name}" for one in neighbours]
    sheet = draw_sheet(tiles, labels, columns=CLIP_COLUMNS, tile_width=CLIP_WIDTH)
    return [Picture(encode_jpeg(sheet), f"Nearest labelled clips {what}", "; ".join(labels)), table]


def _read_moments(source: ClipSource, instance_id: str) -> np.ndarray:
    """Three frames of a clip side by side."""
    last = source.count_frames(instance_id) - 1
    wanted, places = np.unique([round(moment * last) for moment in MOMENTS], return_inverse=True)
    frames = source.read_frames(instance_id, wanted, SHORT_SIDE)
    return np.concatenate(list(frames[places]), axis=1)


def _choose_colour(value: float, values: Sequence[float]) -> tuple[int, int, int]:
    """Grey for what matters little beside the frame that matters most."""
    if abs(value) < 0.25 * max(abs(other) for other in values):
        return NEITHER
    return FOR if value > 0 else AGAINST


def _name_frames(row: Sequence[int]) -> str:
    if row[0] < 0:
        return "no frame"
    return f"frame {row[0]}" if len(row) == 1 else f"frames {row[0]}-{row[-1]}"


def _name_answer(one: QuestionReasons) -> str:
    return "yes" if one.question.answer else "no"


def _format_neighbours(one: QuestionReasons) -> list[str]:
    return [
        f"  {what}  {near.similarity:.3f}  {near.class_name}  {near.instance_id}"
        for what, some in (("like it ", one.like_answer), ("like not", one.like_other))
        for near in some
    ]


def _export_question(one: QuestionReasons) -> dict[str, Any]:
    return {
        "kind": one.question.kind,
        "text": one.question.text,
        "query": one.question.query_id,
        "answer": one.question.answer,
        "probability": round(one.probability, 6),
        "saliency": [round(value, 6) for value in one.saliency],
        "like_answer": [_export_neighbour(near) for near in one.like_answer],
        "like_other": [_export_neighbour(near) for near in one.like_other],
    }


def _export_neighbour(near: Neighbour) -> dict[str, Any]:
    return {
        "instance": near.instance_id,
        "class": near.class_id,
        "name": near.class_name,
        "similarity": round(near.similarity, 6),
    }
