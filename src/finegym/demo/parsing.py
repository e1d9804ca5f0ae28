"""The demo's last step: a model bundle, and the parse of a competition that none of its models has seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.applications.bundle import make_bundle
from finegym.applications.parse.evaluating import ParseScores, score_parses
from finegym.applications.parse.evaluating_kinds import read_true_kinds
from finegym.applications.parse.files import Parse, read_parse
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseSettings, parse_videos
from finegym.codebook.model import Codebook
from finegym.errors import SimulationError, VideoError, join_problems
from finegym.localization.recipe import parse_localization_recipe
from finegym.localization.run import train
from finegym.simulation.competition import CompetitionSettings, simulate_competition

THRESHOLDS = Thresholds(min_sub_score=0.15, min_probability=0.6)
"""A localizer that learned for half a minute is seldom sure. Chosen on three competitions that are not parsed here."""


@dataclass(frozen=True)
class ParsingOutcome:
    """What the parse of unseen records came to.

    Attributes:
        bundle: the file of the models.
        pages: of the records.
        parses: of the records.
        truth: what is there.
        scores: of the parses against it.
        sub_action_epochs: passes of the localizer of sub-actions.
        video_ms: of the records together.
    """

    bundle: Path
    pages: tuple[Path, ...]
    parses: tuple[Parse, ...]
    truth: Dataset
    scores: ParseScores
    sub_action_epochs: int
    video_ms: float


def train_sub_actions(dataset: Dataset, folder: Path, out: Path, *, epochs: int, seed: int) -> Path:
    """Train a localizer of sub-actions on all records of the demo's competition; returns its run folder.

    None is kept back to test it on: the competition that is parsed in the end does that.
    """
    split = make_whole_split(dataset)
    write_split(split, folder / "splits" / split.name, overwrite=True)
    recipe = parse_localization_recipe(
        files("finegym.demo").joinpath("recipe_sub_actions.toml").read_text(encoding="utf-8"),
        "the demo's recipe_sub_actions.toml",
        (f"seed={seed}", f"data.dataset={json.dumps(str(folder))}", f"schedule.epochs={epochs}"),
    )
    return train(recipe, out).path


def make_whole_split(dataset: Dataset) -> Split:
    """Every sub-action by its set, all to learn from."""
    subset = find_subset("set", dataset.codebook)
    labels = assign_classes(dataset, subset).class_index_by_id
    return Split("sub-actions", subset, labels, {}, rule="all records to learn from, none to test on")


def simulate_unseen(out: Path, codebook: Codebook, settings: CompetitionSettings) -> Path:
    """The record of another competition; returns its dataset folder."""
    tally = simulate_competition(settings, codebook, out)
    if tally.failed:
        raise SimulationError(f"the unseen record failed: {join_problems(list(tally.failed.values()))}. Run it again.")
    return out


def parse_unseen(
    unseen: Path,
    out: Path,
    *,
    actions: Path,
    sub_actions: Path,
    recognisers: Sequence[Path],
    epochs: int,
    say: Callable[[str], None],
) -> ParsingOutcome:
    """Put the runs into a bundle, parse the unseen records with it, and compare with their truth.

    Args:
        unseen: dataset folder of the unseen competition.
        out: of the demo; ``bundle.finegym`` and ``parsed/`` go there.
        actions: run of the localizer of routines.
        sub_actions: run of the localizer of sub-actions.
        recognisers: runs of recognisers.
        epochs: of the localizer of sub-actions, for the page.
        say: told the result.
    """
    bundle = out / "bundle.finegym"
    make_bundle(bundle, actions=actions, sub_actions=sub_actions, recognisers=recognisers, name="demo")
    truth = read_dataset(unseen)
    videos = [unseen / str(video.path) for video in truth.videos]
    tally = parse_videos(videos, bundle, out / "parsed", ParseSettings(THRESHOLDS, device="cpu"), show_progress=False)
    if tally.failed:
        raise VideoError(f"parsing failed: {join_problems(list(tally.failed.values()))}")
    folders = [out / "parsed" / path.stem for path in videos]
    parses = tuple(read_parse(folder / "parse.json") for folder in folders)
    scores = score_parses(parses, truth, read_true_kinds(unseen, [parse.record_id for parse in parses]))
    right = {
        "routines": scores.routines,
        "sub-actions": scores.sub_actions,
        "their sets": scores.sets,
        "their elements": scores.elements,
    }
    found = ", ".join(f"{name} {one.num_right} of {one.num_true} (said {one.num_said})" for name, one in right.items())
    say(f"  in {len(parses)} unseen record{'' if len(parses) == 1 else 's'}: {found}")
    pages = tuple(folder / "parse.html" for folder in folders)
    return ParsingOutcome(bundle, pages, parses, truth, scores, epochs, sum(parse.duration_ms for parse in parses))
