"""Events as files: the layout in which FineGym's spotting labels are published, for truth and for predictions.

A list with an entry a timeline; frames count from the start of its film, which begins ``pad`` frames before the
timeline::

    [{"video": "A0xAXXysHUo_E_002184_002237", "num_frames": 1378, "fps": 25.0, "num_events": 14,
      "events": [{"frame": 75, "label": "BB_turns_start", "score": 0.93}, …],
      "_source_info": {"start_frame": 54600, "end_frame": 55925, "pad": [25, 28], "effective_pad": [25, 28]}}, …]

Truth has ``comment`` instead of ``score``. ``start_frame`` and ``end_frame`` are the timeline's, in the record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finegym.datasets.films import Film
from finegym.files import write_text
from finegym.localization.spotter_events import EventClasses, find_moments
from finegym.localization.spotter_segments import Peaks
from finegym.localization.timelines import Timeline

Spots = list[dict[str, Any]]


def make_predicted_spots(
    timeline: Timeline, film: Film, classes: EventClasses, peaks: Sequence[Peaks]
) -> dict[str, Any]:
    """The entry of a timeline whose events were found.

    Args:
        timeline: looked at.
        film: in whose frames events were found.
        classes: of events.
        peaks: of every event.
    """
    events = [
        {"frame": frame, "label": label, "score": score}
        for label, found in zip(classes.labels, peaks, strict=True)
        for frame, score in zip(found.frames.tolist(), found.scores.tolist(), strict=True)
    ]
    return _make_entry(timeline, film, events)


def make_true_spots(
    timeline: Timeline,
    film: Film,
    classes: EventClasses,
    stages: Mapping[tuple[int, int], Sequence[int]] | None = None,
) -> dict[str, Any]:
    """The entry of a timeline whose segments are known.

    An event at the film's very end has no frame of its own and stands in frame ``num_frames``, as in published files.

    Args:
        timeline: with its segments.
        film: in whose frames events are counted.
        classes: of events.
        stages: see ``find_moments``.

    Raises:
        AnnotationError: a segment has not as many stages as its class.
    """
    moments = find_moments(timeline, classes, stages or {})
    frames = film.find_frames(moments.times_ms)
    events = [
        {"frame": frame, "label": classes.labels[event], "comment": ""}
        for frame, event in zip(frames.tolist(), moments.event_index.tolist(), strict=True)
    ]
    return _make_entry(timeline, film, events)


def write_spots(path: Path, spots: Spots) -> None:
    """Write entries as JSON, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, format_spots(spots))


def format_spots(spots: Spots) -> str:
    """Entries as JSON, in one line."""
    return json.dumps(spots, ensure_ascii=False) + "\n"


def _make_entry(timeline: Timeline, film: Film, events: list[dict[str, Any]]) -> dict[str, Any]:
    first, stop = (int(film.find_frames(time)) for time in (0, timeline.duration_ms))  # type: ignore[arg-type]
    pad = [first, film.num_frames - stop]
    return {
        "video": timeline.timeline_id,
        "num_frames": film.num_frames,
        "fps": film.fps,
        "num_events": len(events),
        "events": sorted(events, key=lambda event: event["frame"]),
        "_source_info": {
            "start_frame": film.first_frame + first,
            "end_frame": film.first_frame + stop,
            "pad": pad,
            "effective_pad": pad,
        },
    }
