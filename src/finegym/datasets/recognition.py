"""Torch datasets of recognition: instances of a split, what is seen of them, their class indices.

A training sample depends on ``(seed, epoch, index)`` and on nothing else: not on the number of loader processes, not on
what was loaded before. A resumed run therefore sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from finegym.datasets.balancing import sample_balanced_order
from finegym.datasets.views import View
from finegym.errors import AnnotationError, FineGymError, join_problems

ORDER, SAMPLE = 0, 1  # streams of random numbers: the order of an epoch, the draws of a sample


@dataclass(frozen=True)
class Selection:
    """The instances that take part, and those that do not.

    Attributes:
        instance_ids: N ids, in the order of the split.
        class_indices: int64 (N,).
        left_out: ids whose clip is missing, each with the reason.
    """

    instance_ids: tuple[str, ...]
    class_indices: np.ndarray
    left_out: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.instance_ids)


class Source(Protocol):
    """Where instances come from, of any modality."""

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Ids that are not there, each with the reason in words."""
        ...


def select_instances(
    labels: Mapping[str, int],
    source: Source,
    *,
    where: str,
    missing: Literal["error", "leave-out"] = "error",
    remedy: str = "Cut them with `finegym clips build`",
) -> Selection:
    """The instances of one side of a split whose clips are there.

    Args:
        labels: class index of every instance.
        source: where they come from.
        where: for messages, such as ``splits/set/val.txt``.
        missing: what to do with instances without a clip: refuse, or leave them out and count them.
        remedy: how missing ones are made, for messages.

    Raises:
        AnnotationError: the list is empty, nothing is left of it, or clips are missing and may not be.
    """
    if not labels:
        raise AnnotationError(f"{where} lists no instances. Make the split anew with `finegym annotations split`.")
    left_out = source.find_missing(list(labels))
    if left_out and (missing == "error" or len(left_out) == len(labels)):
        named = join_problems([f"{instance_id}: {reason}" for instance_id, reason in left_out.items()], limit=3)
        other = "" if len(left_out) == len(labels) else '; data.missing = "leave-out" goes on without them'
        raise AnnotationError(
            f"{where}: {len(left_out)} of {len(labels)} instances have no clip: {named}. {remedy}{other}."
        )
    kept = {instance_id: index for instance_id, index in labels.items() if instance_id not in left_out}
    return Selection(tuple(kept), np.array(list(kept.values()), dtype=np.int64), left_out)


class ClipSample(NamedTuple):
    """One clip as a loader process hands it on.

    Attributes:
        inputs: what the view gives: (T, …) in training, (V, T, …) in evaluation; ``None`` where the clip failed.
        class_index: target.
        place: in the selection.
        counts: what the user should know of; see ``Look``.
        failure: what went wrong, ``""`` for a sound clip.
    """

    inputs: torch.Tensor | None
    class_index: int
    place: int
    counts: dict[str, int]
    failure: str = ""


class ClipBatch(NamedTuple):
    """Clips together.

    Attributes:
        inputs: (B, T, …) in training, (B, V, T, …) in evaluation.
        class_index: int64 (B,).
        places: int64 (B,), in the selection.
        counts: of all of them together.
        failures: clips that could not be read, in words; they are not among the B.
    """

    inputs: torch.Tensor
    class_index: torch.Tensor
    places: torch.Tensor
    counts: dict[str, int]
    failures: tuple[str, ...]


class TrainingClips(TorchDataset[ClipSample]):
    """Clips with random segments, crops and flips. Indexed by ``(epoch, index)``.

    Args:
        selection: the instances.
        view: what is seen of them.
        flip_class_map: ``None``: never flip. Otherwise int64 (K,), the class index that each class has in the mirror
            (itself, unless its name says left or right); half of the clips are flipped.
        seed: of the run.
    """

    def __init__(self, selection: Selection, view: View, *, flip_class_map: np.ndarray | None, seed: int) -> None:
        self.selection, self.view = selection, view
        self._flip_class_map, self._seed = flip_class_map, seed

    def __len__(self) -> int:
        return len(self.selection)

    def __getitem__(self, key: tuple[int, int]) -> ClipSample:
        epoch, index = key
        rng = np.random.default_rng([self._seed, epoch, index, SAMPLE])
        instance_id = self.selection.instance_ids[index]
        class_index = int(self.selection.class_indices[index])
        try:
            inputs, counts = self.view.draw(instance_id, rng)
        except FineGymError as error:
            return _report_failure(instance_id, class_index, index, error)
        if self._flip_class_map is not None and rng.random() < 0.5:
            inputs, class_index = self.view.mirror(inputs), int(self._flip_class_map[class_index])
        return ClipSample(inputs.contiguous(), class_index, index, counts)


