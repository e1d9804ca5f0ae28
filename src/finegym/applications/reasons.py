"""Why a recogniser says what it says of a clip: the decisions, the frames behind each, and labelled clips like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from finegym.applications.neighbours import FeatureReader, LabelledFeatures, find_neighbours, read_labelled_features
from finegym.applications.reasons_opening import (
    FOLDER,
    ClipsToExplain,
    OpenedRecogniser,
    find_frames,
    open_clips_to_explain,
    open_recogniser,
)
from finegym.applications.reasons_questions import Question, list_questions
from finegym.applications.saliency import Method, compute_frame_saliency
from finegym.datasets.clips import ClipSource, RecordClips
from finegym.errors import AnnotationError, FineGymError
from finegym.training.data import open_data
from finegym.training.inference import exact_float32

NUM_RANKED = 5


@dataclass(frozen=True)
class Neighbour:
    """A labelled clip that looks like the one in question.

    Attributes:
        instance_id: which.
        class_id: what it is.
        class_name: for people.
        similarity: cosine of the features, -1 to 1.
    """

    instance_id: str
    class_id: str
    class_name: str
    similarity: float


@dataclass(frozen=True)
class QuestionReasons:
    """A decision and what is behind it.

    Attributes:
        question: what was decided.
        probability: of the answer.
        saliency: T numbers, how much each of the frames looked at speaks for the answer, in log-odds; empty where
            nothing was decided.
        like_answer: nearest labelled clips of the classes that the answer leaves.
        like_other: of those that the other answer would have left.
    """

    question: Question
    probability: float
    saliency: tuple[float, ...]
    like_answer: tuple[Neighbour, ...]
    like_other: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Reasons:
    """Why a recogniser says what it says of a clip.

    Attributes:
        run: folder of the run.
        checkpoint: name of the file.
        instance_id: the clip.
        label: class id that somebody gave it; ``None`` where nobody did, or another level.
        ranked: (class id, name, probability) of the likeliest.
        frames: T rows of the consecutive frames that the model looks at together, counted from the clip's first;
            -1 for none.
        method: of the saliency.
        questions: the decisions in order.
        nearest: nearest labelled clips whatever they are.
        notes: what could not be said, and why.
    """

    run: str
    checkpoint: str
    instance_id: str
    label: str | None
    ranked: tuple[tuple[str, str, float], ...]
    frames: tuple[tuple[int, ...], ...]
    method: str
    questions: tuple[QuestionReasons, ...]
    nearest: tuple[Neighbour, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Labelled:
    """Labelled clips to compare with.

    Attributes:
        features: of the training side of the run's split.
        pictures: their frames; ``None`` where there are none.
    """

    features: LabelledFeatures
    pictures: ClipSource | None


class Explainer:
    """Answers why, of as many clips as one asks about.

    Args:
        path: a run folder, or a bundle.
        dataset: folder whose clips are asked about; ``None``: that of the run.
        number: which recogniser of a bundle, from 1.
        overrides: of the recipe, as for ``finegym predict``: ``data.num_segments_test=12`` shows more frames.
        checkpoint: ``last``, or epochs done.
        method: of the saliency.
        with_neighbours: look for labelled clips that are like it; the first time that takes a pass over the training
            side of the run's split.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: there is no such run, bundle or recogniser.
        AnnotationError: the dataset cannot be read.
        VideoError: there are no clips.
        FeatureError: there are no features as the model wants them.
    """

    def __init__(
        self,
        path: Path,
        *,
        dataset: Path | None = None,
        number: int = 1,
        overrides: Sequence[str] = (),
        checkpoint: str = "last",
        method: Method = "occlusion",
        with_neighbours: bool = True,
        device: Literal["auto", "cpu"] = "auto",
    ) -> None:
        self.recogniser: OpenedRecogniser = open_recogniser(
            path, number=number, overrides=overrides, checkpoint=checkpoint, device=device
        )
        self.clips: ClipsToExplain = open_clips_to_explain(self.recogniser, dataset)
        self.view = self.recogniser.build_view(self.clips.source)
        self.method: Method = method
        self._reader = FeatureReader(self.recogniser.model, self.recogniser.network)
        self.labelled: Labelled | None = None
        self._notes: tuple[str, ...] = ()
        if with_neighbours:
            try:
                self.labelled = _open_labelled(self.recogniser, self._reader)
            except FineGymError as error:  # a bundle travels without the clips it was trained on
                self._notes = (f"no labelled clips to compare with: {error}",)

    def explain(self, instance_id: str, *, against: str | None = None, num_neighbours: int = 3) -> Reasons:
        """Why the recogniser says what it says of a clip.

        Args:
            instance_id: of the dataset.
            against: a class: why is it not that one?
            num_neighbours: labelled clips a side of each decision.

        Raises:
            AnnotationError: there is no such clip.
            VideoError: it cannot be read.
            ConfigError: ``against`` is no class of the model; the model looks at one frame only; Captum is missing.
        """
        missing = self.clips.source.find_missing([instance_id])
        if missing:
            raise AnnotationError(f"{instance_id}: {missing[instance_id]}. `finegym annotations` lists what there is.")
        one = self.recogniser
        look = self.view.look(instance_id).inputs  # (1, T, …)
        inputs = self.view.normalise(look.to(one.device))
        logits = self._score(inputs)[0].double().cpu().numpy()
        ranked = np.argsort(-logits, kind="stable")
        questions = list_questions(int(ranked[0]), one.class_ids, one.class_names, one.codebook, against)
        features = self._reader.read(inputs)[0]
        probabilities = np.exp(logits - np.logaddexp.reduce(logits))
        return Reasons(
            run=str(one.run.path),
            checkpoint=one.checkpoint,
            instance_id=instance_id,
            label=self.clips.labels.get(instance_id),
            ranked=tuple(
                (one.class_ids[k], one.class_names[k], float(probabilities[k])) for k in ranked[:NUM_RANKED].tolist()
            ),
            frames=tuple(tuple(row) for row in find_frames(self.view, instance_id).tolist()),
            method=self.method,
            questions=self._explain_questions(questions, inputs, logits, features, num_neighbours),
            nearest=self._find_nearest(features, None, num_neighbours),
            notes=self._notes,
        )

    def _explain_questions(
        self,
        questions: Sequence[Question],
        inputs: torch.Tensor,
        logits: np.ndarray,
        features: np.ndarray,
        num_neighbours: int,
    ) -> tuple[QuestionReasons, ...]:
        decided = [question for question in questions if question.against]
        saliency: dict[Question, tuple[float, ...]] = {}
        if decided:
            rows = compute_frame_saliency(
                lambda shown: self._score_questions(shown, decided),
                inputs,
                time_axis=self.recogniser.time_axis,
                method=self.method,
            )
            saliency = {question: tuple(row) for question, row in zip(decided, rows.tolist(), strict=True)}
        return tuple(
            QuestionReasons(
                question,
                question.compute_probability(logits),
                saliency.get(question, ()),
                self._find_nearest(features, question.in_favour, num_neighbours),
                self._find_nearest(features, question.against, num_neighbours),
            )
            for question in questions
        )

    def _score(self, inputs: torch.Tensor) -> torch.Tensor:
        """Calibrated logits (B, K)."""
        with torch.no_grad(), exact_float32():
            logits: torch.Tensor = self.recogniser.model(inputs).float() / self.recogniser.temperature
        return logits

    def _score_questions(self, inputs: torch.Tensor, questions: Sequence[Question]) -> torch.Tensor:
        logits = self.recogniser.model(inputs).float() / self.recogniser.temperature
        return torch.stack([question.score(logits) for question in questions], dim=1)

    def _find_nearest(self, features: np.ndarray, classes: Sequence[int] | None, limit: int) -> tuple[Neighbour, ...]:
        if self.labelled is None:
            return ()
        known, one = self.labelled.features, self.recogniser
        rows = None if classes is None else np.flatnonzero(np.isin(known.class_indices, list(classes)))
        found = []
        for row, similarity in find_neighbours(features, known.features, limit, rows):
            k = int(known.class_indices[row])
            found.append(Neighbour(known.instance_ids[row], one.class_ids[k], one.class_names[k], similarity))
        return tuple(found)


def _open_labelled(recogniser: OpenedRecogniser, reader: FeatureReader) -> Labelled:
    """The training side of the run's split.

    Raises:
        FineGymError: the dataset, its split or its clips are not there any more.
    """
    recipe = recogniser.recipe
    data = open_data(recipe.data)
    features = read_labelled_features(
        reader,
        data.select("train", recipe.data),
        recogniser.build_view(data.source),
        device=recogniser.device,
        batch_size=recipe.train.batch_size_test,
        workers=recipe.data.workers,
        cache=recogniser.run.path / FOLDER,
        key={"weights": recogniser.weights_sha256, "view": recogniser.describe_view()},
    )
    is_rgb = recipe.data.modality in ("rgb", "rgb-diff")
    pictures: ClipSource | None = data.source if is_rgb else None  # type: ignore[assignment]
    if pictures is None and data.codebook_path is not None:
        from finegym.annotations.folder import read_dataset

        pictures = RecordClips(read_dataset(data.codebook_path.parent), data.codebook_path.parent)
    return Labelled(features, pictures)
