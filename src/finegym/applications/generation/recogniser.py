"""The judge of generated motion: a small network that tells all elements apart, trained on performed motion alone.

It sees every element, those included that the generator never sees, and the generator never sees it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

_LABEL_SMOOTHING = 0.1
_BATCH_TEST = 256


class MotionRecogniser(nn.Module):
    """Convolutions over time, the mean and the largest value over what is left of it, and a classifier.

    Args:
        num_values: D, numbers a frame.
        num_classes: K.
        width: channels, and length of the features.
    """

    def __init__(self, num_values: int, num_classes: int, width: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for in_channels, stride in ((num_values, 1), (width, 2), (width, 2), (width, 2)):
            layers += [
                nn.Conv1d(in_channels, width, 5, stride=stride, padding=2, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers)
        self.gather = nn.Sequential(nn.Linear(2 * width, width), nn.BatchNorm1d(width), nn.ReLU())
        self.classifier = nn.Linear(width, num_classes)

    def compute_features(self, motions: torch.Tensor) -> torch.Tensor:
        """Features (B, W), not negative, of motions float32 (B, T, D)."""
        x = self.body(motions.transpose(1, 2))  # (B, W, T/8)
        features: torch.Tensor = self.gather(torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1))
        return features

    def forward(self, motions: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of motions float32 (B, T, D)."""
        logits: torch.Tensor = self.classifier(self.compute_features(motions))
        return logits


def train_recogniser(
    model: MotionRecogniser,
    values: np.ndarray,
    classes: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    jitter: float,
    seed: int,
    notice: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a recogniser in place; it is left ready to recognise.

    Args:
        model: on its device.
        values: float32 (N, T, D).
        classes: int (N,).
        steps: of one batch each, drawn with replacement.
        batch_size: motions a step.
        learning_rate: at its peak; rises over a tenth of the steps and falls to zero.
        jitter: standard deviation of noise on every value.
        seed: of batches and noise.
        notice: is called with step and loss after every step.
    """
    device = next(model.parameters()).device
    chance = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=learning_rate, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    clean, targets = torch.from_numpy(values), torch.from_numpy(classes.astype(np.int64))
    model.train()
    for step in range(steps):
        rows = torch.randint(len(clean), (batch_size,), generator=chance)
        batch = clean[rows] + jitter * torch.randn(clean[rows].shape, generator=chance)
        loss = F.cross_entropy(model(batch.to(device)), targets[rows].to(device), label_smoothing=_LABEL_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        notice(step + 1, loss.item())
    model.eval()


@torch.no_grad()
def recognise(model: MotionRecogniser, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features float64 (N, W) and logits float64 (N, K) of motions float32 (N, T, D)."""
    device = next(model.parameters()).device
    model.eval()
    features, logits = [], []
    for batch in torch.from_numpy(values).split(_BATCH_TEST):
        of_batch = model.compute_features(batch.to(device))
        features.append(of_batch.cpu().double().numpy())
        logits.append(model.classifier(of_batch).cpu().double().numpy())
    return np.concatenate(features), np.concatenate(logits)
