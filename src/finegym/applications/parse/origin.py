"""What to know of a dataset folder that a parse wrote: models gave its labels."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.text import format_count
from finegym.applications.parse.files import PARSE_FILE, Parse, read_parse
from finegym.errors import ConfigError


def describe_origin(folder: Path) -> str | None:
    """One line about the labels of a folder that ``finegym parse`` wrote; ``None``: it is none."""
    path = folder / PARSE_FILE
    if not path.is_file():
        return None
    try:
        parse = read_parse(path)
    except ConfigError:
        return (
            f"{folder}: models gave these labels, in a parse that cannot be read or is of another version: doubtful "
            "ones may be among them. Parse the recording again."
        )
    return f"{folder}: nobody has checked these labels, which the models of bundle {parse.bundle} gave; " + "; ".join(
        [*_describe_foreign(parse), *_describe_routines(parse), _describe_names(parse)]
    )


def _describe_foreign(parse: Parse) -> list[str]:
    return ["the recording is of another kind than what they learned from"] if parse.is_foreign else []


def _describe_routines(parse: Parse) -> list[str]:
    if not parse.num_doubtful:
        return []
    count = format_count(parse.num_doubtful, "routine")
    if parse.with_doubtful:
        return [f"in doubt as such, and among them: {count}"]
    return [f"left out, because in doubt as such: {count} (finegym parse --with-doubtful)"]


def _describe_names(parse: Parse) -> str:
    """Of the names that are in the annotations, how many have a doubt."""
    routines = [one for one in parse.actions if one.kind == "routine" and (parse.with_doubtful or not one.is_doubtful)]
    named = [sub for one in routines for sub in one.sub_actions if sub.set_id is not None]
    doubted = sum(bool(sub.unsure) for sub in named)
    return f"a doubt is noted of {doubted} of {format_count(len(named), 'named sub-action')}"
