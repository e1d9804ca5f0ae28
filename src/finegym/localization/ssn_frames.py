"""SSN end to end: the frames of snippets instead of stored features, and the backbone that sees them.

Proposals come from stored features all the same, as the authors' come from a network of their own; so do the times of
snippets, of each of which the frame at its centre is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from finegym.datasets.films import Films, RecordFilms, Stretch
from finegym.datasets.transforms import Crops, crop_views, to_tensor
from finegym.errors import ConfigError
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline
from finegym.models.backbones import Backbone, build_backbone, load_weights
from finegym.training.build_model import restore_normalisation
from finegym.training.run_folder import RunFolder, read_checkpoint

AT_ONCE = 32  # frames of a timeline that are in memory together


@dataclass(frozen=True)
class SnippetFrames:
    """Frames of snippets. Can be sent to loader processes.

    Attributes:
        folder: of the dataset; paths of records are relative to it.
        films: where frames come from.
        crops: the squares that are cut.
    """

    folder: Path
    films: Films
    crops: Crops

    def draw(self, timeline: Timeline, times_ms: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Frames of one proposal's snippets in one random crop: uint8 (S, 3, H, H)."""
        return self.crops.draw(self._read(timeline, times_ms), rng)

    def iterate(self, timeline: Timeline, times_ms: np.ndarray) -> Iterator[torch.Tensor]:
        """Frames of all snippets of a timeline in the centre crop, in order: uint8 (≤ 32, 3, H, H) at a time."""
        for first in range(0, len(times_ms), AT_ONCE):
            frames = self._read(timeline, times_ms[first : first + AT_ONCE])
            yield crop_views(frames, self.crops.size, "centre")[0]

    def _read(self, timeline: Timeline, times_ms: np.ndarray) -> torch.Tensor:
        path = None if timeline.path is None else self.folder / timeline.path
        stretch = Stretch(timeline.timeline_id, path, timeline.start_ms, timeline.end_ms)
        film = self.films.get_film(stretch)
        # The frame shown at a time is the one before the first that is shown later.
        frames = np.searchsorted(film.times_ms, times_ms, side="right") - 1
        return to_tensor(self.films.read(stretch, frames.clip(0)))


def open_snippet_frames(folder: Path, section: SsnSection) -> SnippetFrames | None:
    """The frames that a recipe's SSN sees; ``None`` where it sees stored features."""
    if not section.backbone:
        return None
    crops = Crops(section.short_side, section.crop_size, section.crop_scales)
    return SnippetFrames(Path(folder), RecordFilms(short_side=section.short_side), crops)


def build_ssn_backbone(section: SsnSection) -> Backbone | None:
    """The backbone of a recipe's SSN: its weights from a library, a file, or a recogniser's run.

    Raises:
        ConfigError: the backbone is unknown, or the weights are not there, do not fit, or are a run's without one.
    """
    if not section.backbone:
        return None
    if not Path(section.weights).is_dir():
        return build_backbone(section.backbone, weights=section.weights)[0]
    backbone, _ = build_backbone(section.backbone)
    checkpoint = RunFolder(Path(section.weights)).find_checkpoint("last")
    content, prefix = read_checkpoint(checkpoint), "backbone."
    state = {
        key.removeprefix("model.").removeprefix(prefix): value  # "model." where the recogniser wears a head
        for key, value in content["model"].items()
        if key.removeprefix("model.").startswith(prefix)
    }
    if not state:
        raise ConfigError(f"ssn.weights: {section.weights} is a run of a model without a backbone of images")
    load_weights(backbone, state, source=str(checkpoint), head="\0")
    restore_normalisation(backbone, content)
    return backbone
