"""What a parse found as ghosts for the annotators of its record: never as labels that somebody gave.

A sub-action is called what its set is taken for, because that is what the second stage asks; where the parse names no
set, the ghost has no label and the annotator says what it is. Elements are not suggested: in the third stage the path
through the tree is the answer, and it is walked by somebody who looks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.applications.parse.files import PARSE_FILE, Parse, ParsedAction, ParsedSubAction, read_parse
from finegym.codebook.model import Codebook
from finegym.labelling.access import Caller, get_project, write_log
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.loading import read_clock_of
from finegym.labelling.parses import RecordParse
from finegym.labelling.refusals import conflict
from finegym.labelling.suggestions import NO_LABEL, OUTSIDE, Found, add_batch, list_labels, place_found
from finegym.labelling.tables.projects import Suggestion, SuggestionBatch
from finegym.workspace import Workspace

_KEY = "parse"  # of a batch's provenance; files that somebody loads cannot bring it along


@dataclass(frozen=True)
class Suggested:
    """What became of a parse.

    Attributes:
        num_routines: suggestions for the first stage.
        num_sub_actions: for the second.
        num_unsure: those of both with a doubt, or without a label.
        num_withdrawn: of an earlier parse of the record, which are shown no more.
        left_out: reason → how many.
    """

    num_routines: int
    num_sub_actions: int
    num_unsure: int
    num_withdrawn: int
    left_out: Counter[str]


def suggest_parse(
    session: Session, workspace: Workspace, caller: Caller, project_id: str, one: RecordParse
) -> Suggested:
    """Store what a parse found as suggestions; those of earlier parses of the record are withdrawn.

    Raises:
        Refusal: 409: its suggestions are there already, or it is of a clip that was taken whole.
        ConfigError: the file cannot be read.
    """
    path = one.facts.folder / PARSE_FILE
    parse, sha256 = read_parse(path), hashlib.sha256(path.read_bytes()).hexdigest()
    if parse.whole != "record":
        raise conflict("nothing_to_suggest", "The recording was taken whole, as one sub-action: nobody looked for any.")
    old = list_batches(session, project_id, one.record.id)
    if any(batch.sha256 == sha256 for batch in old):
        raise conflict("already_suggested", "What this parse found is suggested already. Withdraw it under Exchange.")
    for batch in old:
        batch.withdrawn_at_ms = caller.now_ms
    codebook, _ = get_codebook(session, get_project(session, project_id))
    left_out: Counter[str] = Counter()
    counts, num_unsure = {}, 0
    for stage, found in (("routines", _list_routines(parse)), ("sub-actions", _list_sub_actions(parse))):
        batch = add_batch(
            session,
            caller,
            project_id,
            name=f"parse of {one.record.name}"[:300],
            model=parse.bundle[:300],
            stage=stage,
            sha256=sha256,
            provenance={_KEY: {"record_id": one.record.id, "bundle_sha256": parse.bundle_sha256}},
        )
        ghosts = _place(workspace, one, batch, found, codebook, left_out)
        session.add_all(ghosts)
        counts[stage] = len(ghosts)
        num_unsure += sum(ghost.label is None or bool(ghost.doubts) for ghost in ghosts)
    text = f"{caller.name} suggested what a parse of {one.record.name} found: {counts}."
    write_log(session, caller.now_ms, "suggestions", text, project_id=project_id, person_id=caller.person_id)
    return Suggested(counts["routines"], counts["sub-actions"], num_unsure, len(old), left_out)


def list_batches(session: Session, project_id: str, record_id: str | None = None) -> list[SuggestionBatch]:
    """The suggestions that are shown and come from a parse: of a record, or of all."""
    query = select(SuggestionBatch).where(
        SuggestionBatch.project_id == project_id, SuggestionBatch.withdrawn_at_ms.is_(None)
    )
    of_parses = [row for row in session.scalars(query) if _KEY in row.provenance]
    return [row for row in of_parses if record_id is None or row.provenance[_KEY]["record_id"] == record_id]


def _list_routines(parse: Parse) -> Iterator[Found]:
    for action in parse.actions:
        yield Found(action.start_ms, action.end_ms, action.event_id, action.score, tuple(_list_doubts(action)))


def _list_doubts(action: ParsedAction) -> Iterator[str]:
    if action.kind != "routine":
        why = "; ".join(one.text for one in action.evidence if one.speaks_for == action.kind)
        yield f"taken for {action.kind}: {why}" if why else f"taken for {action.kind}"
    yield from action.unsure


def _list_sub_actions(parse: Parse) -> Iterator[Found]:
    for action in parse.actions:
        for sub in action.sub_actions:
            yield Found(sub.start_ms, sub.end_ms, sub.set_id, _get_score(sub), sub.unsure)


def _get_score(sub: ParsedSubAction) -> float:
    """How sure the label is; without one, how sure it is that something is done there."""
    return sub.score if sub.set_id is None else sub.sets.get(sub.set_id, sub.score)


def _place(
    workspace: Workspace,
    one: RecordParse,
    batch: SuggestionBatch,
    found: Iterator[Found],
    codebook: Codebook,
    left_out: Counter[str],
) -> list[Suggestion]:
    clock, labels = read_clock_of(workspace, one.record), list_labels(codebook, batch.stage)
    ghosts = []
    for row in found:
        ghost = place_found(row, one.record, clock, batch)
        if row.label is not None and row.label not in labels:
            left_out[NO_LABEL] += 1
        elif ghost is None:
            left_out[OUTSIDE] += 1
        else:
            ghosts.append(ghost)
    return ghosts
