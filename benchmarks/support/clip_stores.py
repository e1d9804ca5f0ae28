"""Clip stores of the clips that are measured: built beforehand, as a training run would have them."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from support.recordings import FPS

STORES = {"mp4": {}, "JPEG": {"fast": True}}


def get_store_folder(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.stem}-store-{kind}")


def build_stores(path: Path, clips: Sequence[Sequence[int]]) -> None:
    """One store of each kind beside a recording; prints what it took and what it lost."""
    from finegym.annotations.model import Action, Dataset, SubAction, Video
    from finegym.codebook.model import Codebook
    from finegym.video.reader import VideoReader
    from finegym.video.store.build import build_store, make_settings
    from finegym.video.store.read import ClipStore

    times = [(clip[0] * 1000 // FPS, (clip[-1] + 1) * 1000 // FPS) for clip in clips]
    parts = tuple(SubAction(f"A_{number:04d}_{number:04d}", (time,)) for number, time in enumerate(times))
    video = Video(path.stem, (Action("E_000000_000000", "BB", 0, max(end for _, end in times), parts),), str(path))
    dataset = Dataset(Codebook("none", "1", "none", (), (), (), (), {}), (video,))
    for kind, settings in STORES.items():
        folder = get_store_folder(path, kind)
        before = _cpu_seconds()
        build = build_store(dataset, path.parent, folder, make_settings(**settings), replace=True)
        seconds, cut = _cpu_seconds() - before, len(build.tally.done)
        store = ClipStore(folder)
        sizes = [store.get_facts(instance_id).media_bytes for instance_id in store.instance_ids]
        errors = []
        with VideoReader(path) as reader:
            source = sum(int(reader.index.packet_bytes[clip[0] : clip[-1] + 1].sum()) for clip in clips)
            for instance_id, clip in zip(store.instance_ids, clips, strict=True):
                ours = store.read_frames(instance_id, np.array(clip) - clip[0]).astype(float)
                theirs = reader.read_frames(clip, size=ours.shape[1:3])
                errors.append(((ours - theirs) ** 2).mean())
        print(
            f"clip store, {kind}: {np.mean(sizes) / 1000:.0f} KB a clip, {sum(sizes) / source:.0%} of the recording's "
            f"bytes; PSNR {10 * np.log10(255**2 / np.mean(errors)):.1f} dB (worst clip "
            f"{10 * np.log10(255**2 / max(errors)):.1f}) of RGB against the recording at the same size"
            + (f"; {1000 * seconds / cut:.0f} ms of CPU to cut a clip" if cut == len(clips) else "")
        )


def make_open(kind: str) -> Callable[[Path], Callable[[Sequence[Sequence[int]]], Iterator[np.ndarray]]]:
    """Opens the store of a recording; random access by instance id."""

    def open_store(path: Path) -> Callable[[Sequence[Sequence[int]]], Iterator[np.ndarray]]:
        from finegym.video.store.read import ClipStore

        store = ClipStore(get_store_folder(path, kind))
        by_first = {store.get_facts(instance_id).first_frame: instance_id for instance_id in store.instance_ids}

        def read(clips: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
            for clip in clips:
                yield store.read_frames(by_first[clip[0]], np.array(clip) - clip[0])

        return read

    return open_store


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
