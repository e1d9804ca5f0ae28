"""The demo's page: what was made, what was found in it, what was learned from it, and how long it took."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from finegym import __version__
from finegym.annotations.audit import explain_audit
from finegym.annotations.check import KINDS, count_findings
from finegym.annotations.statistics import compute_statistics
from finegym.demo.pictures import draw_clips, draw_competition
from finegym.demo.run import Outcome, TaskOutcome, compute_majority_accuracy
from finegym.evaluation.recognition import Score
from finegym.report.page import Code, Picture, Prose, Section, Table, write_page
from finegym.report.plots import Curve, draw_confusion, draw_curves
from finegym.report.statistics_plots import draw_statistics
from finegym.report.tree_picture import draw_tree
from finegym.simulation.true_cuts import count_right_cuts, find_true_cuts
from finegym.simulation.write import get_truth_path
from finegym.video.ingest.corpus import describe_damage
from finegym.video.ingest.shots import read_shots
from finegym.workspace import Workspace

SIMULATED = "simulated"
CLIPS_SHOWN = 4


def write_report(path: Path, outcome: Outcome) -> None:
    """Write the page about a demo's outcome."""
    sections = [
        _describe_competition(outcome),
        _describe_ingest(outcome),
        _describe_annotations(outcome),
        _describe_tree(outcome),
        *(_describe_task(task, outcome) for task in outcome.tasks),
        _describe_run(outcome),
    ]
    lead = (
        "A competition that nobody filmed, from simulation to numbers, by the same calls that real recordings take. "
        "Every number on this page is simulated: it says that the path works, and nothing about real gymnastics."
    )
    footer = (
        f"finegym {__version__}, torch {torch.__version__}, Python {platform.python_version()}, seed {outcome.seed}"
    )
    write_page(path, "finegym demo", sections, lead=lead, footer=footer)


def _describe_competition(outcome: Outcome) -> Section:
    frame = outcome.dataset.videos_frame
    minutes = sum((n or 0) / fps for n, fps in frame.select("num_frames", "fps").iter_rows() if fps) / 60
    picture = Picture(
        draw_competition(outcome.dataset, outcome.folder),
        "Three moments of one routine of every event, with the element that is annotated there.",
        "Frames of a simulated gymnast on vault, floor, beam and bars",
    )
    text = (
        f"{len(frame)} records of {minutes / max(1, len(frame)):.1f} minutes at "
        f"{frame['width'][0]}x{frame['height'][0]}, {frame['fps'][0]:g} frames a second. Motion is generated from the "
        "attributes of each element in the codebook; walk-ons, replays, scoreboards and interrupted routines are in "
        "the records and not in the annotations. The annotations are written in FineGym's own file shapes."
    )
    return Section("The competition", [Prose(text), picture], badge=SIMULATED)


def _describe_ingest(outcome: Outcome) -> Section:
    workspace = Workspace(outcome.folder)
    rows, num_found, num_true = [], 0, 0
    for record_id, record in outcome.records.items():
        cuts = read_shots(workspace.get_shots_file(record_id)).cuts
        true_cuts = find_true_cuts(outcome.folder / get_truth_path(record_id))
        num_right = count_right_cuts([cut.frame for cut in cuts], true_cuts)
        num_found, num_true = num_found + num_right, num_true + len(true_cuts)
        minutes = round(record.probe.duration_ms / 60_000, 1)
        rows.append(
            [
                record_id,
                minutes,
                record.probe.resolution_class,
                describe_damage(record) or "none",
                len(true_cuts),
                len(cuts),
                num_right,
                record.num_replays,
            ]
        )
    text = (
        "The recordings were taken in like any others: probed, hashed, decoded once to look for damage, cuts and parts "
        f"that they share with each other. Of {num_true} true cuts {num_found} were found, to the frame; the wipes "
        "around replays count as one cut each, to half their length; replays are candidates. The page of ingest itself "
        f"is {workspace.report_page.relative_to(outcome.folder.parent)}."
    )
    header = ["record", "minutes", "size", "damage", "cuts", "found", "right", "replays?"]
    return Section("What ingest found", [Prose(text), Table(header, rows)], badge=SIMULATED)


def _describe_annotations(outcome: Outcome) -> Section:
    statistics = compute_statistics(outcome.dataset)
    plots = draw_statistics(outcome.dataset, statistics)
    rows = [
        [
            event.event_id,
            event.num_videos,
            event.num_actions,
            event.num_sub_actions,
            event.num_elements_with_instances,
            event.num_elements,
        ]
        for event in (*statistics.events, statistics.total)
    ]
    header = ["event", "records", "actions", "sub-actions", "elements performed", "elements in the codebook"]
    counts = count_findings(outcome.findings)
    findings = [[KINDS[c.kind].severity, c.kind, c.count, c.example.id] for c in counts] or [["", "none", 0, ""]]
    return Section(
        "Annotations",
        [
            Table(header, rows, caption="The paper's Table 1 for this competition: finegym annotations stats"),
            Picture(
                plots["classes"],
                "Instances of every element, most frequent first, on a log scale: a long tail, as in FineGym.",
                "Histogram of instances per element",
            ),
            Picture(
                plots["sub-action-durations"],
                "Inside a set, durations are drawn independently of the element: length gives no class away.",
                "Histogram of durations of sub-actions",
            ),
            Table(
                ["severity", "finding", "count", "example"],
                findings,
                caption="finegym annotations check: everything that is wrong or worth a look",
            ),
        ],
        badge=SIMULATED,
    )


