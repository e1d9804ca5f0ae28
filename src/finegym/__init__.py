"""finegym: hierarchical, fine-grained action understanding in video."""

from importlib.metadata import version

__version__ = version("finegym")
