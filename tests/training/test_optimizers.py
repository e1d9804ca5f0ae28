import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from finegym.training.optimizers import build_optimizer, compute_learning_rate
from finegym.training.state import restore_state


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


@pytest.fixture
def unset_is_nan():
    """Memory that nobody has written to is NaN, so that reading it shows."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_first_step_that_the_gradient_scaler_skips_leaves_no_trace(name, unset_is_nan):
    """A scale that is too large for float16 at first is the rule."""
    weights = [nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2)]
    kwargs = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    skipping, plain = (build_optimizer([weight], name, **kwargs) for weight in weights)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for factor in (math.inf, 0.5, 0.25):
        skipping.zero_grad()
        scaler.scale((weights[0] * factor).sum()).backward()
        scaler.step(skipping)
        scaler.update()
    for factor in (0.5, 0.25):
        weights[1].grad = torch.full((2,), factor)
        plain.step()
    torch.testing.assert_close(weights[0].detach(), weights[1].detach())


def test_a_parameter_may_get_its_first_gradient_later_than_others():
    weights = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    optimizer = build_optimizer(weights, "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.0)
    for gradients in ((1.0, None), (1.0, 1.0)):
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = None if gradient is None else torch.full((2,), gradient)
        optimizer.step()
    assert weights[0][0].item() == pytest.approx(1 - 0.1 - 0.1 * 1.9)
    assert weights[1][0].item() == pytest.approx(1 - 0.1)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_checkpoint_of_steps_that_were_not_fused_goes_on_with_fused_ones(name):
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    plain = (
        torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if name == "sgd"
        else torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.0)
    )

    def step(network, optimizer, factor):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, factor)
        optimizer.step()

    step(model, plain, 0.5)
    other.load_state_dict(model.state_dict())
    fused = build_optimizer(other.parameters(), name, learning_rate=0.1, momentum=0.9, weight_decay=0.0)
    restore_state({"optimizer": copy.deepcopy(plain.state_dict())}, other, None, fused, SimpleNamespace(scaler=None))
    assert [group["fused"] for group in fused.param_groups] == [True]
    step(model, plain, -0.25)
    step(other, fused, -0.25)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)
