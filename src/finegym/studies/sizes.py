"""How big the studies are: which data, which recipe a method is trained by, how often; ``all.SIZES`` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from finegym.annotations.balance import BALANCED, Thresholds

ROLES = ("event", "set", "long-tailed", "balanced", "VT", "FX", "FX-S1", "UB-S1", "records")
"""What a split is for, and the name of its folder. ``long-tailed`` and ``balanced`` are the official Gym288 and Gym99.
Event and set are labels of the instances of the long-tailed one, the four after it parts of the balanced one;
``records`` keeps records whole, for localizers."""
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Choice:
    """How a size trains a method.

    Attributes:
        recipe: a shipped recipe, its path in ``recipes/`` without ``.toml``.
        overrides: of its fields.
        first: the method whose run of the same split and seed it begins from, if any.
        max_seeds: runs at most.
        seeds: of its runs, where they are not those of the role.
        roles: of the splits that it is run on; empty for all.
        note: what is smaller than published, or otherwise; stands under the tables that it is in.
    """

    recipe: str
    overrides: tuple[str, ...] = ()
    first: str = ""
    max_seeds: int | None = None
    seeds: tuple[int, ...] = ()
    roles: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Competition:
    """A simulated competition for studies.

    Attributes:
        elements: of the codebook ``artistic-women``; empty for all.
        events: in turn; one that is named twice is performed twice as often.
        num_videos: records.
        minutes: length of each.
        picture_size: width, height in pixels.
        tail: how fast elements get rare.
        seed: of everything.
        short_side: of the flow, in pixels.
        joint_noise: deviation of the joints of the skeletons, a share of her height; see ``simulated.make_skeletons``.
    """

    elements: tuple[str, ...]
    events: tuple[str, ...]
    num_videos: int
    minutes: float
    picture_size: tuple[int, int]
    tail: float
    seed: int
    short_side: int
    joint_noise: float = 0.05


@dataclass(frozen=True)
class Size:
    """A size of all studies.

    Attributes:
        name: of the command line.
        choices: how each method is trained, by row of the tables (``"TSN RGB"``). What is not in it is not run.
        competition: the data that is made; ``None`` where it is given.
        seeds: of the runs on the splits of a role; ``SEEDS`` for roles that are not in it.
        role_overrides: of the recipes of all recognisers on the splits of a role: small ones need more epochs, to be as
            many steps.
        tail_method: that remedies against the long tail are tried on.
        max_seeds_of_many_frames: runs at most of Table 5's trainings with seven frames and more, which cost most.
        thresholds: which classes the balanced setting has, where it is derived.
        flow_store: of the dataset.
        pose_store: likewise.
        broadcast: a second competition, in the size of a broadcast, that poses are looked for in.
        notes: what was scaled down; beside every table.
    """

    name: str
    choices: Mapping[str, Choice]
    competition: Competition | None = None
    seeds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    role_overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tail_method: str = "TSN RGB"
    max_seeds_of_many_frames: int | None = None
    thresholds: Thresholds = BALANCED
    flow_store: str = "flow-tvl1"
    pose_store: str = "pose-hrnet"
    broadcast: Competition | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_simulated(self) -> bool:
        """Whether its numbers are to be labelled so."""
        return self.competition is not None

    def get_seeds(self, role: str) -> tuple[int, ...]:
        """The seeds of the runs on a role's split."""
        return self.seeds.get(role, SEEDS)
