"""The official ``finegym_annotation_info`` JSON, read and written byte for byte.

::

    {"0LtLS9wROrk": {"E_002407_002435": {"event": 4,
                                         "segments": {"A_0003_0005": {"stages": 1, "timestamps": [[3.45, 5.64]]}},
                                         "timestamps": [[2407.32, 2435.28]]}}}

An action's times are seconds on the video's clock, a sub-action's are seconds on its action's clock; here both become
integer milliseconds on the video's clock. ``"segments": null`` means that nobody has looked for sub-actions. Nothing
else fits into this file, so an unknown key is an error rather than a loss; further facts live in sidecar files
(``annotations.folder``).

Ids may occur twice: JSON text allows it, so they are kept and ``annotations.check`` names them.
"""

from __future__ import annotations

import gc
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError, join_problems
from finegym.files import replace_file

_ACTION_NAME = re.compile(r"E_[0-9]{6}_[0-9]{6}")
_SUB_ACTION_NAME = re.compile(r"A_[0-9]{4}_[0-9]{4}")
_ACTION_KEYS = {"event", "segments", "timestamps"}
_SUB_ACTION_KEYS = {"stages", "timestamps"}
# Published times carry two decimals, some mirrors float noise such as 2219.6099999999997: a microsecond is noise.
_NOISE_MS = 1e-3
_NUMBERS = (float, int)  # bool is a subclass of int, but no time


@dataclass(frozen=True, slots=True)
class JsonLayout:
    r"""How the text of a JSON file looks beside its content. The default is the published file's.

    Attributes:
        indent: blanks a level, ``None`` for everything on one line.
        item_separator: between items.
        key_separator: between key and value.
        line_end: ``"\n"`` or ``"\r\n"``; only seen where ``indent`` is not ``None`` or in ``tail``.
        tail: what stands after the closing brace, such as a final newline.
    """

    indent: int | None = None
    item_separator: str = ", "
    key_separator: str = ": "
    line_end: str = "\n"
    tail: str = ""


@dataclass(slots=True)
class _Reading:
    """What is needed while one file is read: names of events, known labels, problems found so far."""

    event_by_number: Mapping[int, str]
    element_ids: Mapping[str, str]
    set_ids: Mapping[str, str]
    set_of_element: Mapping[str, str]
    problems: list[str] = field(default_factory=list)


class _Repeated(dict[str, Any]):
    """A JSON object in which a key occurs more than once; ``pairs`` holds them all."""

    pairs: list[tuple[str, Any]]


def number_events(codebook: Codebook) -> dict[str, int]:
    """The number of every event in official files: the codebook's, or its position from 1 where none has a number.

    Events without a number beside events with one (FineGym's men's events) cannot be written and are left out.

    Raises:
        AnnotationError: two events have the same number.
    """
    by_id = {event.id: event.number for event in codebook.events if event.number is not None}
    if not by_id:
        return {event.id: position for position, event in enumerate(codebook.events, start=1)}
    if len(set(by_id.values())) < len(by_id):
        raise AnnotationError(
            f"codebook {codebook.name}: two events have the same number: {by_id}. Correct the codebook."
        )
    return by_id


def read_annotation_json(
    path: Path,
    codebook: Codebook,
    *,
    element_ids: Mapping[str, str] | None = None,
    set_ids: Mapping[str, str] | None = None,
) -> tuple[Video, ...]:
    """Read an official annotation file, plain or gzip-compressed (by its content, not its name).

    Args:
        path: the file.
        codebook: gives event numbers their events, and elements their sets.
        element_ids: element id by instance id, from lists; instances without one get ``None``.
        set_ids: set id by instance id, for instances of which only the set is known.

    Returns:
        The records in the order of the file, with actions and sub-actions in its order too.

    Raises:
        AnnotationError: the file is missing, damaged or not JSON; or keys are missing, unknown or of the wrong type, or
            a time is not a whole millisecond. All such problems are gathered; each names video, action and key.
    """
    with pause_garbage_collection():
        return _parse_videos(_load(_read_text(path), path), path, codebook, element_ids or {}, set_ids or {})


def _parse_videos(
    data: Any, path: Path, codebook: Codebook, element_ids: Mapping[str, str], set_ids: Mapping[str, str]
) -> tuple[Video, ...]:
    reading = _Reading(
        event_by_number={number: event_id for event_id, number in number_events(codebook).items()},
        element_ids=element_ids,
        set_ids=set_ids,
        set_of_element={element.id: element.set_id for element in codebook.elements},
    )
    if not isinstance(data, dict):
        raise AnnotationError(f"{path}: expected an object of videos, got {_name_type(data)}. Check the file.")
    videos = tuple(
        Video(video_id, tuple(_parse_actions(video_id, actions, reading))) for video_id, actions in _get_items(data)
    )
    if reading.problems:
        raise AnnotationError(
            f"{path}: {join_problems(reading.problems)}. Correct the file ({len(reading.problems)} problems)."
        )
    return videos


