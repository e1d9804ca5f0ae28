"""Generated beside performed motion: recognised as what was asked for, as varied, and physically possible.

Performed motion of other gymnasts is measured the same way, so that every number has beside it what truth itself gets;
and baselines: a motion that is linear in the attributes and, for unseen elements, performances of the nearest seen one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from finegym.applications.generation import measures
from finegym.applications.generation.attribute_vector import encode_elements
from finegym.applications.generation.baselines import copy_nearest, fit_linear
from finegym.applications.generation.cleanup import clean_up
from finegym.applications.generation.coding import encode_body, keep_bones
from finegym.applications.generation.motions import Motions, make_motions
from finegym.applications.generation.plausibility import Plausibility, measure, measure_bone_spread
from finegym.applications.generation.recogniser import MotionRecogniser, recognise
from finegym.applications.generation.run_folder import Generator, read_generator, read_judge
from finegym.applications.generation.sampling import draw_motions
from finegym.applications.generation.training import TEST_SEED, say
from finegym.codebook.model import Codebook
from finegym.errors import ConfigError

UNSEEN_FACTOR = 4
"""Unseen elements are few: so many times more motions of each."""
_AGAIN_SEED = 3


@dataclass(frozen=True)
class Row:
    """What one kind of motion scores.

    Attributes:
        group: ``seen`` or ``unseen``, of elements.
        source: ``performed``, ``generated``, ``generated, cleaned up``, or a baseline: ``nearest seen, performed``,
            ``linear in attributes``.
        num_motions: how many.
        num_elements: of how many elements.
        accuracy: share recognised as the element asked for, among all of the codebook, the mean over elements.
        low: of its 95 % interval over elements.
        high: likewise.
        set_accuracy: share whose element is of the set asked for.
        attributes_right: share of the attributes asked for that the recognised element has.
        fid: Fréchet distance to performed motion of the group.
        diversity: mean distance of pairs.
        multimodality: the same within an element.
        bone_spread: before bones are given one length; the mean.
        sliding_m_s: mean.
        depth_m: mean.
        flight_error_m: median over motions with a flight.
        gravity_m_s2: likewise.
        num_flights: motions with a flight that is long enough to measure.
        touching: mean.
        tremble_m: mean.
        moved_m: how far cleaning up moved a joint, the mean; NaN for what was not cleaned up.
    """

    group: str
    source: str
    num_motions: int
    num_elements: int
    accuracy: float
    low: float
    high: float
    set_accuracy: float
    attributes_right: float
    fid: float
    diversity: float
    multimodality: float
    bone_spread: float
    sliding_m_s: float
    depth_m: float
    flight_error_m: float
    gravity_m_s2: float
    num_flights: int
    touching: float
    tremble_m: float
    moved_m: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All rows, and the accuracy of every unseen element, generated and cleaned up."""

    rows: tuple[Row, ...]
    unseen: dict[str, float]
    guidance: float
    steps: int
    seed: int


def evaluate_run(
    path: Path,
    *,
    seed: int = 0,
    guidance: float | None = None,
    count: int | None = None,
    device: str = "cpu",
    say: Callable[[str], None] = say,
) -> Evaluation:
    """Judge the generator of a run folder.

    Args:
        path: the run folder.
        seed: of the noise.
        guidance: the recipe's by default.
        count: motions of every seen element, and a quarter of those of an unseen one; the recipe's by default.
        device: of torch.
        say: is given lines of progress.

    Raises:
        ConfigError: there is no finished run, or fewer than 2 motions of an element.
    """
    generator = read_generator(path, device)
    judge = read_judge(path, generator, device)
    count = generator.recipe.data.performances_test if count is None else count
    if count < 2:
        raise ConfigError(f"{count} motions of an element: diversity within an element needs 2. Ask for more.")
    bench = _Bench(generator, judge, seed, guidance, say)
    held_out = set(generator.held_out)
    seen = [element.id for element in generator.codebook.elements if element.id not in held_out]
    rows, _, performed = bench.compare("seen", seen, count)
    unseen: dict[str, float] = {}
    if held_out:
        more, unseen, _ = bench.compare("unseen", list(generator.held_out), UNSEEN_FACTOR * count, nearest=performed)
        rows += more
    sampling = generator.recipe.sampling
    return Evaluation(tuple(rows), unseen, sampling.guidance if guidance is None else guidance, sampling.steps, seed)


