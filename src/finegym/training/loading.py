"""Batches of clips, in order, from loader processes that may die, of clips that may not decode.

Nothing is left out in silence: a clip that cannot be read is named with its reason, and more of them than the user
permitted stop the run. A clip that kills the process which reads it is one too: it is found by reading the clips in
question in processes of their own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch.utils.data import Dataset, Sampler

from finegym.datasets.recognition import ClipBatch, ClipSample, build_training_loader
from finegym.errors import VideoError, join_problems

PREFETCHED = 2  # batches a loader process, torch's default
PROBE_SECONDS = 120.0


class BadClips:
    """Clips that cannot be read, and how many of them are permitted.

    Args:
        limit: different clips that a run may do without.
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.reasons: dict[str, str] = {}

    def add(self, failures: Iterable[str]) -> None:
        """Note failures, ``id: reason`` each.

        Raises:
            VideoError: there are more different clips than permitted; the message names them.
        """
        for failure in failures:
            instance_id, _, reason = failure.partition(": ")
            self.reasons[instance_id] = reason
        if len(self.reasons) > self.limit:
            named = join_problems([f"{key}: {reason}" for key, reason in self.reasons.items()], limit=3)
            raise VideoError(
                f"{len(self.reasons)} clips cannot be read: {named}. Mend or leave them out; --max-bad-clips "
                f"{len(self.reasons)} goes on without so many (permitted now: {self.limit})."
            )


class ClipLoader:
    """Batches of clips without those that cannot be read, which go to ``bad_clips``.

    Args:
        clips: ``TrainingClips`` or ``EvaluationClips``.
        batches: lists of keys of ``clips``, the same ones every time it is iterated over until something sets it anew
            (``EpochBatches.epoch``).
        bad_clips: notes the failures, and stops the run.
        workers: loader processes; 0 loads in this one.
        pin_memory: for the way to a GPU.
    """

    def __init__(
        self,
        clips: Any,
        batches: Iterable[Sequence[Any]],
        bad_clips: BadClips,
        *,
        workers: int,
        pin_memory: bool,
    ) -> None:
        self._clips, self._workers, self._bad_clips = clips, workers, bad_clips
        self._pin_memory = pin_memory
        self._batches = _Without(batches)
        self._loader = self._build(self._batches)

    def __iter__(self) -> Iterator[ClipBatch]:
        """Batches; one whose clips all fail has none.

        Raises:
            VideoError: too many clips cannot be read, none can, or a loader process died and no clip is to blame.
        """
        loader: Iterable[ClipBatch] = self._loader
        left = list(self._batches)
        num_sound = 0
        while left:
            try:
                for batch in loader:
                    del left[0]
                    self._bad_clips.add(batch.failures)
                    num_sound += len(batch.places)
                    yield batch._replace(failures=())
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                self._exclude_killers(left, str(error))
                left = [[key for key in keys if not self._batches.excludes(key)] for keys in left]
                loader = self._build(left)
                self._loader = self._build(self._batches)  # of the next pass: the old one's processes are gone
        if not num_sound:
            raise VideoError(f"none of the clips can be read: {join_problems(list(self._bad_clips.reasons), limit=3)}")

    def _build(self, batches: Any) -> Any:
        return build_training_loader(self._clips, batches, workers=self._workers, pin_memory=self._pin_memory)

    def _exclude_killers(self, left: Sequence[Sequence[Any]], reason: str) -> None:
        """Find the clips that kill their reader, among those that loader processes may have been reading."""
        suspects = left[: self._workers * PREFETCHED]
        killers = [key for keys in suspects if _kills(self._clips, keys) for key in keys if _kills(self._clips, [key])]
        if not killers:
            count = sum(len(keys) for keys in suspects)
            raise VideoError(
                f"a loader process died ({reason.splitlines()[0]}), and none of the {count} clips that it may have "
                "been reading does that by itself. Is memory short? Lower data.workers, then resume."
            )
        for key in killers:
            place = key[1] if isinstance(key, tuple) else key
            self._batches.exclude(place)
            self._bad_clips.add([f"{self._clips.selection.instance_ids[place]}: kills the process that reads it"])


class _Without(Sampler[list[Any]]):
    """Batches without the clips at some places."""

    def __init__(self, batches: Iterable[Sequence[Any]]) -> None:
        self._all, self._places = batches, set[int]()

    def __iter__(self) -> Iterator[list[Any]]:
        for keys in self._all:
            yield [key for key in keys if not self.excludes(key)]

    def __len__(self) -> int:
        return len(self._all)  # type: ignore[arg-type]

    def exclude(self, place: int) -> None:
        """Leave out the clip at this place of the selection from now on."""
        self._places.add(place)

    def excludes(self, key: Any) -> bool:
        """Whether a key, a place or ``(epoch, place)``, is left out."""
        return (key[1] if isinstance(key, tuple) else key) in self._places


def _kills(clips: Dataset[ClipSample], keys: Sequence[Any]) -> bool:
    """Whether a process that reads these clips dies of it (or hangs)."""
    process = multiprocessing.get_context("forkserver").Process(target=_read, args=(clips, keys), daemon=True)
    process.start()
    process.join(PROBE_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode != 0


def _read(clips: Dataset[ClipSample], keys: Sequence[Any]) -> None:
    for key in keys:
        clips[key]