def _describe_tree(outcome: Outcome) -> Section:
    codebook, set_id = outcome.dataset.codebook, outcome.plan.drawn_set
    set_ = codebook.set_by_id[set_id]
    picture = Picture(
        draw_tree(codebook, set_id),
        "Solid lines are yes, dashed ones no.",
        f"Decision tree of {set_.name}",
    )
    text = (
        f"The decision tree of {set_id} ({set_.name}), one of {len(codebook.trees)} in the codebook {codebook.name}: "
        f"`finegym codebook tree` draws it as text or as a page one can click through."
    )
    return Section(f"A decision tree: {set_id}", [Prose(text), picture])


def _describe_task(outcome: TaskOutcome, whole: Outcome) -> Section:
    split, result = outcome.split, outcome.report.levels.results[0].result
    subset = split.subset
    text = (
        f"TSN with {outcome.task.num_segments} segments learns {len(subset)} classes from {len(split.train)} clips and "
        f"is evaluated on {len(split.val)} clips of other records"
        + (f"; {outcome.num_left_out} classes with too few instances take no part" if outcome.num_left_out else "")
        + (f"; without an instance in val: {', '.join(result.absent_classes)}" if result.absent_classes else "")
        + f". Always saying the most frequent class would be right in {100 * compute_majority_accuracy(split):.1f} %. "
        "Intervals are 95 % bootstraps over records."
    )
    names = [class_.id for class_ in subset.classes]
    loss, accuracy = _draw_learning(outcome)
    return Section(
        f"Recognition: {subset.name}",
        [
            Prose(text),
            _tabulate_scores(outcome),
            Picture(loss, "Training loss by epoch.", "Curve of the training loss"),
            Picture(accuracy, "Top-1 accuracy by epoch, on clips of train and of val.", "Curves of accuracy"),
            Picture(
                draw_confusion(result.confusion, names),
                "Confusion matrix of the validation side: rows are true classes, columns predicted ones.",
                "Confusion matrix",
            ),
            *_draw_examples(outcome, whole.folder / "clips"),
            Prose(" ".join(explain_audit(outcome.audit))),
        ],
        badge=SIMULATED,
    )


def _tabulate_scores(outcome: TaskOutcome) -> Table:
    rows: list[list[object]] = []
    for scoped in outcome.report.levels.results:
        result = scoped.result
        present = len(result.class_names) - len(result.absent_classes)
        scores = (result.top1_accuracy, result.top5_accuracy, result.mean_class_accuracy, result.macro_f1)
        counts = [result.num_instances, result.num_missing, present]
        rows.append([scoped.scope, scoped.level, *counts, *map(_format_score, scores)])
    header = ["inside", "level", "instances", "missing", "classes", "top-1", "top-5", "mean class", "macro F1"]
    return Table(header, rows, caption=f"{outcome.report.split}: {outcome.split.rule}; percent (95 % interval)")


def _format_score(score: Score | None) -> str:
    if score is None:
        return "–"
    interval = "" if score.low is None or score.high is None else f" ({100 * score.low:.1f}–{100 * score.high:.1f})"
    return f"{100 * score.value:.1f}{interval}"


def _draw_learning(outcome: TaskOutcome) -> tuple[bytes, bytes]:
    """Plots of loss and of accuracy by epoch."""
    lines = map(json.loads, outcome.run.metrics_path.read_text(encoding="utf-8").splitlines())
    epochs = [line for line in lines if line["kind"] == "epoch"]
    x = [line["epoch"] for line in epochs]
    loss = [Curve("train", x, [line["train_loss"] for line in epochs])]
    accuracy = [
        Curve(side, x, [100 * line.get(f"{side}_top1_accuracy", np.nan) for line in epochs])
        for side in ("train", "val")
    ]
    return (
        draw_curves(loss, x_label="epoch", y_label="cross-entropy", y_range=(0, None)),
        draw_curves(accuracy, x_label="epoch", y_label="top-1 accuracy (%)", y_range=(0, 100)),
    )


def _draw_examples(outcome: TaskOutcome, clips: Path) -> list[Picture | Code]:
    """Clips of the validation side: a few that were recognised and a few that were not."""
    predictions, classes = outcome.predictions, outcome.split.subset.classes
    targets = np.array([outcome.split.val[instance_id] for instance_id in predictions.instance_ids])
    guesses = predictions.logits.argmax(axis=1)
    is_right = guesses == targets
    pictures: list[Picture | Code] = []
    for wanted, words in ((True, "recognised"), (False, "not recognised")):
        chosen = _spread(np.flatnonzero(is_right == wanted), CLIPS_SHOWN)
        if not chosen:
            pictures.append(Code(f"no clip was {words}"))
            continue
        names = [[classes[k].id for k in indices[chosen]] for indices in (targets, guesses)]
        ids = [predictions.instance_ids[k] for k in chosen]
        caption = f"Clips that were {words} ({int((is_right == wanted).sum())} of {len(is_right)}): {', '.join(ids)}"
        pictures.append(Picture(draw_clips(clips, ids, *names), caption, f"Frames of clips that were {words}"))
    return pictures


def _spread(indices: np.ndarray, number: int) -> list[int]:
    """Up to ``number`` of the indices, evenly spread."""
    places = np.unique(np.linspace(0, len(indices) - 1, min(number, len(indices))).round().astype(int))
    return [int(k) for k in indices[places]]


def _describe_run(outcome: Outcome) -> Section:
    rows: Sequence[Sequence[object]] = [[name, round(seconds, 1)] for name, seconds in outcome.seconds.items()]
    rows = [*rows, ["together", round(sum(outcome.seconds.values()), 1)]]
    caption = f"Wall time; the clip store takes {outcome.clip_bytes / 1e6:.0f} MB."
    return Section("How long it took", [Table(["step", "seconds"], rows, caption=caption)])
