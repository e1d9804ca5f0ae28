"""Types of what comes in from outside: text that every database can hold, frames, ids."""

from __future__ import annotations

import json
import unicodedata
import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_DEPTH = 32  # of free JSON; what is deeper could be stored, but no longer be sent
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they show a text in another order


class Strict(BaseModel):
    """A value from outside; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_text(text: str) -> str:
    """Text without characters that PostgreSQL, files or terminals cannot hold."""
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("must be proper Unicode text") from error
    return text


def check_line(text: str) -> str:
    """Text of one line that reads as it is stored: it ends up in logs, links and titles."""
    for letter in check_text(text):
        if unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in _TURNING:
            raise ValueError(f"must not contain the control character U+{ord(letter):04X}")
    return text


def check_uuid(text: str) -> str:
    """A UUID in its usual form, lower case."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise ValueError("must be a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e") from error


def check_json(value: dict[str, Any]) -> dict[str, Any]:
    """A free JSON object that every database can hold, 16 KB at most."""
    if _is_deeper(value, MAX_DEPTH):
        raise ValueError(f"must be nested at most {MAX_DEPTH} deep")
    text = json.dumps(value, allow_nan=False)  # a ValueError: no JSON, and PostgreSQL takes none
    if len(text) > 16_384:
        raise ValueError(f"must be at most 16384 characters as JSON, got {len(text)}")
    if "\\u0000" in text or "\\ud8" in text or "\\ud9" in text or "\\uda" in text or "\\udb" in text:
        check_text(json.dumps(value, ensure_ascii=False))
        if "\\u0000" in text:
            raise ValueError("must not contain the character NUL")
    return value


def _is_deeper(value: object, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return depth == 0 or any(
        _is_deeper(one, depth - 1) for one in (value.values() if isinstance(value, dict) else value)
    )


Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(check_text)]
"""An id of the codebook, a label."""
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(check_line)
]
"""A name that people read."""
Prose = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(check_text)]
Remark = Annotated[
    str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True), AfterValidator(check_text)
]
Uuid = Annotated[str, StringConstraints(max_length=64), AfterValidator(check_uuid)]
Frame = Annotated[int, Field(ge=0, le=2**31 - 1)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
FreeJson = Annotated[dict[str, Any], AfterValidator(check_json)]
