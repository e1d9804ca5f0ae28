"""The demo's pictures: frames of the competition, clips that were recognised and clips that were not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.video.reader import VideoReader
from finegym.video.store.read import ClipStore

RIGHT, WRONG = (22, 110, 76), (163, 44, 36)
FRAMES_A_CLIP = 4


def draw_competition(dataset: Dataset, folder: Path) -> bytes:
    """Three moments of one routine of every event, as a JPEG."""
    frames, labels = [], []
    for event in dataset.codebook.events:
        found = next(
            ((v, a) for v in dataset.videos for a in v.actions if a.event_id == event.id and a.sub_actions), None
        )
        if found is None:
            continue
        video, action = found
        assert video.path is not None and action.sub_actions is not None
        moments = [action.sub_actions[k * (len(action.sub_actions) - 1) // 2] for k in range(3)]
        with VideoReader(folder / video.path) as reader:
            for place, moment in enumerate(moments):
                # One sub-action (a vault) is looked at in three places, several each in the middle.
                share = (0.35, 0.55, 0.75)[place] if len(action.sub_actions) == 1 else 0.5
                time_ms = moment.start_ms + share * (moment.end_ms - moment.start_ms)
                frames.append(reader.read_frames([reader.find_frame_at(time_ms)])[0])
                element_id = moment.element_id
                name = dataset.codebook.element_by_id[element_id].name if element_id else "no element"
                labels.append(f"{event.id}  {name}")
    return encode_jpeg(draw_sheet(frames, labels, columns=3, tile_width=420))


def draw_clips(clips: Path, instance_ids: Sequence[str], targets: Sequence[str], predicted: Sequence[str]) -> bytes:
    """A row of frames a clip, green where the prediction is right and red where it is wrong, as a JPEG.

    Args:
        clips: folder of the clip store.
        instance_ids: N clips, one row each.
        targets: N names of the true classes.
        predicted: N names of the predicted ones.
    """
    store = ClipStore(clips)
    frames, labels, colours = [], [], []
    for instance_id, target, guess in zip(instance_ids, targets, predicted, strict=True):
        centres = (np.arange(FRAMES_A_CLIP) + 0.5) * store.count_frames(instance_id) / FRAMES_A_CLIP
        frames += list(store.read_frames(instance_id, centres.astype(int)))
        labels += [f"is {target}", f"said {guess}", "", ""]
        colours += [RIGHT if target == guess else WRONG] * FRAMES_A_CLIP
    sheet = draw_sheet(frames, labels, columns=FRAMES_A_CLIP, tile_width=226, colours=colours)
    return encode_jpeg(sheet)