def read_json_layout(path: Path) -> JsonLayout:
    """How the text of a JSON file is laid out, so that it can be written back the same.

    Raises:
        AnnotationError: the file is missing or damaged.
    """
    text = _read_text(path)
    body = text.rstrip()
    line_end = "\r\n" if "\r\n" in text else "\n"
    separators = re.search(r'"(: ?)[{\[]', body)
    key_separator = separators[1] if separators else ": "
    indent_match = re.match(r"\{\r?\n( *)\S", body)
    if indent_match:
        trailing_blank = re.search(r", \r?\n", body) is not None
        return JsonLayout(
            len(indent_match[1]), ", " if trailing_blank else ",", key_separator, line_end, text[len(body) :]
        )
    compact = re.search(r"[0-9],[0-9]|\],\[|\},\"", body) is not None
    return JsonLayout(None, "," if compact else ", ", key_separator, line_end, text[len(body) :])


def write_annotation_json(
    videos: Iterable[Video], path: Path, codebook: Codebook, layout: JsonLayout | None = None
) -> None:
    """Write an official annotation file; compressed when the name ends in ``.gz`` (the same bytes every time).

    Elements and sidecar facts do not fit into this file and are not written; see ``annotations.folder``.

    Args:
        videos: the records, in the order to write them.
        path: where to write.
        codebook: gives events their numbers.
        layout: how the text looks; the published file's layout by default.

    Raises:
        AnnotationError: an id occurs twice, a name or an event does not fit the format; all are named.
        OutputError: the file cannot be written.
    """
    content = format_annotation_json(videos, codebook, layout).encode("utf-8")
    with replace_file(path) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def format_annotation_json(videos: Iterable[Video], codebook: Codebook, layout: JsonLayout | None = None) -> str:
    """The text that ``write_annotation_json`` writes.

    Raises:
        AnnotationError: an id occurs twice, a name or an event does not fit the format; all are named.
    """
    layout = layout or JsonLayout()
    numbers = number_events(codebook)
    problems: list[str] = []
    data: dict[str, Any] = {}
    for video in videos:
        if video.id in data:
            problems.append(f"video {video.id} occurs twice")
        data[video.id] = _format_actions(video, numbers, problems)
    if problems:
        raise AnnotationError(
            f"annotations cannot be written as official JSON: {join_problems(problems)}. Correct them."
        )
    separators = (layout.item_separator, layout.key_separator)
    text = json.dumps(data, indent=layout.indent, separators=separators) + layout.tail.replace("\r\n", "\n")
    return text.replace("\n", layout.line_end)