class EvaluationClips(TorchDataset[ClipSample]):
    """Clips as evaluation looks at them: the same inputs every time. Indexed by place in the selection.

    Args:
        selection: the instances.
        view: what is seen of them.
    """

    def __init__(self, selection: Selection, view: View) -> None:
        self.selection, self.view = selection, view

    def __len__(self) -> int:
        return len(self.selection)

    def __getitem__(self, index: int) -> ClipSample:
        instance_id = self.selection.instance_ids[index]
        class_index = int(self.selection.class_indices[index])
        try:
            inputs, counts = self.view.look(instance_id)
        except FineGymError as error:
            return _report_failure(instance_id, class_index, index, error)
        return ClipSample(inputs.contiguous(), class_index, index, counts)


def _report_failure(instance_id: str, class_index: int, index: int, error: FineGymError) -> ClipSample:
    # An exception would reach the main process as a page of traceback; words reach it as words.
    return ClipSample(None, class_index, index, {}, f"{instance_id}: {error}")


def collate_clips(samples: Sequence[ClipSample]) -> ClipBatch:
    """Put samples into one batch; failed ones are listed beside it."""
    sound = [sample for sample in samples if sample.inputs is not None]
    inputs = [sample.inputs for sample in sound if sample.inputs is not None]
    return ClipBatch(
        torch.stack(inputs) if inputs else torch.empty(0),
        torch.tensor([sample.class_index for sample in sound], dtype=torch.int64),
        torch.tensor([sample.place for sample in sound], dtype=torch.int64),
        add_counts([sample.counts for sample in sound]),
        tuple(sample.failure for sample in samples if sample.inputs is None),
    )


def add_counts(all_counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts of the same names added up.

    Example:
        >>> add_counts([{"short_clips": 1}, {"short_clips": 1, "blank_frames": 4}])
        {'short_clips': 2, 'blank_frames': 4}
    """
    total: dict[str, int] = {}
    for counts in all_counts:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of ``(epoch, index)`` in an order that depends on seed and epoch only.

    With several processes the batch of all of them together is drawn, and each takes its part: two processes with
    batches of 8 see what one with batches of 16 sees. The last batch may be smaller; with several processes, what does
    not divide evenly among them is left out of that epoch (``num_left_out``).

    Args:
        num_instances: N.
        batch_size: a process.
        seed: of the run.
        rank: of this process.
        num_processes: that train together.
        class_indices: int64 (N,), class of every instance; needed where ``power`` is not 1.
        power: how often classes are shown, see ``finegym.datasets.balancing``. 1 shows every instance once; below 1 an
            epoch has N draws all the same, in which instances of rare classes return and some of frequent ones miss.
    """

    def __init__(
        self,
        num_instances: int,
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        num_processes: int = 1,
        class_indices: np.ndarray | None = None,
        power: float = 1.0,
    ) -> None:
        assert power == 1 or class_indices is not None, "balancing needs the classes"
        self._num_instances, self._batch_size, self._seed = num_instances, batch_size, seed
        self._rank, self._num_processes = rank, num_processes
        self._class_indices, self._power = class_indices, power
        self.num_left_out = num_instances % num_processes
        self.epoch = 0

    def __len__(self) -> int:
        return -(-(self._num_instances - self.num_left_out) // (self._batch_size * self._num_processes))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng([self._seed, self.epoch, ORDER])
        if self._class_indices is None or self._power == 1:
            order = rng.permutation(self._num_instances)
        else:
            order = sample_balanced_order(self._class_indices, self._power, rng)
        order = order[: self._num_instances - self.num_left_out]
        step = self._batch_size * self._num_processes
        for start in range(0, len(order), step):
            together = order[start : start + step]
            share = len(together) // self._num_processes
            mine = together[self._rank * share : (self._rank + 1) * share]
            yield [(self.epoch, index) for index in mine.tolist()]


def build_training_loader(
    clips: TorchDataset[ClipSample], batches: EpochBatches, *, workers: int, pin_memory: bool
) -> DataLoader[Any]:
    """A loader whose processes live as long as it does. Set ``batches.epoch`` before each pass."""
    return DataLoader(clips, batch_sampler=batches, **_get_loader_arguments(workers, pin_memory))


def build_evaluation_loader(
    clips: TorchDataset[ClipSample], places: Sequence[int], *, batch_size: int, workers: int, pin_memory: bool
) -> DataLoader[Any]:
    """A loader over the given places of the selection, in that order."""
    batches = [list(places[start : start + batch_size]) for start in range(0, len(places), batch_size)]
    return DataLoader(clips, batch_sampler=batches, **_get_loader_arguments(workers, pin_memory))


def _get_loader_arguments(workers: int, pin_memory: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {"collate_fn": collate_clips, "num_workers": workers, "pin_memory": pin_memory}
    # A generator of its own: loaders draw from the global one, and how often depends on the number of processes.
    arguments["generator"] = torch.Generator()
    if workers:
        # fork is unsafe with the threads of polars and torch; a fork server imports once, then forks a clean process.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["finegym.datasets.recognition"])
        arguments |= {"multiprocessing_context": context, "persistent_workers": True}
        arguments["worker_init_fn"] = end_with_parent
    return arguments


def end_with_parent(worker: int) -> None:
    """In a loader process: leave with the training process; fork server and workers would keep each other alive."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
