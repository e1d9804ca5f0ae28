"""``parse.json``: everything that parsing a recording came to, for machines and for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.errors import ConfigError
from finegym.files import write_text

PARSE_FILE = "parse.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(_Part):
    """A query on the path to an element, and the probability of its answer once it is asked."""

    query_id: str
    text: str
    answer: bool
    probability: float


class Candidate(_Part):
    """An element that it may be.

    Attributes:
        element_id: in the codebook.
        name: for people.
        set_id: its set.
        probability: over all elements, those that nobody can tell included.
        path: the queries that lead to it; empty where the set has no tree.
    """

    element_id: str
    name: str
    set_id: str
    probability: float
    path: tuple[Answer, ...]


class ParsedSubAction(_Part):
    """A sub-action that was found.

    Attributes:
        name: its part of the instance id.
        start_ms: on the record's clock, as ``end_ms``.
        score: how sure the localizer is that something is done here.
        element_id: the element, where it is likely enough; else ``None``.
        set_id: the set, where it is likely enough; else ``None``.
        events: probabilities, likeliest first; those of ``sets`` and ``candidates`` too.
        attributes: of ``element_id``.
        familiarity: p-value of the clip among clips of known classes; ``None`` where the bundle is not calibrated.
        unsure: why one should not rely on it, in words; empty where nothing speaks against it.
    """

    name: str
    start_ms: int
    end_ms: int
    score: float
    element_id: str | None
    set_id: str | None
    events: dict[str, float]
    sets: dict[str, float]
    candidates: tuple[Candidate, ...]
    attributes: dict[str, str | int | float | bool]
    familiarity: float | None
    unsure: tuple[str, ...]


class ParsedAction(_Part):
    """A routine that was found.

    Attributes:
        name: its part of instance ids.
        unsure: why it may be none, or not a whole one.
        points: its difficulty by the code of points, from the elements that are likely enough; ``None`` without rules
            for the event, and where no model tells elements of anything in it.
        points_of_likeliest: likewise, taking the likeliest element of every sub-action, however unsure.
    """

    name: str
    event_id: str
    start_ms: int
    end_ms: int
    score: float
    sub_actions: tuple[ParsedSubAction, ...]
    unsure: tuple[str, ...]
    points: float | None
    points_of_likeliest: float | None


class Stretch(_Part):
    """A part of the record that may be a replay or slow motion, and why."""

    kind: Literal["replay", "slow motion"]
    start_ms: float
    end_ms: float
    score: float
    reasons: tuple[str, ...]


class Parse(_Part):
    """What a recording was parsed into.

    Attributes:
        format: of the file.
        record_id: name of the file without its suffix.
        video: path of the file, as it was given.
        video_fingerprint: of its content.
        duration_ms: of the record.
        bundle: name of the bundle.
        bundle_sha256: of its file.
        is_trained_on_simulation: ``None`` where nobody knows.
        code_of_points: that routines were scored by.
        code_sha256: of its rules; of a file that somebody edits, the name stays.
        without_replays: whether nobody looked for replays and slow motion.
        whole: what the file was taken for.
        settings: the thresholds.
        actions: in order of time.
        stretches: candidates for replays and slow motion, in which nobody performs live.
        seconds: CPU seconds by stage.
    """

    format: Literal["finegym-parse/1"] = "finegym-parse/1"
    record_id: str
    video: str
    video_fingerprint: str
    duration_ms: float
    bundle: str
    bundle_sha256: str
    is_trained_on_simulation: bool | None
    code_of_points: str
    code_sha256: str = ""
    without_replays: bool = False
    whole: Literal["record", "sub-action"] = "record"
    settings: dict[str, float]
    actions: tuple[ParsedAction, ...]
    stretches: tuple[Stretch, ...]
    seconds: dict[str, float]


def write_parse(path: Path, parse: Parse) -> None:
    """Write ``parse.json``, whole or not at all."""
    write_text(path, parse.model_dump_json(indent=1) + "\n")


def read_parse(path: Path) -> Parse:
    """Read ``parse.json``.

    Raises:
        ConfigError: it is missing, or not of this format.
    """
    try:
        return Parse.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. `finegym parse` writes it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}. Parse the video again."
        ) from error
