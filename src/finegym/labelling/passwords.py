"""Passwords and secret tokens. Passwords are hashed with Argon2, tokens are stored as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from finegym.labelling.refusals import invalid_field

MIN_LENGTH, MAX_LENGTH = 10, 1000


@cache
def _get_hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


def check_password_rules(password: str, email: str) -> None:
    """Refuse passwords that anybody would try first.

    Raises:
        Refusal: too short, too long, the person's own address, or one character again and again.
    """
    if len(password) < MIN_LENGTH:
        raise invalid_field("password", f"must have at least {MIN_LENGTH} characters, has {len(password)}")
    if len(password) > MAX_LENGTH:
        raise invalid_field("password", f"must have at most {MAX_LENGTH} characters")
    if len(set(password)) < 4 or password.casefold() == email.casefold():
        raise invalid_field("password", "is too easy to guess")


def hash_password(password: str) -> str:
    """The Argon2 hash, with its salt and parameters."""
    return _get_hasher().hash(password)


def make_password_hash(password: str, email: str) -> str:
    """The hash of a new password.

    Raises:
        Refusal: it is too easy to guess.
    """
    check_password_rules(password, email)
    return hash_password(password)


@cache
def _get_decoy() -> str:
    return hash_password(secrets.token_urlsafe(16))


def verify_password(password: str, stored: str) -> bool:
    """Whether it is the password. Where there is none to compare with, it takes as long as if there were."""
    is_right = _get_hasher().verify(password, stored or _get_decoy())
    return is_right and bool(stored)


def make_token() -> str:
    """A secret that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
