"""The demo's quality control: five simulated annotators, an exam, agreement, consensus, adjudication and a release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import Split
from finegym.annotations.subsets import find_subset
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_text import format_codebook
from finegym.files import write_text
from finegym.quality.adjudication import Ruling
from finegym.quality.agreement import Agreement, measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.quality.agreement_page import write_agreement_page
from finegym.quality.consensus import Consensus, ConsensusSettings, make_consensus, settle
from finegym.quality.consensus_dataset import ConsensusDataset, collect_stages, make_consensus_dataset
from finegym.quality.consensus_files import export_consensus
from finegym.quality.exam_files import list_units
from finegym.quality.exams import ExamResult, ExamRules, Try, Versions, draw_items, find_standing, judge
from finegym.quality.grading import Grade, Grader, Tolerance, add_grades, match_segments
from finegym.quality.simulated import make_reference_units, make_simulated_units
from finegym.quality.units import Unit, Units
from finegym.release.build import BuiltRelease, build_release
from finegym.release.settings import ReleaseSettings
from finegym.release.source import CodebookVersion, ReleaseSource
from finegym.release.verify import Verified, verify_release
from finegym.release.votes import collect_votes
from finegym.simulation.annotators import annotate_sub_actions
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.skills import FIVE_SKILLS, Skill
from finegym.simulation.undrawn import make_undrawn_competition

EXAM_RECORDS, EXAM_MINUTES = 6, 3.0
EXAM_RULES = ExamRules(
    {"found": 0.7, "bounds": 0.7, "set": 0.8, "element": 0.5}, num_items=8, num_tries=3, cool_down_hours=0
)
_VERSIONS = Versions(1, 1)
_LEAD = "lead"


@dataclass(frozen=True)
class PersonExam:
    """One person's exam: every try, and whether they may work."""

    annotator: str
    tries: tuple[ExamResult, ...]
    is_qualified: bool


@dataclass(frozen=True)
class Accuracy:
    """How near to the truth somebody's annotation is.

    Attributes:
        name: whose.
        grade: segment by segment, against the truth.
    """

    name: str
    grade: Grade

    @property
    def edge_mae_ms(self) -> float:
        """Mean distance of the edges of what was found."""
        found = [unit for unit in self.grade.units if unit.reference is not None and unit.given is not None]
        return float(np.mean([[abs(unit.start_off_ms), abs(unit.end_off_ms)] for unit in found]))


@dataclass(frozen=True)
class QualityOutcome:
    """What the demo's quality control came to.

    Attributes:
        exams: of everybody.
        agreement: of those who passed.
        page: about it, in the demo's folder.
        consensus: what they agree on, before anybody decided about the rest.
        settled: with the lead's decisions.
        accuracy: of everybody who worked, of the consensus by each method and after the decisions, against the truth.
        final: the dataset that came of it.
        release: that was built of the dataset.
        verified: what checking it found.
    """

    exams: tuple[PersonExam, ...]
    agreement: Agreement
    page: Path
    consensus: Consensus
    settled: Consensus
    accuracy: tuple[Accuracy, ...]
    final: ConsensusDataset
    release: BuiltRelease
    verified: Verified


def control_quality(truth: Dataset, out: Path, *, seed: int, say: Callable[[str], None]) -> QualityOutcome:
    """Let simulated people annotate a dataset under quality control, and release what comes of it.

    Args:
        truth: what there is to find; nobody but the lead and the figures know it.
        out: folder for agreement, consensus and release; what an earlier run left there is replaced.
        seed: of all chance.
        say: told what came of each part.
    """
    exams = hold_exams(FIVE_SKILLS, truth.codebook, seed)
    qualified = [exam.annotator for exam in exams if exam.is_qualified]
    say(f"  exam: {', '.join(qualified)} passed; {len(exams) - len(qualified)} failed")
    work = {name: annotate_sub_actions(truth, FIVE_SKILLS[name], seed + k) for k, name in enumerate(qualified)}
    units = make_simulated_units(truth, work, "sub-action")
    agreement = measure_agreement(units)
    consensus = make_consensus(units)
    settled = adjudicate(consensus, truth)
    say(f"  consensus: {consensus.count_decisions()}, of which the lead has decided {len(consensus.list_open())}")
    stages = {name: collect_stages(one.dataset) for name, one in work.items()}
    final = make_consensus_dataset(truth, settled, stages=stages)
    release = release_dataset(final.dataset, units, agreement, out / "release", seed)
    page = out / "agreement.html"
    write_agreement_page(page, agreement)
    write_text(out / "agreement.json", json.dumps(export_agreement(agreement), indent=1, ensure_ascii=False) + "\n")
    write_text(out / "consensus.json", json.dumps(export_consensus(settled), indent=1, ensure_ascii=False) + "\n")
    verified = verify_release(release.folder)
    say(f"  release: {release.num_files} files, {len(verified.problems)} problems")
    accuracy = measure_accuracy(truth, units, settled)
    return QualityOutcome(exams, agreement, page, consensus, settled, accuracy, final, release, verified)


