"""Flow matching: straight lines from noise to motion, learnt and followed.

Source: Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, with the straight paths of Liu et al.,
"Flow Straight and Fast", ICLR 2023; guidance without a classifier as in Ho and Salimans, 2022; times drawn from a
logit-normal as in Esser et al., ICML 2024, section 3.1. The network predicts the clean motion x1; at time t the
velocity that leads there is (x1 - xt) / (1 - t).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Network = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
_NEAREST = 0.1  # 1 - t below which the weight of the loss grows no further


def compute_loss(
    network: Network,
    clean: torch.Tensor,
    attributes: torch.Tensor,
    generator: torch.Generator,
    *,
    drop: float,
    smoothness: float,
) -> torch.Tensor:
    """The loss of one step, a scalar: error of the velocity, and of how the motion changes from frame to frame.

    Args:
        network: of noisy motion, time and attributes.
        clean: float32 (B, T, D).
        attributes: float32 (B, A).
        generator: draws times, noise and which motions lose their attributes; on the tensors' device or the CPU.
        drop: share of the motions that are learnt without attributes, for guidance.
        smoothness: weight of the second part.
    """
    B = len(clean)
    time = torch.sigmoid(torch.randn(B, generator=generator)).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    kept = (torch.rand(B, 1, generator=generator) >= drop).to(attributes)
    at = time[:, None, None]
    predicted = network(at * clean + (1 - at) * noise, time, attributes * kept)
    error = predicted - clean
    weight = 1 / (1 - at).clamp(min=_NEAREST) ** 2
    steps = error[:, 1:] - error[:, :-1]
    return (weight * error.square()).mean() + smoothness * (weight * steps.square()).mean()


@torch.no_grad()
def sample(
    network: Network, noise: torch.Tensor, attributes: torch.Tensor, *, steps: int, guidance: float
) -> torch.Tensor:
    """Follow the flow from noise to motion by Heun's method; the last step goes straight to what is predicted.

    Args:
        network: of noisy motion, time and attributes.
        noise: float32 (B, T, D), standard normal.
        attributes: float32 (B, A).
        steps: of equal length, at least 1.
        guidance: 1 takes the attributes as they were learnt; above 1 goes further away from "any motion".

    Returns:
        float32 (B, T, D).
    """
    x = noise
    for step in range(steps):
        time, following = step / steps, (step + 1) / steps
        velocity = (_predict(network, x, time, attributes, guidance) - x) / (1 - time)
        ahead = x + (following - time) * velocity
        if step + 1 < steps:
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
