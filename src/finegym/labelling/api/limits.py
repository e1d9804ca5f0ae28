"""Limits and headers for every request: bodies that are too large are not read, pages are told what they may load."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from finegym.labelling.attachments import MAX_BYTES as ATTACHMENT_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger("finegym.labelling")
BODY_BYTES = 2 * 2**20
FILE_BYTES = 256 * 2**20
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}


class Limits:
    """ASGI middleware: sizes of bodies, security headers, no caching of answers."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = _get_limit(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            log.warning("refused %s %a: a body of %r bytes", scope["method"], scope["path"][:300], declared[:20])
            await _refuse(send, limit)
            return
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                log.warning("refused %s %a: a body of more than %d bytes", scope["method"], scope["path"][:300], limit)
                raise HTTPException(413, _describe(limit))
            return message

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_make_headers(scope["path"], message)]}
            await send(message)

        await self.app(scope, count, add_headers)


def _get_limit(path: str) -> int:
    if path.endswith("/attachments"):
        return ATTACHMENT_BYTES
    if path.endswith(("/import", "/suggestions")):
        return FILE_BYTES
    return BODY_BYTES


def _make_headers(path: str, message: Message) -> list[tuple[bytes, bytes]]:
    there = {name for name, _ in message["headers"]}
    headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in there]
    if path.startswith("/api/") and b"cache-control" not in there:
        headers.append((b"cache-control", b"no-store"))
    return headers


def _describe(limit: int) -> str:
    return f"The body is too large; at most {limit // 2**20} MB are taken here."


async def _refuse(send: Send, limit: int) -> None:
    body = json.dumps({"error": _describe(limit), "code": "too_large"}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
