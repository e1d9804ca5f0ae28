"""Why, for every sub-action of a parse: ``reasons.json``, and the same on the parse's own page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Literal

from finegym import __version__
from finegym.annotations.folder import read_dataset
from finegym.applications.bundle import open_bundle
from finegym.applications.parse.files import AT_WORK, REASONS_FILE
from finegym.applications.parse.page import CardReasons, Decision, Say, write_parse_page
from finegym.applications.reasons import Explainer
from finegym.applications.reasons_folder import read_parse_for_reasons
from finegym.applications.reasons_model import DecisionReasons, Reasons, Voice
from finegym.applications.reasons_output import describe_closed, describe_recogniser, describe_voice, export_reasons
from finegym.applications.reasons_pictures import count_frames, draw_saliency, draw_strip
from finegym.applications.saliency import Method
from finegym.applications.scoring.code_of_points import hash_code, read_code
from finegym.errors import ConfigError, VideoError
from finegym.files import hold_folder, write_text
from finegym.jobs import Tally, run_jobs

PAGE_FILE = "parse.html"
FORMAT = "finegym-reasons-of-parse/2"
NUM_PICTURES, PICTURE_WIDTH = 3, 150  # of a card: a voice's frames side by side


def explain_parse(
    folder: Path,
    bundle: Path,
    *,
    number: int | None = None,
    method: Method = "occlusion",
    num_neighbours: int = 3,
    code: str | None = None,
    device: Literal["auto", "cpu"] = "auto",
) -> Tally[Reasons]:
    """Ask the recognisers of the bundle why, for every sub-action of a parse.

    Args:
        folder: that ``finegym parse`` wrote; ``reasons.json`` is added, ``parse.html`` made anew, a "Why" a card.
        bundle: that it was parsed with.
        number: which recogniser of the bundle to ask alone, from 1; ``None``: all, about what the parse says.
        method: of the saliency.
        num_neighbours: labelled clips a side of each decision; 0: none.
        code: the code of points of the page; ``None``: by the name that the parse says.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: it is no parse, or of another bundle or other rules; there is no such recogniser.
        VideoError: the recording is gone, or another one.
        FeatureError: flow or poses cannot be made as in training.
    """
    read_parse_for_reasons(folder, open_bundle(bundle).sha256)  # no lock is made where no parse is
    with hold_folder(folder, AT_WORK):
        return _explain(folder, bundle, number, method, num_neighbours, code, device)


def _explain(
    folder: Path,
    bundle: Path,
    number: int | None,
    method: Method,
    num_neighbours: int,
    code: str | None,
    device: Literal["auto", "cpu"],
) -> Tally[Reasons]:
    """Explain a parse whose folder is held."""
    parse, video = read_parse_for_reasons(folder, open_bundle(bundle).sha256)
    edition = read_code(code or parse.code_of_points)
    if hash_code(edition) != parse.code_sha256:
        raise ConfigError(
            f"{folder} was scored by other rules than {code or edition.name} has now: its sheets would not add up to "
            "its points. Give the file of the rules with --code, or parse it again."
        )
    explainer = Explainer(bundle, dataset=folder, number=number, method=method, device=device)
    ids = explainer.list_instances()
    explainer.prepare(ids)
    tally = run_jobs(
        ids,
        lambda instance_id: explainer.explain(instance_id, num_neighbours=num_neighbours),
        key=str,
        title="asking why",
    )
    content = {
        "format": FORMAT,
        "finegym": __version__,
        "record_id": parse.record_id,
        "bundle_sha256": parse.bundle_sha256,
        "reasons": [export_reasons(reasons) for reasons in tally.done.values()],
        "failed": tally.failed,
    }
    write_text(folder / REASONS_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    names = [(action.name, sub.name) for action in parse.actions for sub in action.sub_actions]
    cards = {
        name: _make_card(tally.done[instance_id], explainer)
        for name, instance_id in zip(names, ids, strict=True)
        if instance_id in tally.done
    }
    write_parse_page(folder / PAGE_FILE, parse, read_dataset(folder), edition, video, cards)
    return tally


def format_costs(tally: Tally[Reasons]) -> str:
    """What asking has cost, a recogniser."""
    sums: dict[str, tuple[int, float]] = {}
    for reasons in tally.done.values():
        for one in reasons.recognisers:
            runs, seconds = sums.get(one.name, (0, 0.0))
            sums[one.name] = (runs + one.num_runs, seconds + one.seconds)
    return "; ".join(f"{name}: {runs:,} runs, {seconds:.1f} s of CPU time" for name, (runs, seconds) in sums.items())


def _make_card(reasons: Reasons, explainer: Explainer) -> CardReasons:
    said = [describe_recogniser(place, reasons) for place in range(len(reasons.recognisers))]
    lead = f"Why {reasons.answer[1]}? Bars: the clip from its first frame to its last, up for the answer, down against."
    closed = describe_closed(reasons)
    return CardReasons(
        lead,
        tuple(_make_decision(one, reasons, explainer) for one in reasons.decisions if one.is_open),
        tuple(f"{note}." for note in (closed, *said, *reasons.notes) if note),
    )


def _make_decision(one: DecisionReasons, reasons: Reasons, explainer: Explainer) -> Decision:
    says = tuple(_make_say(voice, reasons, explainer) for voice in one.voices)
    return Decision(one.text, one.answer, one.probability, says)


def _make_say(voice: Voice, reasons: Reasons, explainer: Explainer) -> Say:
    facts = reasons.recognisers[voice.recogniser]
    nearest = [
        f"{near.class_name} {near.similarity:.2f} ({side})"
        for side, some in (("this answer", voice.like_answer[:1]), ("the other", voice.like_other[:1]))
        for near in some
    ]
    described = ". Nearest: ".join((describe_voice(voice, reasons), *(["; ".join(nearest)] if nearest else [])))
    if not voice.is_decided:
        return Say(facts.name, voice.probability, "", "", described)
    strip = draw_strip(voice, facts, count_frames(reasons.recognisers))
    try:
        pictures = explainer.asked[voice.recogniser].clips.pictures
        picture = draw_saliency(
            voice,
            facts,
            reasons.instance_id,
            pictures,
            columns=NUM_PICTURES,
            tile_width=PICTURE_WIDTH,
            max_frames=NUM_PICTURES,
        )
    except VideoError as error:
        picture, described = None, f"{described}. The frames cannot be shown: {error}"
    return Say(facts.name, voice.probability, _address(strip, "svg+xml"), _address(picture, "jpeg"), described)


def _address(picture: bytes | None, kind: str) -> str:
    return "" if picture is None else f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
