"""finegym: hierarchical, fine-grained action understanding in video."""

from __future__ import annotations

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    # Read when asked for: importlib.metadata would add a quarter to the start of every command.
    if name == "__version__":
        from importlib.metadata import version

        return version("finegym")
    raise AttributeError(f"module 'finegym' has no attribute {name!r}")