def _format_actions(video: Video, numbers: Mapping[str, int], problems: list[str]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for action in video.actions:
        where = f"{video.id}_{action.name}"
        if action.name in written:
            problems.append(f"action {where} occurs twice")
        if not _ACTION_NAME.fullmatch(action.name):
            problems.append(f"action {where}: expected a name like E_000012_000020")
        if action.event_id not in numbers:
            known = ", ".join(numbers)
            problems.append(f"action {where}: event {action.event_id!r} has no number; the codebook numbers {known}")
        segments: dict[str, Any] | None = None if action.sub_actions is None else {}
        for sub_action in action.sub_actions or ():
            assert segments is not None
            if sub_action.name in segments:
                problems.append(f"sub-action {where}_{sub_action.name} occurs twice")
            if not _SUB_ACTION_NAME.fullmatch(sub_action.name):
                problems.append(f"sub-action {where}_{sub_action.name}: expected a name like A_0003_0005")
            origin = action.start_ms
            segments[sub_action.name] = {
                "stages": len(sub_action.stages),
                "timestamps": [[(start - origin) / 1000, (end - origin) / 1000] for start, end in sub_action.stages],
            }
        written[action.name] = {
            "event": numbers.get(action.event_id),
            "segments": segments,
            "timestamps": [[action.start_ms / 1000, action.end_ms / 1000]],
        }
    return written


def _parse_actions(video_id: str, actions: Any, reading: _Reading) -> Iterator[Action]:
    if not isinstance(actions, dict):
        reading.problems.append(f"video {video_id}: expected an object of actions, got {_name_type(actions)}")
        return
    for name, entry in _get_items(actions):
        where = f"{video_id}_{name}"
        if not _ACTION_NAME.fullmatch(name):
            reading.problems.append(f"video {video_id}: expected action names like E_000012_000020, got {name!r}")
        elif _check_keys(where, entry, _ACTION_KEYS, reading):
            action = _parse_action(where, name, entry, reading)
            if action is not None:
                yield action


def _parse_action(where: str, name: str, entry: dict[str, Any], reading: _Reading) -> Action | None:
    number = entry["event"]
    event_id = reading.event_by_number.get(number) if type(number) is int else None
    if event_id is None:
        known = ", ".join(f"{number} {event_id}" for number, event_id in reading.event_by_number.items())
        reading.problems.append(f"{where}: key 'event': expected one of {known}, got {number!r}")
    times = _parse_times(where, entry["timestamps"], reading)
    if times is not None and len(times) != 1:
        reading.problems.append(f"{where}: key 'timestamps': expected one [start, end], got {len(times)}")
        times = None
    segments = entry["segments"]
    if segments is not None and not isinstance(segments, dict):
        reading.problems.append(f"{where}: key 'segments': expected an object or null, got {_name_type(segments)}")
        segments = None
    origin = times[0][0] if times else 0
    sub_actions = None if segments is None else tuple(_parse_sub_actions(where, segments, origin, reading))
    if times is None or event_id is None:
        return None
    return Action(name, event_id, times[0][0], times[0][1], sub_actions)


def _parse_sub_actions(
    where_action: str, segments: dict[str, Any], origin_ms: int, reading: _Reading
) -> Iterator[SubAction]:
    for name, entry in _get_items(segments):
        where = f"{where_action}_{name}"
        if not _SUB_ACTION_NAME.fullmatch(name):
            reading.problems.append(f"{where_action}: expected sub-action names like A_0003_0005, got {name!r}")
            continue
        if not _check_keys(where, entry, _SUB_ACTION_KEYS, reading):
            continue
        times = _parse_times(where, entry["timestamps"], reading)
        if times is None:
            continue
        if type(entry["stages"]) is not int or entry["stages"] != len(times):
            reading.problems.append(
                f"{where}: key 'stages': expected the number of its timestamps, {len(times)}, got {entry['stages']!r}"
            )
        stages = tuple((start + origin_ms, end + origin_ms) for start, end in times)
        element_id = reading.element_ids.get(where)
        set_id = reading.set_ids.get(where) if element_id is None else reading.set_of_element.get(element_id)
        yield SubAction(name, stages, element_id, set_id)


def _parse_times(where: str, times: Any, reading: _Reading) -> list[tuple[int, int]] | None:
    """Seconds to whole milliseconds, or ``None`` after noting what is wrong."""
    if not isinstance(times, list) or not times:
        got = "an empty list" if times == [] else _name_type(times)
        reading.problems.append(f"{where}: key 'timestamps': expected a list of [start, end] in seconds, got {got}")
        return None
    found = []
    for pair in times:
        is_pair = isinstance(pair, list) and len(pair) == 2
        if not is_pair or type(pair[0]) not in _NUMBERS or type(pair[1]) not in _NUMBERS:
            reading.problems.append(f"{where}: key 'timestamps': expected [start, end] in seconds, got {pair!r}")
            return None
        start, end = pair[0] * 1000, pair[1] * 1000
        try:
            start_ms, end_ms = round(start), round(end)
        except (ValueError, OverflowError):  # NaN, Infinity: JSON proper has neither, Python's reader accepts both.
            start_ms = end_ms = 0
        if not (abs(start - start_ms) < _NOISE_MS and abs(end - end_ms) < _NOISE_MS):
            reading.problems.append(f"{where}: key 'timestamps': expected whole milliseconds, got {pair!r} seconds")
            return None
        found.append((start_ms, end_ms))
    return found


def _check_keys(where: str, entry: Any, expected: set[str], reading: _Reading) -> bool:
    if not isinstance(entry, dict):
        reading.problems.append(f"{where}: expected an object, got {_name_type(entry)}")
        return False
    if entry.keys() == expected and not isinstance(entry, _Repeated):
        return True
    reading.problems += [f"{where}: key {key!r} is missing" for key in sorted(expected - entry.keys())]
    unknown = sorted(entry.keys() - expected)
    reading.problems += [f"{where}: key {key!r} is not part of the format" for key in unknown]
    if isinstance(entry, _Repeated):
        reading.problems.append(f"{where}: a key occurs twice")
    return False


def _get_items(entry: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    return entry.pairs if isinstance(entry, _Repeated) else entry.items()


def _keep_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = _Repeated(found)
    repeated.pairs = pairs
    return repeated


def _load(text: str, path: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_keep_repeats)
    except json.JSONDecodeError as error:
        raise AnnotationError(
            f"{path}: expected JSON, but line {error.lineno}, column {error.colno}: {error.msg}. Correct the file, or "
            "download it again if it is cut off."
        ) from error
    except RecursionError as error:
        raise AnnotationError(f"{path}: expected an official annotation file, got JSON nested far deeper") from error


def _read_text(path: Path) -> str:
    try:
        content = Path(path).read_bytes()
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise AnnotationError(f"{path}: damaged gzip file ({error}). Download it again.") from error
    except OSError as error:
        raise AnnotationError(f"{path}: expected an annotation file, but: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: expected UTF-8 text, got other bytes at offset {error.start}.") from error


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Tens of thousands of new objects, none of them garbage: collecting while they are made costs half the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _name_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")
