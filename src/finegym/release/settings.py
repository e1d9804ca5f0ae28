"""What somebody asks of a release: version, splits, groups, exceptions. Checked once, and written into the release."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from finegym.annotations.audit import AUDITED
from finegym.annotations.balance import SETTINGS
from finegym.annotations.groups import GROUP_KINDS
from finegym.codebook.problems import suggest
from finegym.errors import ConfigError, join_problems
from finegym.release.about import About
from finegym.release.exports.write import EXPORT_FORMATS

_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXCEPTION = re.compile(r"(?P<split>[^:=]+):(?P<kind>[^:=]+)=(?P<reason>.*\S.*)", re.DOTALL)

Athletes = Literal["named", "numbered", "left-out"]
ALWAYS_GUARDED = ("video", "action", "near-duplicate")


class LeakException(NamedTuple):
    """A leak that somebody accepts and says why: groups of a kind may be on both sides of a split."""

    split: str
    kind: str
    reason: str


@dataclass(frozen=True)
class ReleaseSettings:
    """Everything that decides what a release holds, beside its source.

    Attributes:
        version: ``MAJOR.MINOR.PATCH``; minor and patch may be missing.
        splits: names: of splits that the source brings, ``balanced`` and ``long-tailed``; ``None`` for all of them.
        by: kinds of groups that made splits keep whole.
        val_share: wanted in made splits.
        seed: of made splits.
        min_train: instances that a class of ``balanced`` needs in train, instead of the paper's.
        min_val: likewise in val.
        keep_sides: where there is a last release, groups of a made split stay on the side where its split of the same
            name had them, and only new groups are shared out.
        allow_leaks: the exceptions that the leak gate lets through.
        allow_unknown_groups: actions of unknown competition or athlete stand for themselves.
        allow_not_annotated: splits that the source brings may list instances that the annotations lack.
        athletes: names of athletes as they are, as numbers, or not at all.
        about: what people say about the dataset.
        with_figures: draw the statistics.
        exports: formats of ``release.exports``; ``None`` for all.

    Raises:
        ConfigError: a version, a kind of group or an exception that cannot be; all of them are named.
    """

    version: str
    splits: tuple[str, ...] | None = None
    by: tuple[str, ...] = ("video",)
    val_share: float = 0.25
    seed: int = 0
    min_train: int | None = None
    min_val: int | None = None
    keep_sides: bool = True
    allow_leaks: tuple[LeakException, ...] = ()
    allow_unknown_groups: bool = False
    allow_not_annotated: bool = False
    athletes: Athletes = "named"
    about: About = field(default_factory=About)
    with_figures: bool = True
    exports: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        problems = []
        if not _VERSION.fullmatch(self.version):
            problems.append(f"version {self.version!r}: expected MAJOR.MINOR.PATCH, such as 1.0 or 1.2.0")
        for kind in self.by:
            if kind not in GROUP_KINDS:
                problems.append(f"groups by {kind!r}{suggest(kind, GROUP_KINDS)}")
        for name in self.exports or ():
            if name not in EXPORT_FORMATS:
                problems.append(f"export {name!r}{suggest(name, EXPORT_FORMATS)}")
        for exception in self.allow_leaks:
            if exception.kind not in AUDITED:
                problems.append(f"exception {exception.split}:{exception.kind}{suggest(exception.kind, AUDITED)}")
        if problems:
            raise ConfigError(join_problems(problems))

    @property
    def guarded(self) -> tuple[str, ...]:
        """The kinds of groups that may not be on both sides of a split."""
        asked = {"near-duplicate" if kind == "duplicate" else kind for kind in self.by}
        return tuple(kind for kind in AUDITED if kind in asked or kind in ALWAYS_GUARDED)


MADE_SETTINGS = tuple(SETTINGS)


def parse_leak_exceptions(texts: Sequence[str]) -> tuple[LeakException, ...]:
    """Exceptions as the command line writes them.

    Raises:
        ConfigError: a text is not ``SPLIT:KIND=REASON``.

    Example:
        >>> parse_leak_exceptions(["gym99:video=published like this"])[0].kind
        'video'
    """
    found = [(text, _EXCEPTION.fullmatch(text)) for text in texts]
    wrong = [repr(text) for text, match in found if match is None]
    if wrong:
        raise ConfigError(
            f"exceptions of the leak gate: expected SPLIT:KIND=REASON, such as 'gym99:video=published like this', got "
            f"{', '.join(wrong)}. The reason goes onto the card."
        )
    return tuple(LeakException(m["split"].strip(), m["kind"].strip(), m["reason"].strip()) for _, m in found if m)


def check_name(name: str) -> str:
    """A name that can be a folder's.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"name {name!r}: expected letters, digits, dots, dashes and underscores. Pass --name.")
    return name
