"""Why, for every sub-action of a parse: ``reasons.json``, and the same on the parse's own page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Literal

from finegym import __version__
from finegym.annotations.folder import read_dataset
from finegym.applications.bundle import open_bundle
from finegym.applications.parse.files import PARSE_FILE, Parse, read_parse
from finegym.applications.parse.page import CardReasons, Decision, write_parse_page
from finegym.applications.reasons import Explainer, QuestionReasons, Reasons
from finegym.applications.reasons_output import describe_frames, draw_saliency, export_reasons
from finegym.applications.saliency import Method
from finegym.applications.scoring.code_of_points import read_code
from finegym.errors import ConfigError
from finegym.files import write_text
from finegym.jobs import Tally, run_jobs

REASONS_FILE, PAGE_FILE = "reasons.json", "parse.html"
FORMAT = "finegym-reasons-of-parse/1"


def explain_parse(
    folder: Path,
    bundle: Path,
    *,
    number: int = 1,
    method: Method = "occlusion",
    num_neighbours: int = 3,
    code: str | None = None,
    device: Literal["auto", "cpu"] = "auto",
) -> Tally[Reasons]:
    """Ask a recogniser of the bundle why, for every sub-action of a parse.

    Args:
        folder: that ``finegym parse`` wrote; ``reasons.json`` is added, ``parse.html`` made anew, a "Why" a card.
        bundle: that it was parsed with.
        number: which recogniser of the bundle, from 1.
        method: of the saliency.
        num_neighbours: labelled clips a side of each decision; 0: none.
        code: the code of points of the page; ``None``: by the name that the parse says.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: it is no parse, or of another bundle; there is no such recogniser.
        VideoError: the recording is gone.
    """
    parse = read_parse(folder / PARSE_FILE)
    if open_bundle(bundle).sha256 != parse.bundle_sha256:
        raise ConfigError(f"{folder} was parsed with another bundle ({parse.bundle}, {parse.bundle_sha256[:12]}…)")
    _find_video(parse)  # before the work, not after it
    dataset = read_dataset(folder)
    explainer = Explainer(
        bundle, dataset=folder, number=number, method=method, with_neighbours=num_neighbours > 0, device=device
    )
    names = [(action.name, sub.name) for action in parse.actions for sub in action.sub_actions]
    tally = run_jobs(
        names,
        lambda name: explainer.explain(_name_instance(parse, name), num_neighbours=num_neighbours),
        key=lambda name: _name_instance(parse, name),
        title="asking why",
    )
    content = {
        "format": FORMAT,
        "finegym": __version__,
        "record_id": parse.record_id,
        "recogniser": explainer.recogniser.recipe.name,
        "reasons": [export_reasons(reasons) for reasons in tally.done.values()],
        "failed": tally.failed,
    }
    write_text(folder / REASONS_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    explained = {name: tally.done.get(_name_instance(parse, name)) for name in names}
    cards = {name: _make_card(reasons, explainer) for name, reasons in explained.items() if reasons is not None}
    edition = read_code(code or parse.code_of_points)
    write_parse_page(folder / PAGE_FILE, parse, dataset, edition, _find_video(parse), cards)
    return tally


def _name_instance(parse: Parse, name: tuple[str, str]) -> str:
    return "_".join((parse.record_id, *name))


def _make_card(reasons: Reasons, explainer: Explainer) -> CardReasons:
    _, name, probability = reasons.ranked[0]
    said = f"{explainer.recogniser.recipe.name} alone says {name}, {100 * probability:.0f} %."
    return CardReasons(
        " ".join((said, "Green speaks for it, red against.", *reasons.notes)),
        tuple(_make_decision(one, reasons, explainer) for one in reasons.questions if one.question.against),
    )


def _make_decision(one: QuestionReasons, reasons: Reasons, explainer: Explainer) -> Decision:
    picture = draw_saliency(one, reasons, explainer.clips.pictures, columns=3, tile_width=150)
    nearest = [
        f"{near.class_name} {near.similarity:.2f} ({side})"
        for side, some in (("this answer", one.like_answer[:1]), ("the other", one.like_other[:1]))
        for near in some
    ]
    address = "" if picture is None else "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    question = one.question
    return Decision(
        question.text, question.answer, one.probability, address, describe_frames(one, reasons), ", ".join(nearest)
    )


def _find_video(parse: Parse) -> Path:
    video = Path(parse.video)
    if not video.is_file():
        raise ConfigError(f"{video}: the recording is not there any more. Put it back, or parse it again.")
    return video
