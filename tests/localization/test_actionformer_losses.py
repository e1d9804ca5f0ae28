import math

import pytest
import torch
from torchvision.ops import distance_box_iou_loss, sigmoid_focal_loss

from finegym.localization.actionformer_losses import compute_diou_loss, compute_focal_loss


def test_focal_loss_equals_torchvisions():
    torch.manual_seed(0)
    logits = torch.randn(50, 7) * 4
    targets = (torch.rand(50, 7) > 0.7).float()
    expected = sigmoid_focal_loss(logits, targets, alpha=0.25, gamma=2.0)
    torch.testing.assert_close(compute_focal_loss(logits, targets), expected)


def test_focal_loss_of_one_answer_by_hand():
    # p = 0.8: a right yes costs 0.25 * 0.2^2 * -log 0.8, a wrong one 0.75 * 0.8^2 * -log 0.2.
    logit = torch.tensor([math.log(4.0)])
    assert compute_focal_loss(logit, torch.ones(1)).item() == pytest.approx(-0.25 * 0.04 * math.log(0.8))
    assert compute_focal_loss(logit, torch.zeros(1)).item() == pytest.approx(-0.75 * 0.64 * math.log(0.2))


def test_diou_loss_equals_that_of_very_flat_boxes():
    torch.manual_seed(0)
    predicted, targets = torch.rand(40, 2) * 5, torch.rand(40, 2) * 5 + 0.1

    def make_boxes(offsets):  # around x = 10; one unit high, and a thousand times as wide, so that height is nothing
        x0, x1 = 1e3 * (10 - offsets[:, 0]), 1e3 * (10 + offsets[:, 1])
        return torch.stack([x0, torch.zeros(40), x1, torch.ones(40)], dim=1).double()

    expected = distance_box_iou_loss(make_boxes(predicted), make_boxes(targets))
    torch.testing.assert_close(compute_diou_loss(predicted, targets).double(), expected, atol=1e-4, rtol=1e-4)


def test_diou_loss_by_hand():
    # Truth [-2, 2), answer [-1, 3): 3 of 5 shared, centres 1 apart.
    loss = compute_diou_loss(torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.tensor([[2.0, 2.0], [2.0, 2.0]]))
    assert loss.tolist() == pytest.approx([1 - 3 / 5 + 1 / 25, 0.0])


def test_diou_loss_of_nothing_has_a_gradient_that_is_finite():
    predicted = torch.zeros(1, 2, requires_grad=True)
    compute_diou_loss(predicted, torch.zeros(1, 2)).sum().backward()
    assert torch.isfinite(predicted.grad).all()
    assert compute_diou_loss(torch.empty(0, 2), torch.empty(0, 2)).shape == (0,)
