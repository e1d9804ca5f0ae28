"""One recogniser, asked about one clip after another: what it says, the parts of the clip and the clips behind it."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import torch

from finegym.applications.neighbours import FeatureReader, LabelledFeatures, find_neighbours, read_labelled_features
from finegym.applications.reasons_model import AskedFacts, Neighbour, Voice
from finegym.applications.reasons_opening import FOLDER, ClipsToExplain, OpenedRecogniser, find_frames
from finegym.applications.reasons_places import Places, label_places
from finegym.applications.reasons_questions import Question
from finegym.applications.saliency import Method, compute_saliency, label_frames, require_captum
from finegym.datasets.clips import ClipSource, RecordClips
from finegym.datasets.views import View
from finegym.errors import AnnotationError, FineGymError
from finegym.training.data import open_data
from finegym.training.inference import exact_float32

NUM_RANKED = 5


@dataclass(frozen=True)
class Labelled:
    """Labelled clips to compare with.

    Attributes:
        features: of the training side of the run's split.
        pictures: their frames; ``None`` where there are none.
    """

    features: LabelledFeatures
    pictures: ClipSource | None


@dataclass(frozen=True)
class Look:
    """What a recogniser saw of a clip, and what it made of it.

    Attributes:
        inputs: float32 (1, …), of the model.
        logits: float64 (K,), calibrated.
        features: float32 (F,).
    """

    inputs: torch.Tensor
    logits: np.ndarray
    features: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """float64 (K,)."""
        shares: np.ndarray = np.exp(self.logits - np.logaddexp.reduce(self.logits))
        return shares


class AskedRecogniser:
    """A recogniser and the clips that it is asked about.

    Args:
        recogniser: opened.
        number: in its bundle, from 1.
        clips: as it sees them.
        method: of the saliency.
        with_places: weigh parts of the picture or joints too.
    """

    def __init__(
        self,
        recogniser: OpenedRecogniser,
        number: int,
        clips: ClipsToExplain,
        *,
        method: Method = "occlusion",
        with_places: bool = False,
    ) -> None:
        self.recogniser, self.number = recogniser, number
        self.method: Method = method
        self.with_places = with_places
        self.clips: ClipsToExplain = clips
        self.view: View = recogniser.build_view(clips.source)
        self.note = ""
        self._reader = FeatureReader(recogniser.model, recogniser.network)
        self._num_runs, self._seconds = 0, 0.0

    @property
    def name(self) -> str:
        """Number, modality and split."""
        section = self.recogniser.recipe.data
        return f"{self.number} ({', '.join(one for one in (section.modality, section.split) if one)})"

    @cached_property
    def labelled(self) -> Labelled | None:
        """The training side of its split; the first time that takes a pass over it. ``note`` says why there is none."""
        try:
            return self._open_labelled()
        except FineGymError as error:  # a bundle travels without the clips it was trained on
            self.note = f"{self.name}: no labelled clips to compare with: {error}"
            return None

    def check(self, instance_id: str) -> None:
        """Raise where a clip is not there.

        Raises:
            AnnotationError: it is not.
        """
        missing = self.clips.source.find_missing([instance_id])
        if missing:
            raise AnnotationError(f"{instance_id}: {missing[instance_id]}{suggest_id(instance_id, self.clips.labels)}")

    def look(self, instance_id: str) -> Look:
        """Look at a clip once.

        Raises:
            VideoError: it cannot be read.
        """
        started = time.process_time()
        one = self.recogniser
        seen = self.view.look(instance_id).inputs  # (1, T, …)
        inputs = self.view.normalise(seen.to(one.device))
        with torch.no_grad(), exact_float32():
            logits = one.model(inputs).float() / one.temperature
        features = self._reader.read(inputs)[0]
        self._num_runs, self._seconds = 2, time.process_time() - started
        return Look(inputs, logits[0].double().cpu().numpy(), features)

    def answer(self, questions: Sequence[Question], look: Look, place: int, num_neighbours: int) -> list[Voice]:
        """What it says of decisions about a clip that it has looked at.

        Args:
            questions: the decisions.
            look: at the clip.
            place: of this recogniser among those asked.
            num_neighbours: labelled clips a side of each decision; 0: none.

        Raises:
            ConfigError: it looks at one frame only, or Captum is missing.
        """
        started = time.process_time()
        decided = [question for question in questions if question.is_decided]
        frames = self._weigh(decided, look, label_frames(look.inputs, self.recogniser.time_axis))
        places = self._weigh(decided, look, self.take_apart(look).parts) if self.with_places else {}
        found = [
            Voice(
                place,
                one.compute_probability(look.logits),
                one.is_decided,
                frames.get(one, ()),
                places.get(one, ()),
                self.find_nearest(look, one.in_favour, num_neighbours),
                self.find_nearest(look, one.against, num_neighbours),
            )
            for one in questions
        ]
        self._seconds += time.process_time() - started
        return found

    def take_apart(self, look: Look) -> Places:
        """Parts of the picture, or joints, of what it sees of a clip."""
        recipe = self.recogniser.recipe
        limbs = recipe.heatmap is not None and recipe.heatmap.limbs
        return label_places(look.inputs, recipe.data.modality, limbs=limbs)

    def describe(self, instance_id: str, look: Look, silence: str, num_neighbours: int) -> AskedFacts:
        """What it is and what it alone says of a clip; asked last, it knows what that has cost."""
        one = self.recogniser
        ranked = np.argsort(-look.logits, kind="stable")[:NUM_RANKED].tolist()
        return AskedFacts(
            number=self.number,
            name=self.name,
            run=str(one.run.path),
            checkpoint=one.checkpoint,
            modality=one.recipe.data.modality,
            level=one.level,
            ranked=tuple((one.class_ids[k], one.class_names[k], float(look.probabilities[k])) for k in ranked),
            frames=tuple(tuple(row) for row in find_frames(self.view, instance_id).tolist()),
            places=self.take_apart(look).names if self.with_places else (),
            silence=silence,
            nearest=self.find_nearest(look, None, num_neighbours),
            num_runs=self._num_runs,
            seconds=round(self._seconds, 3),
        )

    def find_nearest(self, look: Look, classes: Sequence[int] | None, limit: int) -> tuple[Neighbour, ...]:
        """Nearest labelled clips, of some classes or of any."""
        if not limit or self.labelled is None:
            return ()
        known, one = self.labelled.features, self.recogniser
        rows = None if classes is None else np.flatnonzero(np.isin(known.class_indices, list(classes)))
        found = []
        for row, similarity in find_neighbours(look.features, known.features, limit, rows):
            k = int(known.class_indices[row])
            found.append(Neighbour(known.instance_ids[row], one.class_ids[k], one.class_names[k], similarity))
        return tuple(found)

    def show(self, clips: ClipsToExplain) -> None:
        """Ask about other clips from now on."""
        self.clips, self.view = clips, self.recogniser.build_view(clips.source)

    def _weigh(self, decided: Sequence[Question], look: Look, parts: torch.Tensor) -> dict[Question, tuple[float, ...]]:
        """Saliency of parts, for each decision."""
        if not decided:
            return {}
        require_captum()

        def score(inputs: torch.Tensor) -> torch.Tensor:
            self._num_runs += len(inputs)
            logits = self.recogniser.model(inputs).float() / self.recogniser.temperature
            return torch.stack([question.score(logits) for question in decided], dim=1)

        rows = compute_saliency(score, look.inputs, parts, time_axis=self.recogniser.time_axis, method=self.method)
        return {question: tuple(row) for question, row in zip(decided, rows.tolist(), strict=True)}

    def _open_labelled(self) -> Labelled:
        """The training side of the run's split.

        Raises:
            FineGymError: the dataset, its split or its clips are not there any more.
        """
        recipe = self.recogniser.recipe
        data = open_data(recipe.data)
        features = read_labelled_features(
            self._reader,
            data.select("train", recipe.data),
            self.recogniser.build_view(data.source),
            device=self.recogniser.device,
            batch_size=recipe.train.batch_size_test,
            workers=recipe.data.workers,
            cache=self.recogniser.run.path / FOLDER,
            key={"weights": self.recogniser.weights_sha256, "view": self.recogniser.describe_view()},
        )
        is_rgb = recipe.data.modality in ("rgb", "rgb-diff")
        pictures: ClipSource | None = data.source if is_rgb else None  # type: ignore[assignment]
        if pictures is None and data.codebook_path is not None:
            from finegym.annotations.folder import read_dataset

            pictures = RecordClips(read_dataset(data.codebook_path.parent), data.codebook_path.parent)
        return Labelled(features, pictures)


def suggest_id(instance_id: str, known: Collection[str]) -> str:
    """The end of a message: a likely meaning, or how many there are."""
    close = get_close_matches(instance_id, list(known), n=1, cutoff=0.8)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {len(known):,} clips, such as {next(iter(known))}" if known else "; there are no clips"
