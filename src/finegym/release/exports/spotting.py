"""The frame-level JSON of precise event spotting, as ``spot_finegym_val.json`` has it, and its list of classes.

A video is an action with ``pad_ms`` of the record around it; an event is one moment of a sub-action: ``NAME_start`` and
``NAME_end``, or ``NAME_0``, ``NAME_1``, … of one with several stages. ``NAME`` is the set's. ``comment`` is the
sub-action's name and its element's, as published::

    [{"video": "A0xAXXysHUo_E_002184_002237", "fps": 25.0, "width": 1280, "height": 720, "num_frames": 1378,
      "num_events": 14, "events": [{"frame": 75, "label": "BB_turns_start", "comment": "A_0003_0004;(BB) 1 turn …"}, …],
      "_source_info": {"start_frame": 54600, "end_frame": 55925, "pad": [25, 28], "effective_pad": [25, 28]}}, …]

A moment is in the frame next to it. Without a look into the record's file, frames are counted from the start of the
action, as the published ones are: from the published times, rates and pads come the published frames, all of them.

Source: Hong et al., Spotting Temporally Precise, Fine-Grained Events in Video (ECCV 2022), and the file itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.codebook.moments import name_moments
from finegym.files import write_text
from finegym.release.exports.exported import Exported, ExportSettings, get_set_id, list_simulated, make_exported
from finegym.release.exports.facts import Fact
from finegym.release.exports.frames import FrameClock, find_times_between, make_clocks

FILE, CLASSES_FILE = "spotting.json", "classes.txt"
CARRIED: frozenset[Fact] = frozenset(
    {"action names", "frame rates", "picture sizes", "sub-action names", "elements", "sets", "stages"}
)
UNSOUGHT = "actions left out: nobody has looked for sub-actions in them"
BETWEEN = "actions and sub-actions of which a time lies between two frames"
GAPS = "sub-actions whose stages do not follow one another (an event is where a stage ends)"


def export_spotting(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write one file of all actions.

    Raises:
        AnnotationError: the frame rate of a record is not known, and records may not be left out.
        OutputError: a file cannot be written.
    """
    clocks, kept, notes = make_clocks(dataset, settings)
    unsought = [f"{v.id}_{a.name}" for v in kept.videos for a in v.actions if a.sub_actions is None]
    videos = [replace(v, actions=tuple(a for a in v.actions if a.sub_actions is not None)) for v in kept.videos]
    kept = replace(kept, videos=tuple(videos))
    names = name_moments(kept.codebook)
    entries = [
        _make_entry(video, action, clocks[video.id], kept.codebook, names, settings.pad_ms)
        for video in kept.videos
        for action in video.actions
    ]
    labels = sorted({event["label"] for entry in entries for event in entry["events"]})
    write_text(folder / FILE, json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    write_text(folder / CLASSES_FILE, "".join(f"{label}\n" for label in labels))
    gaps = [id_ for id_, one in kept.instances.items() if _has_gap(one.sub_action)]
    left_out = notes | {UNSOUGHT: unsought, BETWEEN: find_times_between(kept, clocks), GAPS: gaps}
    left_out |= list_simulated(kept, settings)
    exported = make_exported(kept, [folder / FILE, folder / CLASSES_FILE], CARRIED, left_out)
    labelled = sum(get_set_id(one.sub_action, kept.codebook) is not None for one in kept.instances.values())
    num_events = sum(entry["num_events"] for entry in entries)
    counts = {"actions": len(entries), "sub-actions": labelled, "classes": len(labels), "events": num_events}
    return replace(exported, counts=counts)


def _has_gap(sub: SubAction) -> bool:
    return any(left[1] != right[0] for left, right in zip(sub.stages, sub.stages[1:], strict=False))


def _make_entry(
    video: Video, action: Action, clock: FrameClock, codebook: Codebook, names: Mapping[str, str], pad_ms: int
) -> dict[str, Any]:
    start, end = clock.find_frames(action.start_ms, action.end_ms)
    before = start - clock.find_frame(max(0, action.start_ms - pad_ms))
    after = clock.find_frame(action.end_ms + pad_ms) - end
    if video.num_frames is not None:
        after = max(0, min(after, video.num_frames - end))
    # A sub-action may end after its action: the film reaches as far as its events.
    events = list(_iterate_events(action, clock, codebook, names))
    frames = [event["frame"] for event in events]
    before = max(before, -min(frames, default=0))
    after = max(after, max(frames, default=0) - (end - start))
    events = [event | {"frame": event["frame"] + before} for event in events]
    return {
        "video": f"{video.id}_{action.name}",
        "fps": clock.fps,
        "width": video.width,
        "height": video.height,
        "num_frames": before + end - start + after,
        "num_events": len(events),
        "events": sorted(events, key=lambda event: event["frame"]),
        "_source_info": {
            "start_frame": start,
            "end_frame": end,
            "pad": [before, after],
            "effective_pad": [before, after],
        },
    }


def _iterate_events(
    action: Action, clock: FrameClock, codebook: Codebook, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Events of an action, with frames from its start."""
    for sub in action.sub_actions or ():
        set_id = get_set_id(sub, codebook)
        if set_id is None:
            continue  # counted: "unlabelled" is not among the facts that are carried
        element = codebook.element_by_id.get(sub.element_id or "")
        event_id = codebook.set_by_id[set_id].event_id
        comment = sub.name + (f";({event_id}) {element.name}" if element else ";")
        moments = [sub.start_ms, *(stage[1] for stage in sub.stages)]
        kinds = ["start", "end"] if len(moments) == 2 else range(len(moments))
        for kind, moment in zip(kinds, moments, strict=True):
            frame = clock.count_frames(action.start_ms, moment)
            yield {"frame": frame, "label": f"{names[set_id]}_{kind}", "comment": comment}
