"""A venue as one picture with depth: what a camera that only turns and zooms can see of it.

Because a camera of the simulation stands still, its background in every frame of a record is an exact homography of one
panorama. It is drawn once, with time for smooth edges, for each place a camera stands and each apparatus; its depth
decides what hides the gymnast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from finegym.simulation import layers, quads, raycast
from finegym.simulation.apparatus import Capsule, get_apparatus_shapes
from finegym.simulation.appearance import Venue
from finegym.simulation.camera import CameraPath, Tripod, compute_rotation, project_points
from finegym.simulation.hall import Surface, build_hall, get_shape_colour

MAX_PIXELS = 5_000_000


@dataclass(frozen=True, eq=False)
class Panorama:
    """Everything a tripod sees of a venue.

    Attributes:
        tripod: where the camera stands.
        image: uint8 (H, W, 4): RGB, and in the fourth channel 255 where a surface faces up and takes shadows.
        depth: float32 (H, W), metres along the panorama's own optical axis.
        rotation: world to panorama camera, float64 (3, 3).
        intrinsics: panorama camera to panorama pixels, float64 (3, 3).
    """

    tripod: Tripod
    image: np.ndarray
    depth: np.ndarray
    rotation: np.ndarray
    intrinsics: np.ndarray

    def compute_mapping(self, path: CameraPath, frame: int) -> np.ndarray:
        """Frame pixels to panorama pixels; the third coordinate is the panorama's depth of a point one metre deep."""
        turn = self.intrinsics @ self.rotation @ path.get_rotation(frame).T
        inverse = path.get_inverse_intrinsics(frame)
        mapping: np.ndarray = turn @ inverse
        return mapping


def render_panorama(
    venue: Venue,
    event_id: str,
    paths: Sequence[CameraPath],
    surfaces: list[Surface] | None = None,
    sharpness: float = 0.8,
    blur_px: float = 0.0,
) -> Panorama:
    """Draw the panorama that holds everything some camera paths look at.

    Args:
        venue: the hall.
        event_id: whose apparatus stands in it.
        paths: all from the same tripod; the panorama reaches as far as they look.
        surfaces: of :func:`finegym.simulation.hall.build_hall`, where the caller has them already.
        sharpness: the panorama's focal length as a part of the longest one of the paths.
        blur_px: sigma of what a long lens does to a background; 0 for none.

    Returns:
        The panorama. Its focal length is cut where it would exceed ``MAX_PIXELS``.
    """
    tripod = paths[0].tripod
    assert all(path.tripod == tripod for path in paths), "one panorama, one tripod"
    shapes = get_apparatus_shapes(event_id)
    if surfaces is None:
        surfaces = build_hall(venue, event_id, shapes)
    pan = _middle(np.concatenate([path.pan for path in paths]))
    tilt = _middle(np.concatenate([path.tilt for path in paths]))
    rotation = compute_rotation(pan, tilt)
    low, high = _measure_extent(paths, rotation)
    focal = sharpness * max(float(path.focal.max()) for path in paths)
    area = float(np.prod(high - low))
    focal = min(focal, float(np.sqrt(MAX_PIXELS / area)))
    width, height = (int(n) for n in np.ceil((high - low) * focal) + 4)
    intrinsics = np.array([[focal, 0.0, 2 - low[0] * focal], [0.0, focal, 2 - low[1] * focal], [0.0, 0.0, 1.0]])
    image, depth = _draw_surfaces(surfaces, tripod, rotation, intrinsics, width, height)
    solids = _build_solids(venue, event_id)
    if len(solids):
        _draw_solids(solids, venue, tripod, rotation, intrinsics, image, depth)
    if blur_px > 0:
        image[:, :, :3] = cv2.GaussianBlur(np.ascontiguousarray(image[:, :, :3]), (0, 0), blur_px)
    return Panorama(tripod, image, depth, rotation, intrinsics)


def _middle(values: np.ndarray) -> float:
    return 0.5 * float(values.min() + values.max())


