"""What handlers ask for: the server, who is calling, and which version they have seen."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from finegym.labelling.access import Caller
from finegym.labelling.api.server import Server
from finegym.labelling.passes import ANY_VERSION
from finegym.labelling.refusals import Refusal
from finegym.labelling.sessions import find_caller, touch_session

COOKIE = "finegym_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
log = logging.getLogger("finegym.labelling")


def get_server(request: Request) -> Server:
    """The running app."""
    server: Server = request.app.state.server
    return server


ServerNow = Annotated[Server, Depends(get_server)]


def find_caller_of(request: Request, server: Server) -> Caller | None:
    """Who a request's cookie belongs to, if anybody."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    now_ms = server.now()
    with server.database.read() as session:
        found = find_caller(session, token, now_ms)
    if found is None:
        log.warning("a forged or stale session was refused: %s %a", request.method, request.url.path[:300])
        return None
    caller, is_touch_due = found
    if is_touch_due:
        with server.database.write() as session:
            touch_session(session, caller.session_id, now_ms)
    return caller


def get_caller(request: Request, server: ServerNow, x_csrf_token: Annotated[str | None, Header()] = None) -> Caller:
    """Who is calling.

    Raises:
        Refusal: 401 without a living session; 403 for a write without the session's CSRF token.
    """
    caller = find_caller_of(request, server)
    if caller is None:
        raise Refusal(401, "not_logged_in", "Log in first: there is no session, or it has ended.")
    if request.method not in SAFE_METHODS and not secrets.compare_digest(
        (x_csrf_token or "").encode(), caller.csrf_token.encode()
    ):
        log.warning("a write without a CSRF token was refused: %s %a", request.method, request.url.path[:300])
        raise Refusal(403, "csrf", "The header X-CSRF-Token is missing or wrong; GET /api/session says what it is.")
    return caller


CallerNow = Annotated[Caller, Depends(get_caller)]


async def read_content(request: Request, caller: CallerNow) -> bytes:
    """The body of a request as it came, once it is known who sends it.

    As a ``Body`` it would be in memory before anybody asks who sent it, and parsed where it calls itself JSON.
    """
    return await request.body()


Content = Annotated[bytes, Depends(read_content)]


def describe_content(media_type: str) -> dict[str, Any]:
    """What the schema says of a handler that takes ``Content``."""
    schema = {"type": "string", "contentMediaType": media_type, "title": "Content"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def get_seen_version(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version in ``If-Match``, which must be there.

    Raises:
        Refusal: 428 without, 400 with something that is no version.
    """
    if if_match is None:
        raise Refusal(428, "precondition_required", 'Say which version you have seen: If-Match: "12", or *.')
    if if_match.strip() == "*":
        return ANY_VERSION
    match = re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', if_match.strip(), re.ASCII)
    if match is None:
        raise Refusal(400, "bad_request", f'If-Match must be a version such as "12", or *; got {if_match!r}.')
    return int(match[1])


SeenVersion = Annotated[int, Depends(get_seen_version)]
IdPath = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$")]
