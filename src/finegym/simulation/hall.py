"""The hall around the apparatus as textured surfaces: floor, boards, stands with people, roof with lights.

Textures are drawn once a record and event, with OpenCV, in metres; ``scene`` casts rays at them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from finegym.simulation.apparatus import Box, Capsule, Shape
from finegym.simulation.appearance import Colour, Venue, mix, to_bytes
from finegym.simulation.crowd import draw_crowd
from finegym.simulation.lettering import measure_text, write_text

FLOOR_X = (-34.0, 34.0)
FLOOR_Y = (-26.0, 26.0)
BOARDS_X, BOARDS_Y = 27.0, 15.0
STANDS_X, STANDS_Y = 30.0, 18.0
STANDS_LOW, STANDS_HIGH, STANDS_DEPTH = 1.6, 9.5, 15.0
STANDS_SLOPE = math.hypot(STANDS_DEPTH, STANDS_HIGH - STANDS_LOW)
ROOF = 16.0

# Half sizes of the podium and where its middle is, by event.
_PODIUM = {"VT": ((17.0, 3.4), (-8.0, 0.0)), "FX": ((8.5, 8.5), (0.0, 0.0))}
_DEFAULT_PODIUM = ((9.0, 4.4), (1.0, 0.0))


@dataclass(frozen=True, eq=False)
class Surface:
    """A textured parallelogram in the world.

    Attributes:
        corner: metres; where the texture's first pixel lies.
        edge_u: metres; along the texture's columns.
        edge_v: metres; along its rows.
        texture: uint8 (h, w, 3) RGB.
        tint: brightness by channel.
        takes_shadow: faces up under the gymnast.
    """

    corner: tuple[float, float, float]
    edge_u: tuple[float, float, float]
    edge_v: tuple[float, float, float]
    texture: np.ndarray
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    takes_shadow: bool = False


def draw_stands(venue: Venue) -> list[Surface]:
    """What surrounds every apparatus of a hall: boards, stands with people, walls, roof."""
    rng = np.random.default_rng(venue.seed)
    crowd = draw_crowd(venue, rng, STANDS_SLOPE)
    boards = _draw_boards(venue)
    wall = _draw_wall(venue, rng)
    return [*_build_sides(crowd, boards, wall), _build_roof(venue, rng)]


def build_hall(
    venue: Venue, event_id: str, shapes: tuple[Shape, ...], stands: list[Surface] | None = None
) -> list[Surface]:
    """All surfaces of a hall with one apparatus in it, boxes of the apparatus included.

    Args:
        venue: colours, names and the seed of who sits where.
        event_id: which podium to draw.
        shapes: the apparatus; capsules are left to the caller.
        stands: of :func:`draw_stands`, where the caller has them already.
    """
    x0, x1 = FLOOR_X
    y0, y1 = FLOOR_Y
    floor = _draw_floor(venue, event_id, shapes)
    surfaces = [Surface((x0, y0, 0.0), (x1 - x0, 0, 0), (0, y1 - y0, 0), floor, takes_shadow=True)]
    surfaces += draw_stands(venue) if stands is None else stands
    for shape in shapes:
        if isinstance(shape, Box):
            surfaces += _build_box(shape, venue)
    return surfaces


def get_shape_colour(role: str, venue: Venue) -> Colour:
    """Colour of a part of the apparatus."""
    steel = (0.62, 0.64, 0.67)
    colours: dict[str, Colour] = {
        "mat": venue.mat,
        "carpet": venue.carpet,
        "border": mix(venue.accent, venue.carpet, 0.25),
        "runway": mix(venue.carpet, venue.accent, 0.15),
        "beam": venue.leather,
        "table": mix(venue.leather, venue.board, 0.25),
        "board": mix(venue.rail, venue.leather, 0.5),
        "post": steel,
        "base": (0.25, 0.26, 0.29),
        "bar": venue.rail,
        "cable": steel,
    }
    return colours.get(role, steel)


def _draw_boards(venue: Venue, length_m: float = 72.0, px_per_m: int = 56) -> np.ndarray:
    height, width = px_per_m, round(length_m * px_per_m)
    image = np.empty((height, width, 3), np.uint8)
    panel = 9 * px_per_m
    words = (venue.competition.upper(), "FINEGYM", venue.city.upper(), "SIMULATED")
    colours = (
        venue.board,
        mix(venue.board, (0.0, 0.0, 0.0), 0.45),
        venue.accent,
        mix(venue.carpet, venue.board, 0.5),
    )
    for number, left in enumerate(range(0, width, panel)):
        colour = colours[number % len(colours)]
        image[:, left : left + panel] = to_bytes(colour)
        text, letters = words[number % len(words)], round(0.42 * height)
        ink = venue.board if colour == venue.accent else venue.accent
        while measure_text(text, letters) > 0.92 * panel and letters > 8:
            letters -= 1
        write_text(image, text, left + panel / 2, 0.5 * height + letters / 2, letters, ink, "middle")
        cv2.line(image, (left, 0), (left, height), (20, 20, 20), 2)
    image[:3] = image[:3] // 2
    return (image * 0.92).astype(np.uint8)


def _draw_wall(venue: Venue, rng: np.random.Generator, length_m: float = 72.0, px_per_m: int = 24) -> np.ndarray:
    """The wall above the stands: flags in a row, two screens."""
    height, width = round((ROOF - STANDS_HIGH) * px_per_m), round(length_m * px_per_m)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = to_bytes(mix(venue.seat, (0.02, 0.02, 0.03), 0.6))
    for number in range(int(length_m / 3)):
        left, top = round((3 * number + 0.8) * px_per_m), round(2.4 * px_per_m)
        flag_w, flag_h = round(1.6 * px_per_m), round(1.05 * px_per_m)
        stripes = rng.uniform(30, 210, (3, 3))
        upright = rng.uniform() < 0.5
        for stripe in range(3):
            if upright:
                x = left + stripe * flag_w // 3
                cv2.rectangle(image, (x, top), (x + flag_w // 3, top + flag_h), stripes[stripe].tolist(), -1)
            else:
                y = top + stripe * flag_h // 3
                cv2.rectangle(image, (left, y), (left + flag_w, y + flag_h // 3), stripes[stripe].tolist(), -1)
    for middle in (0.3, 0.7):
        x, half = round(middle * width), 3 * px_per_m
        top, bottom = round(0.9 * px_per_m), round(4.3 * px_per_m)
        cv2.rectangle(image, (x - half, top), (x + half, bottom), (12, 14, 20), -1)
        cv2.rectangle(image, (x - half + 4, top + 4), (x + half - 4, bottom - 4), to_bytes(venue.board), -1)
        write_text(
            image, venue.competition.upper(), x, top + 1.6 * px_per_m, round(0.42 * px_per_m), venue.accent, "middle"
        )
        write_text(image, "WOMEN'S ARTISTIC", x, top + 2.5 * px_per_m, round(0.30 * px_per_m), (1, 1, 1), "middle")
    return (image * 0.72).astype(np.uint8)


def _build_sides(crowd: np.ndarray, boards: np.ndarray, wall: np.ndarray) -> list[Surface]:
    """Boards, stands and walls on all four sides."""
    surfaces = []
    run = 36.0
    # (outward x, outward y, distance of boards, distance of stands): the far side, the near side, right, left.
    for out_x, out_y, near, far in (
        (0, 1, BOARDS_Y, STANDS_Y),
        (0, -1, 20.0, 22.0),
        (1, 0, BOARDS_X, STANDS_X),
        (-1, 0, BOARDS_X, STANDS_X),
    ):
        # Along the side, left to right as seen from the middle.
        along = np.array([out_y, -out_x, 0.0])
        out = np.array([out_x, out_y, 0.0])
        up = np.array([0.0, 0.0, 1.0])
        light = 1.0 if out_y else 0.9
        start = -run * along
        edge = tuple(2 * run * along)
        low = out * near + start + up * 1.0
        surfaces.append(Surface(tuple(low), edge, (0, 0, -1.0), boards, (light,) * 3))
        plinth = out * far + start + up * STANDS_LOW
        grey = np.full((2, 2, 3), 46, np.uint8)
        surfaces.append(Surface(tuple(plinth), edge, (0, 0, -STANDS_LOW), grey, (light,) * 3))
        top = out * (far + STANDS_DEPTH) + start + up * STANDS_HIGH
        slope = -out * STANDS_DEPTH - up * (STANDS_HIGH - STANDS_LOW)
        surfaces.append(
            Surface(tuple(top), edge, tuple(slope), crowd if out_y >= 0 else crowd[:, ::-1].copy(), (light,) * 3)
        )
        high = out * (far + STANDS_DEPTH) + start + up * ROOF
        surfaces.append(Surface(tuple(high), edge, (0, 0, -(ROOF - STANDS_HIGH)), wall, (light,) * 3))
    return surfaces


def _build_roof(venue: Venue, rng: np.random.Generator, px_per_m: int = 8) -> Surface:
    width, height = 100, 80
    image: np.ndarray = np.full((height * px_per_m, width * px_per_m, 3), 14, np.uint8)
    for y in range(0, height, 6):
        cv2.line(image, (0, y * px_per_m), (width * px_per_m, y * px_per_m), (34, 35, 40), 3)
    for x in range(0, width, 8):
        cv2.line(image, (x * px_per_m, 0), (x * px_per_m, height * px_per_m), (26, 27, 32), 2)
    glow = np.zeros_like(image)
    for y in range(12, height - 12, 6):
        for x in range(10, width - 10, 4):
            cv2.circle(glow, (x * px_per_m, y * px_per_m), 4, (255, 250, 238), -1, cv2.LINE_AA)
    image = cv2.add(cv2.add(image, glow), (cv2.GaussianBlur(glow, (0, 0), 9) * 1.2).astype(np.uint8))
    return Surface((-width / 2, -height / 2, ROOF), (width, 0, 0), (0, height, 0), image)


def _draw_floor(venue: Venue, event_id: str, shapes: tuple[Shape, ...], px_per_m: int = 36) -> np.ndarray:
    """The floor of the hall seen from above: podium, surround, shadows of the apparatus, pools of light."""
    width = round((FLOOR_X[1] - FLOOR_X[0]) * px_per_m)
    height = round((FLOOR_Y[1] - FLOOR_Y[0]) * px_per_m)

    def at(x: float, y: float) -> tuple[int, int]:
        return round((x - FLOOR_X[0]) * px_per_m), round((y - FLOOR_Y[0]) * px_per_m)

    image = np.empty((height, width, 3), np.uint8)
    image[:] = to_bytes(venue.surround)
    (half_x, half_y), (mid_x, mid_y) = _PODIUM.get(event_id, _DEFAULT_PODIUM)
    podium = mix(venue.carpet, venue.surround, 0.35)
    edge = 0.5
    corners = at(mid_x - half_x - edge, mid_y - half_y - edge), at(mid_x + half_x + edge, mid_y + half_y + edge)
    cv2.rectangle(image, *corners, to_bytes(mix(venue.surround, (0, 0, 0), 0.35)), -1)
    corners = at(mid_x - half_x, mid_y - half_y), at(mid_x + half_x, mid_y + half_y)
    cv2.rectangle(image, *corners, to_bytes(podium), -1)
    cv2.rectangle(image, *corners, to_bytes(mix(podium, venue.accent, 0.5)), 2)
    light = np.ones((height // 4, width // 4), np.float32)
    for shape in shapes:
        low, high = _get_extent(shape)
        if high[2] < 0.02:
            continue
        x0, y0 = at(low[0], low[1])
        x1, y1 = at(high[0], high[1])
        dark = np.ones_like(light)
        cv2.rectangle(dark, (x0 // 4, y0 // 4), (max(x1 // 4, x0 // 4 + 1), max(y1 // 4, y0 // 4 + 1)), 0.45, -1)
        light *= cv2.GaussianBlur(dark, (0, 0), 1.2 + 2.0 * high[2])
    if event_id == "FX":
        _draw_carpet(image, venue, at, px_per_m)
    ys, xs = np.mgrid[0 : light.shape[0], 0 : light.shape[1]].astype(np.float32)
    far_x = (xs * 4 / px_per_m + FLOOR_X[0] - mid_x) / (half_x + 9)
    far_y = (ys * 4 / px_per_m + FLOOR_Y[0] - mid_y) / (half_y + 9)
    light *= 0.50 + 0.55 * np.exp(-1.1 * (far_x**2 + far_y**2) ** 1.3)
    # Scaled to bytes: OpenCV multiplies those quickly, and saturates.
    bright: np.ndarray = np.clip(light * 160, 0, 255).astype(np.uint8)
    bright = cv2.resize(cv2.cvtColor(bright, cv2.COLOR_GRAY2RGB), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, bright, scale=1 / 160), np.uint8)


def _draw_carpet(image: np.ndarray, venue: Venue, at: Callable[[float, float], tuple[int, int]], px_per_m: int) -> None:
    border = get_shape_colour("border", venue)
    cv2.rectangle(image, at(-7, -7), at(7, 7), to_bytes(border), -1)
    cv2.rectangle(image, at(-6, -6), at(6, 6), to_bytes(venue.carpet), -1)
    for line in np.linspace(-6, 6, 7)[1:-1]:
        seam = to_bytes(mix(venue.carpet, (0, 0, 0), 0.06))
        cv2.line(image, at(line, -6), at(line, 6), seam, 1)
    # The texture's rows run away from the camera: letters are written upside down to be read from there.
    strip = np.empty((px_per_m, 10 * px_per_m, 3), np.uint8)
    strip[:] = to_bytes(border)
    write_text(
        strip,
        venue.competition.upper(),
        strip.shape[1] / 2,
        0.8 * px_per_m,
        round(0.62 * px_per_m),
        venue.carpet,
        "middle",
    )
    for y in (-6.5, 6.5):
        x0, y0 = at(-5, y - 0.5)
        image[y0 : y0 + strip.shape[0], x0 : x0 + strip.shape[1]] = strip[::-1]
    cv2.rectangle(image, at(-6, -6), at(6, 6), (240, 240, 240), 3)


def _build_box(box: Box, venue: Venue) -> list[Surface]:
    """The five faces of a box that can be seen, each with its light."""
    if box.role in ("carpet", "border"):
        return []  # drawn on the floor: they do not stand out of it
    (cx, cy, cz), (hx, hy, hz) = box.center, box.half_sizes
    colour = get_shape_colour(box.role, venue)
    x0, x1, y0, y1, z1 = cx - hx, cx + hx, cy - hy, cy + hy, cz + hz
    top = _draw_face(box, colour, venue, 2 * hx, 2 * hy)
    side = _draw_face(box, mix(colour, (0, 0, 0), 0.12), venue, 2 * hx, 2 * hz, is_side=True)
    end = np.full((4, 4, 3), to_bytes(colour), np.uint8)
    return [
        Surface((x0, y0, z1), (2 * hx, 0, 0), (0, 2 * hy, 0), top, (1.0, 1.0, 1.0), takes_shadow=True),
        Surface((x0, y0, z1), (2 * hx, 0, 0), (0, 0, -2 * hz), side, (0.72, 0.72, 0.72)),
        Surface((x0, y1, z1), (2 * hx, 0, 0), (0, 0, -2 * hz), end, (0.5, 0.5, 0.5)),
        Surface((x0, y0, z1), (0, 2 * hy, 0), (0, 0, -2 * hz), end, (0.66, 0.66, 0.66)),
        Surface((x1, y0, z1), (0, 2 * hy, 0), (0, 0, -2 * hz), end, (0.58, 0.58, 0.58)),
    ]


def _draw_face(
    box: Box, colour: Colour, venue: Venue, width_m: float, height_m: float, is_side: bool = False
) -> np.ndarray:
    px = 40
    width, height = max(8, round(width_m * px)), max(4, round(height_m * px))
    image = np.empty((height, width, 3), np.uint8)
    image[:] = to_bytes(colour)
    if box.role == "mat" and not is_side:
        for x in range(2 * px, width, 2 * px):
            cv2.line(image, (x, 0), (x, height), to_bytes(mix(colour, (0, 0, 0), 0.15)), 1)
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), to_bytes(mix(colour, venue.accent, 0.6)), 3)
        # Under the beam and between the bars less light falls.
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        middle = (-box.center[0] + box.half_sizes[0]) * px
        shade = 1 - 0.22 * np.exp(-(((ys - height / 2) / (0.22 * height)) ** 2) - ((xs - middle) / (2.6 * px)) ** 4)
        image = (image * shade[:, :, None]).astype(np.uint8)
    elif box.role == "runway" and not is_side:
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), to_bytes(venue.accent), 2)
        for metre in range(1, int(width_m)):
            x = width - metre * px
            cv2.line(image, (x, 0), (x, height // (2 if metre % 5 == 0 else 5)), to_bytes(venue.accent), 1)
    elif box.role in ("beam", "table") and is_side:
        write_text(
            image, "FINEGYM", width / 2, 0.5 * height + 1.6, 4 if box.role == "beam" else 5, venue.board, "middle"
        )
    return image


def _get_extent(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(shape, Capsule):
        ends = np.array([shape.a, shape.b])
        return ends.min(axis=0) - shape.radius, ends.max(axis=0) + shape.radius
    center, half = np.array(shape.center), np.array(shape.half_sizes)
    return center - half, center + half
