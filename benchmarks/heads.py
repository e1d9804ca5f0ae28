"""Do heads that know the codebook help? A perceptron on skeletons with each of them, by how many clips it learns from.

    python benchmarks/heads.py FOLDER [--counts 64 192 775] [--seeds 5]

FOLDER is one that ``elements_in_order.py`` has made: eight saltos on the beam, simulated, with noisy true skeletons.
Every head learns from the same clips, drawn anew for every seed, the same number of steps; scored are all validation
clips. ``none`` scores eight classes; ``hierarchy`` the event, the set and the elements in it, which here is the same as
none, for there is one set; ``tree`` the four queries of the set's tree, which its elements share.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from finegym.models.heads import WithHead
from finegym.models.pose_mlp import PoseMLP
from finegym.training.data import RecognitionData, build_view, open_data
from finegym.training.head_arrays import find_head_arrays
from finegym.training.recipe import Recipe, read_recipe

ROOT = Path(__file__).parents[1]
HEADS = ("none", "hierarchy", "tree")
STEPS, BATCH, LEARNING_RATE = 400, 32, 1e-3
SEGMENTS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", nargs="+", type=int, default=[64, 192, 775])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    dataset = arguments.folder / "competition"
    overrides = [f"data.dataset={dataset}", "data.split=element", "data.features=pose-truth"]
    recipe = read_recipe(ROOT / "recipes" / "pose_mlp_demo.toml", overrides)
    data = open_data(recipe.data)
    sides = {side: read_side(recipe, data, side) for side in ("train", "val")}
    heads = {kind: find_head_arrays(kind, data) for kind in HEADS}
    started = time.process_time()
    print("| training clips | " + " | ".join(HEADS) + " |\n|---|" + "---|" * len(HEADS))
    for count in arguments.counts:
        cells = []
        for kind in HEADS:
            arrays = heads[kind]
            found = []
            for seed in range(arguments.seeds):
                torch.manual_seed(seed)
                rows = torch.randperm(len(sides["train"][1]), generator=torch.Generator().manual_seed(seed))[:count]
                found.append(learn(arrays, tuple(part[rows] for part in sides["train"]), sides["val"], seed))
            cells.append(f"{100 * np.mean(found):.1f} ± {100 * np.std(found, ddof=1):.1f}")
        print(f"| {count} | {' | '.join(cells)} |", flush=True)
    print(
        f"\ntop-1 in percent, mean and deviation of {arguments.seeds} seeds; {time.process_time() - started:.0f} CPU s"
    )


def read_side(recipe: Recipe, data: RecognitionData, side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Skeletons (N, C, T, V, M) as evaluation sees them, and classes (N,)."""
    view = build_view(recipe, data.source, None)
    clips = torch.cat([view.look(instance_id).inputs for instance_id in data.labels[side]])
    return clips, torch.tensor(list(data.labels[side].values()))


def learn(arrays, train, val, seed: int) -> float:
    """Top-1 accuracy on val of a perceptron with a head."""
    (clips, targets), (val_clips, val_targets) = train, val
    num_classes = int(val_targets.max()) + 1
    worn = None if arrays is None else arrays.build()
    network = PoseMLP(clips.shape[2] // SEGMENTS, num_classes if worn is None else worn.num_scores)
    model = network if worn is None else WithHead(network, worn)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        rows = torch.randint(len(clips), (BATCH,), generator=generator)
        optimiser.zero_grad()
        F.cross_entropy(model(clips[rows]), targets[rows]).backward()
        optimiser.step()
    model.eval()
    with torch.inference_mode():
        return float((model(val_clips).argmax(dim=1) == val_targets).float().mean())


if __name__ == "__main__":
    main()
