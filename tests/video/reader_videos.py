"""One numbered video for every container, codec and oddity of time that the reader knows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numbered import copy_stream, write_numbered

NTSC = Fraction(30000, 1001)
X264_PYRAMID = {"x264-params": "keyint=24:bframes=5:b-adapt=0:b-pyramid=normal:scenecut=0"}
X264_OPEN_GOP = {"x264-params": "open-gop=1:keyint=24:bframes=5:b-adapt=0:b-pyramid=normal:scenecut=0"}
# Steps of 20 to 60 ms, in milliseconds.
VARIABLE_TIMES = np.cumsum(np.random.default_rng(5).integers(20, 60, 90)).tolist()
X265 = "log-level=none:keyint=24:bframes=4:b-adapt=0:scenecut=0"
VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "16", "auto-alt-ref": "1", "b": "400k"}

PLAIN = {"options": X264_PYRAMID}
OPEN_GOP = {"options": X264_OPEN_GOP}
VARIABLE = PLAIN | {"times": VARIABLE_TIMES, "time_base": Fraction(1, 1000)}
LATE = {"times": range(125, 215)}
MPEG4 = {"codec": "mpeg4", "b_frames": 2, "gop": 12}
VP8 = {"codec": "libvpx", "gop": 24, "options": VPX}
VP9 = VP8 | {"codec": "libvpx-vp9"}
HEVC = {"codec": "libx265", "options": {"x265-params": X265}}
SMALL_HEVC = HEVC | {"size": (192, 128)}
GIF = {"codec": "gif", "pixel_format": "rgb8", "num_frames": 40}

# What `write_numbered` is asked for; 90 frames where nothing else is said.
MATRIX: dict[str, dict[str, Any]] = {
    "constant-25.mp4": {"options": {"g": "24", "bf": "0"}},
    "ntsc.mp4": PLAIN | {"rate": NTSC},
    "ntsc.mkv": PLAIN | {"rate": NTSC},
    "variable.mp4": VARIABLE,
    "variable.mkv": VARIABLE,
    "pyramid.mp4": PLAIN,
    "open-gop.mp4": OPEN_GOP,
    "open-gop.mkv": OPEN_GOP,
    "starts-late.mp4": PLAIN | LATE,
    "starts-late.mkv": PLAIN | LATE,
    "mpeg4.avi": MPEG4,
    "mpeg4-no-b.avi": {"codec": "mpeg4", "gop": 12},
    "h264.avi": PLAIN,
    "mpeg4.mp4": MPEG4,
    "vp8.webm": VP8,
    "vp9.webm": VP9,
    "odd-size.webm": VP9 | {"size": (161, 123), "num_frames": 60},
    "odd-size.mp4": {"codec": "mpeg4", "gop": 24, "size": (163, 121), "num_frames": 60},
    "ten-bit.mp4": PLAIN | {"pixel_format": "yuv420p10le", "num_frames": 60},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p", "num_frames": 30},
    "picture.gif": GIF,
    "transport.ts": PLAIN,
    "transport-late.ts": OPEN_GOP | LATE,
    "hevc.mp4": SMALL_HEVC | {"options": {"x265-params": f"{X265}:open-gop=0"}},
    "hevc-open-gop.mp4": SMALL_HEVC | {"options": {"x265-params": f"{X265}:open-gop=1"}},
    "hevc-layers.mkv": SMALL_HEVC | {"options": {"x265-params": f"{X265}:temporal-layers=1"}},
    "hevc.ts": HEVC,
    "interlaced.mp4": {"options": {"x264-params": "keyint=24:bframes=3:tff=1"}},
    "intra-refresh.mp4": {"options": {"x264-params": "keyint=24:intra-refresh=1:bframes=0"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "8", "crf": "4", "svtav1-params": "keyint=24"}},
}

EDIT_LIST = "edit-list.mp4"
ALL_NAMES = (*MATRIX, EDIT_LIST)


def write_edit_list(path: Path) -> Path:
    """What `ffmpeg -ss 1.36 -c copy` makes: whole GOPs, with the frames before the cut hidden by an edit list."""
    source = write_numbered(path.with_name("uncut.mp4"), 90, **PLAIN)
    start = 24 / 25
    return copy_stream(source, path, keep=lambda p: p.pts * p.time_base >= start, shift_s=-1.36)


def write_matrix(folder: Path, name: str) -> tuple[Path, range]:
    """A video of the matrix, and the numbers that are drawn in the frames that it shows."""
    if name == EDIT_LIST:
        return write_edit_list(folder / name), range(34, 90)
    arguments = {"num_frames": 90} | MATRIX[name]
    return write_numbered(folder / name, **arguments), range(arguments["num_frames"])
