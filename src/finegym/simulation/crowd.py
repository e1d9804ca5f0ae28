"""Spectators: a stand full of them as a texture, and a shot of them clapping."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from finegym.simulation.appearance import HAIRS, SKINS, Colour, Venue, mix, to_bytes

SEAT_PITCH, ROW_PITCH = 0.62, 0.95


def draw_crowd(
    venue: Venue, rng: np.random.Generator, depth_m: float, length_m: float = 72.0, px_per_m: int = 44
) -> np.ndarray:
    """A stand full of people, seen along its slope: uint8 (h, w, 3), the first row is the highest."""
    height, width = round(depth_m * px_per_m), round(length_m * px_per_m)
    image: np.ndarray = np.empty((height, width, 3), np.uint8)
    image[:] = to_bytes(mix(venue.seat, (0, 0, 0), 0.45))
    seat = to_bytes(venue.seat)
    rows, seats = int(depth_m / ROW_PITCH), int(length_m / SEAT_PITCH)
    scale = px_per_m * SEAT_PITCH
    for row in range(rows):
        y = (row + 0.75) * ROW_PITCH * px_per_m
        cv2.rectangle(
            image, (0, int(y + 0.1 * scale)), (width, int(y + 0.30 * scale)), to_bytes((0.16, 0.16, 0.18)), -1
        )
        taken = rng.uniform(size=seats) < venue.crowd
        jitter = rng.normal(0, 0.07, (seats, 2)) * scale
        shirts = _sample_shirts(venue, seats, rng)
        skins, hairs = rng.integers(len(SKINS), size=seats), rng.integers(len(HAIRS), size=seats)
        for number in range(seats):
            if number % 22 in (0, 1):  # stairs
                continue
            x = (number + 0.5) * scale
            if not taken[number]:
                cv2.rectangle(
                    image, (int(x - 0.36 * scale), int(y - 0.7 * scale)), (int(x + 0.36 * scale), int(y)), seat, -1
                )
                continue
            _draw_person(
                image, x + jitter[number, 0], y + jitter[number, 1], scale, shirts[number], SKINS[skins[number]],
                HAIRS[hairs[number]],
            )  # fmt: skip
    for aisle in range(0, seats, 22):
        x = int((aisle + 1) * scale)
        for row in range(rows * 2):
            y = int(row * ROW_PITCH * px_per_m / 2)
            shade = 70 if row % 2 else 84
            cv2.rectangle(
                image,
                (x - int(0.8 * scale), y),
                (x + int(0.8 * scale), y + int(ROW_PITCH * px_per_m / 2)),
                (shade,) * 3,
                -1,
            )
    # Out of focus, and the light is on the podium: the upper rows sit in the dark.
    image = cv2.GaussianBlur(image, (0, 0), 0.035 * px_per_m)
    light = np.linspace(0.34, 0.74, height, dtype=np.float32)[:, None, None]
    return (image * light).astype(np.uint8)


def _draw_person(
    image: np.ndarray,
    x: float,
    y: float,
    scale: float,
    shirt: np.ndarray,
    skin: Colour,
    hair: Colour,
    raised: float = 0.0,
) -> None:
    """One spectator, ``scale`` pixels broad, sitting at (x, y); ``raised`` lifts the arms, 0..1."""

    def at(dx: float, dy: float) -> tuple[int, int]:
        return round((x + dx * scale) * 16), round((y + dy * scale) * 16)

    def size(dx: float, dy: float) -> tuple[int, int]:
        return max(1, round(dx * scale * 16)), max(1, round(dy * scale * 16))

    cloth, face, curls = tuple(map(int, shirt)), to_bytes(skin), to_bytes(hair)
    cv2.ellipse(image, at(0, -0.12), size(0.40, 0.52), 0, 0, 360, cloth, -1, cv2.LINE_AA, 4)
    if raised > 0:
        for side in (-1, 1):
            elbow = at(side * 0.5, -0.25 - 0.25 * raised)
            hand = at(side * (0.45 - 0.3 * (1 - raised)), -0.25 - 1.0 * raised)
            thick = max(1, round(0.16 * scale))
            cv2.line(image, at(side * 0.32, -0.35), elbow, cloth, thick, cv2.LINE_AA, 4)
            cv2.line(image, elbow, hand, face, max(1, round(0.11 * scale)), cv2.LINE_AA, 4)
    cv2.ellipse(image, at(0, -0.86), size(0.23, 0.29), 0, 0, 360, curls, -1, cv2.LINE_AA, 4)
    cv2.ellipse(image, at(0, -0.79), size(0.185, 0.235), 0, 0, 360, face, -1, cv2.LINE_AA, 4)


def _sample_shirts(venue: Venue, count: int, rng: np.random.Generator) -> np.ndarray:
    """Clothes of spectators: greys and muted colours, some in the colours of the event; uint8 (count, 3)."""
    grey = rng.uniform(30, 190, (count, 1)) + rng.normal(0, 12, (count, 3))
    bright = 0.55 * rng.uniform(30, 220, (count, 3)) + 0.45 * rng.uniform(50, 190, (count, 1))
    fans = 0.7 * np.tile(np.array(to_bytes(venue.board)) * 1.3, (count, 1)) + 30
    kind = rng.uniform(size=(count, 1))
    return np.clip(np.where(kind < 0.6, grey, np.where(kind < 0.9, bright, fans)), 0, 255).astype(np.uint8)


def draw_crowd_close(
    venue: Venue, num_frames: int, fps: float, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Frames of a shot of clapping spectators, each uint8 (height, width, 3)."""
    width, height = size
    scale = height / 4.6
    margin = round(0.04 * width)
    # One clap is drawn frame by frame and shown again and again; all clap in the same tempo, each at another moment.
    num_phases, tempo = 8, float(rng.uniform(1.5, 1.9))
    rows, seats = 6, int(width / scale) + 5
    shirts = _sample_shirts(venue, rows * seats, rng).reshape(rows, seats, 3)
    skins, hairs = rng.integers(len(SKINS), size=(rows, seats)), rng.integers(len(HAIRS), size=(rows, seats))
    shift = rng.uniform(0, 2 * np.pi, (rows, seats))
    is_clapping = rng.uniform(size=(rows, seats)) < 0.6
    images = []
    across, down = np.linspace(-1, 1, width + 2 * margin), np.linspace(-1, 1, height)
    shade: np.ndarray = (215 - 90 * np.clip(0.6 * across**2 + 0.7 * down[:, None] ** 2, 0, 1)).astype(np.uint8)
    shade = cv2.cvtColor(shade, cv2.COLOR_GRAY2RGB)
    for phase in range(num_phases):
        image = np.empty((height, width + 2 * margin, 3), np.uint8)
        image[:] = to_bytes(mix(venue.seat, (0, 0, 0), 0.3))
        beats = np.sin(2 * np.pi * phase / num_phases + shift)
        for row in range(rows):
            y = height * 0.12 + row * 0.92 * scale
            bench = (0, round(y - 1.0 * scale)), (image.shape[1], round(y - 0.6 * scale))
            if row:
                cv2.rectangle(image, *bench, to_bytes(mix(venue.seat, (0, 0, 0), 0.5)), -1)
            for number in range(seats):
                beat = float(beats[row, number])
                _draw_person(
                    image, (number + 0.5 * (row % 2)) * scale * 1.02 + 0.03 * scale * beat, y + 0.03 * scale * beat,
                    scale, shirts[row, number], SKINS[skins[row, number]], HAIRS[hairs[row, number]],
                    0.55 + 0.2 * beat if is_clapping[row, number] else 0.0,
                )  # fmt: skip
        soft = cv2.GaussianBlur(image, (0, 0), 0.0045 * height)
        images.append(cv2.multiply(soft, shade, scale=1 / 255))
    drift = float(rng.uniform(-1, 1)) * margin / max(num_frames, 1)
    for frame in range(num_frames):
        left = round(margin + drift * (frame - num_frames / 2))
        yield np.ascontiguousarray(images[int(num_phases * tempo * frame / fps) % num_phases][:, left : left + width])
