"""Whether saliency is true: are the frames, cells and joints that it names those that the model's decision rests on?

    python benchmarks/reasons.py RUN... --clips 60 [--parts frames places] [--methods occlusion] [--set KEY=VALUE]

**Deletion and insertion.** Of clips of the validation side, parts are taken away one after another, those that speak
most for a decision first, and the probability of the decision's answer is followed; the area under that curve is small
where the right parts were named. Likewise parts are put into a clip without any; that area is large. One decision of
each clip is looked at, drawn at random. Beside the methods stand what names parts without looking at the model:
a random order (the mean of five), and the most changed first (how far a part's values lie from their mean over time,
which is what takes its place). Source: Petsiuk et al., "RISE", BMVC 2018, section 4.1, parts for pixels.

**Random weights.** The same decisions of the same clips, asked of the model with its class layers, and with all its
layers, as before training. Saliency that stayed the same would show the clip, not what the model knows of it. Said is
Spearman's rank correlation with that of the trained model. Source: Adebayo et al., "Sanity checks for saliency maps",
NeurIPS 2018, section 3.

Intervals are 95 %, over clips: what is measured is how one model is explained, not how it does on other records.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from finegym.annotations.text import format_table
from finegym.applications.reasons_opening import OpenedRecogniser, open_recogniser
from finegym.applications.reasons_places import label_places
from finegym.applications.reasons_questions import Question, list_questions
from finegym.applications.saliency import METHODS, Method, compute_saliency, hide, label_frames
from finegym.evaluation.estimates import Estimate, estimate_share, resample_groups
from finegym.training.data import open_data

POINTS = 9  # of a curve, at most
NUM_RANDOM = 5
RANDOM, CHANGE = "a random order", "the most changed first"


@dataclass(frozen=True)
class Case:
    """A clip, the parts that it is taken apart into, and a decision about it."""

    inputs: torch.Tensor
    parts: torch.Tensor
    time_axis: int
    question: Question

    @property
    def num_parts(self) -> int:
        return int(self.parts.max()) + 1

    def score(self, model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
        """Log-odds (B, 1)."""
        return lambda inputs: self.question.score(model(inputs).float())[:, None]

    def explain(self, model: nn.Module, method: Method) -> np.ndarray:
        """Saliency (P,)."""
        (row,) = compute_saliency(self.score(model), self.inputs, self.parts, time_axis=self.time_axis, method=method)
        return row


class Curves:
    """Areas under the probability of an answer while parts go, or come; what was shown once is not shown again."""

    def __init__(self, model: nn.Module, case: Case) -> None:
        self.case = case
        self._show, self._score = hide(case.inputs, case.parts, case.time_axis), case.score(model)
        self._known: dict[bytes, float] = {}

    def measure(self, order: np.ndarray, *, is_insertion: bool) -> float:
        """The area, parts going or coming in an order."""
        num_parts = self.case.num_parts
        counts = np.unique(np.linspace(0, num_parts, POINTS).round().astype(int))
        heights = []
        for count in counts.tolist():
            mask = np.full(num_parts, not is_insertion)
            mask[order[:count]] = is_insertion
            heights.append(self._look(mask))
        return float(np.trapezoid(heights, counts / num_parts))

    def _look(self, mask: np.ndarray) -> float:
        key = mask.tobytes()
        if key not in self._known:
            with torch.no_grad():
                log_odds = self._score(self._show(torch.from_numpy(mask)[None].float()))
            self._known[key] = float(torch.sigmoid(log_odds)[0, 0])
        return self._known[key]


def measure_change(case: Case) -> np.ndarray:
    """How far the values of each part lie from their mean over time: (P,)."""
    apart = (case.inputs - case.inputs.mean(dim=case.time_axis, keepdim=True)).square()
    parts = case.parts.expand_as(apart).reshape(-1).numpy()
    return np.bincount(parts, weights=apart.reshape(-1).double().numpy(), minlength=case.num_parts)


def compare_orders(
    model: nn.Module, case: Case, saliency: dict[Method, np.ndarray], rng: np.random.Generator
) -> dict[tuple[str, str], float]:
    """Areas by (who chose the order, which game)."""
    orders = {str(method): [np.argsort(-row, kind="stable")] for method, row in saliency.items()}
    orders[RANDOM] = [rng.permutation(case.num_parts) for _ in range(NUM_RANDOM)]
    orders[CHANGE] = [np.argsort(-measure_change(case), kind="stable")]
    curves = Curves(model, case)
    return {
        (name, game): float(np.mean([curves.measure(one, is_insertion=game == "insertion") for one in some]))
        for name, some in orders.items()
        for game in ("deletion", "insertion")
    }


def correlate(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one of two is the same everywhere."""
    return 0.0 if np.ptp(first) == 0 or np.ptp(second) == 0 else float(spearmanr(first, second).statistic)


