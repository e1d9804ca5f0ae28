"""A parse as one page: player, two-level timeline, a card a sub-action with path and confidence, score sheets."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from finegym import __version__
from finegym.annotations.model import Dataset
from finegym.annotations.text import format_count
from finegym.applications.parse.files import COUNTED, Parse, ParsedAction, ParsedSubAction
from finegym.applications.parse.interpreting import make_action
from finegym.applications.parse.page_media import PageClip, format_ending
from finegym.applications.reasons_pairs import describe_in_short
from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.applications.scoring.difficulty import score_action
from finegym.applications.scoring.sheet import describe_missing, make_award_rows, make_element_rows
from finegym.files import replace_file
from finegym.report.images import encode_jpeg
from finegym.video.reader import VideoReader

SHORT_SIDE, QUALITY = 96, 68
MOMENTS = (0.2, 0.5, 0.8)  # of a sub-action, that its card shows
SURE, LIKELY = 0.8, 0.5
KIND_NAMES = {
    "routine": "routine",
    "interrupted": "interrupted routine",
    "replay": "replay",
    "unclear": "unclear finding",
}


@dataclass(frozen=True)
class Say:
    """What one recogniser says of a decision: its probability, bars and frames as ``data:`` addresses, all in words."""

    name: str
    probability: float
    strip: str
    picture: str
    described: str


@dataclass(frozen=True)
class Decision:
    """A decision behind an answer: what was asked, how sure all together are, and who has a say in it."""

    text: str
    answer: bool
    probability: float | None
    says: tuple[Say, ...]


@dataclass(frozen=True)
class CardReasons:
    """Why a sub-action is taken for what it is; ``finegym explain parse`` adds it."""

    lead: str
    decisions: tuple[Decision, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A sub-action as the page shows it."""

    sub: ParsedSubAction
    title: str
    probability: float
    pictures: tuple[str, ...]
    reasons: CardReasons | None = None


@dataclass(frozen=True)
class Routine:
    """A routine as the page shows it: rows of its score sheet included."""

    action: ParsedAction
    event: str
    cards: tuple[Card, ...]
    elements: Sequence[Sequence[str]]
    awards: Sequence[Sequence[str]]
    missing: Sequence[str]


def write_parse_page(
    path: Path,
    parse: Parse,
    dataset: Dataset,
    code: CodeOfPoints,
    video: Path,
    reasons: Mapping[tuple[str, str], CardReasons] | None = None,
) -> None:
    """Write the page.

    Args:
        path: the file; the player looks for the video from there.
        parse: what to show.
        dataset: says the codebook.
        code: the code of points of the sheets.
        video: the recording.
        reasons: by the names of action and sub-action, where somebody asked why.

    Raises:
        VideoError: a frame cannot be read.
    """
    with replace_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(iterate_page(parse, dataset, code, video, path.parent, reasons or {}))


