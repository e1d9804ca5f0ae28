"""Decision trees as one page that a browser opens without a network: answer, and watch the candidates narrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from finegym.codebook.export import export_set
from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_tree
from finegym.errors import OutputError
from finegym.files import write_text


def build_tree_page(codebook: Codebook, set_ids: Sequence[str] | None = None) -> str:
    """The HTML of a page with the trees of some sets (default: of all that have one).

    Style, script and data are inside; nothing is loaded. The address keeps the place: ``#FX-S2/110`` is the node of set
    FX-S2 after yes, yes, no.

    Raises:
        CodebookError: a set is unknown or has no tree.
    """
    set_ids = [tree.set_id for tree in codebook.trees] if set_ids is None else list(set_ids)
    for set_id in set_ids:
        get_tree(codebook, set_id)
    events = {event.id: event.name for event in codebook.events}
    data = {
        "name": codebook.name,
        "version": codebook.version,
        "sport": codebook.sport,
        "source": codebook.source,
        "events": events,
        "sets": [export_set(codebook, set_id) for set_id in set_ids],
    }
    # Inside a script element only "<" can end it: written as an escape, names from any codebook are safe.
    embedded = Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))
    environment = Environment(
        loader=PackageLoader("finegym.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    title = f"{set_ids[0]} · {codebook.name}" if len(set_ids) == 1 else codebook.name
    return environment.get_template("tree.html.j2").render(title=title, data=embedded)


def write_tree_page(codebook: Codebook, path: Path, set_ids: Sequence[str] | None = None) -> None:
    """Write ``build_tree_page`` to a file, whole or not at all."""
    if Path(path).suffix not in {".html", ".htm"}:
        raise OutputError(f"{path}: expected a name that ends in .html, so that no other file is replaced by a page.")
    write_text(path, build_tree_page(codebook, set_ids))
