"""A whole competition: which records there are, what is performed in each, and the folder that holds them.

Every record has its own seed and is an independent job: it does not matter how many workers there are, in which order
records are made, or how many more are asked for later.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Dataset, Video
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_text import format_codebook
from finegym.errors import ConfigError, OutputError, SimulationError, join_problems
from finegym.files import write_text
from finegym.jobs import Tally, run_jobs
from finegym.simulation.appearance import sample_venue
from finegym.simulation.arrangement import arrange_elements
from finegym.simulation.faults import FaultSettings
from finegym.simulation.programme import RecordPlan, RoutineOrder
from finegym.simulation.truth import Truth, read_truth
from finegym.simulation.write import get_truth_path, is_record_written, write_record

SETTINGS_FILE = "simulation.json"
SCORES_FILE = "execution.csv"
FORMAT = "finegym-simulation/1"
EVENTS = ("VT", "FX", "BB", "UB")
FRAME_RATES = {
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
}

_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_VIDEOS_PER_COMPETITION = 2
# Elements a routine has, its dismount included; a real routine has more, but a record has to show many gymnasts.
_NUM_ELEMENTS = {"VT": (1, 1), "FX": (5, 7), "BB": (5, 8), "UB": (6, 9)}

# What the parts of a competition's seed are drawn for.
_FOR_RECORDS, _FOR_IDS, _FOR_HALLS, _FOR_RANKS, _FOR_ORDERS = range(5)


@dataclass(frozen=True)
class CompetitionSettings:
    """What a user asks for.

    Attributes:
        num_videos: records to make.
        minutes: length of each.
        seed: of everything.
        fps: exact frame rate.
        size: width, height in pixels; even.
        tail: exponent of the Zipf law that elements of a set follow; 0 draws them equally often.
        events: which events take part.
        faults: how well the gymnasts perform; None: nobody makes a fault, and nothing says how well they did.
        elements_per_set: how many elements of each set anybody performs, evenly spread over the codebook's order, the
            same for every seed; 0: all.
    """

    num_videos: int = 4
    minutes: float = 3.0
    seed: int = 0
    fps: Fraction = Fraction(25)
    size: tuple[int, int] = (640, 360)
    tail: float = 1.0
    events: tuple[str, ...] = EVENTS
    faults: FaultSettings | None = None
    elements_per_set: int = 0

    def __post_init__(self) -> None:
        problems = [
            text
            for is_bad, text in (
                (self.num_videos < 1, f"videos must be at least 1, got {self.num_videos}"),
                (not 0.25 <= self.minutes <= 240, f"minutes must be between 0.25 and 240, got {self.minutes:g}"),
                (self.seed < 0, f"seed must not be negative, got {self.seed}"),
                (self.fps not in FRAME_RATES.values(), f"fps must be one of {', '.join(FRAME_RATES)}, got {self.fps}"),
                (
                    any(side % 2 or not 64 <= side <= 4096 for side in self.size),
                    f"size must be two even numbers between 64 and 4096 (H.264 halves colour), got "
                    f"{self.size[0]}x{self.size[1]}",
                ),
                (not 0 <= self.tail <= 5, f"tail must be between 0 and 5, got {self.tail:g}"),
                (self.elements_per_set < 0, f"elements per set must not be negative, got {self.elements_per_set}"),
                (
                    not self.events or any(event not in EVENTS for event in self.events),
                    f"events must be some of {', '.join(EVENTS)}, got {', '.join(self.events) or 'none'}",
                ),
            )
            if is_bad
        ]
        if problems:
            raise ConfigError(join_problems(problems))


def plan_competition(settings: CompetitionSettings, codebook: Codebook) -> list[RecordPlan]:
    """The plans of all records; the first ones do not change when more are asked for.

    Raises:
        SimulationError: the codebook lacks an event that was asked for, or an event has no elements.
    """
    problems = [
        f"codebook {codebook.name} has no elements of event {event}"
        for event in settings.events
        if event not in codebook.event_by_id or not any(_get_elements(codebook, event))
    ]
    if problems:
        raise SimulationError(
            f"{join_problems(problems)}. The simulation performs {', '.join(EVENTS)} of artistic-women and of "
            "codebooks with the same events and attributes."
        )
    num_frames = round(Fraction(settings.minutes).limit_denominator(10**6) * 60 * settings.fps)
    plans: list[RecordPlan] = []
    taken: set[str] = set()
    for index in range(settings.num_videos):
        number = index // _VIDEOS_PER_COMPETITION
        venue_seed = (settings.seed, _FOR_HALLS, number)
        venue = sample_venue(np.random.default_rng(np.random.SeedSequence(venue_seed)))
        plans.append(
            RecordPlan(
                video_id=_draw_video_id(settings.seed, index, taken),
                competition=f"{venue.competition} {2001 + number}",
                seed=(settings.seed, _FOR_RECORDS, index),
                venue_seed=venue_seed,
                fps=settings.fps,
                size=settings.size,
                num_frames=num_frames,
                orders=_draw_orders(settings, codebook, index),
                faults=settings.faults,
            )
        )
    return plans


def _draw_video_id(seed: int, index: int, taken: set[str]) -> str:
    """11 characters; none begins with a dash (commands read that as an option) or differs from another by case only."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, _FOR_IDS, index)))
    while True:
        video_id = "".join(_ID_LETTERS[i] for i in rng.integers(len(_ID_LETTERS), size=11))
        if video_id[0] != "-" and video_id.lower() not in taken:
            taken.add(video_id.lower())
            return video_id


