"""Media by signed links, with byte ranges."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse, JSONResponse
from sqlalchemy import select

from finegym.labelling.api.dependencies import CallerNow, ServerNow
from finegym.labelling.media import read_map
from finegym.labelling.tables.records import Chunk, Record

router = APIRouter(tags=["media"])
_TYPES = {".mp4": "video/mp4", ".vtt": "text/vtt", ".jpg": "image/jpeg", ".json": "application/json"}
_CACHE = {"cache-control": "private, max-age=3600"}


@router.get("/media/{token}/{name}", response_class=FileResponse)
def get_media(
    token: Annotated[str, Path(max_length=1000)],
    name: Annotated[str, Path(max_length=100)],
    caller: CallerNow,
    server: ServerNow,
) -> Response:
    """A file of a record or an attachment. Ranges are served; links come with passes and guidelines."""
    with server.database.read() as session:
        opened = server.links.open(session, caller, token, name)
        if opened.is_map:
            number = int(opened.path.stem.split("-")[1])
            end_ms = session.scalar(
                select(Chunk.end_ms)
                .join(Record, Record.id == Chunk.record_id)
                .where(Record.name == opened.path.parent.name, Chunk.number == number)
                .limit(1)
            )
            return JSONResponse(read_map(opened.path, int(end_ms or 0)), headers=_CACHE)
    kind = opened.media_type or _TYPES[opened.path.suffix]
    return FileResponse(opened.path, media_type=kind, headers=_CACHE)
