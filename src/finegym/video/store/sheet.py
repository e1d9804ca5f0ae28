"""One stored clip at a glance."""

from __future__ import annotations

import numpy as np

from finegym.report.images import draw_sheet
from finegym.video.store.read import ClipStore


def draw_clip(store: ClipStore, instance_id: str, num_frames: int = 8) -> np.ndarray:
    """Evenly spread frames of a clip, each with its number in the record and its time on the record's clock.

    Args:
        store: holds the clip.
        instance_id: the clip.
        num_frames: shown; fewer where the clip has fewer.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        VideoError: the clip is not in the store, or damaged.
    """
    facts = store.get_facts(instance_id)
    wanted = np.unique(np.linspace(0, facts.num_frames - 1, num_frames).round().astype(int))
    labels = [f"frame {facts.first_frame + k}, {facts.pts_ms[k] / 1000:.2f} s" for k in wanted]
    return draw_sheet(list(store.read_frames(instance_id, wanted)), labels, columns=4, tile_width=226)
