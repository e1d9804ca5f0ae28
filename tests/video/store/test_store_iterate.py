"""Many readers of one store: every clip goes to exactly one of them."""

import itertools

import numpy as np
import pytest
from numbered import read_numbers
from store_samples import CODEBOOK, build, make_video

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError
from finegym.video.store.deal import Reader, cut_runs, deal
from finegym.video.store.read import ClipStore


def list_readers(world_size, num_workers):
    return [
        Reader(rank, world_size, worker, num_workers) for rank in range(world_size) for worker in range(num_workers)
    ]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    ("num_clips", "world_size", "num_workers"), list(itertools.product([0, 1, 7, 100], [1, 2, 5], [1, 3, 8]))
)
def test_every_clip_goes_to_exactly_one_reader_in_equal_shares(num_clips, world_size, num_workers, seed):
    rng = np.random.default_rng(num_clips)
    runs = cut_runs(np.arange(num_clips) // 30, rng.integers(1, 100, num_clips), run_bytes=300)
    readers = list_readers(world_size, num_workers)
    shares = [deal(runs, reader, seed=seed, epoch=2) for reader in readers]
    rows = [np.concatenate(share) if share else np.empty(0, int) for share in shares]
    assert sorted(np.concatenate(rows).tolist()) == list(range(num_clips))
    of_rank = [
        sum(len(r) for r, reader in zip(rows, readers, strict=True) if reader.rank == k) for k in range(world_size)
    ]
    assert max(of_rank) - min(of_rank) <= 1
    for rank in range(world_size):
        sizes = [len(r) for r, reader in zip(rows, readers, strict=True) if reader.rank == rank]
        assert max(sizes) - min(sizes) <= 1
    # What is read together lies together, in one shard.
    for stretch in itertools.chain.from_iterable(shares):
        assert (np.diff(stretch) == 1).all() and len(set((stretch // 30).tolist())) == 1


def test_runs_reach_their_size_and_stay_in_their_shard():
    runs = cut_runs(np.array([0, 0, 0, 0, 1, 1]), np.array([40, 70, 20, 20, 500, 10]), run_bytes=100)
    assert [run.tolist() for run in runs] == [[0, 1], [2, 3], [4], [5]]


def test_every_epoch_has_another_order_and_the_same_seed_the_same():
    runs = cut_runs(np.zeros(100, int), np.full(100, 10), run_bytes=20)
    first, again, other = (np.concatenate(deal(runs, Reader(), seed=1, epoch=epoch)).tolist() for epoch in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == sorted(other) == list(range(100))
    assert np.concatenate(deal(runs, Reader())).tolist() == list(range(100))


def test_a_reader_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="rank must lie below world_size"):
        Reader(2, 2)


@pytest.mark.parametrize("settings", [{}, {"fast": True}])
def test_all_readers_of_a_store_together_see_every_clip_once(folder, settings):
    starts = [40 * 7 * k for k in range(12)]
    dataset = Dataset(CODEBOOK, (make_video("a", [(start, start + 200) for start in starts]),))
    build(dataset, folder, settings=settings)
    store = ClipStore(folder / "clips")
    seen = {}
    for reader in list_readers(2, 3):
        for instance_id, frames in store.iterate(
            reader, seed=5, epoch=1, choose=lambda facts: [facts.num_frames - 1, 0], short_side=60
        ):
            assert instance_id not in seen
            seen[instance_id] = frames
    assert set(seen) == set(dataset.instances)
    for instance_id, frames in seen.items():
        first = store.get_facts(instance_id).first_frame
        assert read_numbers(frames) == [first + 4, first]
        np.testing.assert_array_equal(frames, store.read_frames(instance_id, [4, 0], short_side=60))


def test_one_reader_without_a_seed_sees_the_store_in_order(folder, dataset):
    build(dataset, folder)
    store = ClipStore(folder / "clips")
    assert [instance_id for instance_id, _ in store.iterate()] == list(store.instance_ids)
    shuffled = [instance_id for instance_id, _ in store.iterate(seed=0)]
    assert sorted(shuffled) == sorted(store.instance_ids)
    assert shuffled == [instance_id for instance_id, _ in store.iterate(seed=0)]
    orders = {tuple(instance_id for instance_id, _ in store.iterate(seed=0, epoch=epoch)) for epoch in range(6)}
    assert len(orders) > 3