def forget(one: OpenedRecogniser, *, everything: bool) -> nn.Module:
    """The model with its class layers, or all layers, as before training."""
    model = copy.deepcopy(one.model)
    torch.manual_seed(0)
    for name, module in model.named_modules():
        if (everything or name.rpartition(".")[2] == "classifier") and hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model.eval()


def list_cases(one: OpenedRecogniser, num_clips: int, kind: str) -> list[tuple[str, Case]]:
    """Clips of the validation side and what is decided about them; clips about which nothing is are left out."""
    data = open_data(one.recipe.data)
    view = one.build_view(data.source)
    ids = list(data.select("val", one.recipe.data).instance_ids)
    rng = np.random.default_rng(0)
    cases = []
    for instance_id in rng.permutation(ids)[:num_clips].tolist():
        inputs = view.normalise(view.look(instance_id).inputs)
        with torch.no_grad():
            chosen = int(one.model(inputs).argmax())
        questions = list_questions(chosen, one.class_ids, one.class_names, one.codebook)
        decided = [each for each in questions if each.is_decided]
        parts = (
            label_frames(inputs, one.time_axis)
            if kind == "frames"
            else label_places(inputs, one.recipe.data.modality).parts
        )
        if decided:
            question = decided[int(rng.integers(len(decided)))]
            cases.append((instance_id, Case(inputs, parts, one.time_axis, question)))
    return cases


def describe(found: Estimate, *, signed: bool = True) -> str:
    """A number and its interval."""
    sign = "+" if signed else ""
    text = f"{found.value:{sign}.3f}"
    return text if found.low is None else f"{text} ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


def measure(one: OpenedRecogniser, kind: str, methods: Sequence[Method], num_clips: int, num_forgetful: int) -> None:
    """Print what one recogniser's saliency of one kind of parts is worth."""
    cases = list_cases(one, num_clips, kind)
    rng = np.random.default_rng(1)
    forgetful = {
        "class layers random": forget(one, everything=False),
        "all layers random": forget(one, everything=True),
    }
    areas: dict[tuple[str, str], list[float]] = {}
    same: dict[tuple[str, str], list[float]] = {}
    seconds = dict.fromkeys(methods, 0.0)
    for place, (_, case) in enumerate(cases):
        saliency: dict[Method, np.ndarray] = {}
        for method in methods:
            started = time.process_time()
            saliency[method] = case.explain(one.model, method)
            seconds[method] += time.process_time() - started
            for name, model in forgetful.items() if place < num_forgetful else ():
                other = case.explain(model, method)
                same.setdefault((method, name), []).append(correlate(saliency[method], other))
        for key, area in compare_orders(one.model, case, saliency, rng).items():
            areas.setdefault(key, []).append(area)
    groups = resample_groups([instance_id for instance_id, _ in cases])
    print(f"\n{one.run.path}: {kind}, {cases[0][1].num_parts} parts; {len(cases)} clips")
    rows = []
    for name in (*methods, CHANGE, RANDOM):
        cells = []
        for game in ("deletion", "insertion"):
            own, chance = np.array(areas[name, game]), np.array(areas[RANDOM, game])
            less = estimate_share((own - chance)[None], groups, (-1.0, 1.0))
            cells += [f"{own.mean():.3f}", describe(less) if name != RANDOM else ""]
        cost = f"{1000 * seconds[name] / len(cases):.0f}" if name in seconds else ""
        rows.append((name, *cells, cost))
    header = ("order", "deletion", "less random", "insertion", "less random", "CPU ms a decision")
    print(format_table(header, rows))
    few = resample_groups([instance_id for instance_id, _ in cases[:num_forgetful]])
    rows = [
        (method, *(describe(estimate_share(np.array([same[method, n]]), few, (-1.0, 1.0))) for n in forgetful))
        for method in methods
    ]
    print(f"the first {len(few.group_of)} clips:")
    print(format_table(("rank correlation with the trained model's", *forgetful), rows))


def main() -> None:
    """Print what saliency is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--forgetful", type=int, default=15, help="clips that models with random weights see too")
    parser.add_argument("--parts", nargs="+", choices=("frames", "places"), default=["frames"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="of every recipe")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for run in arguments.runs:
        one = open_recogniser(run, overrides=arguments.overrides, device="cpu")
        for kind in arguments.parts:
            measure(one, kind, arguments.methods, arguments.clips, arguments.forgetful)


if __name__ == "__main__":
    main()
