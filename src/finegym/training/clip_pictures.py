"""A clip as a run saw it, as one picture: frames, flow in the colours of the wheel, or poses on their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finegym.datasets.clips import ClipSource
from finegym.features.flow.draw import draw_clip as draw_flow_clip
from finegym.features.flow.store import FlowStore
from finegym.features.pose.overlay import draw_pose_sheet, draw_poses
from finegym.features.pose.poses import Poses
from finegym.features.pose.store import PoseStore
from finegym.features.store import FeatureFacts
from finegym.report.images import draw_sheet
from finegym.training.contradictions import is_pickle
from finegym.training.data import FEATURES_FOLDER, RecognitionData
from finegym.training.recipe import Recipe

NUM_FRAMES = 8
COLUMNS = 4
TILE_WIDTH = 226
_PAPER = (40, 44, 48)  # behind poses whose frames are not at hand


def draw_instance(data: RecognitionData, recipe: Recipe, instance_id: str) -> np.ndarray:
    """Evenly spread frames of a clip, of the run's modality.

    Args:
        data: ``open_data(recipe.data)``.
        recipe: of the run.
        instance_id: of an instance whose clip is there.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        VideoError: the clip, or the record under its flow or poses, cannot be read.
        FeatureError: its flow or poses cannot be read.
    """
    folder = Path(recipe.data.dataset)
    if recipe.data.modality == "flow":
        flow = FlowStore(folder / FEATURES_FOLDER / recipe.data.features)
        return draw_flow_clip(flow, instance_id, _find_frames(folder, flow.get_facts(instance_id)))
    if recipe.data.modality == "pose":
        if not is_pickle(recipe.data.dataset):
            store = PoseStore(folder / FEATURES_FOLDER / recipe.data.features)
            if _find_frames(folder, store.get_facts(instance_id)):
                return draw_pose_sheet(store, instance_id, folder, num_frames=NUM_FRAMES)
        return draw_bare_poses(data.source.read(instance_id))  # type: ignore[attr-defined]
    return draw_frames(data.source, instance_id, recipe.data.short_side)  # type: ignore[arg-type]


def draw_frames(source: ClipSource, instance_id: str, short_side: int) -> np.ndarray:
    """Evenly spread frames side by side, before any crop."""
    indices = _spread(source.count_frames(instance_id))
    frames = source.read_frames(instance_id, indices, short_side)
    labels = [f"frame {index} of the clip" for index in indices]
    return draw_sheet(list(frames), labels, columns=COLUMNS, tile_width=TILE_WIDTH)


def draw_bare_poses(poses: Poses) -> np.ndarray:
    """Evenly spread poses side by side, without their frames."""
    indices = _spread(poses.num_frames)
    paper = np.full((max(poses.height, 1), max(poses.width, 1), 3), _PAPER, np.uint8)
    tiles = [draw_poses(paper, poses, int(index)) for index in indices]
    labels = [f"frame {index} of the clip" for index in indices]
    return draw_sheet(tiles, labels, columns=COLUMNS, tile_width=TILE_WIDTH)


def _spread(num_frames: int) -> np.ndarray:
    return np.unique(np.linspace(0, num_frames - 1, NUM_FRAMES).round().astype(int))


def _find_frames(folder: Path, facts: FeatureFacts) -> Path | None:
    """The dataset's folder where the record of these features lies in it."""
    return folder if facts.first_frame >= 0 and facts.record and (folder / facts.record).is_file() else None
