"""Which media somebody may see, as signed links, and from a link back to a file.

A link names a record of a project (or an attachment) and the session that asked for it. It opens only in that session,
only as long as its person is in the project, and only for a few hours. What it opens is one folder's known files;
no text of a request ever becomes part of a path without being one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, get_role
from finegym.labelling.clock import format_time
from finegym.labelling.passwords import make_token
from finegym.labelling.record_clock import compute_times_ms
from finegym.labelling.refusals import not_found
from finegym.labelling.shapes import ClipShape, MediaShape
from finegym.labelling.tables.people import Secret
from finegym.labelling.tables.projects import Attachment
from finegym.labelling.tables.records import Chunk, Record
from finegym.video.ingest.proxy import read_proxy_map
from finegym.workspace import Workspace

LIFETIME_MS = 12 * 3_600_000  # at most; at least half of it
_RECORD_FILE = re.compile(
    r"(?:(?:proxy|filmstrip|waveform)-[0-9]{3,6}(?:-[0-9]{1,4})?\.(?:mp4|vtt|jpg|json)|map-[0-9]{3,6}\.json)"
)


@dataclass(frozen=True)
class Opened:
    """What a link opens: a file, or the frame map of a proxy."""

    path: Path
    is_map: bool = False
    media_type: str | None = None


def read_secret(session: Session, name: str) -> str:
    """A key of this server, made when it is first asked for."""
    row = session.get(Secret, name)
    if row is None:
        row = Secret(name=name, value=make_token())
        session.add(row)
        session.flush()
    return row.value


class Links:
    """Makes links to media, and opens them.

    Args:
        secret: signs them.
        workspace: where media lie.
    """

    def __init__(self, secret: str, workspace: Workspace) -> None:
        self._signer = URLSafeSerializer(secret, salt="finegym-media")
        self.workspace = workspace

    @property
    def attachments(self) -> Path:
        """The folder of attachments."""
        return self.workspace.folder / "labelling" / "attachments"

    def sign(self, caller: Caller, project_id: str, kind: str, id_: str) -> str:
        """The part of a link that says what it opens, to whom, until when."""
        return str(self._signer.dumps([project_id, kind, id_, caller.session_id, _end_of_links(caller.now_ms)]))

    def link_attachment(self, caller: Caller, row: Attachment) -> str:
        """A link to an attachment."""
        return f"/media/{self.sign(caller, row.project_id, 'attachment', row.id)}/{row.file_name}"

    def show_media(self, caller: Caller, record: Record, chunks: Sequence[Chunk]) -> MediaShape:
        """Links to the chunks of a record."""
        base = f"/media/{self.sign(caller, record.project_id, 'record', record.id)}"
        clips = [clip for chunk in chunks if (clip := self._show_clip(base, record, chunk)) is not None]
        return MediaShape(clips=clips, expires_at=str(format_time(_end_of_links(caller.now_ms))))

    def open(self, session: Session, caller: Caller, token: str, name: str) -> Opened:
        """The file that a link opens.

        Raises:
            Refusal: 404, whatever is wrong with it.
        """
        try:
            project_id, kind, id_, session_id, until = self._signer.loads(token)
        except (BadSignature, ValueError, TypeError) as error:
            raise not_found("file") from error
        if session_id != caller.session_id or caller.now_ms >= until:
            raise not_found("file")
        if get_role(session, caller, project_id) is None:
            raise not_found("file")
        if kind == "attachment":
            return self._open_attachment(session, project_id, id_)
        record = session.get(Record, id_)
        if record is None or record.project_id != project_id or not _RECORD_FILE.fullmatch(name):
            raise not_found("file")
        return self._open_record_file(record, name)

    def _open_record_file(self, record: Record, name: str) -> Opened:
        folder = self.workspace.get_record_folder(record.name)
        is_map = name.startswith("map-")
        path = folder / (name.replace("map-", "proxy-").replace(".json", ".npz") if is_map else name)
        inside = self.workspace.ingest.resolve()
        if not path.is_file() or not path.resolve().is_relative_to(inside):
            raise not_found("file")
        return Opened(path, is_map)

    def _open_attachment(self, session: Session, project_id: str, id_: str) -> Opened:
        row = session.get(Attachment, id_)
        if row is None or row.project_id != project_id:
            raise not_found("file")
        path = self.attachments / row.file_name
        if not path.is_file():
            raise not_found("file")
        return Opened(path, media_type=row.media_type)

    def _show_clip(self, base: str, record: Record, chunk: Chunk) -> ClipShape | None:
        folder = self.workspace.get_record_folder(record.name)
        proxy = read_proxy_map(folder / f"proxy-{chunk.number:03d}.npz")
        if proxy is None:
            return None
        strip, wave = f"filmstrip-{chunk.number:03d}.vtt", f"waveform-{chunk.number:03d}.json"
        sheets = sorted(path.name for path in folder.glob(f"filmstrip-{chunk.number:03d}*.jpg"))
        return ClipShape(
            number=chunk.number,
            start_ms=chunk.start_ms,
            end_ms=chunk.end_ms,
            start_frame=chunk.start_frame,
            end_frame=chunk.end_frame,
            url=f"{base}/proxy-{chunk.number:03d}.mp4",
            map_url=f"{base}/map-{chunk.number:03d}.json",
            filmstrip_url=f"{base}/{strip}" if (folder / strip).is_file() else None,
            filmstrip_sheets={name: f"{base}/{name}" for name in sheets},
            waveform_url=f"{base}/{wave}" if (folder / wave).is_file() else None,
            has_audio=proxy.has_audio,
            width=proxy.width,
            height=proxy.height,
            num_frames=len(proxy.frames),
        )


def _end_of_links(now_ms: int) -> int:
    """Links made within six hours are the same, so that browsers can keep what they have loaded."""
    half = LIFETIME_MS // 2
    return (now_ms // half + 2) * half


def read_map(path: Path, end_ms: int) -> dict[str, Any]:
    """The frame map of a proxy as JSON.

    Raises:
        Refusal: it is gone or damaged.
    """
    proxy = read_proxy_map(path)
    if proxy is None:
        raise not_found("frame map")
    return {
        "first_pts": int(proxy.pts[0]),
        "time_base": [proxy.time_base.numerator, proxy.time_base.denominator],
        "frames": proxy.frames.tolist(),
        "pts": proxy.pts.tolist(),
        "times_ms": compute_times_ms(proxy).tolist(),
        "left_out": proxy.left_out.tolist(),
        "end_frame": int(proxy.frames[-1]) + 1,
        "end_ms": end_ms,
    }


def find_chunks(session: Session, record_id: str, start_frame: int, end_frame: int) -> list[Chunk]:
    """The chunks to look at for frames: the one that holds them all if there is one, else those that cover them."""
    chunks = list(session.scalars(select(Chunk).where(Chunk.record_id == record_id).order_by(Chunk.number)))
    whole = [chunk for chunk in chunks if chunk.start_frame <= start_frame and end_frame <= chunk.end_frame]
    if whole:
        return whole[:1]
    return [chunk for chunk in chunks if chunk.start_frame < end_frame and start_frame < chunk.end_frame]
