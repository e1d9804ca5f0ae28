"""A view whose frames come in another order: the same frames, the same order every time, training as it was."""

from collections import Counter

import numpy as np
import torch

from finegym.datasets.shuffled_view import TIME_AXES, ShuffledView, draw_order
from finegym.datasets.views import Look

IDS = [f"v{number}_E_000000_000009_A_0000_0009" for number in range(600)]


class NumberedFrames:
    """Two views of four frames; every value is the number of its frame."""

    is_mirrored = (False, True)

    def __init__(self, axis):
        self.axis = axis

    def look(self, instance_id):
        shape = [2, 5, 5, 5]
        shape[self.axis] = 4
        numbers = torch.arange(4).view([4 if axis == self.axis else 1 for axis in range(4)])
        return Look(numbers.expand(shape).clone(), {"short_clips": 1})

    def draw(self, instance_id, rng):
        return Look(torch.arange(4), {"drawn": int(rng.integers(10))})

    def mirror(self, inputs):
        return inputs.flip(-1)

    def normalise(self, inputs):
        return inputs / 2


def test_frames_change_places_as_the_order_says_in_all_views():
    for axis in set(TIME_AXES.values()):
        inputs, counts = ShuffledView(NumberedFrames(axis), 3, axis).look(IDS[0])
        order = draw_order(IDS[0], 4, 3)
        for frame in range(4):
            assert (inputs.select(axis, frame) == order[frame]).all()
        assert counts == {"short_clips": 1, "unmoved_clips": int(order.tolist() == [0, 1, 2, 3])}


def test_an_order_depends_on_seed_and_instance_only():
    assert draw_order(IDS[0], 9, 1).tolist() == draw_order(IDS[0], 9, 1).tolist()
    orders = {tuple(draw_order(instance_id, 9, seed).tolist()) for instance_id in IDS[:5] for seed in range(5)}
    assert len(orders) == 25


def test_any_order_is_as_likely_as_any_other():
    counts = Counter(tuple(draw_order(instance_id, 3, 0).tolist()) for instance_id in IDS)
    assert len(counts) == 6
    expected = len(IDS) / 6
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 20.5  # the 99.9th percentile with 5 degrees of freedom


def test_what_is_no_evaluation_sample_stays_as_it_was():
    plain, shuffled = NumberedFrames(1), ShuffledView(NumberedFrames(1), 0, 1)
    draws = [view.draw(IDS[0], np.random.default_rng(5)) for view in (plain, shuffled)]
    assert draws[0].inputs.tolist() == draws[1].inputs.tolist() and draws[0].counts == draws[1].counts
    assert shuffled.is_mirrored == plain.is_mirrored
    assert shuffled.mirror(torch.arange(3)).tolist() == [2, 1, 0]
    assert shuffled.normalise(torch.tensor([4.0])).tolist() == [2.0]
