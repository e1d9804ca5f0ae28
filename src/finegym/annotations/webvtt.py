"""Annotations as WebVTT, which every player shows and every editor opens; and back.

A cue an action, a sub-action or a stage: its identifier is the name (``E_000005_000035``,
``E_000005_000035_A_0005_0006``, ``…_stage_1``), its text begins with the id of the label (blanks in it as ``%20``),
then the name for people.
Times are the record's clock.

A parse has cues that are no annotations, for players: their identifiers begin with a word that says why (``replay
E_000126_000134``).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError

_ACTION = re.compile(r"E_\d{6}_\d{6}")
_SUB_ACTION = re.compile(r"(E_\d{6}_\d{6})_(A_\d{4}_\d{4})")
_STAGE = re.compile(r"(E_\d{6}_\d{6})_(A_\d{4}_\d{4})_stage_(\d+)")
_MARKED = re.compile(r"[a-z]+ (E_\d{6}_\d{6}(?:_A_\d{4}_\d{4})?(?:_stage_\d+)?)")
_TIMES = re.compile(r"(?:(\d+):)?(\d\d):(\d\d)\.(\d{3}) --> (?:(\d+):)?(\d\d):(\d\d)\.(\d{3})(?: .*)?")
_RECORD = re.compile(r"NOTE record (.*), codebook .*")
NO_LABEL = "-"
CHAPTERS_FILE = "chapters.vtt"
"""Of a parse. It is called the same for every record: its first note says whose it is."""


@dataclass(frozen=True)
class _Cue:
    id: str
    start_ms: int
    end_ms: int
    label: str | None
    line: int


def format_webvtt(video: Video, codebook: Codebook) -> str:
    """A record's actions, sub-actions and stages as one file."""
    record = html.escape(" ".join(video.id.splitlines()), quote=False)
    parts = [f"WEBVTT\n\nNOTE record {record}, codebook {_escape(codebook.name)} {_escape(codebook.version)}"]
    for action in video.actions:
        name = codebook.event_by_id[action.event_id].name if action.event_id in codebook.event_by_id else ""
        label = _write_label(action.event_id)
        parts.append(_format_cue(action.name, action.start_ms, action.end_ms, label, name))
        for sub in action.sub_actions or ():
            id_ = f"{action.name}_{sub.name}"
            named = codebook.element_by_id.get(sub.element_id or "") or codebook.set_by_id.get(sub.set_id or "")
            label = _write_label(sub.element_id or sub.set_id)
            parts.append(_format_cue(id_, sub.start_ms, sub.end_ms, label, named.name if named else ""))
            if len(sub.stages) > 1:
                parts += [
                    _format_cue(f"{id_}_stage_{number}", start, end, NO_LABEL, f"stage {number}")
                    for number, (start, end) in enumerate(sub.stages, start=1)
                ]
        if action.sub_actions is None:
            parts.append(f"NOTE nobody has looked for sub-actions of {action.name}")
    return "\n\n".join(parts) + "\n"


def mark_cue(cue: str, mark: str, text: str) -> str:
    """A cue as one that is no annotation.

    Args:
        cue: that ``format_webvtt`` made.
        mark: why not, a word of small letters; the identifier begins with it.
        text: the same for people, before the cue's text.
    """
    id_, times, said = cue.split("\n")
    return f"{mark} {id_}\n{times}\n{_escape(text)}: {said}"


def find_record(text: str) -> str | None:
    """The record that a file of ``format_webvtt`` says it is about; ``None``: it does not say."""
    match = next(filter(None, map(_RECORD.fullmatch, text.splitlines()[:3])), None)
    return html.unescape(match[1]) if match else None


