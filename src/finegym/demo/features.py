"""The demo's features: the flow of every sub-action, and the gymnast's pose in every frame of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.errors import FeatureError, join_problems
from finegym.features.build import FeatureBuild, build_features
from finegym.features.flow.extract import FlowMaker
from finegym.features.make import Maker
from finegym.features.pose.extract import PoseMaker
from finegym.features.store import FeatureSettings
from finegym.features.weights import list_weights
from finegym.features.weights_fetch import fetch_weights

FEATURES_FOLDER = "features"
FLOW_METHOD, POSE_MODEL, POSE_WEIGHTS = "tvl1-fast", "blazepose-full", "blazepose"
SEARCH_EVERY = 4  # frames; a quarter faster than the default, for some 2 % of the poses
FLOW_STORE, POSE_STORE = f"flow-{FLOW_METHOD}", f"pose-{POSE_MODEL}"


def make_flow(dataset: Dataset, folder: Path, short_side: int, *, workers: int) -> FeatureBuild:
    """Compute the flow of every sub-action; what is there stays.

    Raises:
        FeatureError: flow of a clip could not be made.
    """
    maker = FlowMaker(FLOW_METHOD, short_side)
    return _make(dataset, folder, FLOW_STORE, maker.make_settings(), maker, workers)


def make_poses(dataset: Dataset, folder: Path, *, workers: int, say: Callable[[str], None]) -> FeatureBuild:
    """Follow the gymnast through every routine; what is there stays. Weights are fetched where there are none.

    Raises:
        FeatureError: poses of a clip could not be made.
        ConfigError: there are no weights and no network to fetch them over.
    """
    if any(found.state != "ok" for found in list_weights() if found.name in ("blazepose-detector", POSE_MODEL)):
        fetched = fetch_weights(POSE_WEIGHTS, say=lambda line: say(f"  {line}"))
        say(f"  weights: fetched {', '.join(fetched.fetched)}")
    maker = PoseMaker(POSE_MODEL, search_every=SEARCH_EVERY)
    return _make(dataset, folder, POSE_STORE, maker.make_settings(), maker, workers)


def _make(
    dataset: Dataset, folder: Path, name: str, settings: FeatureSettings, maker: Maker, workers: int
) -> FeatureBuild:
    build = build_features(dataset, folder, folder / FEATURES_FOLDER / name, settings, maker, workers=workers)
    if build.tally.failed:
        reasons = [f"{instance_id}: {reason}" for instance_id, reason in build.tally.failed.items()]
        raise FeatureError(f"{name}: {len(reasons)} clips failed: {join_problems(reasons, limit=3)}")
    return build