def _draw_orders(settings: CompetitionSettings, codebook: Codebook, index: int) -> tuple[RoutineOrder, ...]:
    """More routines than fit into a record: all events by turns, all sets of an event by turns."""
    rng = np.random.default_rng(np.random.SeedSequence((settings.seed, _FOR_ORDERS, index)))
    weights = _compute_weights(settings, codebook)
    num_rounds = math.ceil(settings.minutes * 60 / 8 / len(settings.events)) + 1
    orders = []
    for number in range(num_rounds):
        for event in rng.permutation(settings.events).tolist():
            orders.append(RoutineOrder(event, _draw_routine(codebook, event, weights, index + number, rng)))
    return tuple(orders)


def _compute_weights(settings: CompetitionSettings, codebook: Codebook) -> dict[str, float]:
    """How often each element is drawn among those of its set: 1 / rank ** tail, ranks drawn once a competition.

    Elements that nobody performs are not among them.
    """
    rng = np.random.default_rng(np.random.SeedSequence((settings.seed, _FOR_RANKS)))
    weights = {}
    for set_ in codebook.sets:
        ids = _choose_performed([e.id for e in codebook.get_elements_of_set(set_.id)], settings.elements_per_set)
        for rank, place in enumerate(rng.permutation(len(ids)).tolist()):
            weights[ids[place]] = (rank + 1.0) ** -settings.tail
    return weights


def _choose_performed(ids: list[str], number: int) -> list[str]:
    """So many elements of a set, from its first to its last; all, where 0 or more than there are is asked for.

    A codebook lists relatives beside each other, so those that are performed differ.
    """
    if not number or number >= len(ids):
        return ids
    return [ids[place] for place in np.linspace(0, len(ids) - 1, number).round().astype(int).tolist()]


