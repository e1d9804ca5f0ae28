import numpy as np
import pytest

from finegym.datasets.balancing import compute_class_shares, compute_seen_counts, sample_balanced_order
from finegym.datasets.recognition import EpochBatches

# 100, 25, 4 and 1 clips, and a class in between that has none.
CLASSES = np.repeat([0, 1, 3, 4], [100, 25, 4, 1])


def read_epoch(epoch, batch_size=13, **settings):
    batches = EpochBatches(len(CLASSES), batch_size, seed=5, class_indices=CLASSES, **settings)
    batches.epoch = epoch
    return [[index for _, index in batch] for batch in batches]


def flatten(batches):
    return [index for batch in batches for index in batch]


def test_shares_worked_by_hand():
    counts = np.array([100, 25, 0, 4, 1])
    np.testing.assert_allclose(compute_class_shares(counts, 1.0), np.array([100, 25, 0, 4, 1]) / 130)
    np.testing.assert_allclose(compute_class_shares(counts, 0.5), np.array([10, 5, 0, 2, 1]) / 18)
    np.testing.assert_allclose(compute_class_shares(counts, 0.0), np.array([1, 1, 0, 1, 1]) / 4)


def test_seen_counts_are_what_epochs_show_with_their_mirrors():
    flip_class_map = np.array([1, 0, 2, 3, 4])
    seen = compute_seen_counts(np.bincount(CLASSES), 0.5, flip_class_map)
    np.testing.assert_allclose(seen, 130 * np.array([7.5, 7.5, 0, 2, 1]) / 18)
    plain = compute_seen_counts(np.bincount(CLASSES), 1.0)
    np.testing.assert_allclose(plain, np.bincount(CLASSES))


def test_every_class_is_shown_equally_often():
    for epoch in range(5):
        counts = np.bincount(CLASSES[flatten(read_epoch(epoch, power=0.0))], minlength=5)
        assert counts.sum() == len(CLASSES)
        assert counts[2] == 0
        assert set(counts[[0, 1, 3, 4]]) <= {32, 33}


@pytest.mark.parametrize("power", [0.0, 0.5, 0.9])
def test_draws_have_the_mean_of_independent_weighted_draws(power):
    """The second road: p of an instance is p of its class over the clips of the class."""
    shares = compute_class_shares(np.bincount(CLASSES), power)
    expected = len(CLASSES) * (shares / np.maximum(np.bincount(CLASSES), 1))[CLASSES]
    rng = np.random.default_rng(0)
    runs = 1500
    got = sum(np.bincount(sample_balanced_order(CLASSES, power, rng), minlength=len(CLASSES)) for _ in range(runs))
    # A clip is drawn one time more or less at most, whose deviation is 1/2 or less.
    np.testing.assert_allclose(got / runs, expected, atol=5 * 0.5 / np.sqrt(runs))


def test_clips_of_a_class_take_turns():
    times = np.bincount(flatten(read_epoch(3, power=0.0)), minlength=len(CLASSES))
    for class_index in (0, 1, 3, 4):
        of_class = times[class_index == CLASSES]
        assert of_class.max() - of_class.min() <= 1
    # 25 clips in 32 or 33 draws, 100 in as many: all of the first are shown, a third of the second.
    assert times[CLASSES == 1].min() == 1
    assert np.count_nonzero(times[CLASSES == 0]) in {32, 33}


def test_power_one_shows_every_clip_once_in_todays_order():
    order = flatten(read_epoch(4, power=1.0))
    assert sorted(order) == list(range(len(CLASSES)))
    plain = EpochBatches(len(CLASSES), 13, seed=5)
    plain.epoch = 4
    assert order == [index for batch in plain for _, index in batch]
    assert sorted(sample_balanced_order(CLASSES, 1.0, np.random.default_rng(0))) == list(range(len(CLASSES)))


def test_an_epoch_follows_from_seed_and_epoch_alone():
    before = read_epoch(7, power=0.5)
    read_epoch(8, power=0.5)
    assert read_epoch(7, power=0.5) == before
    assert read_epoch(8, power=0.5) != before


def test_two_processes_share_the_batches_of_one():
    whole = read_epoch(2, batch_size=10, power=0.0)
    parts = [read_epoch(2, batch_size=5, power=0.0, rank=rank, num_processes=2) for rank in range(2)]
    assert [left + right for left, right in zip(*parts, strict=True)] == whole
