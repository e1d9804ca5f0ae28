"""ActionVLAD: features of all positions of all frames, gathered by action words.

Source: Girdhar et al., "ActionVLAD: Learning Spatio-temporal Aggregation for Action Classification", CVPR 2017,
equation 1 and sections 3.1 and 3.3; normalisations as in Arandjelovic et al., "NetVLAD", CVPR 2016, section 3. Settings
on FineGym: supplement of Shao et al., CVPR 2020.

Deviations: the assignment may leave the centres in training, as in the authors' code: its weights and bias are
parameters of their own, which start at the centres' values.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models.backbones import IMAGENET, Backbone
from finegym.models.freezing import initialise_classifier

# Configuration D of Simonyan and Zisserman, ICLR 2015, table 1, without the last pooling; 0 pools.
VGG16_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)


class ActionVLAD(nn.Module):
    """A network of maps, VLAD over the positions of all frames, and a classifier.

    Args:
        backbone: maps images (N, C, H, W) to maps (N, D, H', W'); D is its ``feature_size``.
        num_classes: K.
        num_clusters: action words.
        alpha: sharpness of the assignment to words.
        dropout: before the classifier, in [0, 1).
        freeze_backbone: train what is after the backbone only.
        freeze_centres: keep centres and assignment as ``vlad.set_centres`` left them (the first step of training).

    The number of frames is free in every call.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        *,
        num_clusters: int = 64,
        alpha: float = 1000.0,
        dropout: float = 0.0,
        freeze_backbone: bool = False,
        freeze_centres: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.normalisation = backbone.normalisation
        self.vlad = VLAD(backbone.feature_size, num_clusters, alpha=alpha)
        self.dropout = nn.Dropout(dropout)
        self.classifier = initialise_classifier(nn.Linear(num_clusters * backbone.feature_size, num_classes))
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.backbone.requires_grad_(False)
        self.vlad.requires_grad_(not freeze_centres)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, C, H, W), normalised as ``normalisation`` says."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            maps = self.backbone(frames.flatten(0, 1))  # (B*T, D, H', W')
        features = maps.unflatten(0, frames.shape[:2]).movedim(2, -1).flatten(1, 3)  # (B, T*H'*W', D)
        logits: torch.Tensor = self.classifier(self.dropout(self.vlad(features)))
        return logits

    def train(self, mode: bool = True) -> ActionVLAD:
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self


