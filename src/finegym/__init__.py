"""finegym: hierarchical, fine-grained action understanding in video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finegym.applications.parse.api import parse

__all__ = ["__version__", "parse"]

__version__: str


def __getattr__(name: str) -> Any:
    # Looked up when asked for: the version would add a quarter to the start of every command, parsing all of torch.
    if name == "__version__":
        from importlib.metadata import version

        return version("finegym")
    if name == "parse":
        from finegym.applications.parse.api import parse

        return parse
    raise AttributeError(f"module 'finegym' has no attribute {name!r}")