def _draw_routine(
    codebook: Codebook, event: str, weights: dict[str, float], turn: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Elements of one routine: sets by turns, none twice, a dismount (where the event has them) last."""
    pools = [
        [e.id for e in codebook.get_elements_of_set(s.id) if e.id in weights] for s in codebook.get_sets_of_event(event)
    ]
    attributes = codebook.attributes_by_element_id
    endings = [pool for pool in pools if pool and attributes[pool[0]].get("kind") == "dismount"]
    others = [pool for pool in pools if pool and pool not in endings]
    low, high = _NUM_ELEMENTS[event]
    count = int(rng.integers(low, high + 1)) - bool(endings)
    chosen: list[str] = []
    for slot in range(count if others else 0):
        pool = [id_ for id_ in others[(turn + slot) % len(others)] if id_ not in chosen]
        if pool:
            chosen.append(_draw_weighted(pool, weights, rng))
    chosen = rng.permutation(chosen).tolist()
    if endings:
        chosen.append(_draw_weighted(endings[turn % len(endings)], weights, rng))
    return arrange_elements(codebook, event, chosen)


def _draw_weighted(pool: Sequence[str], weights: dict[str, float], rng: np.random.Generator) -> str:
    share = np.array([weights[id_] for id_ in pool])
    return pool[int(rng.choice(len(pool), p=share / share.sum()))]


def _get_elements(codebook: Codebook, event: str) -> list[str]:
    return [e.id for s in codebook.get_sets_of_event(event) for e in codebook.get_elements_of_set(s.id)]


def simulate_competition(
    settings: CompetitionSettings, codebook: Codebook, folder: Path, *, workers: int = 1, show_progress: bool = True
) -> Tally[Video]:
    """Simulate a competition into a dataset folder, or go on with one that was interrupted.

    Args:
        settings: what to make.
        codebook: of the elements.
        folder: new, empty, or of the same settings; with more videos than it has, those that are missing are made.
        workers: processes.
        show_progress: a bar on stderr, where that is a terminal.

    Returns:
        The tally of the records. Records that failed are in no file; the dataset holds the others.

    Raises:
        SimulationError: the codebook cannot be performed, or a truth file is damaged.
        OutputError: the folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    plans = plan_competition(settings, codebook)
    _claim_folder(folder, settings, codebook, plans)
    tally = run_jobs(
        plans,
        partial(_make_record, codebook=codebook, folder=folder),
        key=lambda plan: plan.video_id,
        is_done=lambda plan: is_record_written(folder, plan.video_id),
        workers=workers,
        title="records",
        show_progress=show_progress,
    )
    truths = [read_truth(folder / get_truth_path(plan.video_id)) for plan in plans if plan.video_id not in tally.failed]
    if truths:
        write_dataset(Dataset(codebook, tuple(truth.video for truth in truths)), folder)
        if settings.faults is not None:
            write_text(folder / SCORES_FILE, format_scores(truths))
    return tally


def format_scores(truths: Sequence[Truth]) -> str:
    """The execution scores of all annotated routines as CSV: what a judge would hand in."""
    rows = ["action_id,score"]
    for truth in truths:
        scores = truth.arrays["action_execution"].tolist()
        rows += [f"{truth.video.id}_{a.name},{score:.1f}" for a, score in zip(truth.video.actions, scores, strict=True)]
    return "\n".join(rows) + "\n"


def _make_record(plan: RecordPlan, *, codebook: Codebook, folder: Path) -> Video:
    return write_record(plan, codebook, folder)


def _claim_folder(folder: Path, settings: CompetitionSettings, codebook: Codebook, plans: list[RecordPlan]) -> None:
    """Write the settings into a new folder; raise where another competition, or anything else, is there."""
    wanted = {
        "format": FORMAT,
        "seed": settings.seed,
        "minutes": settings.minutes,
        "fps": str(settings.fps),
        "size": list(settings.size),
        "tail": settings.tail,
        "events": list(settings.events),
        "codebook": format_codebook(codebook),
    }
    if settings.faults is not None:
        wanted["faults"] = settings.faults.severity
    if settings.elements_per_set:
        wanted["elements_per_set"] = settings.elements_per_set
    path = folder / SETTINGS_FILE
    if path.is_file():
        _check_same(path, wanted)
        known = {plan.video_id for plan in plans}
        extra = sorted(file.stem for file in (folder / "truth").glob("*.npz") if file.stem not in known)
        if extra:
            raise OutputError(
                f"{folder}: holds {len(extra)} more records than the {len(plans)} asked for (first: {extra[0]}). "
                "Ask for at least as many videos as are there, or choose another folder."
            )
        return
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, expected a folder. Choose another.")
    if folder.is_dir() and any(entry for entry in folder.iterdir() if not entry.name.startswith(".")):
        raise OutputError(
            f"{folder}: is not empty and holds no simulated competition (no {SETTINGS_FILE}). Choose another folder."
        )
    write_text(path, json.dumps(wanted, indent=1) + "\n")


def _check_same(path: Path, wanted: dict[str, object]) -> None:
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(there, dict)
    except (ValueError, OSError, AssertionError) as error:
        raise OutputError(f"{path}: not readable ({error}). Delete the folder or choose another.") from error
    differing = [key for key in {**wanted, **there} if there.get(key) != wanted.get(key)]
    if differing:
        problems = [
            f"{key} is {there.get(key)!r} there, asked for {wanted.get(key)!r}"
            if key != "codebook"
            else "the codebook differs"
            for key in differing
        ]
        raise OutputError(
            f"{path.parent}: holds another competition: {join_problems(problems)}. Choose another folder, or the same "
            "settings to go on with this one."
        )
