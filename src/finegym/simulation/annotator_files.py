"""Simulated annotators' work as dataset folders, one a person, each with the truth about its errors beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Dataset
from finegym.errors import OutputError, SimulationError
from finegym.files import write_text
from finegym.simulation.annotators import Annotated, annotate_actions, annotate_sub_actions
from finegym.simulation.competition import SETTINGS_FILE
from finegym.simulation.skills import Skill

FORMAT = "finegym-simulated-annotator/1"
What = Literal["sub-actions", "actions"]


def write_simulated_annotators(
    truth: Dataset, skills: Mapping[str, Skill], folder: Path, *, seed: int, what: What = "sub-actions"
) -> dict[str, Annotated]:
    """Let simulated people annotate a dataset, and write what each made of it into ``folder/<name>``.

    Beside the files of a dataset folder there is ``simulation.json``: skill, seed, the true segment behind every one of
    theirs (null: invented), what they missed, and every answer, which the other files cannot say.

    Args:
        truth: what there is to find.
        skills: of everybody, by name.
        folder: new, or without these names in it.
        seed: of all chance; everybody gets their own.
        what: sub-actions in the given routines, or the routines themselves.

    Raises:
        SimulationError: the dataset has no routines or no sub-actions to find.
        OutputError: a folder is there already, or cannot be written.
    """
    if not any(action.sub_actions or what == "actions" for video in truth.videos for action in video.actions):
        raise SimulationError(f"the dataset has no {what} that anybody could find. Give an annotated one.")
    there = [str(folder / name) for name in skills if (folder / name).exists()]
    if there:
        raise OutputError(f"{there[0]} is there already. Choose another folder with --out, or remove it.")
    made = {}
    for name, skill in skills.items():
        own_seed = seed * 1000 + sum(name.encode())
        annotate = annotate_sub_actions if what == "sub-actions" else annotate_actions
        made[name] = annotate(truth, skill, own_seed)
        write_dataset(made[name].dataset, folder / name)
        write_text(folder / name / SETTINGS_FILE, _format_truth(made[name], skill, own_seed))
    return made


def _format_truth(annotated: Annotated, skill: Skill, seed: int) -> str:
    words: dict[bool | None, str] = {True: "yes", False: "no", None: "unsure"}
    content = {
        "format": FORMAT,
        "skill": asdict(skill),
        "seed": seed,
        "true_ids": dict(annotated.true_ids),
        "missed": list(annotated.missed),
        "answers": {id_: _list_answers(given, words) for id_, given in annotated.answers.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _list_answers(given: Sequence[tuple[str, bool | None]], words: Mapping[bool | None, str]) -> list[list[str]]:
    return [[query, words[answer]] for query, answer in given]
