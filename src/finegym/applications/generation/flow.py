"""Flow matching: straight lines from noise to motion, learnt and followed.

Frames and joints of a motion say much the same: thousands of numbers hold perhaps twenty things. So which element it is
shows through noise that would bury a single number, and is decided early: most of learning and of the steps has to be
near the noise. ``shift`` says how far: a time with odds ``o`` of motion to noise becomes one with odds ``o / shift``.

Source: Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, with the straight paths of Liu et al.,
"Flow Straight and Fast", ICLR 2023; guidance without a classifier as in Ho and Salimans, 2022; times drawn from a
logit-normal and shifted as in Esser et al., ICML 2024, sections 3.1 and 5.3.2. The network predicts the clean
motion x1; at time t the velocity that leads there is (x1 - xt) / (1 - t).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch

Network = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
_NEAREST = 0.1  # 1 - t below which the weight of the loss grows no further
_SPREAD = 1.5  # standard deviation of the log odds of times


def compute_loss(
    network: Network,
    clean: torch.Tensor,
    attributes: torch.Tensor,
    generator: torch.Generator,
    *,
    drop: float,
    shift: float = 1.0,
    compute_error: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """The loss of one step, a scalar: error of the velocity, and what else is wrong with the predicted motion.

    Args:
        network: of noisy motion, time and attributes.
        clean: float32 (B, T, D).
        attributes: float32 (B, A).
        generator: draws times, noise and which motions lose their attributes; on the tensors' device or the CPU.
        drop: share of the motions that are learnt without attributes, for guidance.
        shift: of the times; 1 is none.
        compute_error: of predicted and clean motions, (B,), counted where the attributes are known; weighted over time
            as the error of the velocity is. What is not linear in the motion draws the prediction away from the mean
            that the flow is defined by.
    """
    B = len(clean)
    time = shift_times(torch.sigmoid(_SPREAD * torch.randn(B, generator=generator)), shift).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    kept = (torch.rand(B, 1, generator=generator) >= drop).to(attributes)
    at = time[:, None, None]
    predicted = network(at * clean + (1 - at) * noise, time, attributes * kept)
    error = (predicted - clean).square().mean(dim=(1, 2))
    if compute_error is not None:
        error = error + kept[:, 0] * compute_error(predicted, clean)
    return (error / (1 - time).clamp(min=_NEAREST) ** 2).mean()


def shift_times(times: torch.Tensor, shift: float) -> torch.Tensor:
    """Times in [0, 1] moved towards the noise: odds divided by ``shift``; 0 and 1 stay.

    Example:
        >>> shift_times(torch.tensor([0.0, 0.5, 1.0]), 4.0).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    return times / (times + shift * (1 - times))


@torch.no_grad()
def sample(
    network: Network,
    noise: torch.Tensor,
    attributes: torch.Tensor,
    *,
    steps: int,
    guidance: float,
    shift: float = 1.0,
) -> torch.Tensor:
    """Follow the flow from noise to motion by Heun's method; the last step goes straight to what is predicted.

    Args:
        network: of noisy motion, time and attributes.
        noise: float32 (B, T, D), standard normal.
        attributes: float32 (B, A).
        steps: at least 1.
        guidance: 1 takes the attributes as they were learnt; above 1 goes further away from "any motion".
        shift: of the times between steps, as it was learnt; 1 makes steps of equal length.

    Returns:
        float32 (B, T, D).
    """
    x = noise
    times = shift_times(torch.linspace(0, 1, steps + 1, dtype=torch.float64), shift).tolist()
    for time, following in itertools.pairwise(times):
        velocity = (_predict(network, x, time, attributes, guidance) - x) / (1 - time)
        ahead = x + (following - time) * velocity
        if following < 1:
            later = (_predict(network, ahead, following, attributes, guidance) - ahead) / (1 - following)
            ahead = x + (following - time) * 0.5 * (velocity + later)
        x = ahead
    return x


def _predict(network: Network, x: torch.Tensor, time: float, attributes: torch.Tensor, guidance: float) -> torch.Tensor:
    B = len(x)
    if guidance == 1:
        return network(x, x.new_full((B,), time), attributes)
    both = network(torch.cat([x, x]), x.new_full((2 * B,), time), torch.cat([attributes, torch.zeros_like(attributes)]))
    wanted, anything = both.chunk(2)
    return anything + guidance * (wanted - anything)
