"""The spotter as a localizer: its network, its losses, the events it finds, and the segments formed of them.

Source: Hong et al., ECCV 2022 (E2E-Spot), section 4, and the authors' code (github.com/jhong93/spot): cross entropy a
frame with a weight of 5 for events, mixup of windows with a share of each window's own, windows that overlap by half,
their probabilities averaged.

Deviations: a window is mixed with the one before it in its batch, theirs with one drawn for it; colours change in
brightness, contrast and saturation only; frames in which two events happen belong to both. The second layer, see
``finegym.models.spotter``, has a loss of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from finegym.datasets.frame_windows import average_windows, list_windows, smooth_scores
from finegym.datasets.transforms import normalise
from finegym.localization.localizer import Batch, Found, Localizer
from finegym.localization.run_folder import LocalizationRun
from finegym.localization.spotter_events import EventClasses, make_event_classes
from finegym.localization.spotter_samples import FrameSource, SpotterSamples, build_samples, open_films
from finegym.localization.spotter_section import SpotterSection
from finegym.localization.spotter_segments import Peaks, find_peaks, form_segments
from finegym.localization.timelines import Timeline, Timelines
from finegym.models.backbones import build_backbone
from finegym.models.freezing import set_training
from finegym.models.spotter import Spotter
from finegym.segments import nms
from finegym.training.parameter_groups import freeze_parameters, hold_frozen_norms
from finegym.training.run_folder import read_checkpoint
from finegym.training.starting import load_checkpoint

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class FrameScores(NamedTuple):
    """Probabilities of the frames of a film.

    Attributes:
        events: float64 (T, K + 1).
        inside: float64 (T, C + 1), or ``None``.
        times_ms: int64 (T + 1,), from the timeline's start; last, when the last frame ends.
    """

    events: np.ndarray
    inside: np.ndarray | None
    times_ms: np.ndarray


class SpotterLocalizer(Localizer):
    """The network with what training and detection need to know.

    Args:
        network: with an output for every event, and every class where ``section.inside_weight`` is above 0.
        classes: of events.
        section: settings.
    """

    event_weights: torch.Tensor

    def __init__(self, network: Spotter, classes: EventClasses, section: SpotterSection) -> None:
        super().__init__()
        self.network, self.classes, self.section = network, classes, section
        weights = torch.full((len(classes) + 1,), section.event_weight)
        weights[0] = 1.0
        self.register_buffer("event_weights", weights, persistent=False)

    def train(self, mode: bool = True) -> SpotterLocalizer:
        """As of every module; what is frozen keeps its mean and variance."""
        super().train(mode)
        set_training(self.network.backbone, mode, partial_batch_norm=self.section.partial_batch_norm)
        hold_frozen_norms(self.network)
        return self

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Cross entropy of events, and of the class that frames lie inside of, over frames that are known."""
        shares = batch["shares"]
        pixels = jitter_colours(batch["frames"], batch["colours"])
        frames = mix(self.normalise(pixels), shares)
        logits = self.network(frames)
        is_known = batch["is_known"] & (batch["is_known"].roll(1, 0) | (shares == 1.0)[:, None])
        events = mix(batch["events"], shares)
        loss = compute_cross_entropy(logits.events[is_known], events[is_known], self.event_weights)
        losses = {"event_loss": loss}
        if logits.inside is not None:
            inside = mix(F.one_hot(batch["inside"], logits.inside.shape[-1]).float(), shares)
            loss = compute_cross_entropy(logits.inside[is_known], inside[is_known])
            losses["inside_loss"] = loss * self.section.inside_weight
        return losses

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (…, C, H, W) in [0, 255] as the backbone wants them."""
        wanted = self.network.normalisation
        return normalise(pixels, wanted.mean, wanted.std)

    def score_frames(self, timeline: Timeline, source: FrameSource) -> FrameScores:
        """Probabilities of every frame of a timeline's film: means over the windows that hold it; events smoothed."""
        section, stretch = self.section, source.get_stretch(timeline)
        film = source.films.get_film(stretch)
        windows = list_windows(film.num_frames, section.clip_len, section.stride, section.step)
        events: list[np.ndarray] = []
        inside: list[np.ndarray] = []
        for group in _group_windows(windows, section.windows_at_once):
            frames = torch.stack([self._crop_test(source.films.read(stretch, window)) for window in group])
            logits = self.network(self.normalise(frames.to(self.event_weights.device)))
            events += list(logits.events.float().softmax(dim=-1).cpu().numpy())
            if logits.inside is not None:
                inside += list(logits.inside.float().softmax(dim=-1).cpu().numpy())
        return FrameScores(
            smooth_scores(
                average_windows(windows, events, film.num_frames, fades=section.windows_fade), section.smooth
            ),
            average_windows(windows, inside, film.num_frames, fades=section.windows_fade) if inside else None,
            film.find_times(np.arange(film.num_frames + 1)),
        )

    def find_events(self, scores: FrameScores, nms_window: int | None = None) -> list[Peaks]:
        """The frames in which each of the K events may happen."""
        window = self.section.nms_window if nms_window is None else nms_window
        return [find_peaks(column, window, self.section.min_score) for column in scores.events[:, 1:].T]

    def detect(self, timeline: Timeline, source: FrameSource) -> Found:
        """Segments formed of events; see ``finegym.localization.spotter_segments``."""
        return self.form(timeline, self.score_frames(timeline, source))

    def form(self, timeline: Timeline, scores: FrameScores) -> Found:
        """Segments from the probabilities of a timeline's frames, doubles suppressed, cut at its ends."""
        formed = form_segments(
            self.find_events(scores),
            self.classes,
            scores.times_ms,
            max_length_ms=self.section.max_length_ms,
            min_score=self.section.min_segment_score,
            inside=scores.inside,
        )
        segments_ms = scores.times_ms[formed.frames].clip(0, timeline.duration_ms).astype(np.float64)
        is_inside = segments_ms[:, 1] > segments_ms[:, 0]
        segments_ms, class_index, values = (
            segments_ms[is_inside],
            formed.class_index[is_inside],
            formed.scores[is_inside],
        )
        kept = nms(segments_ms, values, self.section.nms_tiou, class_index)
        return Found(segments_ms[kept], class_index[kept], values[kept])

    def _crop_test(self, frames: np.ndarray) -> torch.Tensor:
        """uint8 (T, H, W, C) to the part that the network sees, (T, C, h, w)."""
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2)
        if self.section.crop_test == "whole":
            return pictures
        H, W = pictures.shape[-2:]
        height, width = min(self.section.crop[0], H), min(self.section.crop[1], W)
        top, left = (H - height) // 2, (W - width) // 2
        return pictures[..., top : top + height, left : left + width]


