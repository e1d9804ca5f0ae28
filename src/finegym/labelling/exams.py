"""Exams of a project: what they ask in each version, where somebody stands with them, and what that keeps her from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.errors import ConfigError
from finegym.labelling.access import Caller, write_log
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.gold import load_ground
from finegym.labelling.refusals import Refusal, conflict, invalid_field, not_found
from finegym.labelling.settings import ProjectSettings, Stage
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.gold import Exam, ExamAttempt, ExamTry, ExamVersion, GoldItem
from finegym.labelling.tables.projects import Guideline, Project
from finegym.quality.exams import ExamRules, Standing, Try, Versions, check_rules, find_standing


@dataclass(frozen=True)
class ExamContent:
    """What an exam asks."""

    name: str
    text: str
    rules: ExamRulesShape
    gold_ids: Sequence[str]


@dataclass(frozen=True)
class PersonStanding:
    """Where somebody stands with an exam, and her attempts, oldest first."""

    standing: Standing
    attempts: tuple[ExamAttempt, ...]


@dataclass(frozen=True)
class Block:
    """What keeps somebody from the work of a stage."""

    exam_id: str
    name: str
    why: str


def make_exam(
    session: Session, caller: Caller, project: Project, kind: str, stage: Stage, content: ExamContent
) -> Exam:
    """A new exam.

    Raises:
        Refusal: 422 rules that contradict themselves, gold items of elsewhere.
    """
    exam = Exam(
        id=make_id(),
        project_id=project.id,
        kind=kind,
        stage=stage,
        version=0,
        author_id=caller.person_id,
        at_ms=caller.now_ms,
    )
    session.add(exam)
    _add_version(session, caller, project, exam, content)
    return exam


def change_exam(
    session: Session, caller: Caller, project: Project, exam: Exam, seen_version: int, content: ExamContent
) -> None:
    """The next version of an exam; attempts that are under way go on with theirs.

    Raises:
        Refusal: 409 it is retired; 412 somebody else changed it in between; 422.
    """
    if exam.retired_at_ms is not None:
        raise conflict("retired", "This exam is retired.")
    if seen_version not in (-1, exam.version):
        raise Refusal(412, "version_conflict", "Somebody else changed this exam in between.", version=exam.version)
    _add_version(session, caller, project, exam, content)


def retire_exam(session: Session, caller: Caller, exam: Exam, settings: ProjectSettings) -> None:
    """Hold an exam no more.

    Raises:
        Refusal: 409 it is the only pretest of a stage that demands one.
    """
    if exam.retired_at_ms is not None:
        return
    if exam.kind == "pretest" and exam.stage in settings.quality.pretested_stages:
        others = [one for one in list_exams(session, exam.project_id) if one.kind == "pretest" and one.id != exam.id]
        if not any(one.stage == exam.stage for one in others):
            text = f"Stage {exam.stage} demands a pretest, and this is its only one. Change the settings first."
            raise conflict("demanded", text)
    exam.retired_at_ms, exam.retired_by = caller.now_ms, caller.person_id
    write_log(session, caller.now_ms, "exam", f"{caller.name} retired an exam.", project_id=exam.project_id,
              person_id=caller.person_id, exam_id=exam.id)  # fmt: skip


def get_exam(session: Session, exam_id: str) -> Exam:
    """An exam by id."""
    exam = session.get(Exam, exam_id)
    if exam is None:
        raise not_found("exam")
    return exam


def get_version(session: Session, exam: Exam, version: int | None = None) -> ExamVersion:
    """One version of an exam, the newest one without a number."""
    return session.get_one(ExamVersion, (exam.id, version or exam.version))


def list_exams(session: Session, project_id: str, *, with_retired: bool = False) -> list[Exam]:
    """The exams of a project, trainings first."""
    query = select(Exam).where(Exam.project_id == project_id).order_by(Exam.kind.desc(), Exam.at_ms, Exam.id)
    return list(session.scalars(query if with_retired else query.where(Exam.retired_at_ms.is_(None))))


def read_rules(version: ExamVersion) -> ExamRules:
    """The rules of a version."""
    return ExamRulesShape.model_validate(version.rules).to_rules()


def read_versions(session: Session, project: Project) -> Versions:
    """Which codebook, and how many versions of guideline pages there are: what an attempt is held with."""
    pages = session.scalar(select(func.count()).where(Guideline.project_id == project.id))
    return Versions(get_codebook(session, project)[1], pages or 0)


def find_standings(
    session: Session, project: Project, exams: Sequence[Exam], person_id: str, now_ms: int
) -> dict[str, PersonStanding]:
    """Where somebody stands with exams of a project, by exam."""
    ids = [exam.id for exam in exams]
    attempts = session.scalars(
        select(ExamAttempt)
        .where(ExamAttempt.exam_id.in_(ids), ExamAttempt.person_id == person_id)
        .order_by(ExamAttempt.number)
    ).all()
    granted = session.scalars(select(ExamTry).where(ExamTry.exam_id.in_(ids), ExamTry.person_id == person_id)).all()
    versions = read_versions(session, project)
    rules = load_rules_of(session, exams)
    found = {}
    for exam in exams:
        mine = tuple(one for one in attempts if one.exam_id == exam.id)
        given = [one for one in granted if one.exam_id == exam.id]
        standing = find_standing(
            [_make_try(one) for one in mine], _grant(rules[exam.id], given, mine), versions, now_ms
        )
        found[exam.id] = PersonStanding(standing, mine)
    return found


def load_rules_of(session: Session, exams: Sequence[Exam]) -> Mapping[str, ExamRules]:
    """The rules of the newest version of exams. A training is taken as often as one likes, without a wait."""
    ids = [exam.id for exam in exams]
    trainings = {exam.id for exam in exams if exam.kind == "training"}
    rows = session.scalars(
        select(ExamVersion)
        .join(Exam, (Exam.id == ExamVersion.exam_id) & (Exam.version == ExamVersion.version))
        .where(Exam.id.in_(ids))
    )
    rules = {row.exam_id: read_rules(row) for row in rows}
    return {
        id_: replace(one, num_tries=None, cool_down_hours=0.0) if id_ in trainings else one
        for id_, one in rules.items()
    }


def find_blocks(
    session: Session, project: Project, settings: ProjectSettings, person_id: str, role: str, now_ms: int
) -> dict[Stage, Block]:
    """The stages in which somebody may not work yet. Reviewers and leads see the answers: exams say nothing of them."""
    stages = settings.quality.pretested_stages
    if not stages or role != "annotator":
        return {}
    exams = [one for one in list_exams(session, project.id) if one.kind == "pretest" and one.stage in stages]
    standings = find_standings(session, project, exams, person_id, now_ms)
    blocks: dict[Stage, Block] = {}
    for exam in exams:
        standing = standings[exam.id].standing
        if not standing.is_qualified:
            name = get_version(session, exam).name
            blocks.setdefault(exam.stage, Block(exam.id, name, f"{name}: {standing.text}"))  # type: ignore[arg-type]
    return blocks


def grant_try(session: Session, caller: Caller, exam: Exam, person_id: str, reason: str) -> None:
    """One more try for somebody, at once."""
    session.add(
        ExamTry(
            id=make_id(),
            exam_id=exam.id,
            person_id=person_id,
            reason=reason,
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    write_log(session, caller.now_ms, "exam_try", f"{caller.name} gave somebody one more try.",
              project_id=exam.project_id, person_id=caller.person_id,
              exam_id=exam.id, whom=person_id, reason=reason)  # fmt: skip
    session.flush()


def _add_version(session: Session, caller: Caller, project: Project, exam: Exam, content: ExamContent) -> None:
    gold_ids = list(dict.fromkeys(content.gold_ids))
    _check_content(session, project, exam, content, gold_ids)
    ground = load_ground(session, project)
    exam.version += 1
    session.add(
        ExamVersion(
            exam_id=exam.id,
            version=exam.version,
            name=content.name,
            text=content.text,
            rules=content.rules.model_dump(mode="json"),
            gold_ids=gold_ids,
            codebook_number=ground.codebook_number,
            guidelines=dict(ground.pages),
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    write_log(session, caller.now_ms, "exam", f"{caller.name} wrote version {exam.version} of {content.name}.",
              project_id=project.id, person_id=caller.person_id, exam_id=exam.id)  # fmt: skip
    session.flush()


def _check_content(
    session: Session, project: Project, exam: Exam, content: ExamContent, gold_ids: Sequence[str]
) -> None:
    if exam.kind == "training" and content.rules.pass_marks:
        raise invalid_field("rules.pass_marks", "a training has none: who finishes it has passed it")
    if exam.kind == "pretest" and not content.rules.pass_marks:
        raise invalid_field("rules.pass_marks", "a pretest needs at least one")
    try:
        check_rules(content.rules.to_rules(), get_codebook(session, project)[0])
    except ConfigError as error:
        raise invalid_field("rules", str(error)) from error
    rows = session.scalars(select(GoldItem).where(GoldItem.id.in_(gold_ids))).all()
    good = {row.id for row in rows if (row.project_id, row.stage) == (project.id, exam.stage)}
    bad = [id_ for id_ in gold_ids if id_ not in good]
    if bad:
        raise invalid_field("gold_ids", f"is no gold item of stage {exam.stage} in this project", bad[0])
    num_live = sum(row.withdrawn_at_ms is None for row in rows)
    if num_live < (content.rules.num_items or 1):
        text = f"{content.rules.num_items or 1} are asked, {num_live} of the bank can be"
        raise invalid_field("gold_ids", text, len(gold_ids))


def _make_try(row: ExamAttempt) -> Try:
    versions = Versions(row.codebook_number, row.guidelines_number)
    return Try(row.started_at_ms, row.finished_at_ms, row.state == "passed", versions)


def _grant(rules: ExamRules, given: Sequence[ExamTry], attempts: Sequence[ExamAttempt]) -> ExamRules:
    """The rules with the tries that a lead gave; one that is not used yet ends the wait, too."""
    if not given:
        return rules
    last_ms = max((one.started_at_ms for one in attempts), default=0)
    return replace(
        rules,
        num_tries=None if rules.num_tries is None else rules.num_tries + len(given),
        cool_down_hours=0.0 if max(one.at_ms for one in given) > last_ms else rules.cool_down_hours,
    )
