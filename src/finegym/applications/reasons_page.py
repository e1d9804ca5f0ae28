"""Reasons as a page: the answer, then a section a decision, with the frames that decided and clips like it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finegym import __version__
from finegym.applications.reasons import Explainer
from finegym.applications.reasons_asking import AskedRecogniser
from finegym.applications.reasons_model import DecisionReasons, Neighbour, Reasons, Voice
from finegym.applications.reasons_output import (
    describe_closed,
    describe_recogniser,
    describe_voice,
    format_cost,
    format_share,
    name_answer,
)
from finegym.applications.reasons_pictures import MAX_FRAMES, SHORT_SIDE, count_frames, draw_saliency, draw_strip
from finegym.datasets.clips import ClipSource
from finegym.errors import FineGymError
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table, write_page

CLIP_WIDTH, CLIP_COLUMNS = 520, 2
MOMENTS = (0.2, 0.5, 0.8)  # of a labelled clip, that are shown


def write_reasons_page(path: Path, reasons: Reasons, explainer: Explainer) -> None:
    """Write a page: the answer, then a section a decision with its frames and labelled clips.

    Args:
        path: the file.
        reasons: what to show.
        explainer: that gave them; it knows where pictures are.
    """
    sections = [_make_answer_section(reasons)]
    sections += [_make_decision_section(one, reasons, explainer) for one in reasons.decisions if one.is_open]
    for place, facts in enumerate(reasons.recognisers):
        if facts.nearest:
            blocks = _draw_neighbours(facts.nearest, explainer.asked[place], "whatever they are")
            sections.append(Section(f"Nearest labelled clips, {facts.name}", blocks))
    lead = (
        f"Frames: how much the log-odds of an answer owe to each ({reasons.method}). Clips: the nearest among those "
        f"that a recogniser learned from. {format_cost(reasons)}."
    )
    write_page(path, f"Why {reasons.answer[1]}?", sections, lead=lead, footer=f"finegym {__version__}")


def _make_answer_section(reasons: Reasons) -> Section:
    likeliest = [(format_share(probability), name, id_) for id_, name, probability in reasons.ranked]
    open_ = [one for one in reasons.decisions if one.is_open]
    path = [(format_share(one.probability), name_answer(one), one.text) for one in open_]
    facts = [("labelled", reasons.label or "by nobody"), ("by", reasons.source)]
    blocks: list[Any] = [
        Table(("probability", "likeliest", "class"), likeliest),
        Table(("probability", "answer", "decided"), path, "In the order of the hierarchy"),
        Table(("clip", reasons.instance_id), facts),
    ]
    if len(reasons.recognisers) > 1:
        blocks += [Prose(f"{describe_recogniser(place, reasons)}.") for place in range(len(reasons.recognisers))]
    notes = [note for note in (describe_closed(reasons), *reasons.notes) if note]
    return Section("Answer", [*blocks, *(Prose(f"{note}.") for note in notes)])


def _make_decision_section(one: DecisionReasons, reasons: Reasons, explainer: Explainer) -> Section:
    blocks: list[Any] = []
    if len(reasons.recognisers) > 1:
        voices = [(reasons.recognisers[voice.recogniser].name, format_share(voice.probability)) for voice in one.voices]
        blocks.append(Table(("by", "probability"), [*voices, ("all together", format_share(one.probability))]))
    for voice in one.voices:
        blocks += _make_voice_blocks(voice, reasons, explainer.asked[voice.recogniser])
    if not one.voices:
        blocks.append(Prose("No recogniser has a say in this; the localizers of the parse decided it."))
    return Section(f"{one.text} {name_answer(one)}", blocks)


def _make_voice_blocks(voice: Voice, reasons: Reasons, asked: AskedRecogniser) -> list[Any]:
    facts = reasons.recognisers[voice.recogniser]
    described = describe_voice(voice, reasons)
    blocks: list[Any] = [Prose(f"{facts.name}, {format_share(voice.probability)}: {described}.")]
    if not voice.is_decided:
        return blocks
    strip = draw_strip(voice, facts, count_frames(reasons.recognisers))
    blocks.append(
        Picture(strip, "The clip from its first frame to its last: up for the answer, down against", described)
    )
    try:
        picture = draw_saliency(voice, facts, reasons.instance_id, asked.clips.pictures)
    except FineGymError as error:
        blocks.append(Prose(f"The frames cannot be shown: {error}"))
    else:
        num_frames = len(facts.frames)
        which = f"; the {MAX_FRAMES} of {num_frames} that moved it most" if num_frames > MAX_FRAMES else ""
        tints = ". Tinted: where in the picture" if voice.places and not facts.places else ""
        caption = f"Green speaks for the answer, red against it{which}{tints}"
        blocks.append(Picture(picture, caption, described) if picture else Prose("No frames are at hand."))
    blocks += _draw_neighbours(voice.like_answer, asked, "of this answer")
    return blocks + _draw_neighbours(voice.like_other, asked, "of the other answer")


def _draw_neighbours(neighbours: Sequence[Neighbour], asked: AskedRecogniser, what: str) -> list[Any]:
    if not neighbours or asked.labelled is None:
        return []
    rows = [(one.class_name, f"{one.similarity:.3f}", one.instance_id) for one in neighbours]
    table = Table(("class", "similarity", "clip"), rows, f"Nearest labelled clips {what}")
    source = asked.labelled.pictures
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
