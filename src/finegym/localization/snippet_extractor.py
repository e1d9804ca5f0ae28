"""What a recogniser's backbone makes of clips, besides what the recogniser says of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from finegym.datasets.views import View
from finegym.models import hash_weights
from finegym.models.backbones import Backbone, Normalisation, build_backbone
from finegym.models.tsn import TSN
from finegym.training.build_model import build_model, get_network
from finegym.training.head_arrays import parse_head_facts
from finegym.training.inference import exact_float32
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder, read_checkpoint
from finegym.training.starting import load_checkpoint

Output = Literal["features", "logits", "softmax"]


class Extractor:
    """A recogniser of which features are kept besides scores.

    Args:
        model: maps what a view gives to logits (B, K); its network has a ``backbone``.
        device: where to compute.

    Attributes:
        sizes: values of each output.
        weights_sha256: of all tensors, by key.
        normalisation: what the model wants of its pixels.
    """

    def __init__(self, model: nn.Module, num_classes: int, device: str) -> None:
        network: Any = get_network(model)  # type: ignore[arg-type]
        self.model = model.to(device).eval()
        self.device = torch.device(device)
        self.normalisation: Normalisation | None = network.normalisation
        self._maps: torch.Tensor | None = None
        network.backbone.register_forward_hook(self._keep)
        self.sizes = {"features": network.backbone.feature_size, "logits": num_classes, "softmax": num_classes}
        self.weights_sha256 = hash_weights(model)

    def _keep(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self._maps = output

    def extract(self, inputs: torch.Tensor, view: View, outputs: Sequence[Output]) -> np.ndarray:
        """Outputs of clips, joined.

        Args:
            inputs: (N, V, T, …), as the view looks.
            view: makes numbers of them.
            outputs: which, in order.

        Returns:
            float32 (N, D).
        """
        N, V = inputs.shape[:2]
        with torch.inference_mode(), exact_float32():
            logits = self.model(view.normalise(inputs.flatten(0, 1).to(self.device))).float()  # (N*V, K)
            assert self._maps is not None, "the hook saw the backbone"
            maps = self._maps.float()
            features = maps.flatten(2).mean(dim=2) if maps.dim() > 2 else maps  # (N*V*T, F), or (N*V, F)
            features = features.reshape(N, -1, features.shape[-1]).mean(dim=1)  # (N, F)
            logits = logits.unflatten(0, (N, V)).mean(dim=1)  # (N, K)
            found = {"features": features, "logits": logits, "softmax": logits.softmax(dim=-1)}
            self._maps = None
            return torch.cat([found[output] for output in outputs], dim=1).cpu().numpy()


@lru_cache(maxsize=2)
def load_extractor(run: Path | None, checkpoint: str, recipe: Recipe, device: str) -> Extractor:
    """The model of a run, or (without a run) of a recipe; once a process.

    Raises:
        ConfigError: there is no such checkpoint, or it does not fit.
    """
    if run is None:
        backbone: Backbone = build_backbone(recipe.model.backbone, weights=recipe.model.weights)[0]
        model = TSN(backbone, 1)
        # Of the backbone alone: the class layer is random and nobody looks at it.
        nn.init.zeros_(model.classifier.weight)
        return Extractor(model, 1, device)
    folder = RunFolder(run)
    path = folder.find_checkpoint(checkpoint)
    facts = folder.read_facts()
    trained, _ = build_model(
        folder.read_recipe(), len(facts["classes"]), head=parse_head_facts(facts.get("head")), load_weights=False
    )
    load_checkpoint(trained, read_checkpoint(path), path, facts["classes"])
    return Extractor(trained, len(facts["classes"]), device)
