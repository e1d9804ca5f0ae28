"""Saliency: made clips in which one frame or cell carries the answer, sums that add up, all orders of adding."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from finegym.applications.reasons_opening import find_frames
from finegym.applications.reasons_places import GRID, label_places
from finegym.applications.saliency import METHODS, compute_saliency, label_axis, label_cells, label_frames
from finegym.datasets.clip_views import RgbClipView, Stretch
from finegym.datasets.clips import MemoryClips
from finegym.datasets.skeletons import MemoryPoses
from finegym.datasets.transforms import Crops
from finegym.datasets.views import PoseView, RgbDifferenceView, RgbView
from finegym.errors import ConfigError
from finegym.features.pose.poses import Poses
from finegym.models.backbones import Normalisation
from finegym.models.tsn import TSN

NORMALISATION = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


class Colours(nn.Module):
    """A backbone whose features are the mean of each colour."""

    feature_size = 3
    normalisation = NORMALISATION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


def make_tsn():
    """Two classes: red, and anything else."""
    model = TSN(Colours(), 2)
    with torch.no_grad():
        model.classifier.weight.copy_(torch.tensor([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    return model.eval()


def make_clip(num_frames=12, red=7):
    """Grey noise, and one frame that is red."""
    rng = np.random.default_rng(0)
    clip = rng.integers(90, 140, (num_frames, 16, 16, 3), dtype=np.uint8)
    clip[red, ..., 0], clip[red, ..., 1:] = 250, 20
    return clip


def score_red(model):
    return lambda inputs: (logits := model(inputs))[:, :1] - logits[:, 1:]


def weigh_frames(score, inputs, *, time_axis, method="occlusion"):
    return compute_saliency(score, inputs, label_frames(inputs, time_axis), time_axis=time_axis, method=method)


# Which frames decided.


@pytest.mark.parametrize("method", METHODS)
def test_the_one_red_frame_decided(method):
    model, clip = make_tsn(), make_clip()
    view = RgbView(MemoryClips({"clip": clip}), 12, 12, Crops(16, 16, (1.0,)), NORMALISATION.mean, NORMALISATION.std)
    inputs = view.normalise(view.look("clip").inputs)
    (saliency,) = weigh_frames(score_red(model), inputs, time_axis=1, method=method)
    assert saliency.argmax() == 7
    assert saliency[7] > 5 * np.abs(np.delete(saliency, 7)).max()
    assert find_frames(view, "clip").tolist() == [[frame] for frame in range(12)]


def test_occlusion_is_what_is_lost_without_the_frame():
    torch.manual_seed(0)
    inputs = torch.randn(1, 5, 4)
    weights = torch.randn(5, 4, 2)

    def score(x):
        return torch.tanh(torch.einsum("btc,tcq->bq", x, weights))

    found = weigh_frames(score, inputs, time_axis=1)
    mean = inputs.mean(dim=1)
    for frame in range(5):
        without = inputs.clone()
        without[:, frame] = mean
        assert found[:, frame] == pytest.approx((score(inputs) - score(without))[0].numpy(), abs=1e-6)


def test_integrated_gradients_add_up_to_what_the_clip_scores_above_its_mean():
    torch.manual_seed(1)
    inputs, weights = torch.randn(1, 6, 3), torch.randn(6, 3, 2)

    def score(x):
        return torch.tanh(0.5 * torch.einsum("btc,tcq->bq", x, weights))

    found = weigh_frames(score, inputs, time_axis=1, method="integrated-gradients")
    wanted = score(inputs) - score(inputs.mean(dim=1, keepdim=True).expand_as(inputs))
    assert found.sum(axis=1) == pytest.approx(wanted[0].numpy(), abs=1e-3)


def test_time_may_be_another_axis():
    inputs = torch.zeros(1, 3, 8, 17, 1)  # B, C, T, V, M: a skeleton that moves in one frame
    inputs[:, 0, 5] = 1.0
    (saliency,) = weigh_frames(lambda x: x[:, 0].square().sum(dim=(1, 2, 3))[:, None], inputs, time_axis=2)
    assert saliency.shape == (8,) and saliency.argmax() == 5


def test_one_frame_alone_cannot_be_compared():
    with pytest.raises(ConfigError, match="one frame only"):
        weigh_frames(lambda x: x.sum(dim=(1, 2))[:, None], torch.ones(1, 1, 3), time_axis=1)


def test_a_still_clip_is_decided_by_no_frame():
    saliency = weigh_frames(lambda x: x.sum(dim=2), torch.ones(1, 4, 3), time_axis=1)
    assert np.abs(saliency).max() == 0


def test_frames_of_every_view_are_those_that_it_reads():
    """Frames are told apart by their brightness."""
    clip = np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 16 * 16 * 3).reshape(20, 16, 16, 3)
    source, crops = MemoryClips({"clip": clip}), Crops(16, 16, (1.0,))
    views = (
        RgbView(source, 4, 6, crops, NORMALISATION.mean, NORMALISATION.std),
        RgbDifferenceView(source, 3, 3, crops, NORMALISATION.mean, NORMALISATION.std, 2),
        RgbClipView(source, Stretch(5, 3), crops, NORMALISATION.mean, NORMALISATION.std),
    )
    for view in views:
        seen = view.look("clip").inputs[0]  # (T, L*3, S, S)
        brightness = seen.unflatten(1, (-1, 3))[:, :, 0, 0, 0].numpy()  # (T, L)
        assert (find_frames(view, "clip") * 10).tolist() == brightness.tolist()
    keypoints = np.zeros((1, 20, 17, 2), np.float32)
    keypoints[..., 0] = np.arange(20)[:, None]
    scores, boxes, status = (
        np.ones((1, 20, 17), np.float32),
        np.zeros((1, 20, 4), np.float32),
        np.ones((1, 20), np.uint8),
    )
    poses = MemoryPoses({"clip": Poses(keypoints, scores, boxes, status, width=40, height=40)})
    view = PoseView(poses, clip_len=7)
    x = view.look("clip").inputs[0, 0, :, 0, 0].numpy()  # from -1 to 1 across the frame
    assert find_frames(view, "clip")[:, 0] == pytest.approx((x + 1) * 20, abs=1e-3)


# Where in the picture, and in which joints.


@pytest.mark.parametrize("method", METHODS)
def test_the_one_cell_that_changes_colour_decided(method):
    inputs = torch.zeros(1, 4, 3, 14, 14)
    inputs[:, 2, 0, 4:6, 10:12] = 1.0  # row 2, column 5 of seven by seven
    parts = label_cells(inputs, GRID)
    (saliency,) = compute_saliency(
        lambda x: x[:, :, 0].square().sum(dim=(1, 2, 3))[:, None], inputs, parts, time_axis=1, method=method
    )
    assert saliency.shape == (49,) and saliency.argmax() == 2 * 7 + 5
    assert np.abs(np.delete(saliency, 2 * 7 + 5)).max() == pytest.approx(0, abs=1e-6)


def test_cells_cover_the_picture_once_and_joints_have_names():
    inputs = torch.zeros(1, 2, 3, 112, 90)
    cells = label_places(inputs, "rgb").parts
    assert cells.shape == (1, 1, 1, 112, 90)
    counts = np.bincount(cells.reshape(-1).numpy(), minlength=49)
    assert counts.sum() == 112 * 90 and counts.min() >= 16 * 12
    assert cells[0, 0, 0, 0, 0] == 0 and cells[0, 0, 0, -1, -1] == 48
    joints = label_places(torch.zeros(1, 3, 48, 17, 1), "pose")
    assert joints.parts.shape == (1, 1, 1, 17, 1) and joints.names[9] == "left wrist"
    limbs = label_places(torch.zeros(1, 17, 48, 56, 56), "heatmap", limbs=True)
    assert limbs.parts.shape == (1, 17, 1, 1, 1) and "left shoulder to left elbow" in limbs.names


def test_shapley_values_are_the_mean_over_orders_of_adding():
    """Sampled orders come close to all 24 of four parts; they add up exactly."""
    torch.manual_seed(3)
    inputs, weights = torch.randn(1, 4, 3), torch.randn(4, 3)

    def score(x):
        return torch.tanh((x * weights).sum(dim=(1, 2)))[:, None] + x.prod(dim=1).sum(dim=1, keepdim=True)

    mean = inputs.mean(dim=1, keepdim=True)

    def worth(shown):
        mask = torch.tensor([place in shown for place in range(4)])[None, :, None]
        return float(score(torch.where(mask, inputs, mean.expand_as(inputs))))

    exact = np.zeros(4)
    for order in itertools.permutations(range(4)):
        for place, part in enumerate(order):
            exact[part] += (worth(order[: place + 1]) - worth(order[:place])) / math.factorial(4)
    parts = label_frames(inputs, 1)
    (found,) = compute_saliency(score, inputs, parts, time_axis=1, method="shapley")
    assert found.sum() == pytest.approx(worth(range(4)) - worth(()), abs=1e-5)
    assert found == pytest.approx(exact, abs=0.5 * np.abs(exact).max())
    state = torch.get_rng_state()
    (again,) = compute_saliency(score, inputs, parts, time_axis=1, method="shapley")
    assert (again == found).all() and (torch.get_rng_state() == state).all()


@pytest.mark.parametrize("method", METHODS)
def test_several_scores_are_weighed_as_each_alone(method):
    torch.manual_seed(0)
    inputs = torch.randn(1, 6, 5)
    parts = label_axis(inputs, 1)

    def score(x):
        return torch.tanh(x[:, :, :3].sum(dim=1))

    together = compute_saliency(score, inputs, parts, time_axis=1, method=method)
    assert together.shape == (3, 6)
    for place in range(3):
        (alone,) = compute_saliency(
            lambda x, place=place: score(x)[:, place : place + 1], inputs, parts, time_axis=1, method=method
        )
        assert together[place] == pytest.approx(alone, abs=1e-6)
