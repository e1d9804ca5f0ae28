"""One record on disk: the media file and the truth about it.

``records/<video_id>.mp4`` is H.264 without anything that differs from run to run. ``truth/<video_id>.npz`` holds what
no real recording could tell: joints, visibility, boxes, cameras and shots of every frame, and the annotations that
follow from them. Both appear whole or not at all; a record is done when both are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from finegym.annotations.model import Video
from finegym.codebook.model import Codebook
from finegym.files import remove_stale, replace_file
from finegym.simulation import graphics
from finegym.simulation.apparatus import get_apparatus_shapes
from finegym.simulation.broadcast import Perform, make_programme
from finegym.simulation.crowd import draw_crowd_close
from finegym.simulation.hall import Surface, build_hall, draw_stands
from finegym.simulation.programme import Programme, RecordPlan, Shot
from finegym.simulation.render import FrameTruth, render_shot
from finegym.simulation.scene import Panorama, render_panorama
from finegym.simulation.truth import TruthRecorder, read_truth

WIPE_S = 0.24
"""Half of the time that the wipe into and out of a replay takes."""

# Quick and small, in this order: no lookahead (a third faster on these pictures, and no larger), one thread so that the
# bytes do not depend on the machine's cores, a key frame every two seconds.
ENCODER_OPTIONS = {
    "preset": "superfast",
    "crf": "23",
    "threads": "1",
    "x264-params": "threads=1:lookahead-threads=1:sliced-threads=0:rc-lookahead=0:sync-lookahead=0:b-adapt=0:mbtree=0",
}


def get_media_path(video_id: str) -> Path:
    """Where a record's media file is, relative to the competition's folder."""
    return Path("records") / f"{video_id}.mp4"


def get_truth_path(video_id: str) -> Path:
    """Where a record's truth is, relative to the competition's folder."""
    return Path("truth") / f"{video_id}.npz"


def is_record_written(folder: Path, video_id: str) -> bool:
    """Whether a record is there, media file and truth."""
    return (folder / get_media_path(video_id)).is_file() and (folder / get_truth_path(video_id)).is_file()


def write_record(plan: RecordPlan, codebook: Codebook, folder: Path, perform: Perform | None = None) -> Video:
    """Simulate one record into a competition's folder.

    Args:
        plan: what decides the record.
        codebook: of its elements.
        folder: of the competition.
        perform: makes performances; see :func:`finegym.simulation.broadcast.make_programme`.

    Returns:
        The record's annotation.

    Raises:
        SimulationError: the plan cannot be performed.
        OutputError: a file cannot be written; then neither is there.
    """
    cv2.setNumThreads(1)
    programme = make_programme(plan, codebook, perform)
    truth = TruthRecorder(programme, codebook, str(get_media_path(plan.video_id)))
    media, truth_path = folder / get_media_path(plan.video_id), folder / get_truth_path(plan.video_id)
    for path in (media, truth_path):
        remove_stale(path.parent, path.name)
    with replace_file(media) as temporary:
        encode_frames(temporary, _take_notes(programme, truth), plan.fps, plan.size)
        truth.write(truth_path)  # inside: where it fails, no media file appears either
    return read_truth(truth_path).video


def _take_notes(programme: Programme, truth: TruthRecorder) -> Iterator[np.ndarray]:
    for number, (frame, known) in enumerate(render_programme(programme)):
        truth.note(number, known)
        yield frame


def encode_frames(path: Path, frames: Iterator[np.ndarray], fps: Fraction, size: tuple[int, int]) -> None:
    """Encode uint8 (H, W, 4) RGBA frames as H.264 in MP4; the fourth channel is dropped.

    Raises:
        OSError: the file cannot be written.
    """
    width, height = size
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps, options=ENCODER_OPTIONS)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = 1 / fps
            stream.codec_context.gop_size = max(1, round(2 * fps))
            for number, frame in enumerate(frames):
                planes = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGBA2YUV_I420), np.uint8)
                picture = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")
                picture.pts, picture.time_base = number, 1 / fps
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        # Not an OSError of Python's own, but it carries the system's number (28: no space): replace_file reports those.
        raise OSError(error.errno, error.strerror or str(error)) from error


def render_programme(programme: Programme) -> Iterator[tuple[np.ndarray, FrameTruth | None]]:
    """Frames of a whole record with their graphics, uint8 (H, W, 4), and the truth about the gymnast in each.

    The array is used again for the next frame: copy what should last.
    """
    scenery = _Scenery(programme)
    overlay = _Overlay(programme)
    for index, shot in enumerate(programme.shots):
        for number, (frame, known) in enumerate(scenery.render(index, shot)):
            overlay.lay(frame, shot, shot.start + number)
            yield frame, known


class _Scenery:
    """Renders shots; keeps the panoramas that later shots need again."""

    def __init__(self, programme: Programme) -> None:
        self.programme, self.venue = programme, programme.venue
        self.panoramas: dict[tuple[str, str], Panorama] = {}
        self.surfaces: dict[str, list[Surface]] = {}
        self.stands: list[Surface] = []

    def render(self, index: int, shot: Shot) -> Iterator[tuple[np.ndarray, FrameTruth | None]]:
        plan = self.programme.plan
        if shot.path is None or shot.event_id is None:
            rng = np.random.default_rng([*plan.seed, index])
            for image in draw_crowd_close(self.venue, shot.num_frames, float(plan.fps), plan.size, rng):
                yield cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), None
            return
        panorama = self._get_panorama(shot.event_id, shot.path.tripod.name)
        yield from render_shot(shot.path, panorama, self.venue.lighting, shot.joints, shot.appearance, float(plan.fps))

    def _get_panorama(self, event_id: str, tripod: str) -> Panorama:
        key = event_id, tripod
        if key not in self.panoramas:
            if event_id not in self.surfaces:
                self.stands = self.stands or draw_stands(self.venue)
                self.surfaces[event_id] = build_hall(self.venue, event_id, get_apparatus_shapes(event_id), self.stands)
            paths = [
                shot.path
                for shot in self.programme.shots
                if shot.path is not None and (shot.event_id, shot.path.tripod.name) == key
            ]
            is_close = tripod == "close"
            height = self.programme.plan.size[1]
            self.panoramas[key] = render_panorama(
                self.venue, event_id, paths, self.surfaces[event_id],
                sharpness=0.4 if is_close else 0.8, blur_px=0.006 * height if is_close else 0.0,
            )  # fmt: skip
        return self.panoramas[key]


class _Overlay:
    """Lays graphics over the frames of a record."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.fps = float(programme.plan.fps)
        size, venue = programme.plan.size, programme.venue
        self.tag = graphics.draw_tag(size)
        self.bug = graphics.draw_replay_bug(size, venue)
        self.wipe = graphics.draw_wipe(size, venue)
        self.sprites: dict[int, graphics.Sprite] = {}
        replays = [shot for shot in programme.shots if shot.kind == "replay"]
        self.wipes = [edge for shot in replays for edge in (shot.start, shot.end)]

    def lay(self, frame: np.ndarray, shot: Shot, number: int) -> None:
        """All graphics of frame ``number`` of the record."""
        seconds = (number - shot.start) / self.fps
        sprite = self._get_sprite(shot)
        if sprite is not None:
            wait = 0.4 if shot.kind == "walk-on" else 0.0
            graphics.lay_over(frame, sprite, min(max((seconds - wait) / 0.3, 0.0), 1.0))
        if shot.kind == "replay":
            graphics.lay_over(frame, self.bug)
        for edge in self.wipes:
            progress = (number - edge) / (2 * WIPE_S * self.fps) + 0.5
            if 0.0 < progress < 1.0:
                graphics.lay_wipe(frame, self.wipe, progress)
        graphics.lay_over(frame, self.tag)

    def _get_sprite(self, shot: Shot) -> graphics.Sprite | None:
        if shot.kind not in ("title", "walk-on", "scoreboard"):
            return None
        if shot.start not in self.sprites:
            size, venue = self.programme.plan.size, self.programme.venue
            words = [str(line) for line in shot.lines]
            if shot.kind == "title":
                self.sprites[shot.start] = graphics.draw_title(size, venue, words)
            elif shot.kind == "walk-on":
                self.sprites[shot.start] = graphics.draw_name_bar(size, venue, shot.name, *words)
            else:
                lines = [line for line in shot.lines if isinstance(line, graphics.Line)]
                self.sprites[shot.start] = graphics.draw_scoreboard(size, venue, shot.name, lines, lines[0])
        return self.sprites[shot.start]
