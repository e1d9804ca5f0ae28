import math

import numpy as np
import pytest
import torch

from finegym.errors import ConfigError
from finegym.training.losses import build_loss

COUNTS = np.array([500.0, 60.0, 7.0, 1.0])
NAMES = ("cross-entropy", "focal", "balanced-softmax", "logit-adjustment")


def compute_slowly(name, logits, targets, *, label_smoothing=0.0, focal_gamma=2.0, tau=1.0):
    """One clip and one class after the other, as the equations say."""
    total = 0.0
    for row, target in zip(logits, targets, strict=True):
        K = len(row)
        if name == "balanced-softmax":
            powers = [COUNTS[k] * math.exp(row[k]) for k in range(K)]
        elif name == "logit-adjustment":
            powers = [(COUNTS[k] / sum(COUNTS)) ** tau * math.exp(row[k]) for k in range(K)]
        else:
            powers = [math.exp(value) for value in row]
        for k in range(K):
            share = target[k] if np.ndim(target) else float(k == target)
            share = (1 - label_smoothing) * share + label_smoothing / K
            p = powers[k] / sum(powers)
            weight = (1 - p) ** focal_gamma if name == "focal" else 1.0
            total -= share * weight * math.log(p)
    return total / len(logits)


@pytest.mark.parametrize("is_soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_losses_equal_their_equations(name, label_smoothing, is_soft):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (6, 4))
    targets = rng.dirichlet(np.ones(4), 6) if is_soft else rng.integers(4, size=6)
    settings = {"label_smoothing": label_smoothing, "focal_gamma": 1.5, "tau": 0.7}
    soft_or_hard = torch.from_numpy(targets).float() if is_soft else torch.from_numpy(targets)
    got = build_loss(name, COUNTS, **settings)(torch.from_numpy(logits), soft_or_hard)
    assert got.item() == pytest.approx(compute_slowly(name, logits, targets, **settings), rel=1e-5)


def test_two_classes_worked_by_hand():
    logits, targets = torch.tensor([[math.log(3.0), 0.0]]), torch.tensor([1])  # p = 3/4 and 1/4
    counts = [9, 1]
    assert build_loss("cross-entropy", counts)(logits, targets).item() == pytest.approx(math.log(4))
    assert build_loss("focal", counts, focal_gamma=2)(logits, targets).item() == pytest.approx(9 / 16 * math.log(4))
    # 9 * 3 against 1 * 1.
    assert build_loss("balanced-softmax", counts)(logits, targets).item() == pytest.approx(math.log(28))
    # sqrt(9) * 3 against 1 * 1.
    assert build_loss("logit-adjustment", counts, tau=0.5)(logits, targets).item() == pytest.approx(math.log(10))
    smooth = build_loss("cross-entropy", counts, label_smoothing=0.2)(logits, targets).item()
    assert smooth == pytest.approx(0.9 * math.log(4) + 0.1 * math.log(4 / 3))


def test_what_must_coincide_does():
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(8, 4, generator=generator), torch.arange(8) % 4
    plain = torch.nn.functional.cross_entropy(logits, targets)
    assert torch.equal(build_loss("cross-entropy", COUNTS)(logits, targets), plain)
    assert build_loss("focal", COUNTS, focal_gamma=0)(logits, targets).item() == pytest.approx(plain.item(), rel=1e-6)
    even = build_loss("balanced-softmax", np.ones(4))(logits, targets)
    assert even.item() == pytest.approx(plain.item(), rel=1e-6)
    one_hot = torch.nn.functional.one_hot(targets, 4).float()
    for name in NAMES:
        loss = build_loss(name, COUNTS, label_smoothing=0.1)
        assert loss(logits, one_hot).item() == pytest.approx(loss(logits, targets).item(), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("focal_gamma", [0.5, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_however_sure_the_model(name, focal_gamma, dtype):
    logits = torch.tensor([[60.0, 0, 0, 0], [0, 0, 0, 3e4], [-3e4, 0, 0, 0], [0, 0, 0, 0]], dtype=dtype)
    logits.requires_grad_()
    loss = build_loss(name, COUNTS, label_smoothing=0.1, focal_gamma=focal_gamma)
    with torch.autocast("cpu", dtype=dtype):
        value = loss(logits, torch.tensor([0, 3, 0, 1]))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_differences(name):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 4, generator=generator).requires_grad_()
    targets = torch.softmax(torch.randn(3, 4, generator=generator), dim=1)
    loss = build_loss(name, COUNTS, focal_gamma=0.5, tau=1.3)
    loss(logits, targets).backward()
    for place in ((0, 0), (1, 3), (2, 2)):
        step = torch.zeros(3, 4)
        step[place] = 1e-2
        slope = (loss(logits.detach() + step, targets) - loss(logits.detach() - step, targets)) / 2e-2
        assert logits.grad[place].item() == pytest.approx(slope.item(), abs=2e-4)


def test_a_class_without_clips_has_no_prior():
    with pytest.raises(ConfigError, match=r"1 of 3 classes have none \(class index 1 first\)"):
        build_loss("balanced-softmax", [3, 0, 2])
    build_loss("focal", [3, 0, 2])


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_has_nothing_to_learn(name):
    assert list(build_loss(name, COUNTS).parameters()) == []
