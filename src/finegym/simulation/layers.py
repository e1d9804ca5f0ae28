"""Compiled loops that come after the rays: depth test against the scene, compositing, shadows, visibility.

A layer is a float32 picture (h, w, 4), premultiplied RGBA in 0..1, with a depth of its own; it covers the part of a
frame that begins at (left, top).
"""

from __future__ import annotations

import numpy as np

from finegym.simulation.raycast import END_A, END_B, RADIUS_A, RADIUS_B, REACH, compiled, smooth_step


@compiled
def resolve_layer(
    layer: np.ndarray,
    depth: np.ndarray,
    left: int,
    top: int,
    to_panorama: np.ndarray,
    scene_depth: np.ndarray,
    weight: float,
    total: np.ndarray,
) -> None:
    """Add a layer to ``total``, hiding what the scene stands in front of.

    Args:
        layer: float32 (h, w, 4), premultiplied.
        depth: float32 (h, w), metres.
        left: column of the frame where layer and total begin.
        top: row of the frame where they begin.
        to_panorama: float64 (3, 3), frame pixels to panorama pixels, *not* rescaled: its third coordinate is the
            panorama's depth of a point one metre deep in the frame.
        scene_depth: float32 (H, W), depth of the panorama.
        weight: what this layer counts in the total (one over the number of instants that are averaged).
        total: float32 (h, w, 4), added to.
    """
    rows, columns = scene_depth.shape
    for i in range(layer.shape[0]):
        for j in range(layer.shape[1]):
            if layer[i, j, 3] <= 0.0:
                continue
            x, y = float(left + j), float(top + i)
            w = to_panorama[2, 0] * x + to_panorama[2, 1] * y + to_panorama[2, 2]
            u = (to_panorama[0, 0] * x + to_panorama[0, 1] * y + to_panorama[0, 2]) / w
            v = (to_panorama[1, 0] * x + to_panorama[1, 1] * y + to_panorama[1, 2]) / w
            # Three centimetres of grace: hands on a bar and feet on a beam lie in it.
            own = depth[i, j] * w - 0.03
            u0, v0 = int(np.floor(u)), int(np.floor(v))
            seen = 1.0
            if 0 <= u0 < columns - 1 and 0 <= v0 < rows - 1:
                fu, fv = u - u0, v - v0
                seen = 0.0
                if scene_depth[v0, u0] >= own:
                    seen += (1.0 - fu) * (1.0 - fv)
                if scene_depth[v0, u0 + 1] >= own:
                    seen += fu * (1.0 - fv)
                if scene_depth[v0 + 1, u0] >= own:
                    seen += (1.0 - fu) * fv
                if scene_depth[v0 + 1, u0 + 1] >= own:
                    seen += fu * fv
            seen *= weight
            for c in range(4):
                total[i, j, c] += seen * layer[i, j, c]