def hold_exams(skills: Mapping[str, Skill], codebook: Codebook, seed: int) -> tuple[PersonExam, ...]:
    """Everybody sits the exam until they pass or have used up their tries, each time with other gold items.

    The gold items are the routines of a competition that was planned and never drawn: simulated people need no pixels.
    """
    settings = CompetitionSettings(num_videos=EXAM_RECORDS, minutes=EXAM_MINUTES, seed=seed + 1)
    bank = make_undrawn_competition(settings, codebook)
    gold = list_units(make_reference_units(bank, "sub-action"), "reference")
    asks = {item_id: {str(unit.label) for unit in rows} for item_id, rows in gold.items()}
    grader = Grader(codebook, EXAM_RULES.tolerance)
    exams = []
    for number, (name, skill) in enumerate(skills.items()):
        tries: list[Try] = []
        results: list[ExamResult] = []
        seen: list[str] = []
        while find_standing(tries, EXAM_RULES, _VERSIONS, len(tries)).may_try:
            drawn = draw_items(asks, EXAM_RULES.num_items, seen, f"{seed}/{name}/{len(tries)}")
            seen += drawn
            annotated = annotate_sub_actions(bank, skill, 1000 * (number + 1) + len(tries))
            given = list_units(make_simulated_units(bank, {name: annotated}, "sub-action"), name)
            results.append(judge(add_grades([grader.grade(gold[id_], given[id_]) for id_ in drawn]), EXAM_RULES))
            tries.append(Try(len(tries), len(tries), results[-1].is_passed, _VERSIONS))
        standing = find_standing(tries, EXAM_RULES, _VERSIONS, len(tries))
        exams.append(PersonExam(name, tuple(results), standing.is_qualified))
    return tuple(exams)


def adjudicate(consensus: Consensus, truth: Dataset, *, everything: bool = False) -> Consensus:
    """The lead looks at what is open (or at everything), and sees what is there."""
    reference = list_units(make_reference_units(truth, "sub-action"), "reference")
    rulings = {}
    for place, unit in enumerate(consensus.units):
        if unit.decision not in ("third annotator", "adjudicate") and not everything:
            continue
        asked = Unit(_LEAD, unit.item_id, unit.start_ms, unit.end_ms, unit.label, "")
        pairs = match_segments([asked], reference[unit.item_id], consensus.settings.rules.tolerance.min_tiou)
        if not pairs:
            rulings[place] = Ruling(False, unit.start_ms, unit.end_ms, unit.label, _LEAD, "nothing is there")
            continue
        true = reference[unit.item_id][pairs[0][1]]
        reason = "looked again: " + "; ".join(reason.text for reason in unit.reasons)
        rulings[place] = Ruling(True, true.start_ms, true.end_ms, true.label, _LEAD, reason)
    return settle(consensus, rulings)


def measure_accuracy(truth: Dataset, units: Units, settled: Consensus) -> tuple[Accuracy, ...]:
    """Everybody, both ways to vote, and the result after adjudication, against the truth."""
    reference = list_units(make_reference_units(truth, "sub-action"), "reference")
    grader = Grader(truth.codebook, Tolerance())
    given = {name: list_units(units, name) for name in units.annotators}
    by_majority = make_consensus(units, ConsensusSettings("majority"))
    by_trust = make_consensus(units)
    given["consensus, majority"] = _list_likely(by_majority)
    given["consensus, Dawid and Skene"] = _list_likely(by_trust)
    given["after adjudication"] = _list_likely(settled)
    return tuple(
        Accuracy(name, add_grades([grader.grade(reference[id_], rows.get(id_, [])) for id_ in reference]))
        for name, rows in given.items()
    )


def _list_likely(consensus: Consensus) -> dict[str, list[Unit]]:
    """What a consensus takes to be there, whether it is sure or not."""
    rows: dict[str, list[Unit]] = {}
    for place, unit in enumerate(consensus.units):
        is_there = unit.presence > 0.5 if unit.ruling is None else unit.ruling.is_there
        if is_there:
            given = Unit("consensus", unit.item_id, unit.start_ms, unit.end_ms, unit.label, str(place))
            rows.setdefault(unit.item_id, []).append(given)
    return rows


def release_dataset(
    dataset: Dataset, units: Units, agreement: Agreement, folder: Path, seed: int, exports: Sequence[str] | None = None
) -> BuiltRelease:
    """Freeze the result: annotations, one split of whole records, votes and agreement; media stay where they are."""
    codebook = dataset.codebook
    source = ReleaseSource(
        name="simulated-competition",
        dataset=dataset,
        splits=(split_by_record(dataset, seed),),
        codebooks=(CodebookVersion(1, codebook.version, format_codebook(codebook)),),
        votes=collect_votes(units, dataset),
        agreement={"sub-actions": export_agreement(agreement)},
        is_simulated=True,
    )
    shutil.rmtree(folder, ignore_errors=True)
    settings = ReleaseSettings("1.0", splits=("event",), exports=None if exports is None else tuple(exports))
    return build_release(source, folder, settings)


def split_by_record(dataset: Dataset, seed: int) -> Split:
    """Events, whole records to one side."""
    subset = find_subset("event", dataset.codebook)
    return make_split(dataset, subset, "event", by=("video",), seed=seed, allow_empty_classes=True).split