def compute_cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """``-sum_k w_k t_k log p_k``, the mean over frames.

    Args:
        logits: (N, K), any float.
        targets: float (N, K), rows that sum to 1.
        weights: float (K,) of the classes.
    """
    losses = -targets * logits.float().log_softmax(dim=-1)
    if weights is not None:
        losses = losses * weights
    return losses.sum() / max(len(logits), 1)


def mix(values: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Each of a batch mixed with the one before it: ``share`` of its own and the rest of the other."""
    if bool((shares == 1.0).all()):
        return values
    share = shares.reshape(-1, *[1] * (values.dim() - 1))
    return share * values + (1 - share) * values.roll(1, 0)


def jitter_colours(frames: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast and saturation of whole windows multiplied by factors.

    Args:
        frames: uint8 (B, T, C, H, W).
        factors: float32 (B, 3).

    Returns:
        float32 of the same shape, in [0, 255]; the same values where all factors are 1.
    """
    if bool((factors == 1.0).all()):
        return frames
    pixels = frames.float()
    if frames.shape[2] != 3:
        return pixels
    brightness, contrast, saturation = (column.reshape(-1, 1, 1, 1, 1) for column in factors.T)
    pixels = (pixels * brightness).clamp(0, 255)
    luma = torch.tensor(LUMA, device=pixels.device).reshape(3, 1, 1)
    mean = (pixels * luma).sum(dim=2, keepdim=True).mean(dim=(1, 3, 4), keepdim=True)
    pixels = (mean + contrast * (pixels - mean)).clamp(0, 255)
    grey = (pixels * luma).sum(dim=2, keepdim=True)
    return (grey + saturation * (pixels - grey)).clamp(0, 255)


def _group_windows(windows: list[np.ndarray], size: int) -> list[list[np.ndarray]]:
    """Neighbouring windows of equal length, at most ``size`` together."""
    groups: list[list[np.ndarray]] = []
    for window in windows:
        if groups and len(groups[-1]) < size and len(groups[-1][0]) == len(window):
            groups[-1].append(window)
        else:
            groups.append([window])
    return groups


def build_spotter(recipe: LocalizationRecipe, timelines: Timelines, feature_size: int = 0) -> SpotterLocalizer:
    """The localizer of a recipe; the backbone has the recipe's first weights.

    Raises:
        ConfigError: the backbone is unknown or its weights are not there, or ``spotter.staged`` does not fit the
            classes.
    """
    section = recipe.spotter
    assert section is not None, "checked with the recipe"
    classes = make_event_classes(timelines.classes, timelines.codebook, section.staged)
    backbone, _ = build_backbone(section.backbone, weights=section.weights)
    network = Spotter(
        backbone,
        len(classes),
        num_classes=len(classes.class_ids) if section.inside_weight else 0,
        temporal=section.temporal,
        hidden_size=section.hidden_size,
        num_layers=section.num_layers,
        dropout=section.dropout,
    )
    freeze_parameters(network, section.freeze)
    localizer = SpotterLocalizer(network, classes, section)
    if section.start:
        path = LocalizationRun(Path(section.start)).find_checkpoint()
        load_checkpoint(localizer, read_checkpoint(path), path, [[c.id, c.name] for c in timelines.classes.classes])
    return localizer


def build_spotter_samples(recipe: LocalizationRecipe, timelines: Timelines, source: FrameSource) -> SpotterSamples:
    """What a recipe's spotter learns from."""
    section = recipe.spotter
    assert section is not None, "checked with the recipe"
    classes = make_event_classes(timelines.classes, timelines.codebook, section.staged)
    return build_samples(timelines.timelines, source, classes, section)


def open_frames(folder: Path, recipe: LocalizationRecipe) -> FrameSource:
    """The films that a recipe's spotter sees."""
    assert recipe.spotter is not None, "checked with the recipe"
    return open_films(folder, recipe.spotter)
