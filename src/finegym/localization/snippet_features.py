"""Snippet features of any recogniser that sees frames: what its backbone makes of a few frames, and what it says.

A snippet is looked at as evaluation looks at a clip of so many frames: the same sampling, crops and numbers. Features
are the backbone's, pooled, in the mean over frames and crops; logits are in the mean over crops too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finegym.features.snippets.store import SnippetSettings, Unit
from finegym.localization.snippet_extractor import Extractor, Output, load_extractor
from finegym.localization.snippet_windows import FlowWindows, FrameWindows
from finegym.training.data import build_view
from finegym.training.recipe import Recipe
from finegym.video.ingest.cuts import Cut
from finegym.video.reader import VideoReader


@dataclass(frozen=True)
class RecogniserSnippets:
    """Makes snippet features of a recogniser; see ``features.snippets.make.SnippetMaker``.

    Attributes:
        name: of the run or the backbone, for people.
        run: the run's folder; ``None`` for a bare backbone.
        checkpoint: of the run: ``last``, or epochs done.
        recipe: says the model and how it looks at a clip, with as many frames as a snippet has.
        window: frames of a snippet.
        outputs: what is kept of each snippet, joined in this order.
        flow: settings of the flow that the model takes: ``method`` and ``short_side``; ``None`` where it takes none.
        flow_store: folder of a flow store whose clips are whole actions; ``None`` computes flow.
        device: where the model runs.
    """

    name: str
    run: Path | None
    checkpoint: str
    recipe: Recipe
    window: int
    outputs: tuple[Output, ...] = ("features",)
    flow: tuple[str, int] | None = None
    flow_store: Path | None = None
    device: str = "cpu"

    @property
    def needs_cuts(self) -> bool:
        return self.flow is not None and self.flow_store is None

    def make_settings(self, unit: Unit, stride: int) -> SnippetSettings:
        """What a store of such snippets says of itself; loads the model.

        Raises:
            ConfigError: the run has no such checkpoint, or it does not fit.
        """
        extractor = self._load()
        data = self.recipe.data
        maker: dict[str, Any] = {
            "name": self.name,
            "model": self.recipe.model.name,
            "backbone": self.recipe.model.backbone,
            "weights_sha256": extractor.weights_sha256,
            "modality": data.modality,
            "outputs": list(self.outputs),
            "short_side": data.short_side,
            "crop_size": data.crop_size,
            "crops": data.crops_test,
        }
        if self.flow is not None:
            maker |= {"flow_method": self.flow[0], "flow_short_side": self.flow[1], "flow_from": _name_flow(self)}
        size = sum(extractor.sizes[output] for output in self.outputs)
        return SnippetSettings(unit=unit, stride=stride, window=self.window, feature_size=size, maker=maker)

    def describe_origin(self) -> dict[str, Any]:
        """What ``open_origin`` opens it again by."""
        data = self.recipe.data
        if self.run is None:
            return {
                "backbone": self.recipe.model.backbone,
                "weights": self.recipe.model.weights,
                "short_side": data.short_side,
                "crop_size": data.crop_size,
            }
        return {
            "run": str(self.run.absolute()),
            "checkpoint": self.checkpoint,
            "outputs": list(self.outputs),
            "window": self.window,
        }

    def make(
        self, item_id: str, reader: VideoReader, windows: np.ndarray, cuts: Sequence[Cut]
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Features of windows, and how many of the frames they look at are short or blank."""
        extractor = self._load()
        source: FrameWindows | FlowWindows
        if self.flow is None:
            source = FrameWindows(reader, windows, self.recipe.data.short_side)
        else:
            source = FlowWindows(reader, windows, cuts, self.flow, item_id, self.flow_store)
        view = build_view(self.recipe, source, extractor.normalisation, self.recipe.data.crops_test)
        looks = [view.look(str(place)) for place in range(len(windows))]
        inputs = torch.stack([look.inputs for look in looks])  # (N, V, T, …)
        counts: dict[str, int] = {}
        for look in looks:
            for name, count in look.counts.items():
                counts[name] = counts.get(name, 0) + count
        return extractor.extract(inputs, view, self.outputs), {k: v for k, v in counts.items() if v}

    def _load(self) -> Extractor:
        return load_extractor(self.run, self.checkpoint, self.recipe, self.device)


def _name_flow(maker: RecogniserSnippets) -> str:
    return "computed" if maker.flow_store is None else "store"
