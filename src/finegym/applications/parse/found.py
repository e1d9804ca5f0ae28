"""What the localizers found in a recording, as a dataset: then recognisers see it as they see any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.video.index import FrameIndex

MAX_SHARED = 0.5
ENDING = 1 / 3
"""Of an action's time, in which it ends."""


@dataclass(frozen=True)
class FoundSubAction:
    """A stretch of a routine in which something was found.

    Attributes:
        name: its part of an instance id.
        start_ms: on the record's clock.
        end_ms: likewise.
        label: a set or an element, as the localizer says.
        score: how sure the localizer is, 0 to 1.
        num_shared: others that were found in the same stretch and were less sure; left out.
    """

    name: str
    start_ms: int
    end_ms: int
    label: str
    score: float
    num_shared: int


@dataclass(frozen=True)
class FoundAction:
    """A routine, and the stretches found in it.

    Attributes:
        event_id: ``None`` where nobody looked for routines.
        sub_actions: the sure ones.
        ending: of everything that the localizer found in the last third of it, however unsure, the best score by label.
    """

    name: str
    event_id: str | None
    start_ms: int
    end_ms: int
    score: float
    sub_actions: tuple[FoundSubAction, ...]
    ending: Mapping[str, float] = field(default_factory=dict)


def read_found(
    actions: Sequence[Mapping[str, Any]], detections: Mapping[str, Sequence[Mapping[str, Any]]]
) -> tuple[FoundAction, ...]:
    """The actions of one record of ``routines.json``, each stretch once.

    Of sub-actions that share more than half of the shorter one's time, the surest is kept.

    Args:
        actions: of the record.
        detections: everything that was found in them, by action id: ``results`` of ``sub-actions.json``.
    """
    found = []
    for action in actions:
        name = "E_" + str(action["action_id"]).rsplit("_E_", 1)[1]
        start_ms, end_ms = int(action["start_ms"]), int(action["end_ms"])
        subs = _choose(action["sub_actions"], start_ms)
        ending = find_ending(detections.get(action["action_id"], ()), end_ms - start_ms)
        found.append(FoundAction(name, action["label"], start_ms, end_ms, float(action["score"]), subs, ending))
    return tuple(found)


def find_ending(detections: Sequence[Mapping[str, Any]], duration_ms: int) -> dict[str, float]:
    """The best score by label of what has its middle in the last third of an action.

    Args:
        detections: with ``segment``, in seconds on the action's clock, ``label`` and ``score``.
        duration_ms: of the action.
    """
    best: dict[str, float] = {}
    for one in detections:
        if sum(one["segment"]) / 2 * 1000 >= (1 - ENDING) * duration_ms:
            best[one["label"]] = max(best.get(one["label"], 0.0), float(one["score"]))
    return best


def take_whole(end_ms: int) -> tuple[FoundAction, ...]:
    """A clip that was cut out before: one routine of an unknown event, with one stretch, both as long as the clip."""
    end_s = end_ms // 1000
    sub = FoundSubAction(f"A_0000_{end_s:04d}", 0, end_ms, "", 1.0, 0)
    return (FoundAction(f"E_000000_{end_s:06d}", None, 0, end_ms, 1.0, (sub,)),)


def make_found_dataset(
    found: Sequence[FoundAction], record_id: str, path: str, index: FrameIndex, codebook: Codebook
) -> Dataset:
    """A dataset of one record whose sub-actions have no label yet.

    Args:
        found: in the record.
        record_id: its id.
        path: of the file, absolute or relative to the dataset's folder.
        index: of its frames.
        codebook: of the dataset.
    """
    actions = tuple(
        Action(
            one.name,
            one.event_id or codebook.events[0].id,  # files want one; nothing reads it
            one.start_ms,
            one.end_ms,
            tuple(SubAction(sub.name, ((sub.start_ms, sub.end_ms),)) for sub in one.sub_actions),
        )
        for one in found
    )
    video = Video(record_id, actions, path, num_frames=index.num_frames, width=index.width, height=index.height)
    return Dataset(codebook, (video,))


def _choose(rows: Sequence[Mapping[str, Any]], origin_ms: int) -> tuple[FoundSubAction, ...]:
    kept: list[Mapping[str, Any]] = []
    shared: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: -float(row["score"])):
        if row["end_ms"] <= row["start_ms"]:
            continue
        rival = next((place for place, other in enumerate(kept) if _share(row, other) > MAX_SHARED), None)
        if rival is None:
            kept.append(row)
        else:
            shared[rival] = shared.get(rival, 0) + 1
    order = sorted(range(len(kept)), key=lambda place: (kept[place]["start_ms"], kept[place]["end_ms"]))
    names: list[str] = []
    made = []
    for place in order:
        row = kept[place]
        names.append(_name(row, origin_ms, names))
        made.append(
            FoundSubAction(
                names[-1], row["start_ms"], row["end_ms"], row["label"], float(row["score"]), shared.get(place, 0)
            )
        )
    return tuple(made)


def _share(row: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Of the shorter of two, the part that lies in the other."""
    common = min(row["end_ms"], other["end_ms"]) - max(row["start_ms"], other["start_ms"])
    shorter = min(row["end_ms"] - row["start_ms"], other["end_ms"] - other["start_ms"])
    return max(0, common) / max(1, shorter)


def _name(row: Mapping[str, Any], origin_ms: int, taken: Sequence[str]) -> str:
    """``A_SSSS_EEEE``: floored seconds from the start of the action; where that is taken, the end counts up."""
    start_s, end_s = (max(0, row[key] - origin_ms) // 1000 for key in ("start_ms", "end_ms"))
    while (name := f"A_{start_s:04d}_{end_s:04d}") in taken:
        end_s += 1
    return name
