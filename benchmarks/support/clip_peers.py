"""The programs that read clips: each gives, for lists of frame numbers, pictures of 256 x 456.

Each is a function of a path that returns a function of clips, so that opening is apart from reading. Frames are asked
for in the way that each library documents for exact access. As a program it measures one of them in its own process:
``python -m support.clip_peers NAME FILE CLIPS``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from support.clip_stores import make_open
from support.recordings import FPS, HEIGHT, WIDTH, read_number

SIZE = (256, 456)
Clips = Sequence[Sequence[int]]
ReadClips = Callable[[Clips], Iterator[np.ndarray]]


def open_finegym(path: Path) -> ReadClips:
    from finegym.video.reader import VideoReader

    reader = VideoReader(path)
    return lambda clips: (reader.read_frames(clip, size=SIZE) for clip in clips)


def open_finegym_anew(path: Path) -> ReadClips:
    """As training does: the file is closed after every clip, the index is kept."""
    from finegym.video.reader import VideoReader

    reader = VideoReader(path)

    def read(clips: Clips) -> Iterator[np.ndarray]:
        for clip in clips:
            with reader:
                yield reader.read_frames(clip, size=SIZE)

    return read


def open_finegym_pass(path: Path) -> ReadClips:
    """The index is built anew each time: its cost is part of the pass."""
    from finegym.video.reader import VideoReader

    def read(clips: Clips) -> Iterator[np.ndarray]:
        with VideoReader(path, use_cache=False) as reader:
            for _, frames in reader.read_clips(clips, size=SIZE):
                yield frames

    return read


def open_pyav(path: Path) -> ReadClips:
    import av
    from av.video.reformatter import VideoReformatter

    container = av.open(str(path))
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    step = round(1 / (FPS * stream.time_base))
    reformatter = VideoReformatter()

    def read(clips: Clips) -> Iterator[np.ndarray]:
        for clip in clips:
            wanted = {number * step: slot for slot, number in enumerate(clip)}
            frames = np.empty((len(clip), *SIZE, 3), np.uint8)
            container.seek(min(wanted), stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts in wanted:
                    small = reformatter.reformat(frame, width=SIZE[1], height=SIZE[0], format="rgb24", threads=1)
                    frames[wanted.pop(frame.pts)] = small.to_ndarray()
                    if not wanted:
                        break
            yield frames

    return read


def open_pyav_all(path: Path) -> ReadClips:
    """Decodes the whole file from front to back."""
    import av
    from av.video.reformatter import VideoReformatter

    def read(clips: Clips) -> Iterator[np.ndarray]:
        reformatter = VideoReformatter()
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.thread_count = 1

            def pictures() -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
                for number, frame in enumerate(container.decode(video=0)):
                    yield (
                        number,
                        lambda frame=frame: reformatter.reformat(
                            frame, width=SIZE[1], height=SIZE[0], format="rgb24", threads=1
                        ).to_ndarray(),
                    )

            yield from _gather(clips, pictures())

    return read


def open_opencv(path: Path) -> ReadClips:
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])

    def read(clips: Clips) -> Iterator[np.ndarray]:
        for clip in clips:
            frames = np.empty((len(clip), *SIZE, 3), np.uint8)
            capture.set(cv2.CAP_PROP_POS_FRAMES, clip[0])
            for number in range(clip[0], clip[-1] + 1):
                capture.grab()
                if number in clip:
                    frames[clip.index(number)] = _shrink(capture.retrieve()[1])
            yield frames

    return read


def open_opencv_all(path: Path) -> ReadClips:
    """Grabs every frame, retrieves the wanted ones."""
    import cv2

    cv2.setNumThreads(1)

    def read(clips: Clips) -> Iterator[np.ndarray]:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])

        def pictures() -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
            number = 0
            while capture.grab():
                yield number, lambda: _shrink(capture.retrieve()[1])
                number += 1

        yield from _gather(clips, pictures())

    return read


def _shrink(picture: np.ndarray) -> np.ndarray:
    import cv2

    # Linear, and so with aliasing: the cheapest that OpenCV has.
    return np.asarray(cv2.cvtColor(cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2RGB))


def _open_torchcodec(path: Path, seek_mode: str) -> Callable[[Sequence[int]], np.ndarray]:
    import torch
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    torch.set_num_threads(1)
    decoder = VideoDecoder(
        str(path), dimension_order="NHWC", seek_mode=seek_mode, num_ffmpeg_threads=1, transforms=[Resize(SIZE)]
    )
    return lambda numbers: decoder.get_frames_at(list(numbers)).data.numpy()


def open_torchcodec_exact(path: Path) -> ReadClips:
    get = _open_torchcodec(path, "exact")
    return lambda clips: map(get, clips)


def open_torchcodec_approximate(path: Path) -> ReadClips:
    get = _open_torchcodec(path, "approximate")
    return lambda clips: map(get, clips)


def open_torchcodec_pass(path: Path) -> ReadClips:
    """One call for all frames; opening (which scans the file) is part of the pass."""

    def read(clips: Clips) -> Iterator[np.ndarray]:
        numbers = sorted({number for clip in clips for number in clip})
        frames = _open_torchcodec(path, "exact")(numbers)
        for clip in clips:
            yield frames[np.searchsorted(numbers, clip)]

    return read


def open_decord(path: Path) -> ReadClips:
    import decord

    reader = decord.VideoReader(str(path), width=SIZE[1], height=SIZE[0], num_threads=1)
    return lambda clips: (reader.get_batch(list(clip)).asnumpy() for clip in clips)


def open_decord_pass(path: Path) -> ReadClips:
    """One call for all frames."""
    import decord

    def read(clips: Clips) -> Iterator[np.ndarray]:
        reader = decord.VideoReader(str(path), width=SIZE[1], height=SIZE[0], num_threads=1)
        numbers = sorted({number for clip in clips for number in clip})
        frames = reader.get_batch(numbers).asnumpy()
        for clip in clips:
            yield frames[np.searchsorted(numbers, clip)]

    return read


def _pipe_ffmpeg(path: Path, before: list[str], num_frames: int | None) -> Iterator[np.ndarray]:
    import imageio_ffmpeg

    limit = [] if num_frames is None else ["-frames:v", str(num_frames)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", *before, "-i", str(path), *limit]
    command += ["-vf", f"scale={SIZE[1]}:{SIZE[0]}:flags=bilinear", "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    num_bytes = SIZE[0] * SIZE[1] * 3
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while len(data := process.stdout.read(num_bytes)) == num_bytes:
            yield np.frombuffer(data, np.uint8).reshape(*SIZE, 3)


def open_ffmpeg(path: Path) -> ReadClips:
    def read(clips: Clips) -> Iterator[np.ndarray]:
        for clip in clips:
            # Half a frame early: -ss rounds, and lands on the frame that begins next.
            seek = ["-ss", f"{max(0.0, (clip[0] - 0.5) / FPS):.4f}"]
            frames = list(_pipe_ffmpeg(path, seek, clip[-1] - clip[0] + 1))
            yield np.stack([frames[number - clip[0]] for number in clip])

    return read


def open_ffmpeg_all(path: Path) -> ReadClips:
    """Decodes the whole file into a pipe; the wanted frames are picked from it."""

    def read(clips: Clips) -> Iterator[np.ndarray]:
        pictures = ((number, lambda p=p: p) for number, p in enumerate(_pipe_ffmpeg(path, [], None)))
        yield from _gather(clips, pictures)

    return read


def _gather(clips: Clips, pictures: Iterator[tuple[int, Callable[[], np.ndarray]]]) -> Iterator[np.ndarray]:
    """Clips from a run of frames; ``clips`` come in order and do not overlap."""
    for clip in clips:
        wanted = set(clip)
        frames = []
        for number, make in pictures:
            if number in wanted:
                frames.append(make())
            if number == clip[-1]:
                break
        yield np.stack(frames)


RANDOM: dict[str, Callable[[Path], ReadClips]] = {
    "finegym": open_finegym,
    "finegym, opened per clip": open_finegym_anew,
    "finegym clip store, mp4": make_open("mp4"),
    "finegym clip store, JPEG": make_open("JPEG"),
    "PyAV seek": open_pyav,
    "OpenCV set + grab": open_opencv,
    "torchcodec exact": open_torchcodec_exact,
    "torchcodec approximate": open_torchcodec_approximate,
    "decord": open_decord,
    "ffmpeg CLI": open_ffmpeg,
}
PASS: dict[str, Callable[[Path], ReadClips]] = {
    "finegym read_clips, index included": open_finegym_pass,
    "torchcodec exact, one call": open_torchcodec_pass,
    "PyAV, whole file": open_pyav_all,
    "OpenCV, whole file": open_opencv_all,
    "decord, one call": open_decord_pass,
    "ffmpeg CLI, whole file": open_ffmpeg_all,
}


def measure(name: str, path: Path, clips: Clips) -> dict[str, float]:
    """CPU seconds (children included), wrong frames and peak memory of one program on a list of clips."""
    read = {**RANDOM, **PASS}[name](path)
    list(read(clips[:1]))  # warm: code loaded, file cached
    before = _cpu_seconds()
    wrong, checking = 0, 0.0
    for clip, frames in zip(clips, read(clips), strict=True):
        start = _cpu_seconds()
        assert frames.shape == (len(clip), *SIZE, 3) and frames.dtype == np.uint8, frames.shape
        wrong += sum(read_number(frame) != number for frame, number in zip(frames, clip, strict=True))
        checking += _cpu_seconds() - start
    return {
        "cpu_s": _cpu_seconds() - before - checking,
        "wrong_frames": wrong,
        "peak_mb": _peak_kb() / 1024,
    }


def _peak_kb() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # ru_maxrss begins with what the process was before it became this program.
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    assert (WIDTH, HEIGHT) == (1280, 720)
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))))
