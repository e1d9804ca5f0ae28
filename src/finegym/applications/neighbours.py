"""The nearest labelled clips: cosine similarity of what a recogniser makes of clips just before it names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from finegym.datasets.recognition import EvaluationClips, Selection, build_evaluation_loader
from finegym.datasets.views import View
from finegym.errors import PredictionError
from finegym.files import replace_file
from finegym.training.inference import check_batch, exact_float32
from finegym.training.progress import Progress

FORMAT = "finegym-reasons-features/1"


@dataclass(frozen=True)
class LabelledFeatures:
    """Features of labelled clips.

    Attributes:
        instance_ids: N ids.
        class_indices: int64 (N,).
        features: float32 (N, F).
    """

    instance_ids: tuple[str, ...]
    class_indices: np.ndarray
    features: np.ndarray


class FeatureReader:
    """A model whose penultimate features are kept while it scores clips: what its class layers are given.

    Of models that score every frame or relation by itself, the mean over those; of several class layers (the scales of
    a relation network), one after another.

    Args:
        model: maps inputs (B, …) to logits (B, K); layers called ``classifier`` outside a backbone are class layers.
        network: the model without its head, whose layers are looked through.

    Raises:
        PredictionError: it has no class layer.
    """

    def __init__(self, model: nn.Module, network: nn.Module) -> None:
        self.model = model
        self._seen: list[torch.Tensor] = []
        layers = [
            module
            for name, module in network.named_modules()
            if name.rpartition(".")[2] == "classifier" and not name.startswith("backbone.")
        ]
        if not layers:
            raise PredictionError(f"{type(network).__name__} has no class layer whose features could be compared")
        for layer in layers:
            layer.register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._seen.append(inputs[0].detach())

    def read(self, inputs: torch.Tensor) -> np.ndarray:
        """Features float32 (B, F) of model inputs (B, …)."""
        self._seen = []
        with torch.no_grad(), exact_float32():
            self.model(inputs)
        parts = [seen.float().reshape(len(inputs), -1, seen.shape[-1]).mean(dim=1) for seen in self._seen]
        self._seen = []
        features: np.ndarray = torch.cat(parts, dim=1).cpu().numpy()
        return features


def read_labelled_features(
    reader: FeatureReader,
    selection: Selection,
    view: View,
    *,
    device: torch.device,
    batch_size: int,
    workers: int,
    cache: Path,
    key: dict[str, str],
) -> LabelledFeatures:
    """Features of labelled clips; computed once, then kept in a file.

    Args:
        reader: of the model.
        selection: the clips and their classes.
        view: as the model is to see them: one view a clip.
        device: of the model.
        batch_size: clips together.
        workers: loader processes.
        cache: folder for the file.
        key: what else the features depend on, such as the hash of the weights.

    Raises:
        VideoError: a clip cannot be read.
    """
    known = {**key, "format": FORMAT, "clips": hashlib.sha256("\n".join(selection.instance_ids).encode()).hexdigest()}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    path = cache / f"features-{digest[:16]}.npy"
    if path.is_file():
        features = np.load(path, allow_pickle=False)
    else:
        features = _compute(reader, selection, view, device, batch_size, workers)
        with replace_file(path) as temporary:
            np.save(temporary, features, allow_pickle=False)
    return LabelledFeatures(selection.instance_ids, selection.class_indices, features)


def find_neighbours(
    features: np.ndarray, labelled: np.ndarray, limit: int, rows: np.ndarray | Sequence[int] | None = None
) -> list[tuple[int, float]]:
    """The most similar of labelled clips.

    Args:
        features: float (F,), of the clip.
        labelled: float (N, F), of the others.
        limit: how many at most.
        rows: which of the N to look through; ``None``: all.

    Returns:
        (row, cosine similarity), the most similar first; of equal ones the earlier row. Features of length 0 have a
        similarity of 0 to all.
    """
    chosen = np.arange(len(labelled)) if rows is None else np.asarray(rows, dtype=np.int64)
    if not len(chosen):
        return []
    similarity = _normalise(np.asarray(labelled, np.float64)[chosen]) @ _normalise(np.asarray(features, np.float64))
    order = np.argsort(-similarity, kind="stable")[:limit]
    return [(int(chosen[place]), float(similarity[place])) for place in order]


def _normalise(features: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(features, axis=-1, keepdims=True)
    return np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 0)


def _compute(
    reader: FeatureReader, selection: Selection, view: View, device: torch.device, batch_size: int, workers: int
) -> np.ndarray:
    loader = build_evaluation_loader(
        EvaluationClips(selection, view),
        range(len(selection)),
        batch_size=batch_size,
        workers=workers,
        pin_memory=device.type == "cuda",
    )
    found = []
    with Progress("labelled clips", len(loader)) as progress:
        for batch in loader:
            inputs = check_batch(batch).inputs.to(device)  # (B, 1, T, …)
            found.append(reader.read(view.normalise(inputs[:, 0])))
            progress.advance()
    return np.concatenate(found)
