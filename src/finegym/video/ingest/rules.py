"""What a record must be like: a TOML file of limits, and the verdict by it.

The paper took "official recordings … in high resolution": the built-in rules ask for 720 lines. A record that breaks a
rule is disqualified with all the reasons; that is a verdict, not a failure.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finegym.errors import ConfigError, join_problems
from finegym.video.ingest.record import Damage, Kind, Probe

DEFAULT_RULES = """\
# What a record must be like. Every key may be left out; unknown keys are refused.
min_height = 720             # pixels of the short side of the upright picture
min_minutes = 0.0
# max_minutes = 600.0
min_fps = 0.0                # frames a second, on average
allow_variable_rate = true
require_audio = false
# containers = ["mov", "matroska", "mpegts"]   # FFmpeg's names; left out: any
# codecs = ["h264", "hevc"]                    # likewise
max_gap_ms = 1000            # the longest single gap in the time stamps
max_missing_share = 0.02     # of what container and table promise
max_black_share = 0.2        # of the duration
max_frozen_share = 0.2
"""
Share = Annotated[float, Field(ge=0, le=1)]
# What damage counts as missing.
_MISSING: tuple[Kind, ...] = ("truncated", "missing", "gap", "no_key_frame", "undecodable")


class Rules(BaseModel):
    """Limits; ``None`` sets none.

    Attributes:
        min_height: pixels of the short side of the upright picture, so that a picture filmed upright counts alike.
        min_minutes: of the duration that is there.
        max_minutes: likewise.
        min_fps: frames a second, on average.
        allow_variable_rate: whether frames may be shown for different times.
        require_audio: whether there must be sound.
        containers: FFmpeg's names (``mov`` is MP4 too).
        codecs: FFmpeg's names.
        max_gap_ms: the longest single gap in the time stamps.
        max_missing_share: of the duration promised.
        max_black_share: of the duration there is.
        max_frozen_share: of the duration there is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_height: int | None = Field(None, ge=1)
    min_minutes: float | None = Field(None, ge=0)
    max_minutes: float | None = Field(None, gt=0)
    min_fps: float | None = Field(None, ge=0)
    allow_variable_rate: bool = True
    require_audio: bool = False
    containers: tuple[str, ...] | None = None
    codecs: tuple[str, ...] | None = None
    max_gap_ms: float | None = Field(None, ge=0)
    max_missing_share: Share | None = None
    max_black_share: Share | None = None
    max_frozen_share: Share | None = None

    @property
    def sha256(self) -> str:
        """Of the limits; equal limits have equal sums however they were written."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_rules(path: Path | None = None) -> Rules:
    """Rules from a TOML file; the built-in ones where none is named.

    Raises:
        ConfigError: the file cannot be read, or holds unknown keys or values out of range; all are named.
    """
    if path is None:
        return Rules(**tomllib.loads(DEFAULT_RULES))
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return Rules(**content)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {join_problems([_describe(problem) for problem in error.errors()])}") from error


def judge(probe: Probe, damage: Sequence[Damage], rules: Rules) -> tuple[str, ...]:
    """All reasons against a record; none means that it is accepted."""
    reasons = []

    def require(holds: bool, reason: str) -> None:
        if not holds:
            reasons.append(reason)

    minutes, short_side = probe.duration_ms / 60_000, min(probe.width, probe.height)
    fps = probe.clock.fps_average
    if rules.min_height is not None:
        require(short_side >= rules.min_height, f"height {short_side} is below min_height {rules.min_height}")
    if rules.min_minutes is not None:
        require(minutes >= rules.min_minutes, f"{minutes:.2f} minutes are below min_minutes {rules.min_minutes:g}")
    if rules.max_minutes is not None:
        require(minutes <= rules.max_minutes, f"{minutes:.2f} minutes are above max_minutes {rules.max_minutes:g}")
    if rules.min_fps is not None:
        # 29.97 is written as 30 by people: the hundredth does not matter.
        require(fps >= rules.min_fps * 0.999, f"{fps:.3g} frames a second are below min_fps {rules.min_fps:g}")
    require(rules.allow_variable_rate or probe.clock.is_constant_rate, "the frame rate varies (allow_variable_rate)")
    require(bool(probe.audio) or not rules.require_audio, "there is no sound (require_audio)")
    if rules.containers is not None:
        require(probe.container in rules.containers, f"container {probe.container} is not among {rules.containers}")
    if rules.codecs is not None:
        require(probe.codec in rules.codecs, f"codec {probe.codec} is not among {rules.codecs}")
    gap = max((d.end_ms - d.start_ms for d in damage if d.kind == "gap"), default=0)
    if rules.max_gap_ms is not None:
        require(gap <= rules.max_gap_ms, f"a gap of {gap} ms is above max_gap_ms {rules.max_gap_ms:g}")
    for name, limit, kinds in (
        ("missing", rules.max_missing_share, _MISSING),
        ("black", rules.max_black_share, ("black",)),
        ("frozen", rules.max_frozen_share, ("frozen",)),
    ):
        lost_ms = sum(d.end_ms - d.start_ms for d in damage if d.kind in kinds)
        # What lies past the end is not part of the duration that is there.
        beyond_ms = sum(d.end_ms - d.start_ms for d in damage if d.kind in kinds and d.kind in ("truncated", "missing"))
        share = lost_ms / max(1, probe.duration_ms + beyond_ms)
        if limit is not None:
            require(share <= limit, f"{share:.1%} {name} is above max_{name}_share {limit:.1%}")
    return tuple(reasons)


def _describe(problem: object) -> str:
    assert isinstance(problem, dict)
    key = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, Rules.model_fields, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"expected one of {', '.join(Rules.model_fields)}"
        return f'unknown key "{key}"; {hint}'
    return f'"{key}": {problem["msg"][0].lower()}{problem["msg"][1:]}, got {problem["input"]!r}'
