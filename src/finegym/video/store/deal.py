"""Dealing the clips of a store to many readers: every clip to exactly one, each reader in long stretches of the shards.

Shards are cut into runs of neighbouring clips; the runs are shuffled, laid end to end, and the line is cut into equal
parts, one a machine, then one a loader process. So there may be more readers than shards, and the shares differ by one
clip at most among machines, and by one among the processes of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.errors import ConfigError

RUN_BYTES = 8_000_000
ORDER, SHUFFLE = 0, 1  # streams of random numbers: the order of runs, the order inside what is read together


@dataclass(frozen=True)
class Reader:
    """One of many that read a store together.

    Attributes:
        rank: number of the machine (or GPU), from 0.
        world_size: how many there are.
        worker: number of the loader process on it, from 0.
        num_workers: how many there are on each.

    Raises:
        ConfigError: a number is not below its count.
    """

    rank: int = 0
    world_size: int = 1
    worker: int = 0
    num_workers: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.world_size and 0 <= self.worker < self.num_workers):
            raise ConfigError(f"rank must lie below world_size and worker below num_workers, got {self}")


def cut_runs(shards: np.ndarray, lengths: np.ndarray, run_bytes: int = RUN_BYTES) -> list[np.ndarray]:
    """Rows of the index in runs that lie side by side in one shard and together reach ``run_bytes``.

    Args:
        shards: int64 (N,), the shard of every row.
        lengths: int64 (N,), bytes of every row.
        run_bytes: a run is closed when it has reached this size.

    Returns:
        int64 arrays that together hold 0 to N - 1, in order.
    """
    runs: list[np.ndarray] = []
    first, size = 0, 0
    for row in range(len(shards)):
        if row > first and (shards[row] != shards[first] or size >= run_bytes):
            runs.append(np.arange(first, row))
            first, size = row, 0
        size += int(lengths[row])
    return [*runs, np.arange(first, len(shards))] if len(shards) else []


def deal(runs: list[np.ndarray], reader: Reader, *, seed: int | None = None, epoch: int = 0) -> list[np.ndarray]:
    """The share of one reader, as stretches of neighbouring rows.

    Args:
        runs: of ``cut_runs``.
        reader: whose share.
        seed: of the order; ``None``: the order of the store.
        epoch: another order for each.
    """
    order = range(len(runs)) if seed is None else np.random.default_rng([seed, epoch, ORDER]).permutation(len(runs))
    line = np.concatenate([runs[k] for k in order]) if len(runs) else np.empty(0, np.int64)
    of_rank = np.array_split(line, reader.world_size)[reader.rank]
    share = np.array_split(of_rank, reader.num_workers)[reader.worker]
    starts = {int(run[0]) for run in runs}
    cuts = [
        place for place in range(1, len(share)) if share[place] != share[place - 1] + 1 or int(share[place]) in starts
    ]
    return [stretch for stretch in np.split(share, cuts) if len(stretch)]
