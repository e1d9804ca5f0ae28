"""``parse.json``: everything that parsing a recording came to, for machines and for the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.errors import ConfigError
from finegym.files import write_text

PARSE_FILE = "parse.json"
FORMAT = "finegym-parse/3"
REASONS_FILE = "reasons.json"
REASONS_FOLDER = ".reasons"
"""What ``finegym explain`` adds, and the clips for it; of an earlier parse they say nothing of a newer one."""
AT_WORK = "parse or explanation"
"""What holds the lock of a parse's folder."""
Kind = Literal["routine", "interrupted", "replay", "unclear"]
KINDS: tuple[Kind, ...] = ("routine", "interrupted", "replay", "unclear")
COUNTED: tuple[Kind, ...] = ("routine", "interrupted")
"""Kinds of which somebody really performed something now: they get points."""


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
        events: those of its routine, likeliest first; ``sets`` and ``candidates`` are ordered likewise.
        own_events: what its own frames say of the event, before the routine had a say.
        attributes: of ``element_id``.
        familiarity: p-value of the clip among clips of known classes; ``None`` where the bundle is not calibrated.
        is_strange: whether it looks like none of the classes that the models know; then nothing is named.
        strange_rate: of clips of known classes, at most this share is called strange; ``None`` as above.
        left_out: names of the recognisers that found no gymnast in any of its frames; they have no say in it.
        is_seen: whether anybody else has one; else nothing is named.
        unsure: why one should not rely on it, in words; empty where nothing speaks against it.
    """

    name: str
    start_ms: int
    end_ms: int
    score: float
    element_id: str | None
    set_id: str | None
    events: dict[str, float]
    own_events: dict[str, float]
    sets: dict[str, float]
    candidates: tuple[Candidate, ...]
    attributes: dict[str, str | int | float | bool]
    familiarity: float | None
    is_strange: bool
    strange_rate: float | None
    left_out: tuple[str, ...] = ()
    is_seen: bool = True
    unsure: tuple[str, ...]


class Evidence(_Part):
    """One thing that decided, or nearly decided, what kind of routine was found.

    Attributes:
        speaks_for: the kind.
        reason: what was looked at.
        value: of it: a share, a probability, a duration in ms or a count.
        limit: from which on (or below which) it speaks for the kind.
        text: the same in words.
    """

    speaks_for: Kind
    reason: Literal[
        "in-replay-candidate",
        "in-slow-motion",
        "shown-before",
        "looks-like-before",
        "nothing-found",
        "nothing-known",
        "nothing-seen",
        "no-dismount",
        "too-short",
        "too-few-sub-actions",
    ]
    value: float
    limit: float
    text: str


class ParsedAction(_Part):
    """A routine that was found.

    Attributes:
        name: its part of instance ids.
        kind: ``routine``: performed live and to its end; ``interrupted``: live, but it breaks off; ``replay``: shows
            again what was shown before; ``unclear``: nothing was found in it, or nothing that the models know, so that
            nothing says that it is one.
        evidence: what speaks for a kind other than ``routine``, also where it was not enough.
        replay_of: name of the routine that it shows again, where that was found.
        event_id: decided over the whole routine.
        localized_event_id: what the localizer alone took it for.
        score: how sure the localizer is that there is a routine of ``localized_event_id``.
        events: probabilities over the whole routine, likeliest first.
        unsure: why it may be none, or not what it is said to be.
        is_doubtful: whether it is in doubt as such: its event is less likely than what is named, or the recording is
            of another kind than what the models learned from. The official annotations have no place for it.
        points: its difficulty by the code of points, from the elements that are likely enough; ``None`` for replays and
            unclear ones, without rules for the event, and where no model tells elements of anything in it.
        points_of_likeliest: likewise, taking the likeliest element of every sub-action, however unsure.
    """

    name: str
    kind: Kind
    evidence: tuple[Evidence, ...]
    replay_of: str | None
    event_id: str
    localized_event_id: str | None
    start_ms: int
    end_ms: int
    score: float
    events: dict[str, float]
    sub_actions: tuple[ParsedSubAction, ...]
    unsure: tuple[str, ...]
    is_doubtful: bool = False
    points: float | None
    points_of_likeliest: float | None


class Stretch(_Part):
    """A part of the record that may be a replay or slow motion, and why.

    Attributes:
        original_start_ms: where what it shows was shown before; ``None`` where that was not found.
        original_end_ms: likewise.
        speed: at which it runs, relative to life; ``None`` where nobody can say.
    """

    kind: Literal["replay", "slow motion"]
    start_ms: float
    end_ms: float
    score: float
    reasons: tuple[str, ...]
    original_start_ms: float | None = None
    original_end_ms: float | None = None
    speed: float | None = None


class Parse(_Part):
    """What a recording was parsed into.

    Attributes:
        format: of the file.
        record_id: name of the file without its suffix.
        video: path of the file; in ``parse.json`` relative to its folder, so that both can be moved together.
        video_fingerprint: of its content.
        duration_ms: of the record.
        bundle: name of the bundle.
        bundle_sha256: of its file.
        is_trained_on_simulation: whether a model of the bundle was; ``None`` where nobody knows.
        trained_on: the same model by model, where the bundle says so.
        code_of_points: that routines were scored by.
        code_sha256: of its rules; of a file that somebody edits, the name stays.
        without_replays: whether nobody looked for replays and slow motion.
        whole: what the file was taken for.
        is_simulated: whether the recording is known to be simulated: it lies in a simulated competition.
        is_foreign: whether it is of another kind than what the models learned from: then everything in it is in doubt.
        warnings: what to know before anything else here is believed; empty where there is nothing.
        num_not_seen: sub-actions in which nobody saw a gymnast, so that nothing is named.
        num_doubtful: whole live routines that are in doubt as such.
        with_doubtful: whether they are in the official annotations nevertheless.
        settings: the thresholds.
        actions: in order of time.
        stretches: candidates for replays and slow motion, in which nobody performs live.
        seconds: CPU seconds by stage, those of calls that were stopped included (all but a killed call's last stage).
    """

    format: Literal["finegym-parse/3"] = "finegym-parse/3"
    record_id: str
    video: str
    video_fingerprint: str
    duration_ms: float
    bundle: str
    bundle_sha256: str
    is_trained_on_simulation: bool | None
    trained_on: dict[str, bool | None] = {}
    code_of_points: str
    code_sha256: str = ""
    without_replays: bool = False
    whole: Literal["record", "sub-action"] = "record"
    is_simulated: bool
    is_foreign: bool = False
    warnings: tuple[str, ...]
    num_not_seen: int = 0
    num_doubtful: int = 0
    with_doubtful: bool = False
    settings: dict[str, float]
    actions: tuple[ParsedAction, ...]
    stretches: tuple[Stretch, ...]
    seconds: dict[str, float]

    @property
    def is_partly_simulated(self) -> bool:
        """Whether some models were trained on a simulated competition, and others not, or not for certain."""
        return 0 < sum(map(bool, self.trained_on.values())) < len(self.trained_on)


def write_parse(path: Path, parse: Parse) -> None:
    """Write ``parse.json``, whole or not at all; it names the recording as seen from its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = parse.model_copy(update={"video": _relate(Path(parse.video), path.parent)})
    write_text(path, stored.model_dump_json(indent=1) + "\n")


def read_parse(path: Path) -> Parse:
    """Read ``parse.json``; ``video`` becomes an absolute path.

    Raises:
        ConfigError: it is missing, or not of this format.
    """
    try:
        parse = Parse.model_validate_json(Path(path).read_bytes())
        return parse.model_copy(update={"video": os.path.normpath(Path(path).parent.resolve() / parse.video)})
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. `finegym parse` writes it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path}: {where and f'{where}: '}{first['msg']}. Parse the video again.") from error


def _relate(video: Path, folder: Path) -> str:
    """The way from a folder to a recording, where there is one; ``..`` leads up from where the folder really lies."""
    whole = video.absolute()
    try:
        return Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(whole)
