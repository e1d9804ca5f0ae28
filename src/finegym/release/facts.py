"""``release.json``: what a release is and what was decided when it was made, as one checked value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import combinations

from finegym import __version__
from finegym.annotations.audit import count_swapped
from finegym.codebook.yaml_text import format_codebook
from finegym.release.about import list_unanswered
from finegym.release.contents import Contents
from finegym.release.exports.exported import Exported
from finegym.release.leak_gate import GatedSplit
from finegym.release.official_files import find_pathless
from finegym.release.shapes import (
    CodebookFacts,
    Counts,
    ExclusionFacts,
    ExportFacts,
    LeakFacts,
    ReleaseFile,
    SplitFacts,
    VoteFacts,
)
from finegym.release.votes import count_votes


def gather_facts(contents: Contents, exports: Mapping[str, Exported]) -> ReleaseFile:
    """Everything that ``release.json`` says."""
    about, settings, source = contents.settings.about, contents.settings, contents.source
    return ReleaseFile(
        format="finegym-release/1",
        name=contents.name,
        title=contents.title,
        version=settings.version,
        date_published=about.date_published.isoformat() if about.date_published else None,
        finegym=__version__,
        is_simulated=source.is_simulated,
        licence=about.licence,
        codebook=_describe_codebook(contents),
        counts=_count(contents),
        athletes=settings.athletes,
        num_moved_media_paths=contents.num_moved_paths,
        splits=tuple(_describe_split(gated, contents) for gated in contents.splits),
        swapped=_count_swapped(contents),
        exclusions=_describe_exclusions(contents),
        left_out={reason: tuple(where) for reason, where in source.left_out.items()},
        votes=VoteFacts(**count_votes(source.votes)),
        previous=contents.changes.old if contents.changes else None,
        exports={
            name: ExportFacts(counts=dict(one.counts), cannot_carry=one.cannot_carry) for name, one in exports.items()
        },
        unanswered=list_unanswered(about),
    )


def _describe_codebook(contents: Contents) -> CodebookFacts:
    codebook = contents.dataset.codebook
    return CodebookFacts(
        name=codebook.name,
        version=codebook.version,
        sport=codebook.sport,
        sha256=hashlib.sha256(format_codebook(codebook).encode()).hexdigest(),
        num_events=len(codebook.events),
        num_sets=len(codebook.sets),
        num_elements=len(codebook.elements),
        num_queries=len(codebook.queries),
        elements_without_path=tuple(find_pathless(codebook)),
    )


def _count(contents: Contents) -> Counts:
    dataset = contents.dataset
    subs = [one.sub_action for one in dataset.iterate_instances()]
    return Counts(
        records=len(dataset.videos),
        actions=sum(len(video.actions) for video in dataset.videos),
        sub_actions=len(subs),
        sub_actions_with_element=sum(sub.element_id is not None for sub in subs),
        stages=sum(len(sub.stages) for sub in subs),
    )


def _describe_split(gated: GatedSplit, contents: Contents) -> SplitFacts:
    split = gated.released.split
    leaks = []
    for leak in gated.audit.leaks:
        exception = gated.find_exception(leak.kind)
        leaks.append(
            LeakFacts.model_validate(
                {
                    "kind": leak.kind,
                    "is_guarded": leak.kind in contents.settings.guarded,
                    "exception": exception.reason if exception else None,
                    "num_groups": leak.num_groups,
                    "num_shared": len(leak.shared),
                    "num_train": leak.num_train,
                    "num_val": leak.num_val,
                    "num_unknown": leak.num_unknown,
                    "shared": leak.shared,
                }
            )
        )
    return SplitFacts(
        name=split.name,
        is_made=gated.released.is_made,
        rule=split.rule,
        level=split.subset.level,
        num_classes=len(split.subset),
        num_train=len(split.train),
        num_val=len(split.val),
        num_not_annotated=len(gated.released.not_annotated),
        outside=dict(split.outside),
        leaks=tuple(leaks),
    )


def _count_swapped(contents: Contents) -> dict[str, int]:
    """What one split trains on and another validates on, where there is any."""
    splits = [gated.released.split for gated in contents.splits]
    counts = {key: n for one, other in combinations(splits, 2) for key, n in count_swapped(one, other).items()}
    return {key: number for key, number in counts.items() if number}


def _describe_exclusions(contents: Contents) -> tuple[ExclusionFacts, ...]:
    return tuple(
        ExclusionFacts(
            name=one.rule.name,
            why=one.rule.why,
            note=one.rule.note,
            leave_out_of=one.rule.leave_out_of,
            records=one.num_records,
            actions=one.num_actions,
            sub_actions=len(one.instance_ids),
        )
        for one in contents.exclusions.rules
    )
