"""The demo's page: what was made, what was found in it, what was learned from it, and how long it took."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import torch

from finegym import __version__
from finegym.annotations.check import KINDS, count_findings
from finegym.annotations.statistics import compute_statistics
from finegym.demo.pictures import draw_competition
from finegym.demo.report_features import describe_features
from finegym.demo.report_parsing import describe_parsing
from finegym.demo.report_quality import describe_quality
from finegym.demo.report_routines import describe_routines
from finegym.demo.report_tasks import describe_tasks
from finegym.demo.run import Outcome
from finegym.report.page import Picture, Prose, Section, Table, write_page
from finegym.report.statistics_plots import draw_statistics
from finegym.report.tree_picture import draw_tree
from finegym.simulation.true_cuts import count_right_cuts, find_true_cuts
from finegym.simulation.write import get_truth_path
from finegym.video.ingest.corpus import describe_damage
from finegym.video.ingest.shots import read_shots
from finegym.workspace import Workspace

SIMULATED = "simulated"


def write_report(path: Path, outcome: Outcome) -> None:
    """Write the page about a demo's outcome."""
    sections = [
        _describe_competition(outcome),
        _describe_ingest(outcome),
        _describe_annotations(outcome),
        _describe_tree(outcome),
        *describe_quality(outcome.quality, outcome.folder.parent, SIMULATED),
        *describe_features(outcome, SIMULATED),
        *describe_tasks(outcome, SIMULATED),
        describe_routines(outcome.routines, SIMULATED),
        describe_parsing(outcome.parsing, path.parent, SIMULATED),
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
        f"the records and not in the annotations. {outcome.plan.elements_per_set} elements of each set are performed. "
        "The annotations are written in FineGym's own file shapes."
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
                f"Instances of every element, most frequent first, on a log scale. Gymnasts perform "
                f"{outcome.plan.elements_per_set} elements of each set here, all about as often, so that a few minutes "
                "show each several times; FineGym has a long tail.",
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


def _describe_run(outcome: Outcome) -> Section:
    rows: Sequence[Sequence[object]] = [[name, round(seconds, 1)] for name, seconds in outcome.seconds.items()]
    rows = [*rows, ["together", round(sum(outcome.seconds.values()), 1)]]
    caption = f"Wall time; the clip store takes {outcome.clip_bytes / 1e6:.0f} MB."
    return Section("How long it took", [Table(["step", "seconds"], rows, caption=caption)])
