"""``finegym annotations``: what did happen, in files; each verb a thin skin over one library call."""

from __future__ import annotations

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="What did happen: check, count, choose, split and convert annotated records.",
)