def iterate_page(
    parse: Parse,
    dataset: Dataset,
    code: CodeOfPoints,
    video: Path,
    folder: Path,
    reasons: Mapping[tuple[str, str], CardReasons],
) -> Iterator[str]:
    """The page as HTML text, to lie in ``folder``, piece by piece; everything is escaped."""
    environment = Environment(
        loader=PackageLoader("finegym.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sureness = (lambda _: "unsure") if parse.is_foreign else name_sureness
    environment.filters |= {"clock": format_clock, "percent": format_percent, "sureness": sureness}
    environment.globals["part"] = partial(describe_in_short, dataset.codebook)
    routines = _make_routines(parse, dataset, code, video, reasons)
    subs = [sub for action in parse.actions for sub in action.sub_actions]
    yield from environment.get_template("parse.html.j2").generate(
        parse=parse,
        routines=routines,
        codebook=dataset.codebook,
        ending=Markup(format_ending([_find_clip(parse, video, folder)])),
        again=[one for one in routines if one.action.kind == "replay"],
        live=[one for one in routines if one.action.kind != "replay"],
        kinds=count_kinds(parse),
        num_subs=len(subs),
        num_sure=sum(not sub.unsure for sub in subs),
        unnamed=lambda sub: "unsure" if sub.is_seen else "not seen",
        code=code,
        footer=f"finegym {__version__}, bundle {parse.bundle} ({parse.bundle_sha256[:12]}), {code.name}",
    )


def count_kinds(parse: Parse) -> str:
    """What was found, by kind.

    Example:
        "2 routines, 1 replay"
    """
    counts = [(sum(action.kind == kind for action in parse.actions), name) for kind, name in KIND_NAMES.items()]
    said = [format_count(count, name) for count, name in counts if count or name == "routine"]
    return ", ".join(said)


def _find_clip(parse: Parse, video: Path, folder: Path) -> PageClip:
    """The recording as a page in ``folder`` finds it; browsers play a file on its own clock, which is the record's."""
    address = quote(os.path.relpath(video.absolute(), folder.absolute()).replace(os.sep, "/"))
    return PageClip(address, 0, parse.duration_ms)


def format_clock(time_ms: float) -> str:
    """Minutes and seconds.

    Example:
        >>> format_clock(83_450)
        '1:23.4'
    """
    minutes, rest = divmod(int(time_ms) // 100, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def format_percent(share: float) -> str:
    """A share in words; what is not quite certain does not become 100 %.

    Example:
        >>> format_percent(0.9996), format_percent(0.004)
        ('> 99 %', '< 1 %')
    """
    if 0.99 < share < 1:
        return "> 99 %"
    return "< 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def name_sureness(probability: float) -> str:
    """``sure``, ``likely`` or ``unsure``: the page's colours."""
    return "sure" if probability >= SURE else "likely" if probability >= LIKELY else "unsure"


def _make_routines(
    parse: Parse,
    dataset: Dataset,
    code: CodeOfPoints,
    video: Path,
    reasons: Mapping[tuple[str, str], CardReasons],
) -> list[Routine]:
    codebook = dataset.codebook
    pictures = _draw_moments(parse, video)
    routines = []
    for action in parse.actions:
        names = [(action.name, sub.name) for sub in action.sub_actions]
        cards = tuple(
            replace(_make_card(sub, pictures[name]), reasons=reasons.get(name))
            for name, sub in zip(names, action.sub_actions, strict=True)
        )
        is_scored = action.kind in COUNTED and action.event_id in code.events
        score = score_action(make_action(action), codebook, code) if is_scored else None
        routines.append(
            Routine(
                action,
                codebook.event_by_id[action.event_id].name,
                cards,
                make_element_rows(score) if score else (),
                make_award_rows(score) if score else (),
                describe_missing(score) if score else (),
            )
        )
    return routines


def _make_card(sub: ParsedSubAction, pictures: tuple[str, ...]) -> Card:
    if sub.element_id is not None:
        best = sub.candidates[0]
        return Card(sub, best.name, best.probability, pictures)
    if sub.set_id is not None:
        return Card(sub, "", sub.sets.get(sub.set_id, 0.0), pictures)
    return Card(sub, "", 0.0, pictures)


def _draw_moments(parse: Parse, video: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Three frames of every sub-action, as ``data:`` addresses; read in one pass."""
    wanted: dict[tuple[str, str], list[int]] = {}
    if not any(action.sub_actions for action in parse.actions):
        return {}
    with VideoReader(video) as reader:
        for action in parse.actions:
            for sub in action.sub_actions:
                frames = reader.index.find_frames_between(sub.start_ms, sub.end_ms)
                first, last = frames.start, max(frames.start, frames.stop - 1)
                places = [round(first + moment * (last - first)) for moment in MOMENTS]
                wanted[action.name, sub.name] = [min(place, reader.index.num_frames - 1) for place in places]
        order = sorted({frame for frames in wanted.values() for frame in frames})
        drawn: dict[int, str] = {}
        for start in range(0, len(order), 64):  # few frames in memory, however long the record is
            part = order[start : start + 64]
            read = reader.read_frames(np.array(part), short_side=SHORT_SIDE)
            drawn |= {frame: _make_address(picture) for frame, picture in zip(part, read, strict=True)}
    return {key: tuple(drawn[frame] for frame in frames) for key, frames in wanted.items()}


def _make_address(frame: np.ndarray) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(frame, QUALITY)).decode()
