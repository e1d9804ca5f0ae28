"""Reasons as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from finegym.annotations.text import format_table
from finegym.applications.reasons_model import DecisionReasons, Neighbour, Reasons, Voice
from finegym.applications.reasons_pictures import describe_frames, describe_places

FORMAT = "finegym-reasons/2"


def export_reasons(reasons: Reasons) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "format": FORMAT,
        "source": reasons.source,
        "instance": reasons.instance_id,
        "label": reasons.label,
        "answer": {"class": reasons.answer[0], "name": reasons.answer[1]},
        "ranked": [_export_ranked(one) for one in reasons.ranked],
        "method": reasons.method,
        "decisions": [_export_decision(one) for one in reasons.decisions],
        "recognisers": [
            {
                **asdict(one),
                "ranked": [_export_ranked(each) for each in one.ranked],
                "nearest": [_export_neighbour(each) for each in one.nearest],
            }
            for one in reasons.recognisers
        ],
        "notes": list(reasons.notes),
    }


def format_reasons(reasons: Reasons) -> str:
    """Reasons for the terminal."""
    lines = [f"{reasons.instance_id}, by {reasons.source}"]
    lines += [f"labelled     {reasons.label}"] if reasons.label else []
    likeliest = [(name, format_share(probability), id_) for id_, name, probability in reasons.ranked]
    lines += ["", format_table(("likeliest", "probability", "class"), likeliest, left=(2,)), ""]
    rows = [row for one in reasons.decisions if one.is_open for row in _list_rows(one, reasons)]
    lines.append(
        format_table(("decided", "answer", "probability", "by", "moved it most, log-odds"), rows, left=(1, 3, 4))
    )
    lines += ["", closed] if (closed := describe_closed(reasons)) else []
    if len(reasons.recognisers) > 1 or any(one.silence for one in reasons.recognisers):
        lines += ["", *(describe_recogniser(place, reasons) for place in range(len(reasons.recognisers)))]
    for one in (each for each in reasons.decisions if each.is_open):
        near = [line for voice in one.voices for line in _list_neighbours(voice, reasons)]
        lines += ["", f"{one.text} {name_answer(one)}", *near] if near else []
    return "\n".join([*lines, *(f"\n{note}" for note in reasons.notes)])


def format_cost(reasons: Reasons) -> str:
    """What the answer has cost: runs of the models, CPU seconds."""
    runs, seconds = (sum(getattr(one, name) for one in reasons.recognisers) for name in ("num_runs", "seconds"))
    who = f"{len(reasons.recognisers)} recogniser{'' if len(reasons.recognisers) == 1 else 's'}"
    return f"{len(reasons.decisions)} decisions by {who}: {runs} runs of a model, {seconds:.1f} s of CPU time"


def describe_recogniser(place: int, reasons: Reasons) -> str:
    """What a recogniser alone says, or why it has no say."""
    one = reasons.recognisers[place]
    id_, name, probability = one.ranked[0]
    alone = f"{one.name} alone says {name} ({id_}), {format_share(probability)}"
    return f"{alone}; it has no say: {one.silence}" if one.silence else alone


def describe_closed(reasons: Reasons) -> str:
    """The decisions that could not come out otherwise, as one sentence; empty where there are none."""
    closed = [f"{one.text} {name_answer(one)}" for one in reasons.decisions if not one.is_open]
    return (
        f"Nothing to decide, for nobody has learned from a clip of the other answer: {'; '.join(closed)}"
        if closed
        else ""
    )


def describe_voice(voice: Voice, reasons: Reasons) -> str:
    """What is behind a say, in words."""
    facts = reasons.recognisers[voice.recogniser]
    if not voice.is_decided:
        return "it knows no other answer" if voice.probability else "it knows nothing of this answer"
    places = f"; {describe_places(voice, facts)}" if voice.places else ""
    return describe_frames(voice, facts) + places


def name_answer(one: DecisionReasons) -> str:
    """``yes`` or ``no``."""
    return "yes" if one.answer else "no"


def format_share(probability: float | None) -> str:
    """A share in percent; ``-`` where it is not known."""
    return "-" if probability is None else f"{100 * probability:.1f} %"


def _list_rows(one: DecisionReasons, reasons: Reasons) -> list[tuple[str, str, str, str, str]]:
    """A row a decision; where several have a say, a row each below it."""
    head = (one.text, name_answer(one), format_share(one.probability))
    if len(reasons.recognisers) == 1 and len(one.voices) == 1:
        return [(*head, reasons.recognisers[0].name, describe_voice(one.voices[0], reasons))]
    rows = [(*head, "all together" if one.voices else "no recogniser", "")]
    for voice in one.voices:
        name = reasons.recognisers[voice.recogniser].name
        rows.append(("", "", format_share(voice.probability), name, describe_voice(voice, reasons)))
    return rows


def _list_neighbours(voice: Voice, reasons: Reasons) -> list[str]:
    name = reasons.recognisers[voice.recogniser].name
    return [
        f"  {what}  {near.similarity:.3f}  {near.class_name}  {near.instance_id}  ({name})"
        for what, some in (("like it ", voice.like_answer), ("like not", voice.like_other))
        for near in some
    ]


def _export_decision(one: DecisionReasons) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "text": one.text,
        "query": one.query_id,
        "answer": one.answer,
        "probability": None if one.probability is None else round(one.probability, 6),
        "voices": [
            {
                "recogniser": voice.recogniser,
                "probability": round(voice.probability, 6),
                "is_decided": voice.is_decided,
                "saliency": [round(value, 6) for value in voice.saliency],
                "places": [round(value, 6) for value in voice.places],
                "like_answer": [_export_neighbour(near) for near in voice.like_answer],
                "like_other": [_export_neighbour(near) for near in voice.like_other],
            }
            for voice in one.voices
        ],
    }


def _export_ranked(one: tuple[str, str, float]) -> dict[str, Any]:
    id_, name, probability = one
    return {"class": id_, "name": name, "probability": round(probability, 6)}


def _export_neighbour(near: Neighbour) -> dict[str, Any]:
    return {
        "instance": near.instance_id,
        "class": near.class_id,
        "name": near.class_name,
        "similarity": round(near.similarity, 6),
    }