class _Bench:
    """One generator under test."""

    def __init__(
        self,
        generator: Generator,
        judge: MotionRecogniser,
        seed: int,
        guidance: float | None,
        say: Callable[[str], None],
    ) -> None:
        self.generator, self.judge, self.seed, self.guidance, self.say = generator, judge, seed, guidance, say
        self.vectors = encode_elements(generator.space, generator.codebook)
        self.device = str(next(generator.network.parameters()).device)

    def compare(
        self, group: str, element_ids: list[str], count: int, nearest: Motions | None = None
    ) -> tuple[list[Row], dict[str, float], Motions]:
        """Rows of a group, accuracy of every element when generated, and the performances."""
        codebook, recipe = self.generator.codebook, self.generator.recipe
        performed, reference = (
            make_motions(codebook, element_ids, count, 1000 * recipe.seed + seed, recipe.data.num_frames)
            for seed in (TEST_SEED, _AGAIN_SEED)
        )
        self.say(f"{group}: {len(performed)} performances, twice")
        asked = performed.element_index
        generated = draw_motions(self.generator, self.vectors[asked], asked, self.seed, guidance=self.guidance)
        self.say(f"{group}: {len(generated)} motions generated")
        features, _ = self._recognise(_straighten(reference))
        rows = [self._score(group, "performed", performed, asked, features)]
        wanted = np.unique(asked)
        if nearest is not None:
            copied, of = copy_nearest(nearest, self.vectors, wanted)
            rows.append(self._score(group, "nearest seen, performed", copied, of, features))
        linear = fit_linear(performed if nearest is None else nearest, self.vectors, self.generator.scaling, wanted)
        rows.append(self._score(group, "linear in attributes", linear, wanted, features))
        rows.append(self._score(group, "generated", generated, asked, features))
        cleaned, moved = clean_up(generated, [_get_event(codebook, k) for k in asked], self.device)
        rows.append(self._score(group, "generated, cleaned up", cleaned, asked, features, float(moved.mean())))
        self.say(f"{group}: cleaned up")
        hits, present = measures.compute_class_hits(self._recognise(cleaned)[1], asked)
        return rows, {codebook.elements[k].id: float(hit) for k, hit in zip(present, hits, strict=True)}, performed

    def _recognise(self, motions: Motions) -> tuple[np.ndarray, np.ndarray]:
        features, logits = recognise(self.judge, encode_body(motions, self.generator.scaling))
        return features, logits.argmax(axis=1)

    def _score(
        self,
        group: str,
        source: str,
        motions: Motions,
        asked: np.ndarray,
        reference: np.ndarray,
        moved_m: float = float("nan"),
    ) -> Row:
        codebook = self.generator.codebook
        bone_spread = float(np.mean([measure_bone_spread(joints) for joints in motions.joints]))
        motions = _straighten(motions)
        features, found = self._recognise(motions)
        pairs = list(zip(found, asked, strict=True))
        hits, present = measures.compute_class_hits(found, asked)
        low, high = measures.resample_mean(hits, seed=0)
        physics = _measure_all(motions, codebook)
        return Row(
            group=group,
            source=source,
            num_motions=len(motions),
            num_elements=len(present),
            accuracy=float(hits.mean()),
            low=low,
            high=high,
            set_accuracy=float(np.mean([_get_set(codebook, a) == _get_set(codebook, b) for a, b in pairs])),
            attributes_right=float(np.mean([_compare_attributes(codebook, a, b) for a, b in pairs])),
            fid=measures.compute_frechet_distance(features, reference),
            diversity=measures.compute_diversity(features),
            multimodality=measures.compute_multimodality(features, asked),
            bone_spread=bone_spread,
            sliding_m_s=_average(np.mean, physics["sliding_m_s"]),
            depth_m=_average(np.mean, physics["depth_m"]),
            flight_error_m=_average(np.median, physics["flight_error_m"]),
            gravity_m_s2=_average(np.median, physics["gravity_m_s2"]),
            num_flights=int(np.isfinite(physics["gravity_m_s2"]).sum()),
            touching=_average(np.mean, physics["touching"]),
            tremble_m=_average(np.mean, physics["tremble_m"]),
            moved_m=moved_m,
        )


def _straighten(motions: Motions) -> Motions:
    return replace(motions, joints=keep_bones(motions.joints))


def _measure_all(motions: Motions, codebook: Codebook) -> dict[str, np.ndarray]:
    measured: list[Plausibility] = [
        measure(joints, float(duration_s), _get_event(codebook, k))
        for joints, duration_s, k in zip(motions.joints, motions.duration_s, motions.element_index, strict=True)
    ]
    return {name: np.array([getattr(one, name) for one in measured]) for name in asdict(measured[0])}


def _average(how: Callable[[np.ndarray], np.floating], values: np.ndarray) -> float:
    """Of what could be measured; NaN where nothing could."""
    there = values[np.isfinite(values)]
    return float(how(there)) if len(there) else float("nan")


def _get_event(codebook: Codebook, index: int) -> str:
    return codebook.get_event_of_element(codebook.elements[index].id).id


def _get_set(codebook: Codebook, index: int) -> str:
    return codebook.elements[index].set_id


def _compare_attributes(codebook: Codebook, found: int, asked: int) -> float:
    """Share of the attributes asked for that an element has, its event among them."""
    first, second = codebook.elements[found], codebook.elements[asked]
    has, wanted = (codebook.attributes_by_element_id[element.id] for element in (first, second))
    same_event = _get_event(codebook, found) == _get_event(codebook, asked)
    return (same_event + sum(has.get(name) == value for name, value in wanted.items())) / (1 + len(wanted))
