"""Whether the frames that saliency names matter, and how long that takes.

    python benchmarks/reasons.py RUN --clips 60

Deletion: of each clip of the validation side, the frames that speak most for the first decision (a quarter of those
looked at) are replaced by the mean of the clip's frames, all at once. By how much do the decision's log-odds fall,
beside as many random frames, and beside as many of the frames that matter least? Saliency that named frames at random
would do no better than random ones. Source: the deletion game of Petsiuk et al., "RISE", BMVC 2018, section 4, with
frames for pixels and one step.

Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import torch

from finegym.applications.reasons_opening import OpenedRecogniser, open_recogniser
from finegym.applications.reasons_questions import Question, list_questions
from finegym.applications.saliency import METHODS, compute_frame_saliency
from finegym.training.data import open_data

SHARE = 4  # one frame in so many is taken away


def score(one: OpenedRecogniser, question: Question, inputs: torch.Tensor) -> torch.Tensor:
    """Log-odds (B, 1)."""
    return question.score(one.model(inputs).float())[:, None]


def drop(one: OpenedRecogniser, question: Question, inputs: torch.Tensor, frames: np.ndarray) -> float:
    """By how much the log-odds fall without some frames."""
    axis = one.time_axis
    shape = [1] * inputs.dim()
    shape[axis] = -1
    shown = torch.ones(inputs.shape[axis])
    shown[torch.from_numpy(frames.copy())] = 0
    mean = inputs.mean(dim=axis, keepdim=True)
    with torch.no_grad():
        before, after = (score(one, question, clip) for clip in (inputs, mean + shown.reshape(shape) * (inputs - mean)))
    return float((before - after)[0, 0])


def main() -> None:
    """Print the drops and the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    one = open_recogniser(arguments.run, device="cpu")
    data = open_data(one.recipe.data)
    view = one.build_view(data.source)
    rng = np.random.default_rng(0)
    ids = list(data.select("val", one.recipe.data).instance_ids)
    drops: dict[str, list[float]] = {}
    seconds = dict.fromkeys(METHODS, 0.0)
    for instance_id in rng.permutation(ids)[: arguments.clips].tolist():
        inputs = view.normalise(view.look(instance_id).inputs)
        with torch.no_grad():
            chosen = int(one.model(inputs).argmax())
        questions = list_questions(chosen, one.class_ids, one.class_names, one.codebook)
        question = next(each for each in questions if each.against)
        num_frames = inputs.shape[one.time_axis]
        count = max(1, num_frames // SHARE)
        for method in METHODS:
            started = time.process_time()
            (saliency,) = compute_frame_saliency(
                lambda shown, question=question: score(one, question, shown),
                inputs,
                time_axis=one.time_axis,
                method=method,
            )
            seconds[method] += time.process_time() - started
            order = np.argsort(-saliency)
            drops.setdefault(f"{method}, most", []).append(drop(one, question, inputs, order[:count]))
            drops.setdefault(f"{method}, least", []).append(drop(one, question, inputs, order[-count:]))
        drops.setdefault("random", []).append(drop(one, question, inputs, rng.permutation(num_frames)[:count]))
    print(f"{arguments.run}: {arguments.clips} clips, {count} of {num_frames} frames taken away; fall of log-odds")
    for name, values in drops.items():
        error = np.std(values, ddof=1) / len(values) ** 0.5
        print(f"  {name:32} {np.mean(values):+.2f} ± {error:.2f}")
    for method, total in seconds.items():
        print(f"  {method:32} {1000 * total / arguments.clips:.0f} ms of CPU time a clip, one decision")


if __name__ == "__main__":
    main()
