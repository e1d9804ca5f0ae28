"""Every failure as one shape: a sentence, a code, the facts, the status that fits; and a line in the server's log."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, IntegrityError
from starlette.exceptions import HTTPException

from finegym.errors import FineGymError, OutputError
from finegym.labelling.database import is_storage_full, is_unavailable
from finegym.labelling.refusals import Refusal

log = logging.getLogger("finegym.labelling")
_LOGGED = (401, 403, 404, 413, 415, 429)
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media"}


class Failure(BaseModel):
    """What a refused request is told."""

    error: str
    code: str
    problems: list[dict[str, Any]] | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": text}
    for status, text in {
        400: "Not a request that can be read",
        401: "Not logged in",
        403: "Not allowed",
        404: "Not there, or not yours to see",
        409: "The state of things does not allow it",
        412: "Changed in between; both sides are in the answer",
        413: "Too large",
        415: "Not a kind of file that is taken",
        422: "Breaks a rule; the problems are in the answer",
        428: "If-Match is missing",
        429: "Too many attempts",
        503: "The storage is full or busy; nothing was saved",
    }.items()
}


def add_handlers(app: FastAPI) -> None:
    """Tell the app how to answer failures."""
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(FineGymError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(DBAPIError, _answer_database)


def _name(request: Request) -> str:
    """A request in one line of the log, whatever is in its address."""
    return f"{request.method} {ascii(request.url.path)[1:-1][:300]}"


def _reply(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(content, status, headers)


async def _answer_refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    if error.status in _LOGGED:
        log.warning("refused %s: %d %s", _name(request), error.status, error)
    headers = {}
    if error.status == 429:
        headers["Retry-After"] = str(error.facts.get("retry_after_s", 60))
    if error.status == 412 and "version" in error.facts:
        headers["ETag"] = f'"{error.facts["version"]}"'
    return _reply(error.status, {"error": str(error), "code": error.code, **error.facts}, headers)


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OutputError):
        log.error("%s could not be stored: %s", _name(request), error)
        return _reply(503, {"error": str(error), "code": "storage_full"}, {"Retry-After": "30"})
    return _reply(422, {"error": str(error), "code": "invalid"})


async def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = []
    for one in error.errors():
        place = [str(part) for part in one["loc"] if part not in ("body", "query", "path", "header")]
        problem: dict[str, Any] = {"field": ".".join(place), "error": one["msg"], "got": _shorten(one.get("input"))}
        if len(one["loc"]) > 2 and one["loc"][1] == "operations" and isinstance(one["loc"][2], int):
            problem["operation"] = one["loc"][2]
        problems.append(problem)
    first = f"{problems[0]['field'] or 'request'}: {problems[0]['error']}"
    return _reply(422, {"error": first, "code": "invalid", "problems": problems[:50]})


def _shorten(value: object) -> str | int | float | bool | None:
    """What was sent, short enough to send back, and as text that any client can read."""
    if value is None or isinstance(value, bool | int):
        return value if value is None or isinstance(value, bool) or abs(value) < 2**53 else str(value)[:40]
    return ascii(value)[:200]


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code in _LOGGED:
        log.warning("refused %s: %d %s", _name(request), error.status_code, error.detail)
    code = _CODES.get(error.status_code, "failed")
    return _reply(error.status_code, {"error": str(error.detail), "code": code}, dict(error.headers or {}))


async def _answer_database(request: Request, error: Exception) -> JSONResponse:
    if is_storage_full(error):
        log.error("the storage is full: %s was not saved", _name(request))
        text = "The server's disk is full. Nothing was saved; your change is kept here until there is room."
        return _reply(503, {"error": text, "code": "storage_full"}, {"Retry-After": "30"})
    if is_unavailable(error):
        log.error("the database does not answer: %s", getattr(error, "orig", error))
        text = "The database does not answer. Nothing was saved; try again in a moment."
        return _reply(503, {"error": text, "code": "busy"}, {"Retry-After": "5"})
    if isinstance(error, IntegrityError):  # two requests made the same thing at the same moment; one of them was first
        return _reply(409, {"error": "Somebody did the same at the same moment. Try again.", "code": "conflict"})
    log.exception("an error of the database", exc_info=error)
    return _reply(500, {"error": "The server has a fault; it is in its log.", "code": "fault"})