@compiled
def composite(frame: np.ndarray, total: np.ndarray, left: int, top: int) -> None:
    """Lay a premultiplied float32 layer over a uint8 RGBA frame, whose alpha is left alone."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            alpha = total[i, j, 3]
            if alpha <= 0.0:
                continue
            for c in range(3):
                value = frame[top + i, left + j, c] * (1.0 - alpha) + 255.0 * total[i, j, c]
                frame[top + i, left + j, c] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


@compiled
def splat_shadow(rows: np.ndarray, origin_x: float, origin_y: float, cell: float, grid: np.ndarray) -> None:
    """Shade a ground grid by what hangs above it; light comes from the whole roof, so height blurs.

    Args:
        rows: float64 (N, NUM_COLUMNS), primitives.
        origin_x: world x of the first cell.
        origin_y: world y of the first cell.
        cell: metres a cell.
        grid: float32 (n, n), light that is left, multiplied into; starts at 1.
    """
    n = grid.shape[0]
    for k in range(rows.shape[0]):
        ax, ay, az = rows[k, END_A], rows[k, END_A + 1], rows[k, END_A + 2]
        bx, by, bz = rows[k, END_B], rows[k, END_B + 1], rows[k, END_B + 2]
        ra = rows[k, RADIUS_A] * 0.5 * (1.0 + rows[k, REACH])
        rb = rows[k, RADIUS_B] * 0.5 * (1.0 + rows[k, REACH])
        soft_a, soft_b = 0.05 + 0.16 * max(az, 0.0), 0.05 + 0.16 * max(bz, 0.0)
        reach = max(ra + 2 * soft_a, rb + 2 * soft_b)
        j0, j1 = (min(ax, bx) - reach - origin_x) / cell, (max(ax, bx) + reach - origin_x) / cell
        i0, i1 = (min(ay, by) - reach - origin_y) / cell, (max(ay, by) + reach - origin_y) / cell
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy + 1e-9
        for i in range(max(int(i0), 0), min(int(i1) + 1, n)):
            for j in range(max(int(j0), 0), min(int(j1) + 1, n)):
                px, py = origin_x + j * cell - ax, origin_y + i * cell - ay
                s = min(max((px * dx + py * dy) / length, 0.0), 1.0)
                qx, qy = px - s * dx, py - s * dy
                soft = soft_a + s * (soft_b - soft_a)
                radius = ra + s * (rb - ra)
                distance = np.sqrt(qx * qx + qy * qy)
                dark = 1.0 - smooth_step(radius - soft, radius + soft, distance)
                # A blurred shadow is fainter: the same dark, spread.
                grid[i, j] *= 1.0 - 0.75 * dark * radius / (radius + 1.6 * soft)


@compiled
def measure_shadow(grid: np.ndarray, box: np.ndarray) -> None:
    """Cells where a ground grid is dark, as x0, y0, x1, y1 (half-open) into ``box``; empty where none is."""
    n = grid.shape[0]
    box[0], box[1], box[2], box[3] = n, n, 0, 0
    for i in range(n):
        for j in range(n):
            if grid[i, j] < 0.985:
                box[0], box[1] = min(box[0], j), min(box[1], i)
                box[2], box[3] = max(box[2], j + 1), max(box[3], i + 1)


@compiled
def apply_shadow(
    frame: np.ndarray,
    box: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    to_panorama: np.ndarray,
    scene_depth: np.ndarray,
    origin_x: float,
    origin_y: float,
    cell: float,
    grid: np.ndarray,
    ceiling: float,
) -> None:
    """Darken what lies under a ground grid in a uint8 RGBA frame, as far as its alpha says that it faces up.

    Args:
        frame: uint8 (H, W, 4), drawn into.
        box: x0, y0, x1, y1 in the frame.
        position: float64 (3,), the camera.
        rotation: float64 (3, 3).
        focal: pixels.
        centre_x: principal point.
        centre_y: principal point.
        to_panorama: as in :func:`resolve_layer`.
        scene_depth: float32 (H, W), depth of the panorama.
        origin_x: world x of the first cell.
        origin_y: world y of the first cell.
        cell: metres a cell.
        grid: float32 (n, n), light that is left.
        ceiling: metres; surfaces higher than this are not under the body.
    """
    rows, columns = scene_depth.shape
    n = grid.shape[0]
    for y in range(box[1], box[3]):
        cy = (y - centre_y) / focal
        for x in range(box[0], box[2]):
            if frame[y, x, 3] < 8:
                continue
            cx = (x - centre_x) / focal
            inverse = 1.0 / (to_panorama[2, 0] * x + to_panorama[2, 1] * y + to_panorama[2, 2])
            u = int((to_panorama[0, 0] * x + to_panorama[0, 1] * y + to_panorama[0, 2]) * inverse + 0.5)
            v = int((to_panorama[1, 0] * x + to_panorama[1, 1] * y + to_panorama[1, 2]) * inverse + 0.5)
            if u < 0 or v < 0 or u >= columns or v >= rows:
                continue
            t = scene_depth[v, u] * inverse
            gx = (position[0] + t * (rotation[0, 0] * cx + rotation[1, 0] * cy + rotation[2, 0]) - origin_x) / cell
            gy = (position[1] + t * (rotation[0, 1] * cx + rotation[1, 1] * cy + rotation[2, 1]) - origin_y) / cell
            if gx < 0.0 or gy < 0.0 or gx >= n - 1 or gy >= n - 1:
                continue
            j, i = int(gx), int(gy)
            fx, fy = gx - j, gy - i
            light = (grid[i, j] * (1 - fx) + grid[i, j + 1] * fx) * (1 - fy) + (
                grid[i + 1, j] * (1 - fx) + grid[i + 1, j + 1] * fx
            ) * fy
            if light > 0.985:
                continue
            if position[2] + t * (rotation[0, 2] * cx + rotation[1, 2] * cy + rotation[2, 2]) > ceiling:
                continue
            light = 1.0 - (0.985 - light) * frame[y, x, 3] / 255.0
            for c in range(3):
                frame[y, x, c] = np.uint8(frame[y, x, c] * light)


@compiled
def see_joints(
    pixels: np.ndarray,
    joint_depth: np.ndarray,
    to_panorama: np.ndarray,
    scene_depth: np.ndarray,
    depth: np.ndarray,
    left: int,
    top: int,
    flesh: float,
    grace: float,
    visibility: np.ndarray,
) -> None:
    """Turn the visibility 1 (in the picture) of joints into 2 where neither body nor scene is before them.

    Args:
        pixels: float64 (J, 2).
        joint_depth: float64 (J,), metres.
        to_panorama: as in :func:`resolve_layer`.
        scene_depth: float32 (H, W), of the panorama.
        depth: float32 (h, w), of the body, beginning at (left, top).
        left: column.
        top: row.
        flesh: metres between a joint and the skin before it.
        grace: metres that a joint may lie in the scene, measured along the panorama's axis.
        visibility: uint8 (J,), changed.
    """
    for joint in range(pixels.shape[0]):
        if visibility[joint] != 1:
            continue
        x, y = int(np.rint(pixels[joint, 0])), int(np.rint(pixels[joint, 1]))
        i, j = y - top, x - left
        if 0 <= i < depth.shape[0] and 0 <= j < depth.shape[1] and depth[i, j] < joint_depth[joint] - flesh:
            continue
        w = to_panorama[2, 0] * x + to_panorama[2, 1] * y + to_panorama[2, 2]
        u = int(np.rint((to_panorama[0, 0] * x + to_panorama[0, 1] * y + to_panorama[0, 2]) / w))
        v = int(np.rint((to_panorama[1, 0] * x + to_panorama[1, 1] * y + to_panorama[1, 2]) / w))
        is_inside = 0 <= v < scene_depth.shape[0] and 0 <= u < scene_depth.shape[1]
        if is_inside and scene_depth[v, u] < joint_depth[joint] * w - grace:
            continue
        visibility[joint] = 2
