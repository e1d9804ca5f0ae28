"""The action words of ActionVLAD: centres of the features of training clips, found before the first epoch.

Source: Girdhar et al., CVPR 2017, section 3.1. Published training has two steps: the centres stand still while the
classifier is trained (``vlad.freeze_centres = true``), then both are trained from there (``vlad.centres = "weights"``,
``model.weights`` the folder of the first run).
"""

from __future__ import annotations

import numpy as np
import torch

from finegym.datasets.recognition import EvaluationClips, build_evaluation_loader
from finegym.models.actionvlad import ActionVLAD, compute_centres
from finegym.training.inference import check_batch
from finegym.training.progress import Progress

FEATURES_PER_CLIP = 64
WORDS = 3  # stream of random numbers; 0 to 2 are those of the order, the samples and the mixing


def find_action_words(
    model: ActionVLAD,
    clips: EvaluationClips,
    *,
    num_features: int,
    seed: int,
    device: torch.device,
    batch_size: int,
    workers: int,
    show_progress: bool = True,
) -> dict[str, int]:
    """Put the centres of features of training clips into a model.

    Random clips are looked at as evaluation looks at them, and up to 64 random positions are taken of each; as many
    clips as that takes, or all.

    Args:
        model: its backbone has its weights; it is moved to the device.
        clips: to learn from.
        num_features: at most.
        seed: of the run; the same seed gives the same centres.
        device: where features and centres are computed.
        batch_size: clips at a time.
        workers: loader processes.
        show_progress: whether to say how far it is.

    Returns:
        ``num_clips`` and ``num_features``, for ``run.json``.

    Raises:
        VideoError: a clip cannot be read.
        ConfigError: there are fewer features than words.
    """
    rng = np.random.default_rng([seed, WORDS])
    num_clips = min(len(clips), -(-num_features // FEATURES_PER_CLIP))
    places = sorted(rng.permutation(len(clips))[:num_clips].tolist())
    loader = build_evaluation_loader(
        clips, places, batch_size=batch_size, workers=workers, pin_memory=device.type == "cuda"
    )
    model.to(device).eval()
    found = []
    with Progress("action words", len(loader), show=show_progress) as progress, torch.inference_mode():
        for batch in loader:
            inputs = check_batch(batch).inputs.to(device)[:, 0]  # (B, T, C, H, W), the first view
            maps = model.backbone(clips.view.normalise(inputs).flatten(0, 1))  # (B*T, D, H', W')
            features = maps.unflatten(0, inputs.shape[:2]).movedim(2, -1).flatten(1, 3)  # (B, N, D)
            for clip in features:
                chosen = rng.permutation(len(clip))[:FEATURES_PER_CLIP]
                found.append(clip[torch.from_numpy(chosen).to(device)].float())
            progress.advance()
    features = torch.cat(found)[:num_features]
    generator = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode():
        centres = compute_centres(features, model.vlad.centres.shape[0], generator)
    model.vlad.set_centres(centres.clone())
    return {"num_clips": num_clips, "num_features": len(features)}
