"""What the clips of a dataset are: its sub-actions, its actions, or snippets of its actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError
from finegym.video.store.format import StoreSettings


@dataclass(frozen=True)
class Segment:
    """A clip to be cut.

    Attributes:
        instance_id: its name.
        video_id: the record.
        path: the record's file, relative to the dataset's folder; ``None`` where it has none.
        start_ms: on the record's clock.
        end_ms: on the record's clock.
    """

    instance_id: str
    video_id: str
    path: str | None
    start_ms: int
    end_ms: int


def list_segments(dataset: Dataset, settings: StoreSettings) -> list[Segment]:
    """Every clip that a store of these settings holds, in the order of the dataset.

    Raises:
        AnnotationError: an id occurs twice.
    """
    segments = list(_iterate_segments(dataset, settings))
    seen: set[str] = set()
    for segment in segments:
        if segment.instance_id in seen:
            raise AnnotationError(f"id {segment.instance_id} occurs twice. Ids are names: give one another name.")
        seen.add(segment.instance_id)
    return segments


def _iterate_segments(dataset: Dataset, settings: StoreSettings) -> Iterator[Segment]:
    if settings.unit == "sub-action":
        for instance in dataset.instances.values():
            video, part = instance.video, instance.sub_action
            yield Segment(instance.id, video.id, video.path, part.start_ms, part.end_ms)
        return
    for video in dataset.videos:
        for action in video.actions:
            action_id = f"{video.id}_{action.name}"
            if settings.unit == "action":
                yield Segment(action_id, video.id, video.path, action.start_ms, action.end_ms)
                continue
            for start, end in cut_snippets(action.end_ms - action.start_ms, settings.snippet_ms, settings.stride_ms):
                snippet_id = f"{action_id}_S_{start:08d}"
                yield Segment(snippet_id, video.id, video.path, action.start_ms + start, action.start_ms + end)


def cut_snippets(length_ms: int, snippet_ms: int, stride_ms: int) -> list[tuple[int, int]]:
    """Snippets every ``stride_ms`` until the whole length is covered; the last may be shorter.

    Example:
        >>> cut_snippets(2600, 1000, 500)
        [(0, 1000), (500, 1500), (1000, 2000), (1500, 2500), (2000, 2600)]
    """
    last = max(0, -(-(length_ms - snippet_ms) // stride_ms))
    return [(k * stride_ms, min(length_ms, k * stride_ms + snippet_ms)) for k in range(last + 1)]
