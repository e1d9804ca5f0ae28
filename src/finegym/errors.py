"""Every error a user of finegym can cause, as one tree.

::

    FineGymError
    ├── CodebookError    (ValueError)   events, sets, elements, trees
    ├── AnnotationError  (ValueError)   records, official files, subsets, splits
    ├── SegmentError     (ValueError)   intervals in time
    ├── VideoError       (OSError)      files that do not decode as promised
    ├── SimulationError  (ValueError)   a competition that cannot be simulated
    ├── FeatureError     (ValueError)   flow and pose stores
    ├── ConfigError      (ValueError)   recipes and command-line settings
    ├── PredictionError  (ValueError)   prediction files that do not fit a split
    ├── ReleaseError     (ValueError)   a release that is refused, or is not what its manifest says
    ├── LabellingError   (ValueError)   what the annotation app refuses
    ├── RunError         (RuntimeError) one of many trainings that broke down of itself
    └── OutputError      (OSError)      a result that could not be written

A message says what was expected, what was found, where, and what to do. The command line prints it as one line and
exits with status 1.
"""

from __future__ import annotations

from collections.abc import Sequence


class FineGymError(Exception):
    """Root of all errors that finegym raises on purpose."""


class CodebookError(FineGymError, ValueError):
    """A codebook, a tree or an official category file is not usable."""


class AnnotationError(FineGymError, ValueError):
    """Records, an official annotation file, a subset or a split is not usable."""


class SegmentError(FineGymError, ValueError):
    """An interval ends before it starts, or leaves the interval it belongs to."""


class VideoError(FineGymError, OSError):
    """A video file is missing, damaged, or does not hold the frame asked for."""


class SimulationError(FineGymError, ValueError):
    """The simulation cannot make what was asked for."""


class FeatureError(FineGymError, ValueError):
    """A feature store is damaged or does not fit its dataset."""


class ConfigError(FineGymError, ValueError):
    """A recipe or a setting is unknown, contradictory or out of range."""


class PredictionError(FineGymError, ValueError):
    """A prediction file is damaged or does not cover its split."""


class ReleaseError(FineGymError, ValueError):
    """A release is refused (groups straddle a split …), or a folder is not the release that its manifest says."""


class LabellingError(FineGymError, ValueError):
    """The annotation app refuses something: a rule of the work, a right that is missing, a state that has moved on."""


class RunError(FineGymError, RuntimeError):
    """One of many trainings broke down, for no reason that finegym knows: a bug, which the others need not die of."""


class OutputError(FineGymError, OSError):
    """A result could not be written (no space, no permission, already there)."""


def join_problems(problems: Sequence[str], limit: int = 20) -> str:
    """Join independent problems into one message, and say how many more there are.

    Example:
        >>> join_problems(["a", "b", "c"], limit=2)
        'a; b; and 1 more'
    """
    shown = "; ".join(problems[:limit])
    hidden = len(problems) - limit
    return f"{shown}; and {hidden} more" if hidden > 0 else shown
