"""The pose in every frame of a clip, from one frame to the next, where the gymnast is known to be.

In each frame the model looks where the last pose says she will be: moved as her way moves, turned on as she turns.
Where that fails she is looked for anew: by the detector in a crop of a few of her lengths, then in two opposite squares
around her way, all turned another way from one search to the next, since she may hang upside down. Then the same goes
backward, through frames that have no pose or a doubtful one: a body that comes out of a blur is known before it is
known going in. What is left is verified (``verify``): a wrong pose is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from finegym.features.pose.gymnast import Whereabouts
from finegym.features.pose.model import PoseModel
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
SHRINKING = (
    0.8  # of the last pose's longer side: her size where the camera has come closer than in the rest of the shot
)
DETECTED_SHARE = 0.65  # the same, of a pose that the detector proposed
MIN_INSIDE = 0.5  # share of joints inside the picture
SQUARE_PRESENCE = 0.9  # of a pose in a square that no detector proposed: the model sees people where there are none
DOUBTFUL_PRESENCE = 0.9
DOUBTFUL_JUMP = 0.15  # lengths


class Follower:
    """Looks at one frame after the other, then back.

    Args:
        model: of poses; where it cannot detect, she is looked for in squares only.
        where: of the action that the frames are from.
        min_presence: the model's own certainty that somebody is there, 0 to 1, below which nothing counts.
        search_every: frames from one search to the next while she is lost; 1 searches in every frame.
    """

    def __init__(
        self, model: PoseModel, where: Whereabouts, *, min_presence: float = 0.5, search_every: int = 2
    ) -> None:
        self.model, self.where = model, where
        self.min_presence, self.search_every = min_presence, search_every

    def go_on(self, frames: Iterable[np.ndarray], first: int, seen: list[Sight | None]) -> None:
        """Look at the next frames of a clip, forward; what is seen is not verified yet.

        Args:
            frames: uint8 (H, W, 3), RGB, in any portions: where one ends changes nothing.
            first: number of the clip's first frame within the action.
            seen: a pose or ``None`` for every frame of the clip so far; grows by one a frame.
        """
        lost = next((k for k, sight in enumerate(reversed(seen)) if sight is not None), len(seen))
        for number, frame in enumerate(frames, first + len(seen)):
            sight = self._step(frame, number, number - 1, seen[-2:])
            if sight is None and lost % self.search_every == 0:
                sight = self._search(frame, number, lost // self.search_every)
            lost = 0 if sight is not None else lost + 1
            seen.append(sight)

    def can_gain(self, first: int, seen: Sequence[Sight | None], part: range) -> bool:
        """Whether going back through a part of a clip can change anything there: only then it has to be decoded again.

        Frames are seen again where the next one has a pose. If there is no such frame to begin with, none comes.
        """
        return any(self._is_doubtful(seen, index, first) for index in part)

    def go_back(
        self, frames: Sequence[np.ndarray] | np.ndarray, first: int, seen: list[Sight | None], part: range
    ) -> None:
        """Look once more, backward, where a frame has no pose or a doubtful one and the next one has a pose.

        Args:
            frames: uint8 (H, W, 3), RGB, those of ``part``.
            first: number of the clip's first frame within the action.
            seen: of all frames of the clip, as from ``go_on``; changed in place. Parts come in order, the last first.
            part: places in ``seen``.
        """
        for index in reversed(part):
            if self._is_doubtful(seen, index, first):
                number = first + index
                again = self._step(frames[index - part.start], number, number + 1, seen[index + 1 : index + 3][::-1])
                seen[index] = _take_surer(seen[index], again)

    def _is_doubtful(self, seen: Sequence[Sight | None], index: int, first: int) -> bool:
        """Whether the next frame's pose may do better."""
        later = seen[index + 1] if index + 1 < len(seen) else None
        if later is None:
            return False
        sight = seen[index]
        if sight is None or sight.presence < DOUBTFUL_PRESENCE:
            return True
        return measure_jump(sight, later, self.where, first + index, first + index + 1) > DOUBTFUL_JUMP

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
        low, high = last.keypoints.min(axis=0), last.keypoints.max(axis=0)
        middle = None
        if self.where.energy[number] < STILL_ENERGY:
            middle = (low + high) / 2 + self.where.centres[number] - self.where.centres[neighbour]
        return self._estimate(frame, number, roi[None], middle=middle, extent=SHRINKING * float((high - low).max()))

    def _search(self, frame: np.ndarray, number: int, attempt: int) -> Sight | None:
        """The pose anywhere around her way."""
        if self.model.can_detect:
            rois = self._detect(frame, number, attempt)
            sight = self._estimate(frame, number, rois, is_detected=True) if len(rois) else None
            if sight is not None:
                return sight
        side = ROI_LENGTHS * self.where.lengths[number]
        angle = ANGLES[attempt % len(ANGLES)] + attempt // len(ANGLES) * np.pi / 4
        squares = np.array([(*self.where.centres[number], side, side, angle + turn) for turn in (0.0, np.pi)])
        least = max(self.min_presence, SQUARE_PRESENCE) if self.model.can_detect else self.min_presence
        return self._estimate(frame, number, squares, min_presence=least)

    def _detect(self, frame: np.ndarray, number: int, attempt: int) -> np.ndarray:
        """float64 (N, 5): regions around persons near her way, the nearest first, at most two.

        Every second attempt looks at the whole picture: she may be much larger than in the rest of the shot.
        """
        centre, side = self.where.centres[number], CROP_LENGTHS * self.where.lengths[number]
        window = np.array([*centre, side, side, ANGLES[attempt // 2 % len(ANGLES)]])
        if attempt % 2:
            height, width = frame.shape[:2]
            window = np.array([(width - 1) / 2, (height - 1) / 2, max(height, width), max(height, width), 0.0])
        crop = crop_region(frame, window, (CROP_PIXELS, CROP_PIXELS))
        rois = self.model.detect(crop, min_score=MIN_DETECTION).rois.astype(np.float64)
        rois[:, :2] = map_to_frame(rois[:, :2], window, (CROP_PIXELS, CROP_PIXELS))
        rois[:, 2:4] *= window[2] / CROP_PIXELS
        rois[:, 4] += window[4]
        distances = np.hypot(*(rois[:, :2] - centre).T)
        return rois[np.argsort(distances, kind="stable")][:2]

    def _estimate(
        self,
        frame: np.ndarray,
        number: int,
        rois: np.ndarray,
        *,
        middle: np.ndarray | None = None,
        extent: float = 0.0,
        is_detected: bool = False,
        min_presence: float | None = None,
    ) -> Sight | None:
        """The surest pose of some regions that counts.

        ``middle`` is where she is expected, if not on her way; ``extent``, in pixels, makes her larger than usual.
        """
        found = self.model.estimate(frame, rois)
        least = self.min_presence if min_presence is None else min_presence
        middle = self.where.centres[number] if middle is None else middle
        for row in np.argsort(-found.presence, kind="stable"):
            points, presence = found.keypoints[row], float(found.presence[row])
            own = DETECTED_SHARE * float(np.ptp(points, axis=0).max()) if is_detected else 0.0
            if presence >= least and self._counts(points, number, frame.shape, middle, max(own, extent)):
                return Sight(points, found.scores[row], presence, found.rois[row], is_detected)
        return None

    def _counts(
        self, points: np.ndarray, number: int, shape: tuple[int, ...], middle: np.ndarray, extent: float
    ) -> bool:
        """Whether a pose is of her size, in the picture, and where she is."""
        length = float(self.where.lengths[number])
        low, high = points.min(axis=0), points.max(axis=0)
        inside = ((points >= 0) & (points < shape[1::-1])).all(axis=1).mean()
        offset = np.hypot(*((low + high) / 2 - middle))
        scale, size = max(length, extent), float((high - low).max())
        return bool(
            inside >= MIN_INSIDE and offset <= MAX_OFFSET * scale and MIN_EXTENT * length <= size <= MAX_EXTENT * scale
        )


def _take_surer(first: Sight | None, second: Sight | None) -> Sight | None:
    if first is None or second is None:
        return first if second is None else second
    return second if second.presence > first.presence else first
