"""How simulated people annotate: error rates of one person, and what is hard for everybody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from finegym.errors import SimulationError

_GUESSING = 0.5


@dataclass(frozen=True)
class Skill:
    """How somebody annotates. Rates are probabilities, 0 to 1.

    Attributes:
        miss_rate: a segment that is there is not marked.
        extra_rate: segments that are not there, for each that is (where there is room).
        start_bias_ms: how late starts are marked on average; negative: early.
        end_bias_ms: how late ends are.
        noise_ms: standard deviation of each edge around that.
        set_error_rate: a sub-action is put into another set of its event.
        query_error_rate: a query is answered wrongly; 0.5 is guessing.
        query_error_rates: the same for single queries, by id.
        unsure_rate: a query is answered "unsure".
    """

    miss_rate: float = 0.0
    extra_rate: float = 0.0
    start_bias_ms: float = 0.0
    end_bias_ms: float = 0.0
    noise_ms: float = 0.0
    set_error_rate: float = 0.0
    query_error_rate: float = 0.0
    query_error_rates: Mapping[str, float] = field(default_factory=dict, hash=False)
    unsure_rate: float = 0.0

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in self.__dataclass_fields__ if name.endswith("_rate")}
        rates |= {f"query_error_rates of {id_}": rate for id_, rate in self.query_error_rates.items()}
        problems = [f"{name} is {rate:g}; expected 0 to 1" for name, rate in rates.items() if not 0 <= rate <= 1]
        if self.noise_ms < 0:
            problems.append(f"noise_ms is {self.noise_ms:g}; expected 0 or more")
        if problems:
            raise SimulationError(f"a skill that nobody can have: {'; '.join(problems)}")

    def multiply(self, factor: float) -> Skill:
        """The same person where everything is so much harder: more misses, wider edges, more wrong answers.

        Rates stay below guessing: nobody is wrong more often than a coin.
        """
        return replace(
            self,
            miss_rate=_limit(self.miss_rate * factor),
            noise_ms=self.noise_ms * factor,
            set_error_rate=_limit(self.set_error_rate * factor),
            query_error_rate=_limit(self.query_error_rate * factor),
            query_error_rates={id_: _limit(rate * factor) for id_, rate in self.query_error_rates.items()},
            unsure_rate=_limit(self.unsure_rate * factor),
        )

    def get_query_error_rate(self, query_id: str) -> float:
        """How often a query is answered wrongly."""
        return self.query_error_rates.get(query_id, self.query_error_rate)


FIVE_SKILLS: Mapping[str, Skill] = MappingProxyType(
    {
        "expert": Skill(0.01, 0.01, noise_ms=40, set_error_rate=0.005, query_error_rate=0.01),
        "careful": Skill(0.03, 0.02, noise_ms=50, set_error_rate=0.01, query_error_rate=0.025, unsure_rate=0.01),
        "steady": Skill(0.05, 0.03, noise_ms=60, set_error_rate=0.02, query_error_rate=0.05, unsure_rate=0.02),
        "hasty": Skill(0.08, 0.05, 50, -30, noise_ms=75, set_error_rate=0.04, query_error_rate=0.08),
        "guesser": Skill(0.2, 0.3, noise_ms=300, set_error_rate=0.7, query_error_rate=0.5),
    }
)
"""Five people from very good to useless, best first: the last looks at the picture only now and then, and guesses."""


@dataclass(frozen=True)
class Hardness:
    """Some segments are harder than others, and harder for everybody: then errors of different people fall together.

    Attributes:
        share: of the true sub-actions that are hard, 0 to 1.
        factor: how much larger everybody's error rates and noise are there.
        seed: which ones; the same for all who annotate the same records.
    """

    share: float = 0.0
    factor: float = 1.0
    seed: int = 0

    def find_skill(self, skill: Skill, instance_id: str) -> Skill:
        """Somebody's skill at one sub-action."""
        digest = hashlib.sha256(f"{self.seed}\0{instance_id}".encode()).digest()
        is_hard = int.from_bytes(digest[:8], "big") / 2**64 < self.share
        return skill.multiply(self.factor) if is_hard else skill


ALL_ALIKE = Hardness()


def _limit(rate: float) -> float:
    return min(rate, _GUESSING)
