"""Where attributes are looked for: annotations, parses, prediction files; all of them as candidates with beliefs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from finegym.annotations.folder import CODEBOOK_FILE
from finegym.annotations.model import Dataset, Instance
from finegym.annotations.source import open_source
from finegym.applications.attributes import Belief, Candidate
from finegym.applications.parse.files import PARSE_FILE, Parse, ParsedSubAction, read_parse
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError, PredictionError
from finegym.evaluation.predictions import Predictions, read_predictions
from finegym.evaluation.report import check_classes
from finegym.evaluation.source import find_split


def read_candidates(
    path: Path, *, dataset: Path | None = None, split: str | None = None
) -> tuple[list[Candidate], Codebook]:
    """Everything that can be looked through, and the codebook it is told in.

    Args:
        path: a dataset folder or official files; a ``parse.json``, the folder of one parse or of several; or a
            prediction file.
        dataset: of a prediction file.
        split: of a prediction file, whose classes it has.

    Raises:
        AnnotationError: it is nothing of these.
        ConfigError: a parse cannot be read, several have different codebooks; ``dataset`` and ``split`` are missing for
            a prediction file or given for something else.
        PredictionError: the prediction file is damaged, or not of these classes.
    """
    parses = find_parses(path)
    is_predictions = not parses and path.is_file()
    if is_predictions != (dataset is not None and split is not None) or (dataset is None) != (split is None):
        raise ConfigError(
            f"{path}: a prediction file needs --dataset and --split, which say what its classes are"
            if is_predictions
            else f"{path}: --dataset and --split are for prediction files. Leave them out."
        )
    if parses:
        return _read_parses(parses)
    if dataset is not None and split is not None:
        return _read_predictions(path, dataset, split)
    source = open_source(path)
    return [make_annotated(one) for one in source.dataset.instances.values()], source.dataset.codebook


def find_parses(path: Path) -> list[Path]:
    """The ``parse.json`` that a path means: itself, of this folder, or of the folders in it; empty: it is no parse."""
    if path.name.endswith(".json") and path.is_file():
        return [path]
    if (path / PARSE_FILE).is_file():
        return [path / PARSE_FILE]
    return sorted(path.glob(f"*/{PARSE_FILE}")) if path.is_dir() else []


def make_annotated(instance: Instance) -> Candidate:
    """A labelled sub-action: its element is certain, or only its set, or nothing."""
    sub = instance.sub_action
    elements = {sub.element_id: 1.0} if sub.element_id is not None else {}
    sets = {sub.set_id: 1.0} if sub.element_id is None and sub.set_id is not None else {}
    return Candidate(instance.id, instance.video.id, sub.start_ms, sub.end_ms, Belief(elements, sets))


def make_parsed(parse: Parse) -> list[Candidate]:
    """The sub-actions of a parse; those of replays are the same ones again, and left out."""
    return [
        Candidate(
            f"{parse.record_id}_{action.name}_{sub.name}",
            parse.record_id,
            sub.start_ms,
            sub.end_ms,
            make_belief(sub),
            sub.unsure,
        )
        for action in parse.actions
        if action.kind != "replay"
        for sub in action.sub_actions
    ]


def make_belief(sub: ParsedSubAction) -> Belief:
    """What a parse thinks of a sub-action. It lists the likeliest elements and sets only; the rest stays open."""
    elements = {one.element_id: one.probability for one in sub.candidates}
    sets = {}
    for set_id, probability in sub.sets.items():
        listed = sum(one.probability for one in sub.candidates if one.set_id == set_id)
        if probability - listed > 1e-5:  # candidates are rounded to six digits
            sets[set_id] = probability - listed
    return Belief(elements, sets)


def make_predicted(predictions: Predictions, class_ids: Sequence[str], dataset: Dataset, level: str) -> list[Candidate]:
    """The rows of a prediction file; probabilities are the softmax of logits."""
    found = []
    for instance_id, row in zip(predictions.instance_ids, compute_probabilities(predictions.logits), strict=True):
        shares = dict(zip(class_ids, row.tolist(), strict=True))
        belief = Belief(shares, {}) if level == "element" else Belief({}, shares)
        instance = dataset.instances.get(instance_id)
        sub = instance.sub_action if instance else None
        found.append(
            Candidate(
                instance_id,
                instance.video.id if instance else "",
                sub.start_ms if sub else None,
                sub.end_ms if sub else None,
                belief,
            )
        )
    return found


def compute_probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax, float64 (N, K), of logits (N, K); rows of NaN stay."""
    if not logits.size:
        return np.zeros(logits.shape)
    probabilities: np.ndarray = softmax(np.asarray(logits, dtype=np.float64), axis=1)
    return probabilities


def _read_parses(paths: Sequence[Path]) -> tuple[list[Candidate], Codebook]:
    codebooks = {path: read_codebook(path.parent / CODEBOOK_FILE) for path in paths}
    first = codebooks[paths[0]]
    other = next((path for path, codebook in codebooks.items() if codebook != first), None)
    if other is not None:
        raise ConfigError(
            f"{paths[0].parent} and {other.parent} have different codebooks. Look through them one by one."
        )
    return [candidate for path in paths for candidate in make_parsed(read_parse(path))], first


def _read_predictions(path: Path, dataset: Path, split_name: str) -> tuple[list[Candidate], Codebook]:
    source = open_source(dataset)
    split = find_split(source, split_name)
    if split.subset.level == "event":
        raise PredictionError(
            f"{path}: its classes are events, which have no attributes. Give one of elements or sets."
        )
    predictions = read_predictions(path)
    check_classes(predictions.metadata, split, str(path))
    class_ids = [class_.id for class_ in split.subset.classes]
    if len(predictions.instance_ids) and predictions.logits.shape[1] != len(class_ids):
        raise PredictionError(
            f"{path} has {predictions.logits.shape[1]} logits a row, split {split.name} has {len(class_ids)} classes. "
            "Give the split that it was predicted for."
        )
    candidates = make_predicted(predictions, class_ids, source.dataset, split.subset.level)
    return candidates, source.dataset.codebook
