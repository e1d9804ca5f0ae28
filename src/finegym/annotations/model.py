"""What did happen: records, the actions in them, the sub-actions in those.

All times are integer milliseconds on the record's own clock, half-open ``[start_ms, end_ms)``. Official files, which
count seconds and put sub-actions on their action's clock, are converted by ``annotations.official``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError

if TYPE_CHECKING:
    import polars as pl

# Anchored at the end: a video id may itself contain "_E_" or "_A_" (FineGym's are 11 characters of [A-Za-z0-9_-]).
INSTANCE_ID = re.compile(r"^(?P<video>.+)_(?P<action>E_\d{6}_\d{6})_(?P<sub_action>A_\d{4}_\d{4})$")


@dataclass(frozen=True, slots=True)
class SubAction:
    """One performance of an element inside an action (an *element instance*).

    Attributes:
        name: its part of the instance id, ``A_SSSS_EEEE``: floored seconds from the start of its action. A name, never
            a time: 2,458 of FineGym's have equal start and end.
        stages: one or more ``(start_ms, end_ms)``; a vault has three, everything else one.
        element_id: what was performed, ``None`` where nobody has said.
        set_id: its set, where known; follows from ``element_id`` when that is given.
    """

    name: str
    stages: tuple[tuple[int, int], ...]
    element_id: str | None = None
    set_id: str | None = None

    @property
    def start_ms(self) -> int:
        return self.stages[0][0]

    @property
    def end_ms(self) -> int:
        return self.stages[-1][1]


@dataclass(frozen=True, slots=True)
class Action:
    """One complete performance of an event in a record (a *routine*, an *event instance*).

    Attributes:
        name: its part of the instance id, ``E_SSSSSS_EEEEEE``: floored seconds on the record's clock.
        event_id: the codebook's event.
        sub_actions: in the order of the file; ``None`` where nobody has looked for any.
        athlete: who performed, where known.
    """

    name: str
    event_id: str
    start_ms: int
    end_ms: int
    sub_actions: tuple[SubAction, ...] | None = ()
    athlete: str | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """A record: one official competition video, and what is annotated in it.

    Attributes:
        id: as published (11 characters in FineGym).
        path: the media file, relative to the dataset's folder; ``None`` where there is none.
        competition: which competition it shows, where known; groups of a leak-free split.
    """

    id: str
    actions: tuple[Action, ...]
    path: str | None = None
    competition: str | None = None
    fps: float | None = None
    num_frames: int | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """A sub-action with everything around it: what ``Dataset.instances`` holds."""

    id: str
    video: Video
    action: Action
    sub_action: SubAction

    @property
    def action_id(self) -> str:
        return f"{self.video.id}_{self.action.name}"


@dataclass(frozen=True)
class Dataset:
    """A codebook and the records annotated with it. Immutable; ids are unique.

    Raises:
        AnnotationError: two actions or two sub-actions have the same id (``annotations.check`` lists them all).
    """

    codebook: Codebook
    videos: tuple[Video, ...]

    @cached_property
    def instances(self) -> Mapping[str, Instance]:
        """Every sub-action by its instance id, in the order of the records."""
        found: dict[str, Instance] = {}
        for instance in self.iterate_instances():
            if instance.id in found:
                raise AnnotationError(f"instance id {instance.id} occurs twice. Ids are names: give one another name.")
            found[instance.id] = instance
        return found

    def iterate_instances(self) -> Iterator[Instance]:
        """Every sub-action in the order of the records, duplicate ids included."""
        for video in self.videos:
            for action in video.actions:
                for sub_action in action.sub_actions or ():
                    yield Instance(f"{video.id}_{action.name}_{sub_action.name}", video, action, sub_action)

    @cached_property
    def videos_frame(self) -> pl.DataFrame:
        """One row a record: video_id, path, competition, fps, num_frames, width, height, num_actions."""
        import polars as pl

        schema = {
            "video_id": pl.String,
            "path": pl.String,
            "competition": pl.String,
            "fps": pl.Float64,
            "num_frames": pl.Int64,
            "width": pl.Int64,
            "height": pl.Int64,
            "num_actions": pl.Int64,
        }
        rows = [
            (v.id, v.path, v.competition, v.fps, v.num_frames, v.width, v.height, len(v.actions)) for v in self.videos
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def actions_frame(self) -> pl.DataFrame:
        """One row an action: action_id, video_id, event_id, start_ms, end_ms, num_sub_actions, athlete.

        ``num_sub_actions`` is null where nobody has looked for any.
        """
        import polars as pl

        schema = {
            "action_id": pl.String,
            "video_id": pl.String,
            "event_id": pl.String,
            "start_ms": pl.Int64,
            "end_ms": pl.Int64,
            "num_sub_actions": pl.Int64,
            "athlete": pl.String,
        }
        rows = [
            (
                f"{v.id}_{a.name}",
                v.id,
                a.event_id,
                a.start_ms,
                a.end_ms,
                None if a.sub_actions is None else len(a.sub_actions),
                a.athlete,
            )
            for v in self.videos
            for a in v.actions
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def sub_actions_frame(self) -> pl.DataFrame:
        """One row a sub-action: instance, action, video, event, set and element id, start_ms, end_ms, num_stages."""
        import polars as pl

        schema = {
            "instance_id": pl.String,
            "action_id": pl.String,
            "video_id": pl.String,
            "event_id": pl.String,
            "set_id": pl.String,
            "element_id": pl.String,
            "start_ms": pl.Int64,
            "end_ms": pl.Int64,
            "num_stages": pl.Int64,
        }
        rows = [
            (
                i.id,
                i.action_id,
                i.video.id,
                i.action.event_id,
                i.sub_action.set_id,
                i.sub_action.element_id,
                i.sub_action.start_ms,
                i.sub_action.end_ms,
                len(i.sub_action.stages),
            )
            for i in self.iterate_instances()
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")
