"""What a release is made of, as one plain value, whether it comes from a dataset folder or from the annotation app.

``open_release_source`` reads folders; ``labelling.release_source`` reads a workspace with its database. All that comes
after (``release.build``) knows only this value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from finegym.annotations.model import Dataset
from finegym.annotations.source import Source, open_source
from finegym.annotations.splits import Split, read_official_split, read_split
from finegym.codebook.official import OfficialFiles
from finegym.codebook.yaml_text import format_codebook
from finegym.quality.units import Units

VoteAnswer = Literal["yes", "no", "unsure"]
Stage = Literal["routines", "sub-actions", "elements"]
"""What annotators do in turn: find actions, find sub-actions and their sets, name elements by the trees."""


@dataclass(frozen=True, slots=True)
class CodebookVersion:
    """A codebook that annotators worked with.

    Attributes:
        number: 1, 2, … in the order in which they came into use.
        version: what the codebook calls itself.
        text: YAML.
        date: ``YYYY-MM-DD`` since when, where known.
    """

    number: int
    version: str
    text: str
    date: str | None = None


@dataclass(frozen=True, slots=True)
class GuidelineVersion:
    """A page of the guidelines, as annotators read it.

    Attributes:
        key: what it is about: ``general``, ``stage:…``, ``event:…``, ``set:…``, ``query:…`` or ``element:…``.
        version: 1, 2, … of this page.
        title: of the page.
        text: Markdown.
        date: ``YYYY-MM-DD`` since when, where known.
    """

    key: str
    version: int
    title: str
    text: str
    date: str | None = None


class Vote(NamedTuple):
    """What one annotator found and answered in one place, kept whatever was decided in the end.

    Attributes:
        stage: of the work.
        annotator: a pseudonym (``annotator-1``); never a name.
        video_id: the record.
        start_ms: on the record's clock.
        end_ms: likewise.
        action_id: the action of the release that this is about, or is in; ``None`` where none came of it.
        instance_id: the sub-action of the release that this is about; ``None`` for routines, and where none came of it.
        event_id: what was chosen, where anything was.
        set_id: likewise.
        element_id: likewise.
        answers: (query id, answer) in the order in which they were given.
    """

    stage: Stage
    annotator: str
    video_id: str
    start_ms: int
    end_ms: int
    action_id: str | None
    instance_id: str | None
    event_id: str | None
    set_id: str | None
    element_id: str | None
    answers: tuple[tuple[str, VoteAnswer], ...] = ()


class Decision(NamedTuple):
    """What was decided about something that several annotators voted on.

    Attributes:
        stage: of the work.
        video_id: the record.
        start_ms: of the votes' consensus, on the record's clock.
        end_ms: likewise.
        num_found: annotators who found it.
        num_asked: annotators who looked.
        confidence: 0 to 1, how sure the votes are that it is there and what it is.
        doubts: why it was not clear; empty where all agreed.
        choice: ``agreed``; ``none``: not there; ``open``: nobody has decided; else what an adjudicator chose:
            ``consensus``, ``own``, ``none`` or ``annotator``.
        annotator: whose work was chosen, as ``units`` name them; a pseudonym once it is published.
        reason: in the adjudicator's words.
        action_id: what came of it in the release, as of a ``Vote``; found when the release is made.
        instance_id: likewise.
    """

    stage: Stage
    video_id: str
    start_ms: int
    end_ms: int
    num_found: int
    num_asked: int
    confidence: float
    doubts: str
    choice: str
    annotator: str | None = None
    reason: str = ""
    action_id: str | None = None
    instance_id: str | None = None


class HistoryEntry(NamedTuple):
    """What happened to the data on a day: passes accepted, a codebook changed, a decision of adjudication."""

    date: str
    kind: str
    text: str
    number: int


class MediaFile(NamedTuple):
    """How to tell that a media file is the one that was annotated."""

    sha256: str
    size_bytes: int | None


@dataclass(frozen=True)
class ReleaseSource:
    """Everything that a release can be made of. Only ``name`` and ``dataset`` are always there.

    Attributes:
        name: of the dataset, part of the folder's name.
        dataset: records, actions, sub-actions, and the codebook that they are labelled with.
        splits: those that the source brings along (a dataset folder's ``splits/``, FineGym's published lists).
        official: the official files, where the source is a folder of those: they are written back byte for byte.
        codebooks: every version that was worked with, oldest first; the last one is the dataset's.
        guidelines: every version of every page, oldest first.
        units: by stage, what each annotator found; votes and agreement of the release are made from it.
        votes: of all annotators, where they are known already.
        decisions: about what annotators differed on, and what they agreed on.
        exclusions: rules of ``release.exclusions``, as read from their file (plain values).
        history: by day, oldest first.
        agreement: by stage, ``quality``'s JSON, with annotators as numbers, where it is measured already.
        media: by video id.
        is_simulated: nobody filmed this; every page says so.
        left_out: what the source held and ``dataset`` cannot (routines without an event …): reason → where.
    """

    name: str
    dataset: Dataset
    splits: tuple[Split, ...] = ()
    official: OfficialFiles | None = None
    codebooks: tuple[CodebookVersion, ...] = ()
    guidelines: tuple[GuidelineVersion, ...] = ()
    units: Mapping[Stage, Units] = field(default_factory=dict)
    votes: tuple[Vote, ...] = ()
    decisions: tuple[Decision, ...] = ()
    exclusions: tuple[Mapping[str, Any], ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    agreement: Mapping[Stage, Mapping[str, Any]] = field(default_factory=dict)
    media: Mapping[str, MediaFile] = field(default_factory=dict)
    is_simulated: bool = False
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)


def open_release_source(path: Path, name: str | None = None) -> ReleaseSource:
    """Read a dataset folder or a folder of official FineGym files.

    Args:
        path: of the folder.
        name: of the dataset; the folder's by default (``finegym`` for official files).

    Raises:
        AnnotationError: it is neither, or cannot be read.
        CodebookError: the official category files cannot be read.
    """
    source = open_source(path)
    text = format_codebook(source.dataset.codebook)
    version = CodebookVersion(1, source.dataset.codebook.version, text)
    folder_name = Path(path).resolve().name
    made = ReleaseSource(
        name=name or ("finegym" if source.official else folder_name),
        dataset=source.dataset,
        splits=_read_splits(source),
        codebooks=(version,),
    )
    if source.official is None:
        return replace(made, is_simulated=(Path(path) / "simulation.json").is_file())
    conflicts = [conflict.instance_id for conflict in source.official.conflicts]
    left_out = {"instances that two lists label differently, left without an element": conflicts} if conflicts else {}
    return replace(made, official=source.official.files, left_out=left_out)


def _read_splits(source: Source) -> tuple[Split, ...]:
    if source.official is None:
        return tuple(read_split(path.parent) for path in sorted(source.path.glob("splits/*/split.json")))
    folder = source.official.paths
    return tuple(
        read_official_split(folder[f"{name}/train"].parent, name, source.official.files, source.official.version)
        for name in sorted(source.lists)
        if name in source.official.files.class_glabels
    )
