"""The compiled loop that draws the hall: rays against textured parallelograms, as in ``raycast``."""

from __future__ import annotations

import numpy as np

from finegym.simulation.raycast import compiled


@compiled
def draw_quad(
    image: np.ndarray,
    depth: np.ndarray,
    box: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    corner: np.ndarray,
    edge_u: np.ndarray,
    edge_v: np.ndarray,
    texture: np.ndarray,
    tint: np.ndarray,
    up: int,
) -> None:
    """Draw a textured parallelogram into a uint8 RGBA image with a depth buffer.

    Args:
        image: uint8 (H, W, 4), drawn into; alpha becomes ``up``.
        depth: float32 (H, W), drawn into.
        box: x0, y0, x1, y1.
        position: float64 (3,), the camera.
        rotation: float64 (3, 3), world to camera.
        focal: pixels.
        centre_x: principal point.
        centre_y: principal point.
        corner: float64 (3,), world; where the texture's first pixel lies.
        edge_u: float64 (3,), world; along the texture's columns.
        edge_v: float64 (3,), world; along its rows.
        texture: uint8 (h, w, 3), sampled with bilinear interpolation.
        tint: float64 (3,), multiplied in.
        up: alpha of the surface: 255 takes shadows, 0 does not.
    """
    nx = edge_u[1] * edge_v[2] - edge_u[2] * edge_v[1]
    ny = edge_u[2] * edge_v[0] - edge_u[0] * edge_v[2]
    nz = edge_u[0] * edge_v[1] - edge_u[1] * edge_v[0]
    uu = edge_u[0] * edge_u[0] + edge_u[1] * edge_u[1] + edge_u[2] * edge_u[2]
    vv = edge_v[0] * edge_v[0] + edge_v[1] * edge_v[1] + edge_v[2] * edge_v[2]
    uv = edge_u[0] * edge_v[0] + edge_u[1] * edge_v[1] + edge_u[2] * edge_v[2]
    inverse = 1.0 / (uu * vv - uv * uv)
    ox, oy, oz = position[0] - corner[0], position[1] - corner[1], position[2] - corner[2]
    height = ox * nx + oy * ny + oz * nz
    rows, columns = texture.shape[0], texture.shape[1]
    for y in range(box[1], box[3]):
        cy = (y - centre_y) / focal
        for x in range(box[0], box[2]):
            cx = (x - centre_x) / focal
            wx = rotation[0, 0] * cx + rotation[1, 0] * cy + rotation[2, 0]
            wy = rotation[0, 1] * cx + rotation[1, 1] * cy + rotation[2, 1]
            wz = rotation[0, 2] * cx + rotation[1, 2] * cy + rotation[2, 2]
            slope = wx * nx + wy * ny + wz * nz
            t = -height / slope
            if not (t > 0.05) or t >= depth[y, x]:
                continue
            px, py, pz = ox + t * wx, oy + t * wy, oz + t * wz
            pu = px * edge_u[0] + py * edge_u[1] + pz * edge_u[2]
            pv = px * edge_v[0] + py * edge_v[1] + pz * edge_v[2]
            a = (pu * vv - pv * uv) * inverse
            b = (pv * uu - pu * uv) * inverse
            if a < 0.0 or a > 1.0 or b < 0.0 or b > 1.0:
                continue
            depth[y, x] = t
            ta = min(max(a * columns - 0.5, 0.0), columns - 1.001)
            tb = min(max(b * rows - 0.5, 0.0), rows - 1.001)
            j, i = int(ta), int(tb)
            j1, i1 = min(j + 1, columns - 1), min(i + 1, rows - 1)
            fa, fb = ta - j, tb - i
            for c in range(3):
                value = (texture[i, j, c] * (1 - fa) + texture[i, j1, c] * fa) * (1 - fb) + (
                    texture[i1, j, c] * (1 - fa) + texture[i1, j1, c] * fa
                ) * fb
                image[y, x, c] = np.uint8(min(value * tint[c], 255.0))
            image[y, x, 3] = up
