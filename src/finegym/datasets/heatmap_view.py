"""What PoseConv3D sees of an instance: heatmaps of its poses, drawn where the model is.

Source: Duan et al., CVPR 2022, sections 3.2 and 3.3; see ``finegym.datasets.heatmaps``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from finegym.datasets.heatmaps import WHOLE, draw_joints, draw_limbs, mirror_joints, place_joints, sample_crop
from finegym.datasets.skeletons import PoseSource, choose_persons
from finegym.datasets.uniform_sampling import Short, compute_uniform, sample_uniform
from finegym.datasets.views import Look
from finegym.features.pose.poses import MISSING, Poses


@dataclass(frozen=True)
class HeatmapView:
    """Joints on the grid of a heatmap, float32 (M, T, V, 3), which ``normalise`` draws: float32 (B, V, T, S, S).

    Attributes:
        source: where poses come from.
        clip_len: T, frames spread evenly over the clip.
        num_clips_test: clips of evaluation.
        num_persons: M.
        short: what clips of fewer frames do.
        size: S.
        sigma: of the Gaussian, in cells.
        padding: of the square around all poses, as a share of their extent.
        limbs: draw limbs instead of joints.
        use_score: whether a joint is as bright as its score.
        random_crop: show training a random part of the square.
    """

    source: PoseSource
    clip_len: int
    num_clips_test: int = 1
    num_persons: int = 1
    short: Short = "loop"
    size: int = 56
    sigma: float = 0.6
    padding: float = 0.25
    limbs: bool = False
    use_score: bool = True
    random_crop: bool = True

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return (False,) * self.num_clips_test

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        poses = self.source.read(instance_id)
        indices = sample_uniform(poses.num_frames, self.clip_len, rng, self.short)
        crop = sample_crop(rng) if self.random_crop else WHOLE
        return Look(self._place(poses, indices, crop), self._count(poses, indices))

    def look(self, instance_id: str) -> Look:
        poses = self.source.read(instance_id)
        indices = compute_uniform(poses.num_frames, self.clip_len, self.num_clips_test, self.short)  # (K, T)
        joints = torch.stack([self._place(poses, clip, WHOLE) for clip in indices])
        return Look(joints, self._count(poses, indices))

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        mirrored: torch.Tensor = mirror_joints(inputs, self.size)
        return mirrored

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        draw = draw_limbs if self.limbs else draw_joints
        return draw(inputs, self.size, self.sigma)

    def _place(self, poses: Poses, indices: np.ndarray, crop: tuple[float, float, float, float]) -> torch.Tensor:
        joints = place_joints(
            poses,
            indices,
            size=self.size,
            padding=self.padding,
            crop=crop,
            num_persons=self.num_persons,
            use_score=self.use_score,
        )
        padded = np.zeros((self.num_persons, *joints.shape[1:]), np.float32)  # a weight of 0 draws nothing
        padded[: len(joints)] = joints
        return torch.from_numpy(padded)

    def _count(self, poses: Poses, indices: np.ndarray) -> dict[str, int]:
        persons = choose_persons(poses, self.num_persons)
        is_blank = (poses.status[persons] == MISSING).all(axis=0)  # (frames of the clip,)
        return {
            "short_clips": int(poses.num_frames < self.clip_len),
            "blank_frames": int(is_blank[indices].sum()),
            "persons_left_out": len(poses.status) - len(persons),
            "persons_padded": self.num_persons - len(persons),
        }
