"""The JSON files of a release as pydantic models: they check what is written, and JSON Schemas are made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from finegym.annotations.audit import AUDITED

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
GroupKind = Literal["competition", "video", "athlete", "action", "near-duplicate"]
assert GroupKind.__args__ == AUDITED  # type: ignore[attr-defined]


class Shape(BaseModel):
    """A part of a file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ManifestEntry(Shape):
    """A file of the release."""

    path: str
    size_bytes: Count
    sha256: Sha256
    about: str
    format: str
    schema_path: Annotated[str | None, Field(description="JSON Schema of the file, or of its rows or lines")]


class ManifestFile(Shape):
    """``manifest.json``: every file but itself."""

    format: Literal["finegym-manifest/1"]
    name: str
    version: str
    files: tuple[ManifestEntry, ...]


class CodebookFacts(Shape):
    """What the release is labelled with."""

    name: str
    version: str
    sport: str
    sha256: Sha256
    num_events: Count
    num_sets: Count
    num_elements: Count
    num_queries: Count
    elements_without_path: tuple[str, ...]


class Counts(Shape):
    """How much there is."""

    records: Count
    actions: Count
    sub_actions: Count
    sub_actions_with_element: Count
    stages: Count


class LeakFacts(Shape):
    """Groups of one kind on both sides of a split."""

    kind: GroupKind
    is_guarded: Annotated[bool, Field(description="refused without an exception")]
    exception: Annotated[str | None, Field(description="why it was let through")]
    num_groups: Count
    num_shared: Count
    num_train: Annotated[int, Field(description="training instances in shared groups")]
    num_val: Annotated[int, Field(description="validation instances in shared groups")]
    num_unknown: Annotated[int, Field(description="instances whose group is not known; they may leak")]
    shared: tuple[str, ...]


class SplitFacts(Shape):
    """A split of the release."""

    name: str
    is_made: Annotated[bool, Field(description="made with the release; else brought along")]
    rule: str
    level: Literal["element", "set", "event"]
    num_classes: Count
    num_train: Count
    num_val: Count
    num_not_annotated: Annotated[int, Field(description="listed instances that the annotations lack")]
    outside: dict[str, int]
    leaks: tuple[LeakFacts, ...]


class ExclusionFacts(Shape):
    """A rule that left something out."""

    name: str
    why: str
    note: str
    leave_out_of: Literal["settings", "labels", "release"]
    records: Count
    actions: Count
    sub_actions: Count


class ExportFacts(Shape):
    """An export, and what its format has no place for."""

    counts: dict[str, int]
    cannot_carry: tuple[str, ...]


class VoteFacts(Shape):
    """How many votes are published."""

    annotators: Count
    votes: Count
    answers: Count
    without_result: Count


class ReleaseFile(Shape):
    """``release.json``: what the release is and what was decided when it was made."""

    format: Literal["finegym-release/1"]
    name: str
    title: str
    version: str
    date_published: str | None
    finegym: Annotated[str, Field(description="version of finegym that wrote it")]
    is_simulated: bool
    licence: str | None
    codebook: CodebookFacts
    counts: Counts
    athletes: Literal["named", "numbered", "left-out"]
    num_moved_media_paths: Count
    splits: tuple[SplitFacts, ...]
    swapped: Annotated[dict[str, int], Field(description="instances in train of one split and in val of another")]
    exclusions: tuple[ExclusionFacts, ...]
    left_out: dict[str, tuple[str, ...]]
    votes: VoteFacts
    previous: str | None
    exports: dict[str, ExportFacts]
    unanswered: Annotated[tuple[str, ...], Field(description="keys of about.toml that say nothing")]


class SubActionTimes(Shape):
    """A sub-action: seconds from the start of its action."""

    stages: Annotated[int, Field(ge=1)]
    timestamps: tuple[tuple[float, float], ...]


class ActionTimes(Shape):
    """An action: seconds on the record's clock; ``segments`` is null where nobody has looked."""

    event: int
    segments: dict[Annotated[str, Field(pattern=r"^A_[0-9]{4}_[0-9]{4}$")], SubActionTimes] | None
    timestamps: Annotated[tuple[tuple[Seconds, Seconds], ...], Field(min_length=1, max_length=1)]


class AnnotationsFile(RootModel[dict[str, dict[Annotated[str, Field(pattern=r"^E_[0-9]{6}_[0-9]{6}$")], ActionTimes]]]):
    """``annotations.json``: records, their actions, their sub-actions, as FineGym published them."""


class QuestionPath(Shape):
    """The path to an element: answer i (1 yes, 0 no) to question i."""

    BTcode: Annotated[str, Field(pattern="^[01]*$")]
    questions: tuple[str, ...]
    code: str | None


class QuestionsFile(RootModel[dict[Annotated[str, Field(pattern="^[0-9]+$")], QuestionPath]]):
    """The question annotation: the path to every element, by its number."""


class DurationNumbers(Shape):
    """How long things last, in seconds."""

    count: Count
    mean: float | None
    min: float | None
    max: float | None
    percentiles: dict[str, float] | None
    short_share: float | None


class EventNumbers(Shape):
    """The numbers of one event, or of all."""

    event_id: str
    num_events: Count
    elements_per_set: dict[str, int]
    num_videos: Count
    num_actions: Count
    num_unsegmented: Count
    num_sub_actions: Count
    num_without_element: Count
    num_elements_with_instances: Count
    max_instances: Count
    max_element_id: str | None
    action_hours: float
    record_hours: float
    num_records_without_length: Count
    action_durations: DurationNumbers
    sub_action_durations: DurationNumbers
    stage_durations: dict[str, DurationNumbers]
    sub_actions_per_action: dict[str, int]
    coverage: float | None
    mean_action_coverage: float | None
    num_elements: Count


class ClassNumbers(Shape):
    """Instances of a class."""

    id: str
    name: str
    set_id: str
    event_id: str
    num_instances: Count


class StatisticsFile(Shape):
    """``statistics/*.json``; times are seconds, shares between 0 and 1."""

    subset: str | None
    outside: dict[str, int]
    events: tuple[EventNumbers, ...]
    classes: tuple[ClassNumbers, ...]
    imbalance: float | None


class ExclusionsReport(Shape):
    """``exclusions.json``: the rules, with what they came to."""

    format: Literal["finegym-exclusions/1"]
    rules: tuple[dict[str, Any], ...]


class SplitChanges(Shape):
    """What became of a split."""

    name: str
    num_added: Count
    num_removed: Count
    num_moved: Count
    num_reclassed: Count
    is_new: bool
    is_gone: bool


class ThingChanges(Shape):
    """One change of one thing."""

    level: Literal["record", "action", "sub-action"]
    kind: Literal["added", "removed", "moved", "relabelled", "renamed"]
    id: str
    old_id: str | None
    before: str
    after: str


class ChangesFile(Shape):
    """``changes.json``: what changed since the last release."""

    format: Literal["finegym-release-diff/1"]
    old: str
    new: str
    counts: dict[str, dict[str, int]]
    codebook: dict[str, Any]
    splits: tuple[SplitChanges, ...]
    changes: tuple[ThingChanges, ...]


class AgreementFile(BaseModel):
    """``agreement/*.json``: what ``finegym quality agreement --json`` prints."""

    model_config = ConfigDict(extra="allow", frozen=True)

    format: Annotated[str, Field(pattern="^finegym-agreement/")]