def _measure_extent(paths: Sequence[CameraPath], rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of all frames of the paths on the panorama's plane, for a focal length of 1."""
    points = []
    for path in paths:
        # Every fourth frame and the last: paths are smooth, and a margin follows.
        for frame in (*range(0, len(path), 4), len(path) - 1):
            corners = np.array([[x, y, 1.0] for x in (0, path.width) for y in (0, path.height)])
            rays = corners @ path.get_inverse_intrinsics(frame).T @ path.get_rotation(frame) @ rotation.T
            assert (rays[:, 2] > 0.05).all(), "a panorama is flat: paths of one tripod must stay within a half turn"
            points.append(rays[:, :2] / rays[:, 2:])
    stacked = np.concatenate(points)
    return stacked.min(axis=0) - 0.01, stacked.max(axis=0) + 0.01


def _draw_surfaces(
    surfaces: list[Surface], tripod: Tripod, rotation: np.ndarray, intrinsics: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Image and depth of the surfaces, the average of two rays a pixel."""
    position = np.array(tripod.position)
    images = []
    nearest = np.full((height, width), raycast.FAR, np.float32)
    for shift_x, shift_y in ((-0.25, -0.25), (0.25, 0.25)):
        image = np.zeros((height, width, 4), np.uint8)
        image[:, :, :3] = 11  # what no surface covers lies in the dark
        depth = np.full((height, width), raycast.FAR, np.float32)
        for surface in surfaces:
            box = _find_box(surface, tripod, rotation, intrinsics, width, height)
            quads.draw_quad(
                image, depth, box, position, rotation, intrinsics[0, 0], intrinsics[0, 2] - shift_x,
                intrinsics[1, 2] - shift_y, np.array(surface.corner, np.float64), np.array(surface.edge_u, np.float64),
                np.array(surface.edge_v, np.float64), surface.texture, np.array(surface.tint, np.float64),
                np.uint8(255 if surface.takes_shadow else 0),
            )  # fmt: skip
        images.append(image)
        np.minimum(nearest, depth, out=nearest)
    return cv2.addWeighted(images[0], 0.5, images[1], 0.5, 0.0), nearest


def _find_box(
    surface: Surface, tripod: Tripod, rotation: np.ndarray, intrinsics: np.ndarray, width: int, height: int
) -> np.ndarray:
    """Bounding box of a surface in the panorama; all of it when a corner is behind the camera."""
    corner, u, v = (np.array(edge, np.float64) for edge in (surface.corner, surface.edge_u, surface.edge_v))
    corners = np.array([corner, corner + u, corner + v, corner + u + v])
    pixels, depth = project_points(corners, tripod.position, rotation, intrinsics)
    if (depth < 0.1).all():
        return np.zeros(4, np.int64)
    if (depth < 0.1).any():
        return np.array([0, 0, width, height], np.int64)
    low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, [width, height])
    high = np.clip(np.ceil(pixels.max(axis=0)) + 2, 0, [width, height])
    return np.concatenate([low, high]).astype(np.int64)


def _build_solids(venue: Venue, event_id: str) -> np.ndarray:
    """Bars, posts and cables."""
    rows = []
    for shape in get_apparatus_shapes(event_id):
        if isinstance(shape, Capsule):
            row = np.zeros(raycast.NUM_COLUMNS)
            row[raycast.END_A : raycast.END_A + 3] = shape.a
            row[raycast.END_B : raycast.END_B + 3] = shape.b
            row[raycast.RADIUS_A] = row[raycast.RADIUS_B] = shape.radius
            row[raycast.LINEAR : raycast.LINEAR + 9] = np.eye(3).ravel()
            row[raycast.REACH] = 1.0
            row[raycast.COLOUR_A : raycast.COLOUR_A + 3] = get_shape_colour(shape.role, venue)
            row[raycast.GLOSS] = 0.3
            rows.append(row)
    return np.array(rows).reshape(-1, raycast.NUM_COLUMNS)


def _draw_solids(
    rows: np.ndarray, venue: Venue, tripod: Tripod, rotation: np.ndarray, intrinsics: np.ndarray,
    image: np.ndarray, depth: np.ndarray,
) -> None:  # fmt: skip
    height, width = depth.shape
    position = np.array(tripod.position)
    view = (position, rotation, intrinsics[0, 0], intrinsics[0, 2], intrinsics[1, 2])
    bounds = np.zeros((len(rows), 4), np.int64)
    for index in range(len(rows)):
        row = rows[index : index + 1]
        left, top, right, bottom = raycast.compute_bounds(row, *view, width, height, bounds[:1])
        if right <= left or bottom <= top:
            continue
        layer = np.zeros((bottom - top, right - left, 4), np.float32)
        own = np.full(layer.shape[:2], raycast.FAR, np.float32)
        raycast.draw_solids(row, bounds[:1], *view, venue.lighting.rows, layer, own, left, top)
        part = depth[top:bottom, left:right]
        layer[own > part] = 0.0
        layers.composite(image, layer, left, top)
        solid = layer[:, :, 3] > 0.3
        part[solid] = np.minimum(part, own)[solid]
        image[top:bottom, left:right, 3][solid] = 0
