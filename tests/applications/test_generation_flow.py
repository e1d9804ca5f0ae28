"""What is learnt: the flow from noise to motion, errors of a body, and the judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from finegym.applications.generation import coding, flow
from finegym.applications.generation.body_error import build_body_error
from finegym.applications.generation.motions import make_motions
from finegym.applications.generation.recogniser import MotionRecogniser, recognise, train_recogniser
from finegym.codebook.builtin import read_builtin


def make_ideal(means, deviation):
    """The best possible prediction where motions of class k are normal around ``means[k]``: linear in the noisy one."""

    def predict(noisy, time, attributes):
        t = time[:, None, None]
        mean = (attributes @ means)[:, None, :]
        gain = t * deviation**2 / (t**2 * deviation**2 + (1 - t) ** 2)
        return mean + gain * (noisy - t * mean)

    return predict


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_the_flow_leads_from_noise_to_the_distribution_of_the_motions(shift):
    means = torch.tensor([[3.0, -1.0], [-2.0, 4.0]])
    noise = torch.randn(4000, 1, 2, generator=torch.Generator().manual_seed(0))
    attributes = torch.tensor([[1.0, 0.0]]).expand(4000, 2)
    drawn = flow.sample(make_ideal(means, 0.5), noise, attributes, steps=30, guidance=1.0, shift=shift)[:, 0]
    torch.testing.assert_close(drawn.mean(dim=0), means[0], atol=0.04, rtol=0)
    torch.testing.assert_close(drawn.std(dim=0), torch.full((2,), 0.5), atol=0.03, rtol=0)


def test_guidance_goes_away_from_any_motion_at_all():
    network = make_ideal(torch.tensor([[1.0]]), 0.2)
    noise, wanted = torch.zeros(1, 1, 1), torch.ones(1, 1)
    plain, none, guided = (flow.sample(network, noise, wanted, steps=8, guidance=g).item() for g in (1.0, 0.0, 2.0))
    assert none == pytest.approx(0, abs=1e-6) and plain < guided
    assert guided == pytest.approx(2 * plain, rel=1e-4)  # a linear flow from zero noise


def test_the_loss_of_the_best_prediction_is_lower_than_that_of_others():
    clean = 1 + 0.5 * torch.randn(5000, 4, 1, generator=torch.Generator().manual_seed(1))
    attributes = torch.ones(5000, 1)

    def compute(network):
        return flow.compute_loss(network, clean, attributes, torch.Generator().manual_seed(2), drop=0)

    best = compute(make_ideal(torch.tensor([[1.0]]), 0.5))
    assert best < compute(make_ideal(torch.tensor([[0.8]]), 0.5)) and best < compute(
        make_ideal(torch.tensor([[1.0]]), 1)
    )
    assert compute(lambda *_: clean) == 0


def test_another_error_is_weighted_over_time_as_the_first_is():
    clean, attributes = torch.ones(64, 4, 1), torch.ones(64, 1)

    def compute(error):
        chance = torch.Generator().manual_seed(2)
        return flow.compute_loss(lambda *_: clean + 0.5, clean, attributes, chance, drop=0, compute_error=error)

    assert compute(lambda predicted, truth: (predicted - truth).square().mean(dim=(1, 2))).item() == pytest.approx(
        2 * compute(None).item()
    )


def test_shifted_times_have_divided_odds():
    times = torch.linspace(0.01, 0.99, 20)
    shifted = flow.shift_times(times, 8.0)
    torch.testing.assert_close(shifted / (1 - shifted), times / (1 - times) / 8)


@pytest.fixture(scope="module")
def motions():
    ids = ["fx-back-salto-tucked", "ub-giant-backward", "bb-dismount-back-piked"]
    return make_motions(read_builtin("artistic-women"), ids, 3, 0, 24)


# Errors of a body.


def compute_error(motions, shift, **weights):
    """The error of the motions with joints moved by (N, T, 26, 3), metres."""
    scaling = coding.compute_scaling(motions)
    clean = torch.from_numpy(coding.encode(motions, scaling))
    moved = replace(motions, joints=(motions.joints + shift).astype(np.float32))
    predicted = torch.from_numpy(coding.encode(moved, scaling))
    weights = {"place": 0.0, "step": 0.0, "hold": 0.0} | weights
    return build_body_error(scaling, **weights, device="cpu")(predicted, clean).numpy()


def test_a_body_a_metre_away_has_error_one(motions):
    shift = np.array([0.6, 0.0, -0.8])
    np.testing.assert_allclose(compute_error(motions, shift, place=1.0), 1, rtol=1e-3)
    np.testing.assert_allclose(compute_error(motions, shift, place=0.5), 0.5, rtol=1e-3)
    np.testing.assert_allclose(compute_error(motions, shift, step=1.0, hold=1.0), 0, atol=1e-6)


def test_a_body_that_slides_a_decimetre_a_frame_has_error_a_hundredth(motions):
    shift = 0.1 * np.arange(24.0)[:, None, None] * np.array([0.6, 0.8, 0.0])
    np.testing.assert_allclose(compute_error(motions, shift, step=1.0), 0.01, rtol=1e-3)
    held = motions.contacts[:, 1:, :4] & motions.contacts[:, :-1, :4]
    np.testing.assert_allclose(compute_error(motions, shift, hold=1.0), 0.01 * held.mean(axis=(1, 2)), rtol=1e-3)


# Judge.


def test_a_judge_tells_classes_apart(motions):
    scaling = coding.compute_scaling(motions)
    values, classes = coding.encode_body(motions, scaling), np.repeat(np.arange(3), 3)
    torch.manual_seed(0)
    judge = MotionRecogniser(coding.NUM_BODY_VALUES, 3, width=16)
    train_recogniser(judge, values, classes, steps=40, batch_size=8, learning_rate=0.01, jitter=0.02, seed=0)
    features, logits = recognise(judge, values)
    assert (logits.argmax(axis=1) == classes).all() and features.shape == (9, 16) and (features >= 0).all()
    np.testing.assert_array_equal(recognise(judge, values)[1], logits)
