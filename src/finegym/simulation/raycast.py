"""Compiled loops of the renderer: rays against tapered capsules.

Everything that is drawn is a ray cast from the camera through a pixel, inside the bounding box of one primitive, into a
depth buffer. Depth is the distance along the optical axis in metres: rays are scaled so that their forward component is
1, and the ray parameter *is* the depth.

The only solid of a body is the tapered capsule ("round cone": two spheres and the cone that touches both), seen through
a linear map that may squash it, so that the same loop draws a forearm, a rib cage and a head. The silhouette is
smoothed analytically: the signed distance of the ray to the surface, in pixels, is the coverage.

Compiled on first use and cached on disk by numba (``NUMBA_CACHE_DIR`` chooses where). The cache of a loop notices
changes of the loop's own file only: that is why what the inner loop calls is in this file, however long.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

# Columns of a row of primitives.
END_A = 0  # 3: centre of the first sphere, world
END_B = 3  # 3: centre of the second sphere, world
RADIUS_A = 6
RADIUS_B = 7
LINEAR = 8  # 9: world to local, row by row; local shape has the radii above
REACH = 17  # world radius of the bounding sphere is radius * reach
MATERIAL = 18
COLOUR_A = 19  # 3, 0..1
COLOUR_B = 22  # 3, 0..1
SPLIT = 25  # where along the axis colour A gives way to colour B
GLOSS = 26
FRONT = 27  # 3: unit vector, for materials with a face
UP = 30  # 3: unit vector
ANCHOR = 33  # 3: where a pattern that runs over several primitives begins, world
NUM_COLUMNS = 36

PLAIN, SPLIT_AXIS, HEAD, TORSO = 0, 1, 2, 3

FAR = np.float32(1e9)

# Not full fastmath: a ray that grazes a plane makes an infinity, and that has to stay one.
compiled: Any = numba.njit(cache=True, fastmath={"contract", "arcp", "nsz", "reassoc"}, error_model="numpy", nogil=True)


@compiled
def smooth_step(low: float, high: float, value: float) -> float:
    """0 below ``low``, 1 above ``high``, smooth between."""
    x = min(max((value - low) / (high - low), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


@compiled
def _zigzag(x: float) -> float:
    """A triangle wave of period 1 between -1 and 1: a sine for patterns at a tenth of the price."""
    return 4.0 * abs(x - np.floor(x + 0.5)) - 1.0


@compiled
def _get_albedo(
    row: np.ndarray, along: float, px: float, py: float, pz: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float]:
    """Colour of a point: ``along`` the axis in 0..1, position relative to the anchor, world normal."""
    material = int(row[MATERIAL])
    mix = 0.0
    if material == SPLIT_AXIS:
        mix = smooth_step(row[SPLIT] - 0.015, row[SPLIT] + 0.015, along)
    elif material == HEAD:
        front = nx * row[FRONT] + ny * row[FRONT + 1] + nz * row[FRONT + 2]
        up = nx * row[UP] + ny * row[UP + 1] + nz * row[UP + 2]
        # Hair covers what looks back or up; the hairline runs over the forehead and before the ears.
        mix = smooth_step(-0.05, 0.05, 1.3 * up - front + 0.12)
    elif material == TORSO:
        front = nx * row[FRONT] + ny * row[FRONT + 1] + nz * row[FRONT + 2]
        height = px * row[UP] + py * row[UP + 1] + pz * row[UP + 2]
        sx = row[UP + 1] * row[FRONT + 2] - row[UP + 2] * row[FRONT + 1]
        sy = row[UP + 2] * row[FRONT] - row[UP] * row[FRONT + 2]
        sz = row[UP] * row[FRONT + 1] - row[UP + 1] * row[FRONT]
        side = px * sx + py * sy + pz * sz
        wave = height * 9.0 + row[SPLIT] * side * 14.0 + 0.3 * abs(front)
        mix = smooth_step(-0.12, 0.12, _zigzag(wave * 0.35 + 0.16 * row[SPLIT]))
        glitter = _zigzag(px * 65.0) * _zigzag(py * 63.0 + 0.2) + _zigzag(pz * 69.0)
        mix = mix * (1.0 - 0.35 * smooth_step(0.5, 1.2, glitter))
    red = row[COLOUR_A] + (row[COLOUR_B] - row[COLOUR_A]) * mix
    green = row[COLOUR_A + 1] + (row[COLOUR_B + 1] - row[COLOUR_A + 1]) * mix
    blue = row[COLOUR_A + 2] + (row[COLOUR_B + 2] - row[COLOUR_A + 2]) * mix
    return red, green, blue


@compiled
def _shade(
    red: float,
    green: float,
    blue: float,
    gloss: float,
    nx: float,
    ny: float,
    nz: float,
    facing: float,
    half: float,
    lights: np.ndarray,
) -> tuple[float, float, float]:
    """Key and fill light, sky and floor, a rim from behind and a highlight.

    ``facing`` and ``half`` are the cosines of the normal with the viewer and with the bisector of viewer and key light;
    ``lights`` as in ``Lighting.rows``.
    """
    key = nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]
    fill = nx * lights[1, 0] + ny * lights[1, 1] + nz * lights[1, 2]
    # Wrapped: skin and cloth carry light a little past the terminator.
    key = max((key + 0.25) * 0.8, 0.0) * lights[0, 3]
    fill = max((fill + 0.25) * 0.8, 0.0) * lights[1, 3]
    sky = 0.5 + 0.5 * nz
    edge = (1.0 - facing) * (1.0 - facing)
    rim = edge * (1.0 - facing) * lights[4, 3] * (0.35 + 0.65 * sky)
    half = half * half
    half = half * half
    half = half * half
    shine = gloss * half * half * 1.5
    # Contours a little darker: limbs before a torso of the same colour stay apart.
    depth = 0.72 + 0.28 * min(facing * 1.9, 1.0)
    out_r = red * depth * (key * lights[0, 4] + fill * lights[1, 4] + sky * lights[2, 4] + (1 - sky) * lights[3, 4])
    out_g = green * depth * (key * lights[0, 5] + fill * lights[1, 5] + sky * lights[2, 5] + (1 - sky) * lights[3, 5])
    out_b = blue * depth * (key * lights[0, 6] + fill * lights[1, 6] + sky * lights[2, 6] + (1 - sky) * lights[3, 6])
    return (
        out_r + (rim + shine) * lights[4, 4],
        out_g + (rim + shine) * lights[4, 5],
        out_b + (rim + shine) * lights[4, 6],
    )


@compiled
def compute_bounds(
    rows: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    width: int,
    height: int,
    bounds: np.ndarray,
) -> tuple[int, int, int, int]:
    """Pixel bounding box of every primitive into ``bounds`` int64 (N, 4) as x0, y0, x1, y1; the union is returned.

    A primitive that reaches behind the camera gets an empty box: nothing stands that near.
    """
    left, top, right, bottom = width, height, 0, 0
    for i in range(rows.shape[0]):
        low_x, low_y, high_x, high_y = 1e9, 1e9, -1e9, -1e9
        behind = False
        for end in range(2):
            radius = rows[i, RADIUS_A + end] * rows[i, REACH]
            dx = rows[i, END_A + 3 * end] - position[0]
            dy = rows[i, END_A + 3 * end + 1] - position[1]
            dz = rows[i, END_A + 3 * end + 2] - position[2]
            x = rotation[0, 0] * dx + rotation[0, 1] * dy + rotation[0, 2] * dz
            y = rotation[1, 0] * dx + rotation[1, 1] * dy + rotation[1, 2] * dz
            z = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
            if z < 2.0 * radius + 0.05:
                behind = True
                break
            u, v = x / z * focal + centre_x, y / z * focal + centre_y
            # Wider than the sphere's outline by what perspective can add off the axis.
            grow = 1.0 + 0.5 * (abs(x) + abs(y)) / z
            reach = radius / (z - radius) * focal * grow + 1.5
            low_x, high_x = min(low_x, u - reach), max(high_x, u + reach)
            low_y, high_y = min(low_y, v - reach), max(high_y, v + reach)
        if behind:
            bounds[i, 0] = bounds[i, 1] = bounds[i, 2] = bounds[i, 3] = 0
            continue
        bounds[i, 0] = int(min(max(low_x, 0.0), width))
        bounds[i, 1] = int(min(max(low_y, 0.0), height))
        bounds[i, 2] = int(min(max(high_x + 1.0, 0.0), width))
        bounds[i, 3] = int(min(max(high_y + 1.0, 0.0), height))
        if bounds[i, 2] > bounds[i, 0] and bounds[i, 3] > bounds[i, 1]:
            left, top = min(left, bounds[i, 0]), min(top, bounds[i, 1])
            right, bottom = max(right, bounds[i, 2]), max(bottom, bounds[i, 3])
    return left, top, right, bottom


@compiled
def _transform(matrix: np.ndarray, x: float, y: float, z: float) -> tuple[float, float, float]:
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z,
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z,
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z,
    )


@compiled
def _project_ends(
    row: np.ndarray, position: np.ndarray, rotation: np.ndarray, focal: float, centre_x: float, centre_y: float
) -> tuple[float, float, float, float, float, float]:
    """Pixel and depth of both ends of a primitive."""
    ax, ay, az = row[END_A] - position[0], row[END_A + 1] - position[1], row[END_A + 2] - position[2]
    bx, by, bz = row[END_B] - position[0], row[END_B + 1] - position[1], row[END_B + 2] - position[2]
    za = rotation[2, 0] * ax + rotation[2, 1] * ay + rotation[2, 2] * az
    zb = rotation[2, 0] * bx + rotation[2, 1] * by + rotation[2, 2] * bz
    ua = (rotation[0, 0] * ax + rotation[0, 1] * ay + rotation[0, 2] * az) / za * focal + centre_x
    va = (rotation[1, 0] * ax + rotation[1, 1] * ay + rotation[1, 2] * az) / za * focal + centre_y
    ub = (rotation[0, 0] * bx + rotation[0, 1] * by + rotation[0, 2] * bz) / zb * focal + centre_x
    vb = (rotation[1, 0] * bx + rotation[1, 1] * by + rotation[1, 2] * bz) / zb * focal + centre_y
    return ua, va, za, ub, vb, zb


@compiled
def _find_span(ua: float, va: float, ub: float, vb: float, wide: float, y: int) -> tuple[float, float]:
    """Columns of row ``y`` within ``wide`` pixels of the segment a-b: a slanted limb fills little of its box."""
    if abs(vb - va) < 1e-6:
        return min(ua, ub) - wide, max(ua, ub) + wide
    s0 = min(max((y - wide - va) / (vb - va), 0.0), 1.0)
    s1 = min(max((y + wide - va) / (vb - va), 0.0), 1.0)
    x0, x1 = ua + s0 * (ub - ua), ua + s1 * (ub - ua)
    return max(min(x0, x1) - wide, 0.0), max(x0, x1) + wide


@compiled
def _hit_ends(
    m3: float, m4: float, m5: float, m6: float, m7: float, ra: float, rb: float, band: float
) -> tuple[float, float, float]:
    """Where a ray meets the nearer of the two spheres: distance, gap (negative inside), end (0 or 1).

    Distance 0 where it passes both by more than ``band``.
    """
    h1 = m3 * m3 - m4 * (m5 - ra * ra)
    h2 = m6 * m6 - m4 * (m7 - rb * rb)
    if h1 < -m4 * band and h2 < -m4 * band:
        return 0.0, 0.0, 0.0
    gap1, gap2 = -h1 / (m4 * 2.0 * ra), -h2 / (m4 * 2.0 * rb)
    t1, t2 = (-m3 - np.sqrt(max(h1, 0.0))) / m4, (-m6 - np.sqrt(max(h2, 0.0))) / m4
    if (h1 > 0.0 and (h2 <= 0.0 or t1 <= t2)) or (h1 <= 0.0 and h2 <= 0.0 and gap1 <= gap2):
        return t1, gap1, 0.0
    return t2, gap2, 1.0


@compiled
def _blend(pixel: np.ndarray, red: float, green: float, blue: float, alpha: float, behind: bool) -> None:
    """Lay a colour over a pixel (premultiplied RGBA), or under it: what is in front leaves a sliver uncovered."""
    old = 1.0 if behind else 1.0 - alpha
    new = (1.0 - pixel[3]) * alpha if behind else alpha
    pixel[0] = pixel[0] * old + new * red
    pixel[1] = pixel[1] * old + new * green
    pixel[2] = pixel[2] * old + new * blue
    pixel[3] = pixel[3] * old + new


@compiled
def _draw_one(
    row: np.ndarray,
    box: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    lights: np.ndarray,
    layer: np.ndarray,
    depth: np.ndarray,
    left: int,
    top: int,
) -> None:
    """Draw one primitive into ``layer`` (premultiplied RGBA) and ``depth``, whose origin is pixel (left, top)."""
    linear = row[LINEAR : LINEAR + 9].reshape(3, 3)
    # Everything in the primitive's own frame, relative to end A.
    ox, oy, oz = position[0] - row[END_A], position[1] - row[END_A + 1], position[2] - row[END_A + 2]
    apx, apy, apz = position[0] - row[ANCHOR], position[1] - row[ANCHOR + 1], position[2] - row[ANCHOR + 2]
    ex, ey, ez = row[END_B] - row[END_A], row[END_B + 1] - row[END_A + 1], row[END_B + 2] - row[END_A + 2]
    lox, loy, loz = _transform(linear, ox, oy, oz)
    bax, bay, baz = _transform(linear, ex, ey, ez)
    ra, rb = row[RADIUS_A], row[RADIUS_B]
    rr = ra - rb
    m0 = bax * bax + bay * bay + baz * baz
    m1 = bax * lox + bay * loy + baz * loz
    m5 = lox * lox + loy * loy + loz * loz
    obx, oby, obz = lox - bax, loy - bay, loz - baz
    m7 = obx * obx + oby * oby + obz * obz
    d2 = m0 - rr * rr
    has_side = d2 > 1e-9
    is_round = row[REACH] == 1.0
    k0 = d2 * m5 - m1 * m1 + 2.0 * m1 * rr * ra - m0 * ra * ra
    # World to local of a ray through column 0 of a row, and what a column adds: everything a ray needs is a polynomial
    # in the column, so that most pixels are refused after a dozen multiplications.
    side = rotation[0]
    ax, ay, az = _transform(linear, side[0], side[1], side[2])
    m4_2 = ax * ax + ay * ay + az * az
    m3_1 = ax * lox + ay * loy + az * loz
    m2_1 = ax * bax + ay * bay + az * baz
    ua, va, za, ub, vb, zb = _project_ends(row, position, rotation, focal, centre_x, centre_y)
    girth = max(ra, rb)
    wide = max(ra / max(za - ra, 0.05), rb / max(zb - rb, 0.05)) * row[REACH] * focal * 1.1 + 2.0
    nearest = min(za - ra * row[REACH], zb - rb * row[REACH])
    # How far a ray may pass beside the surface and still touch half a pixel.
    band = 2.0 * girth * row[REACH] * (max(za, zb) + girth * row[REACH]) / focal
    # The view changes little over one primitive: one direction serves its highlights.
    inverse = 1.0 / np.sqrt(ox * ox + oy * oy + oz * oz)
    vx, vy, vz = -ox * inverse, -oy * inverse, -oz * inverse
    hx, hy, hz = lights[0, 0] - vx, lights[0, 1] - vy, lights[0, 2] - vz
    inverse = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz)
    hx, hy, hz = hx * inverse, hy * inverse, hz * inverse
    for y in range(box[1], box[3]):
        cy = (y - centre_y) / focal
        rx = rotation[1, 0] * cy + rotation[2, 0]
        ry = rotation[1, 1] * cy + rotation[2, 1]
        rz = rotation[1, 2] * cy + rotation[2, 2]
        bx, by, bz = _transform(linear, rx, ry, rz)
        m4_1, m4_0 = 2.0 * (ax * bx + ay * by + az * bz), bx * bx + by * by + bz * bz
        m3_0 = bx * lox + by * loy + bz * loz
        m2_0 = bx * bax + by * bay + bz * baz
        first, last = _find_span(ua, va, ub, vb, wide, y)
        for x in range(max(box[0], int(first)), min(box[2], int(last) + 1)):
            i, j = y - top, x - left
            is_full = layer[i, j, 3] > 0.995
            if is_full and depth[i, j] < nearest:
                continue
            cx = (x - centre_x) / focal
            m4 = (m4_2 * cx + m4_1) * cx + m4_0
            m3 = m3_1 * cx + m3_0
            side_hit = False
            t = 1e9
            gap = 1e9  # signed distance of the ray to the surface, local units; negative inside
            yy = 0.0
            if has_side:
                m2 = m2_1 * cx + m2_0
                k2 = d2 * m4 - m2 * m2
                if k2 > 1e-12:
                    k1 = d2 * m3 - m1 * m2 + m2 * rr * ra
                    h = k1 * k1 - k0 * k2
                    if h < -k2 * d2 * band:
                        continue  # both spheres lie inside the cone: what misses it misses all
                    t = (-np.sqrt(max(h, 0.0)) - k1) / k2
                    yy = m1 - ra * rr + t * m2
                    if 0.0 < yy < d2:
                        side_hit = True
                        gap = -h / (k2 * 2.0 * (ra * d2 - rr * yy))
            along = 0.0
            if side_hit:
                along = yy / d2
            else:
                t, gap, along = _hit_ends(m3, m4, m5, m3 - (m2_1 * cx + m2_0), m7, ra, rb, band)
            behind = t >= depth[i, j]
            if t <= 0.0 or (behind and is_full):
                continue
            sx, sy, sz = lox + t * (ax * cx + bx), loy + t * (ay * cx + by), loz + t * (az * cx + bz)
            if side_hit:
                lnx, lny, lnz = d2 * sx - bax * yy, d2 * sy - bay * yy, d2 * sz - baz * yy
            elif along == 0.0:
                lnx, lny, lnz = sx, sy, sz
            else:
                lnx, lny, lnz = sx - bax, sy - bay, sz - baz
            nx = linear[0, 0] * lnx + linear[1, 0] * lny + linear[2, 0] * lnz
            ny = linear[0, 1] * lnx + linear[1, 1] * lny + linear[2, 1] * lnz
            nz = linear[0, 2] * lnx + linear[1, 2] * lny + linear[2, 2] * lnz
            length = nx * nx + ny * ny + nz * nz
            inverse = 1.0 / np.sqrt(length)
            nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
            if not is_round:
                gap *= np.sqrt((lnx * lnx + lny * lny + lnz * lnz) / length)
            alpha = 0.5 - gap * focal / t
            if alpha <= 0.0:
                continue
            alpha = min(alpha, 1.0)
            wx, wy, wz = side[0] * cx + rx, side[1] * cx + ry, side[2] * cx + rz
            red, green, blue = _get_albedo(row, along, apx + t * wx, apy + t * wy, apz + t * wz, nx, ny, nz)
            facing = max(-(nx * vx + ny * vy + nz * vz), 0.0)
            half = max(nx * hx + ny * hy + nz * hz, 0.0)
            red, green, blue = _shade(red, green, blue, row[GLOSS], nx, ny, nz, facing, half, lights)
            _blend(layer[i, j], red, green, blue, alpha, behind)
            # A fringe counts as depth only where there is nothing else.
            if not behind and (alpha > 0.5 or depth[i, j] >= FAR):
                depth[i, j] = t


@compiled
def draw_solids(
    rows: np.ndarray,
    bounds: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    lights: np.ndarray,
    layer: np.ndarray,
    depth: np.ndarray,
    left: int,
    top: int,
) -> None:
    """Draw tapered capsules into a layer.

    Args:
        rows: float64 (N, NUM_COLUMNS), in the order in which they should be drawn (far ones first is best).
        bounds: int64 (N, 4), from :func:`compute_bounds`.
        position: float64 (3,), the camera.
        rotation: float64 (3, 3), world to camera.
        focal: pixels.
        centre_x: principal point.
        centre_y: principal point.
        lights: float64 (5, 7), from ``Lighting``.
        layer: float32 (h, w, 4), premultiplied RGBA in 0..1, drawn into.
        depth: float32 (h, w), metres, drawn into.
        left: column of the frame where the layer begins.
        top: row of the frame where the layer begins.
    """
    for i in range(rows.shape[0]):
        if bounds[i, 2] > bounds[i, 0] and bounds[i, 3] > bounds[i, 1]:
            _draw_one(
                rows[i], bounds[i], position, rotation, focal, centre_x, centre_y, lights, layer, depth, left, top
            )
