"""An evaluation as one self-contained page, with pictures of elements that the generator never saw."""

from __future__ import annotations

from pathlib import Path

import finegym
from finegym.applications.generation.drawing import make_sheet, render_motion
from finegym.applications.generation.evaluation import Evaluation
from finegym.applications.generation.evaluation_text import HEADER, make_row, sort_unseen
from finegym.applications.generation.run_folder import Generator, read_generator
from finegym.applications.generation.sampling import draw_requests, make_requests
from finegym.report.page import Picture, Prose, Section, Table, write_page

_MOST_PICTURES = 8

_ABOUT = (
    "Performed motion is by gymnasts nobody learnt from; what it scores is what can be had. The nearest seen element "
    "is what copying would give; linear in attributes is one fixed motion an element. FID, diversity and diversity "
    "within an element are in the features of a recogniser of all elements that learnt from performed motion. Cleaning "
    "up moves joints as little as it takes so that toes and hands hold where the generator says they do and its "
    "flights are parabolas: sliding, depth and flight are what it works on; recognition, FID and how far it moved "
    "joints say what it costs."
)


def write_evaluation_page(path: Path, run: Path, evaluation: Evaluation) -> None:
    """Write the page: the table, a motion of some unseen elements, how well every unseen element is recognised.

    Raises:
        OutputError: it cannot be written.
    """
    sections = [
        Section("Scores", [Prose(_ABOUT), Table(HEADER, [make_row(row) for row in evaluation.rows])], badge="simulated")
    ]
    if evaluation.unseen:
        sheet = _draw_unseen(read_generator(run), evaluation)
        caption = "One motion each, cleaned up, not chosen; the share of the element's motions that were recognised."
        rows = [(name, f"{100 * hit:.1f}") for name, hit in sort_unseen(evaluation)]
        sections += [
            Section("Generated motion of unseen elements", [Picture(sheet, caption, "frames of generated motion")]),
            Section("Unseen elements", [Table(("element", "recognised %"), rows)]),
        ]
    write_page(
        path,
        "Generated motion",
        sections,
        lead=f"Guidance {evaluation.guidance:g}, {evaluation.steps} steps, seed {evaluation.seed}. All simulated.",
        footer=f"finegym {finegym.__version__}",
    )


def _draw_unseen(generator: Generator, evaluation: Evaluation) -> bytes:
    """A row of frames for evenly spread unseen elements, from the best recognised to the worst."""
    ranked = sort_unseen(evaluation)
    step = max(1, -(-len(ranked) // _MOST_PICTURES))
    shown = ranked[::step]
    requests = make_requests(generator.codebook, [name for name, _ in shown], None, {})
    motions, _ = draw_requests(generator, requests, 1, evaluation.seed, evaluation.guidance)
    clips = [
        render_motion(joints, float(seconds), request.event_id, kind=str(request.attributes.get("kind")))
        for joints, seconds, request in zip(motions.joints, motions.duration_s, requests, strict=True)
    ]
    return make_sheet(clips, [f"{name} {100 * hit:.0f} %" for name, hit in shown])
