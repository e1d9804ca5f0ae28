"""What the TV-L1 method can be asked for, in the words of its paper, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

from finegym.errors import ConfigError, join_problems


@dataclass(frozen=True)
class TVL1Parameters:
    """Parameters of TV-L1, named as in the literature; grey values are 0..255, flow is in pixels.

    Attributes:
        tau: step of the dual updates; the iteration is known to converge up to 1/4.
        lambda_: weight of the data term against smoothness; smaller is smoother.
        theta: how tightly the auxiliary field is bound to the flow.
        num_scales: levels of the pyramid at most; none gets a side below 16 pixels.
        scale_step: size of a level relative to the finer one, in (0, 1).
        num_warps: how often a level warps the second frame anew.
        num_finer_warps: the same of all levels but the coarsest; ``num_warps`` if left out.
        epsilon: a level stops iterating when the root mean square of an update is below this many pixels.
        num_inner_iterations: updates between two median filters, at most.
        num_outer_iterations: median filters a warp, at most.
        median_size: side of the median filter, 1 (none), 3 or 5.

    Source:
        Zach, Pock, Bischof: A duality based approach for realtime TV-L1 optical flow, DAGM 2007; multi-scale procedure
        and values after Sánchez, Meinhardt-Llopis, Facciolo: TV-L1 optical flow estimation, IPOL 2013; median filter
        and stop rule as in OpenCV's DualTVL1, whose epsilon is 0.01.
    """

    tau: float = 0.25
    lambda_: float = 0.15
    theta: float = 0.3
    num_scales: int = 5
    scale_step: float = 0.8
    num_warps: int = 5
    num_finer_warps: int | None = None
    epsilon: float = 0.02
    num_inner_iterations: int = 30
    num_outer_iterations: int = 10
    median_size: int = 5

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be above 0, got {getattr(self, name)}"
            for name in ("tau", "lambda_", "theta")
            if not getattr(self, name) > 0
        ]
        problems += [
            f"{name} must be a whole number from 1, got {getattr(self, name)}"
            for name in ("num_scales", "num_warps", "num_finer_warps", "num_inner_iterations", "num_outer_iterations")
            if not _is_count(getattr(self, name)) and (name, getattr(self, name)) != ("num_finer_warps", None)
        ]
        if not 0 < self.scale_step < 1:
            problems.append(f"scale_step must lie between 0 and 1, got {self.scale_step}")
        if not self.epsilon >= 0:
            problems.append(f"epsilon must be 0 or more, got {self.epsilon}")
        if self.median_size not in (1, 3, 5):
            problems.append(f"median_size must be 1 (no filter), 3 or 5, got {self.median_size}")
        if problems:
            raise ConfigError(f"TV-L1 parameters: {join_problems(problems)}.")

    def count_warps(self, is_coarsest: bool) -> int:
        """Warps of a level."""
        return self.num_warps if is_coarsest or self.num_finer_warps is None else self.num_finer_warps


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1