class VLAD(nn.Module):
    """Sums of what features are beyond the word they are nearest to (equation 1).

    Args:
        feature_size: D.
        num_clusters: W words.
        alpha: of the assignment softmax(2 alpha f·c − alpha |c|²), which is softmax(−alpha |f − c|²).

    Centres start as random unit vectors; ``set_centres`` puts those of k-means in.
    """

    def __init__(self, feature_size: int, num_clusters: int = 64, *, alpha: float = 1000.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.centres = nn.Parameter(torch.empty(num_clusters, feature_size))
        self.assignment = nn.Linear(feature_size, num_clusters)
        self.set_centres(F.normalize(torch.randn(num_clusters, feature_size)))

    @torch.no_grad()
    def set_centres(self, centres: torch.Tensor) -> None:
        """Put centres in, and the assignment that follows from them.

        Args:
            centres: float32 (W, D), of features of length 1.
        """
        if centres.shape != self.centres.shape:
            raise ConfigError(f"centres must be {tuple(self.centres.shape)}, got {tuple(centres.shape)}")
        self.centres.copy_(centres)
        self.assignment.weight.copy_(2 * self.alpha * centres)
        self.assignment.bias.copy_(-self.alpha * centres.square().sum(dim=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Vectors (B, W*D) of length 1, of features (B, N, D) at N places."""
        features = normalise_length(features)
        weights = self.assignment(features).softmax(dim=2)  # (B, N, W)
        # The sum over places of a (f − c) is the sum of a f, less c times the sum of a.
        residuals = weights.transpose(1, 2) @ features - weights.sum(dim=1)[:, :, None] * self.centres  # (B, W, D)
        return normalise_length(normalise_length(residuals).flatten(1))


def normalise_length(vectors: torch.Tensor) -> torch.Tensor:
    """Divide by the root of max(sum of squares, 1e-12) along the last axis."""
    return vectors * vectors.square().sum(dim=-1, keepdim=True).clamp(min=1e-12).rsqrt()


class VGG16Maps(nn.Module):
    """The convolutions of torchvision's VGG-16, with its keys: images (N, 3, H, W) to maps (N, 512, H/16, W/16).

    The maps are those of conv5_3 after its ReLU, before the last pooling.

    Args:
        in_channels: of the images.
        is_frozen_before_conv5: layers before conv5_1 are not trained (the published setting).
    """

    feature_size = 512

    def __init__(self, in_channels: int = 3, *, is_frozen_before_conv5: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in VGG16_WIDTHS:
            if width == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            conv = nn.Conv2d(in_channels, width, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            layers += [conv, nn.ReLU(inplace=True)]
            in_channels = width
        self.features = nn.Sequential(*layers)
        if is_frozen_before_conv5:
            self.features[:24].requires_grad_(False)  # 24 is conv5_1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.features(images)
        return maps


def build_vgg16_maps(in_channels: int = 3, *, is_frozen_before_conv5: bool = True) -> Backbone:
    """The backbone of ActionVLAD with random weights; ``backbones.load_weights`` takes torchvision's VGG-16 files.

    The head's keys in such a file start with ``classifier.``.
    """
    body = VGG16Maps(in_channels, is_frozen_before_conv5=is_frozen_before_conv5)
    return Backbone(body, VGG16Maps.feature_size, IMAGENET)


def compute_centres(
    features: torch.Tensor, num_clusters: int, generator: torch.Generator, *, max_iterations: int = 100
) -> torch.Tensor:
    """Centres of features by k-means (Lloyd's iterations from k-means++ seeds), for ``VLAD.set_centres``.

    Args:
        features: float32 (N, D); their lengths are set to 1 first, as VLAD does.
        num_clusters: W, at most N.
        generator: of the seeds, on the device of the features.
        max_iterations: at most; it ends earlier when no feature changes its centre.

    Returns:
        float32 (W, D), not of length 1. A centre that loses all its features stays where it was.

    Raises:
        ConfigError: there are fewer features than clusters.
    """
    if len(features) < num_clusters:
        raise ConfigError(f"{num_clusters} clusters need at least as many features, got {len(features)}")
    features = normalise_length(features)
    centres = _draw_seeds(features, num_clusters, generator)
    nearest = torch.full((len(features),), -1, device=features.device)
    for _ in range(max_iterations):
        found = torch.cdist(features, centres).argmin(dim=1)
        if torch.equal(found, nearest):
            break
        nearest = found
        sums = torch.zeros_like(centres).index_add_(0, nearest, features)
        count = torch.bincount(nearest, minlength=num_clusters)[:, None]
        centres = torch.where(count > 0, sums / count.clamp(min=1), centres)
    return centres


def _draw_seeds(features: torch.Tensor, num_clusters: int, generator: torch.Generator) -> torch.Tensor:
    """k-means++: each seed with a probability that grows with the squared distance from those before."""
    device = features.device
    chosen = [int(torch.randint(len(features), (1,), generator=generator, device=device))]
    distance = (features - features[chosen[0]]).square().sum(dim=1)
    while len(chosen) < num_clusters:
        weights = distance if bool(distance.sum() > 0) else torch.ones_like(distance)
        chosen.append(int(torch.multinomial(weights, 1, generator=generator)))
        distance = torch.minimum(distance, (features - features[chosen[-1]]).square().sum(dim=1))
    return features[chosen]
