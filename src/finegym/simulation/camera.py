"""The broadcast camera: a tripod that pans, tilts and zooms.

A camera stands still during a record and only rotates and zooms. What is far away is therefore one picture (a
panorama) that every frame shows through a homography, exactly: that is what makes the simulation fast.

A path must not become a fingerprint of the element, and a picture that follows does show how far she travels. So the
camera of a live routine follows only part of her way, late and through a heavy low-pass, never up or down, and drifts
by itself as much as one element moves it. What keeps a fast gymnast in the picture is a zoom that opens seconds ahead,
not a quick hand. Replays and walk-ons, which are not annotated, are followed closely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.errors import SimulationError

MAX_TILT = np.deg2rad(60.0)
_ZOOM_HOLD_S = 4.5


@dataclass(frozen=True)
class Tripod:
    """Where a camera stands for a whole record.

    Attributes:
        name: unique in a record (``"main"``).
        position: world metres (x right, y away from the main camera, z up).
    """

    name: str
    position: tuple[float, float, float]


@dataclass(frozen=True)
class CameraPath:
    """Where a camera looks in every frame of a shot.

    Attributes:
        tripod: where it stands.
        pan: float64 (T,), radians, 0 looks along +y, positive to the right (+x).
        tilt: float64 (T,), radians, positive up.
        focal: float64 (T,), pixels.
        width: frame width in pixels.
        height: frame height in pixels.
    """

    tripod: Tripod
    pan: np.ndarray
    tilt: np.ndarray
    focal: np.ndarray
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.pan)

    def get_rotation(self, frame: int) -> np.ndarray:
        """Rows are the camera's right, down and forward in the world, float64 (3, 3)."""
        return compute_rotation(float(self.pan[frame]), float(self.tilt[frame]))

    def get_intrinsics(self, frame: int) -> np.ndarray:
        """Pixels from camera coordinates, float64 (3, 3); the centre of the first pixel is (0, 0)."""
        return compute_intrinsics(float(self.focal[frame]), self.width, self.height)

    def get_inverse_intrinsics(self, frame: int) -> np.ndarray:
        """Rays with forward component 1 from pixels, float64 (3, 3)."""
        scale = 1.0 / float(self.focal[frame])
        x, y = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[scale, 0.0, -x * scale], [0.0, scale, -y * scale], [0.0, 0.0, 1.0]])

    def project(self, points: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and depths of world points in one frame; see :func:`project_points`."""
        return project_points(points, self.tripod.position, self.get_rotation(frame), self.get_intrinsics(frame))


def compute_rotation(pan: float, tilt: float) -> np.ndarray:
    """World to camera: rows right, down, forward. Pan 0, tilt 0 looks along +y.

    Example:
        >>> compute_rotation(0.0, 0.0).round(3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
    """
    sin_pan, cos_pan, sin_tilt, cos_tilt = np.sin(pan), np.cos(pan), np.sin(tilt), np.cos(tilt)
    right = (cos_pan, -sin_pan, 0.0)
    down = (sin_pan * sin_tilt, cos_pan * sin_tilt, -cos_tilt)
    forward = (sin_pan * cos_tilt, cos_pan * cos_tilt, sin_tilt)
    return np.array([right, down, forward]) + 0.0


def compute_intrinsics(focal: float, width: int, height: int) -> np.ndarray:
    """The camera matrix with the principal point in the middle of the picture, float64 (3, 3)."""
    return np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])


def project_points(
    points: np.ndarray, position: tuple[float, float, float], rotation: np.ndarray, intrinsics: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Project world points.

    Args:
        points: float (..., 3), world metres.
        position: where the camera stands.
        rotation: world to camera, (3, 3).
        intrinsics: camera to pixels, (3, 3).

    Returns:
        Pixels float64 (..., 2) and depths along the optical axis float64 (...) in metres. Pixels of points behind the
        camera are NaN.
    """
    local = (np.asarray(points, dtype=np.float64) - np.asarray(position)) @ rotation.T
    depth = local[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = local[..., :2] / depth[..., None] * intrinsics[0, 0] + intrinsics[:2, 2]
    pixels[depth <= 1e-6] = np.nan
    return pixels, depth


def compute_homography(
    rotation_from: np.ndarray, intrinsics_from: np.ndarray, rotation_to: np.ndarray, intrinsics_to: np.ndarray
) -> np.ndarray:
    """Pixels of one view to pixels of another from the same place: exact, because only the rotation differs.

    Returns:
        float64 (3, 3), scaled so that the last entry is 1.
    """
    matrix = intrinsics_to @ rotation_to @ rotation_from.T @ np.linalg.inv(intrinsics_from)
    return matrix / matrix[2, 2]


def smooth(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Gaussian low-pass along the first axis; the ends are held.

    Example:
        >>> smooth(np.full(5, 2.0), 3.0).round(6).tolist()
        [2.0, 2.0, 2.0, 2.0, 2.0]
    """
    values = np.asarray(values, dtype=np.float64)
    if sigma_frames <= 0 or len(values) < 2:
        return values.copy()
    radius = max(1, int(np.ceil(3 * sigma_frames)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values.reshape(len(values), -1), ((radius, radius), (0, 0)), mode="edge")
    columns = [np.convolve(column, kernel, mode="valid") for column in padded.T]
    return np.stack(columns, axis=1).reshape(values.shape)


@dataclass(frozen=True)
class Operator:
    """How a camera is driven; drawn once a shot, from nothing that is performed.

    Attributes:
        lag_s: how far the picture trails the gymnast.
        softness_s: sigma of the low-pass of what is followed.
        share: part of her way from the middle of the apparatus that the picture follows; 0 rests, 1 goes all the way.
        wander_m: standard deviation of a slow drift of the aim that has nothing to do with her, metres.
        tremor: standard deviation of the unsteady hand, as a part of the picture's height.
        tightness: 1 is the usual picture; larger is closer.
        headroom: what is added to the height of the aim, metres.
    """

    lag_s: float = 0.2
    softness_s: float = 0.9
    share: float = 1.0
    wander_m: float = 0.0
    tremor: float = 0.004
    tightness: float = 1.0
    headroom: float = 0.1


def sample_operator(
    rng: np.random.Generator, softness_s: float = 0.9, share: float = 1.0, wander_m: float = 0.0
) -> Operator:
    """An operator with a hand of their own, about as soft as asked for."""
    return Operator(
        lag_s=float(rng.uniform(0.05, 0.35)),
        softness_s=float(softness_s * rng.uniform(0.85, 1.15)),
        share=share,
        wander_m=wander_m,
        tremor=float(rng.uniform(0.001, 0.006)),
        tightness=float(rng.uniform(0.92, 1.08)),
        headroom=float(rng.uniform(-0.05, 0.15)),
    )


def follow(
    joints: np.ndarray,
    pelvis: np.ndarray,
    tripod: Tripod,
    operator: Operator,
    view_height_m: float,
    fps: float,
    size: tuple[int, int],
    rng: np.random.Generator,
    rest: tuple[float, float, float] | None = None,
) -> CameraPath:
    """A path that follows a gymnast.

    The zoom shows ``view_height_m`` at the gymnast's distance and opens, slowly and well ahead, as far as it takes to
    keep the gymnast inside the picture.

    Args:
        joints: float (T, J, 3), world metres; what should stay in the picture.
        pelvis: float (T, 3), world metres; what the operator looks at.
        tripod: where the camera stands.
        operator: how it is driven.
        view_height_m: metres that the picture's height shows at the gymnast's distance.
        fps: frames a second of the shot.
        size: width, height in pixels.
        rng: draws drift and tremor.
        rest: middle of the apparatus, where ``operator.share`` counts from, and the height of the aim; None aims at
            the pelvis, up and down too.

    Returns:
        The path, T frames.

    Raises:
        SimulationError: the gymnast comes closer to the camera than half a metre.
    """
    width, height = size
    aim = _choose_aim(np.asarray(pelvis, np.float64), operator, fps, rng, rest)
    to_aim = aim - np.asarray(tripod.position)
    ground_distance = np.hypot(to_aim[:, 0], to_aim[:, 1])
    distance = np.linalg.norm(to_aim, axis=1)
    if float(distance.min()) < 0.5:
        raise SimulationError(
            f"camera {tripod.name!r} at {tripod.position}: the gymnast comes within {distance.min():.2f} m of it"
        )
    tremor = operator.tremor * height
    pan_noise, tilt_noise = (sample_tremor(len(pelvis), fps, rng) * tremor for _ in range(2))
    focal = distance * height / view_height_m * operator.tightness
    pan = np.arctan2(to_aim[:, 0], to_aim[:, 1]) + pan_noise / focal
    tilt = np.clip(np.arctan2(to_aim[:, 2], ground_distance) + tilt_noise / focal, -MAX_TILT, MAX_TILT)
    path = CameraPath(tripod, pan, tilt, focal, width, height)
    return CameraPath(tripod, pan, tilt, focal * _fit_zoom(path, joints, fps), width, height)


def _choose_aim(
    pelvis: np.ndarray,
    operator: Operator,
    fps: float,
    rng: np.random.Generator,
    rest: tuple[float, float, float] | None,
) -> np.ndarray:
    """Where the operator points in every frame, float64 (T, 3)."""
    num_frames = len(pelvis)
    late = np.clip(np.arange(num_frames) - operator.lag_s * fps, 0, num_frames - 1)
    seen = np.stack([np.interp(late, np.arange(num_frames), pelvis[:, axis]) for axis in range(3)], axis=1)
    aim = smooth(seen, operator.softness_s * fps)
    if rest is not None:
        aim = np.asarray(rest) + (aim - np.asarray(rest)) * (operator.share, operator.share, 0.0)
    drift = np.stack([sample_tremor(num_frames, fps, rng, knots_per_s=1.5) for _ in range(3)], axis=1)
    # Up and down a third of what it is to the sides: an operator keeps the horizon.
    aim = aim + operator.wander_m * drift * (1.0, 0.5, 0.33)
    aim[:, 2] += operator.headroom
    return aim


def _fit_zoom(path: CameraPath, joints: np.ndarray, fps: float, margin: float = 0.05) -> np.ndarray:
    """Factors at most 1 by which the zoom opens in every frame so that every joint stays inside the picture.

    What one moment needs holds for the seconds around it, so that the zoom tells of a passage, not of an element.
    """
    half = np.array([path.width, path.height]) * (0.5 - margin)
    centre = np.array([(path.width - 1) / 2, (path.height - 1) / 2])
    need = np.ones(len(path))
    for frame in range(len(path)):
        pixels, _ = path.project(joints[frame], frame)
        need[frame] = max(1.0, float(np.nanmax(np.abs(pixels - centre) / half)))
    # Never wider than a third: a picture of the whole hall helps nobody; a joint may leave the frame before that.
    need = np.minimum(need, 3.0)
    reach = round(_ZOOM_HOLD_S * fps)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(need, reach, mode="edge"), 2 * reach + 1)
    # The low-pass reaches as far as the window holds, so that it never cuts into what a moment needs.
    return 1.0 / smooth(windows.max(axis=1), _ZOOM_HOLD_S * fps / 3)


def look_at(
    target: tuple[float, float, float],
    tripod: Tripod,
    view_height_m: float,
    num_frames: int,
    fps: float,
    size: tuple[int, int],
    rng: np.random.Generator,
    zoom_rate: float = 0.0,
) -> CameraPath:
    """A path that rests on a place, with a hand's tremor and an optional slow zoom (a part a second)."""
    width, height = size
    to_target = np.asarray(target, dtype=np.float64) - np.asarray(tripod.position)
    distance = float(np.linalg.norm(to_target))
    seconds = np.arange(num_frames) / fps
    focal = distance * height / view_height_m * np.exp(zoom_rate * seconds)
    noise = [sample_tremor(num_frames, fps, rng) * 0.004 * height / focal for _ in range(2)]
    pan = np.arctan2(to_target[0], to_target[1]) + noise[0]
    tilt = np.arctan2(to_target[2], np.hypot(to_target[0], to_target[1])) + noise[1]
    return CameraPath(tripod, pan, tilt, focal, width, height)


def sample_tremor(num_frames: int, fps: float, rng: np.random.Generator, knots_per_s: float = 4.0) -> np.ndarray:
    """A slow random walk around zero with unit standard deviation, float64 (num_frames,).

    It turns over within about four knots.
    """
    # Drawn at knots and interpolated, so that the movement does not depend on the frame rate.
    num_knots = int(np.ceil(num_frames / fps * knots_per_s)) + 8
    knots = smooth(rng.standard_normal(num_knots), 2.0) * 2.6
    curve = np.interp(np.arange(num_frames) / fps * knots_per_s + 2, np.arange(num_knots), knots)
    # Straight lines between knots have corners; a knot's time takes them off.
    return smooth(curve, 0.3 * fps / knots_per_s)
