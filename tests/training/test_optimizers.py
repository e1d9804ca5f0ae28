import math

import pytest
import torch
from torch import nn

from finegym.training.optimizers import build_optimizer, compute_learning_rate


def test_step_schedule_worked_by_hand():
    rate = lambda progress: compute_learning_rate(  # noqa: E731
        progress, peak=1e-3, name="step", epochs=80, milestones=(30, 60), gamma=0.1
    )
    assert rate(0) == rate(29.99) == 1e-3
    assert rate(30) == rate(59.99) == pytest.approx(1e-4)
    assert rate(60) == rate(79.99) == pytest.approx(1e-5)


def test_cosine_schedule_equals_torchs():
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for epoch in range(20):
        ours = compute_learning_rate(epoch, peak=0.3, name="cosine", epochs=20)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        scheduler.step()


def test_warm_up_rises_in_a_line_to_the_peak():
    rates = [
        compute_learning_rate(p, peak=2.0, name="cosine", epochs=10, warmup_epochs=2) for p in (0, 0.5, 1, 2, 6, 10)
    ]
    assert rates == pytest.approx([0, 0.5, 1, 2, 1 + math.cos(math.pi / 2), 0], abs=1e-12)


def test_sgd_step_equals_the_formula():
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = build_optimizer([weight], "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    velocity, value = torch.zeros(2), weight.detach().clone()
    for _ in range(3):
        weight.grad = torch.tensor([0.5, 0.25])
        optimizer.step()
        velocity = 0.9 * velocity + (torch.tensor([0.5, 0.25]) + 0.01 * value)
        value = value - 0.1 * velocity
    torch.testing.assert_close(weight.detach(), value)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_frozen_parameters_are_not_the_optimizers(name):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    optimizer = build_optimizer(model.parameters(), name, learning_rate=0.1, momentum=0.9, weight_decay=0.0)
    held = [p for group in optimizer.param_groups for p in group["params"]]
    assert [id(p) for p in held] == [id(p) for p in model[1].parameters()]