def parse_webvtt(text: str, record: str, codebook: Codebook, left_out: list[str] | None = None) -> Video:
    """A record from WebVTT. Cues with other identifiers are refused: they would be lost.

    Args:
        text: of the file.
        record: its id.
        codebook: of the labels.
        left_out: gets the identifiers of cues that are marked as no annotations; without it they are refused too.

    Raises:
        AnnotationError: it is not WebVTT, a cue is no action, sub-action or stage, or its label is unknown.
    """
    unlooked = set(re.findall(r"^NOTE nobody has looked for sub-actions of (E_\d{6}_\d{6})$", text, re.MULTILINE))
    actions: dict[str, Action] = {}
    subs: dict[str, dict[str, SubAction]] = {}
    for cue in _iterate_cues(text):
        if _ACTION.fullmatch(cue.id):
            if cue.label not in codebook.event_by_id:
                raise AnnotationError(f"line {cue.line}: {cue.label} is no event of codebook {codebook.name}")
            actions[cue.id] = Action(cue.id, str(cue.label), cue.start_ms, cue.end_ms)
        elif match := _SUB_ACTION.fullmatch(cue.id):
            sub = _make_sub_action(match[2], cue, codebook)
            subs.setdefault(match[1], {})[match[2]] = sub
        elif match := _STAGE.fullmatch(cue.id):
            _add_stage(subs, match, cue)
        elif _MARKED.fullmatch(cue.id):
            if left_out is None:
                raise AnnotationError(
                    f"line {cue.line}: {cue.id!r} is marked as no annotation, by a parse, and would be lost. Take the "
                    "annotations.json of the parse, or remove such cues."
                )
            left_out.append(cue.id)
        else:
            raise AnnotationError(f"line {cue.line}: expected an identifier like E_000005_000035, got {cue.id!r}")
    lonely = sorted(subs.keys() - actions.keys())
    if lonely:
        raise AnnotationError(f"there are sub-actions of {lonely[0]}, but that action is not in the file")
    made = [
        replace(action, sub_actions=None if name in unlooked else tuple(subs.get(name, {}).values()))
        for name, action in actions.items()
    ]
    return Video(record, tuple(made))


def _make_sub_action(name: str, cue: _Cue, codebook: Codebook) -> SubAction:
    element = codebook.element_by_id.get(cue.label or "")
    set_id = element.set_id if element else cue.label
    if set_id is not None and set_id not in codebook.set_by_id:
        raise AnnotationError(f"line {cue.line}: {cue.label} is no set or element of codebook {codebook.name}")
    return SubAction(name, ((cue.start_ms, cue.end_ms),), element.id if element else None, set_id)


def _add_stage(subs: dict[str, dict[str, SubAction]], match: re.Match[str], cue: _Cue) -> None:
    sub = subs.get(match[1], {}).get(match[2])
    if sub is None:
        raise AnnotationError(f"line {cue.line}: a stage comes before its sub-action {match[1]}_{match[2]}")
    before = sub.stages if int(match[3]) > 1 else ()
    subs[match[1]][match[2]] = replace(sub, stages=(*before, (cue.start_ms, cue.end_ms)))


def _iterate_cues(text: str) -> Iterator[_Cue]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines or not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise AnnotationError(f"line 1: expected WEBVTT, got {lines[0][:40]!r}")
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*lines[1:], ""], start=2):
        if line.strip():
            block.append((number, line))
            continue
        if block and not block[0][1].startswith(("NOTE", "STYLE", "REGION")):
            yield _parse_cue(block)
        block = []


def _parse_cue(block: list[tuple[int, str]]) -> _Cue:
    number, id_ = block[0]
    times = _TIMES.fullmatch(block[1][1].strip()) if len(block) > 1 else None
    if times is None:
        raise AnnotationError(f"line {number}: expected an identifier, then times, then a text")
    parts = [int(part or 0) for part in times.groups()]
    start, end = (_to_ms(parts[place : place + 4]) for place in (0, 4))
    if end <= start:
        raise AnnotationError(f"line {block[1][0]}: the end must exceed the start")
    words = html.unescape(block[2][1]).split() if len(block) > 2 else []
    label = unquote(words[0]) if words and words[0] != NO_LABEL else None
    return _Cue(id_.strip(), start, end, label, number)


def _to_ms(parts: list[int]) -> int:
    hours, minutes, seconds, ms = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def _format_cue(id_: str, start_ms: int, end_ms: int, label: str, name: str) -> str:
    text = _escape(f"{label} {name}".strip())
    return f"{id_}\n{_format_time(start_ms)} --> {_format_time(end_ms)}\n{text}"


def _write_label(id_: str | None) -> str:
    """One word for every id; the word of none is no id's."""
    if id_ is None:
        return NO_LABEL
    return re.sub(r"[\s%]", lambda sign: quote(sign[0]), id_) if id_ != NO_LABEL else "%2D"


def _format_time(time_ms: int) -> str:
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"


def _escape(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)
