"""The pose in every frame of a clip, from one frame to the next, where the gymnast is known to be.

In each frame the model looks where the last pose says she will be: moved as her way moves, turned on as she turns.
Where that fails she is looked for anew: by the detector in a crop of a few of her lengths, then in two opposite squares
around her way, all turned another way from one search to the next, since she may hang upside down. Then the same goes
backward, through frames that have no pose or a doubtful one: a body that comes out of a blur is known before it is
known going in. What is left is verified (``verify``): a wrong pose is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.features.pose.gymnast import Whereabouts
from finegym.features.pose.model import Estimates, PoseModel
from finegym.features.pose.regions import crop_region, map_to_frame
from finegym.features.pose.verify import Sight, measure_jump, wrap_angle

ANGLES = (0.0, np.pi, np.pi / 2, -np.pi / 2)
MAX_TURN = np.radians(40.0)  # a frame; three saltos a second at 25 fps
ROI_LENGTHS = 1.6  # side of the square around her way, in her lengths: stretched, with the model's margin
CROP_LENGTHS = 3.0  # side of the crop that the detector sees
CROP_PIXELS = 224
MIN_DETECTION = 0.3  # a detector's score; the landmark model has the last word
MAX_OFFSET = 0.65  # lengths between the middle of a pose and where she is
STILL_ENERGY = 0.5  # grey levels: below, nothing of her moves, and her way does not tell where she is
MIN_EXTENT, MAX_EXTENT = 0.25, 2.2  # lengths of a pose's longer side
MIN_INSIDE = 0.5  # share of joints inside the picture
DOUBTFUL_PRESENCE = 0.9
DOUBTFUL_JUMP = 0.15  # lengths


class Follower:
    """Looks at one frame after the other; counts how often the models ran.

    Args:
        model: of poses; where it cannot detect, she is looked for in squares only.
        where: of the action that the frames are from.
        min_presence: the model's own certainty that somebody is there, 0 to 1, below which nothing counts.
        search_every: frames from one search to the next while she is lost; 1 searches in every frame.

    Attributes:
        num_detections: times the detector ran.
        num_estimates: regions the landmark model looked at.
    """

    def __init__(
        self, model: PoseModel, where: Whereabouts, *, min_presence: float = 0.5, search_every: int = 2
    ) -> None:
        self.model, self.where = model, where
        self.min_presence, self.search_every = min_presence, search_every
        self.num_detections = self.num_estimates = 0

    def follow(
        self, frames: Sequence[np.ndarray] | np.ndarray, first: int, before: Sequence[Sight | None] = ()
    ) -> list[Sight | None]:
        """The pose in each of some consecutive frames, not verified yet.

        Args:
            frames: uint8 (H, W, 3), RGB.
            first: number of the first frame within the action.
            before: what was seen in the frames before these, the last at the end.

        Returns:
            A pose or ``None`` for every frame.
        """
        seen: list[Sight | None] = list(before)
        lost = 0
        for number, frame in enumerate(frames, first):
            sight = self._step(frame, number, number - 1, seen[-2:])
            if sight is None and lost % self.search_every == 0:
                sight = self._search(frame, number, lost // self.search_every)
            lost = 0 if sight is not None else lost + 1
            seen.append(sight)
        found = seen[len(before) :]
        for offset in range(len(frames) - 2, -1, -1):
            later = found[offset + 1]
            if later is not None and self._is_doubtful(found[offset], later, first + offset):
                again = self._step(
                    frames[offset], first + offset, first + offset + 1, found[offset + 1 : offset + 3][::-1]
                )
                found[offset] = _take_surer(found[offset], again)
        return found

    def _is_doubtful(self, sight: Sight | None, later: Sight, number: int) -> bool:
        if sight is None or sight.presence < DOUBTFUL_PRESENCE:
            return True
        return measure_jump(sight, later, self.where, number, number + 1) > DOUBTFUL_JUMP

    def _step(self, frame: np.ndarray, number: int, neighbour: int, near: Sequence[Sight | None]) -> Sight | None:
        """The pose where that of the neighbouring frame, the last of ``near``, lets expect it."""
        last = near[-1] if near else None
        if last is None or self.where.shot[number] != self.where.shot[neighbour]:
            return None
        roi = last.roi.astype(np.float64)
        roi[:2] += self.where.centres[number] - self.where.centres[neighbour]
        other = near[-2] if len(near) > 1 else None
        if other is not None:
            turn = wrap_angle(float(last.roi[4] - other.roi[4]))
            roi[4] += turn if abs(turn) < MAX_TURN else 0.0
        if self.where.energy[number] >= STILL_ENERGY:
            return self._estimate(frame, number, roi[None])
        middle = (last.keypoints.min(axis=0) + last.keypoints.max(axis=0)) / 2
        shift = self.where.centres[number] - self.where.centres[neighbour]
        return self._estimate(frame, number, roi[None], middle + shift)

    def _search(self, frame: np.ndarray, number: int, attempt: int) -> Sight | None:
        """The pose anywhere around her way."""
        angle = ANGLES[attempt % len(ANGLES)]
        if self.model.can_detect:
            rois = self._detect(frame, number, angle)
            sight = self._estimate(frame, number, rois) if len(rois) else None
            if sight is not None:
                return sight
        side = ROI_LENGTHS * self.where.lengths[number]
        opposite = (angle + attempt // 4 * np.pi / 4 + turn for turn in (0.0, np.pi))
        return self._estimate(frame, number, np.array([(*self.where.centres[number], side, side, a) for a in opposite]))

    def _detect(self, frame: np.ndarray, number: int, angle: float) -> np.ndarray:
        """float64 (N, 5): regions around persons near her way, the nearest first, at most two."""
        centre, side = self.where.centres[number], CROP_LENGTHS * self.where.lengths[number]
        window = np.array([*centre, side, side, angle])
        self.num_detections += 1
        crop = crop_region(frame, window, (CROP_PIXELS, CROP_PIXELS))
        rois = self.model.detect(crop, min_score=MIN_DETECTION).rois.astype(np.float64)
        rois[:, :2] = map_to_frame(rois[:, :2], window, (CROP_PIXELS, CROP_PIXELS))
        rois[:, 2:4] *= side / CROP_PIXELS
        rois[:, 4] += angle
        distances = np.hypot(*(rois[:, :2] - centre).T)
        return rois[np.argsort(distances, kind="stable")][:2]

    def _estimate(
        self, frame: np.ndarray, number: int, rois: np.ndarray, expected: np.ndarray | None = None
    ) -> Sight | None:
        """The surest pose of some regions that counts; she is expected on her way, or where a pose before says."""
        expected = self.where.centres[number] if expected is None else expected
        self.num_estimates += len(rois)
        found = self.model.estimate(frame, rois)
        for row in np.argsort(-found.presence, kind="stable"):
            if self._counts(found, row, number, frame.shape, expected):
                return Sight(found.keypoints[row], found.scores[row], float(found.presence[row]), found.rois[row])
        return None

    def _counts(self, found: Estimates, row: int, number: int, shape: tuple[int, ...], expected: np.ndarray) -> bool:
        """Whether a pose is sure enough, of her size, in the picture, and where she is."""
        if found.presence[row] < self.min_presence:
            return False
        points, length = found.keypoints[row], self.where.lengths[number]
        low, high = points.min(axis=0), points.max(axis=0)
        inside = ((points >= 0) & (points < shape[1::-1])).all(axis=1).mean()
        offset = np.hypot(*((low + high) / 2 - expected))
        extent = (high - low).max() / length
        return bool(inside >= MIN_INSIDE and offset <= MAX_OFFSET * length and MIN_EXTENT <= extent <= MAX_EXTENT)


def _take_surer(first: Sight | None, second: Sight | None) -> Sight | None:
    if first is None or second is None:
        return first if second is None else second
    return second if second.presence > first.presence else first
