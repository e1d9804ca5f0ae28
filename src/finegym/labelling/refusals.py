"""How the app says no: one sentence for people, a code for programs, the facts, and the HTTP status that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finegym.errors import LabellingError


class Refusal(LabellingError):
    """Something that was asked for and is not done. Nothing was changed.

    Attributes:
        status: of HTTP.
        code: ``snake_case``, for programs.
        facts: whatever else the answer says, plain JSON values.
    """

    def __init__(self, status: int, code: str, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.status, self.code, self.facts = status, code, facts


def not_found(what: str) -> Refusal:
    """Of things that are not there, and of things that one may not know of."""
    return Refusal(404, "not_found", f"There is no such {what}, or it is not yours to see.")


def forbidden(text: str) -> Refusal:
    """A right is missing."""
    return Refusal(403, "forbidden", text)


def conflict(code: str, text: str, **facts: Any) -> Refusal:
    """The state of things does not allow it."""
    return Refusal(409, code, text, **facts)


def invalid(problems: Sequence[dict[str, Any]], text: str = "") -> Refusal:
    """The request breaks rules; every problem is ``{field, error, got?, operation?}``."""
    first = problems[0]["error"] if problems else "invalid"
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return Refusal(422, "invalid", text or f"{first}{more}", problems=list(problems))


def invalid_field(field: str, error: str, got: Any = None) -> Refusal:
    """One field breaks a rule."""
    return invalid([{"field": field, "error": error, "got": got}])
