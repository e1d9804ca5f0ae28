"""The pages: the web app that was built into the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as PathPart
from fastapi.responses import FileResponse, HTMLResponse, Response

from finegym.labelling.refusals import not_found

router = APIRouter(include_in_schema=False)
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>finegym</title>
<h1>The pages of the annotation app are not built</h1>
<p>The server runs; its pages are missing in this installation. Build them with
<code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, or install finegym from a wheel.</p></html>"""


def find_static() -> Path:
    """The folder of the built pages; need not be there."""
    return Path(str(files("finegym.labelling") / "static"))


@router.get("/assets/{name:path}")
def get_asset(name: Annotated[str, PathPart(max_length=300)]) -> Response:
    """A script, a style, a font: named by its content, so it never changes."""
    folder = find_static() / "assets"
    if name not in _list_files(folder):
        raise not_found("file")
    return FileResponse(folder / name, headers={"cache-control": "public, max-age=31536000, immutable"})


@router.get("/{page:path}")
def get_page(page: Annotated[str, PathPart(max_length=300)]) -> Response:
    """Every page is the same file; its script looks at the address."""
    if page.startswith(("api/", "media/")):
        raise not_found("address")
    static = find_static()
    if page in _list_files(static):
        return FileResponse(static / page)
    index = static / "index.html"
    if not index.is_file():
        return HTMLResponse(_MISSING, status_code=503)
    return FileResponse(index, headers={"cache-control": "no-cache"})


def _list_files(folder: Path) -> set[str]:
    """What lies in a folder; names of requests are compared with these and never become paths."""
    return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
