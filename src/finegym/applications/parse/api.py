"""``finegym.parse``: a recording parsed by one call."""

from __future__ import annotations

import os
from pathlib import Path

from finegym.applications.parse.files import PARSE_FILE, Parse, read_parse
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import Device, ParseSettings, parse_videos
from finegym.errors import ConfigError, VideoError

BUNDLE_VARIABLE = "FINEGYM_BUNDLE"


def parse(
    video: str | Path,
    *,
    bundle: str | Path | None = None,
    out: str | Path = "parsed",
    code: str = "fig-women-2017",
    min_score: float = 0.3,
    min_sub_score: float = 0.3,
    min_probability: float = 0.5,
    with_doubtful: bool = False,
    device: Device = "auto",
) -> Parse:
    """Parse a recording that nobody has labelled; what is parsed already is read.

    Args:
        video: the file.
        bundle: model bundle; that of the environment variable ``FINEGYM_BUNDLE`` by default.
        out: folder; files and page are written to ``out/NAME``.
        code: name of a code of points, or a YAML file.
        min_score: of routines that are looked into.
        min_sub_score: of sub-actions that are listed.
        min_probability: of an element or set that is named.
        with_doubtful: write routines into ``annotations.json`` that are in doubt as such.
        device: ``auto`` takes a GPU where there is one.

    Returns:
        What ``parse.json`` says; see ``Parse``.

    Raises:
        ConfigError: there is no bundle, or it is damaged.
        VideoError: the recording cannot be parsed; the message says why.
    """
    path = bundle or os.environ.get(BUNDLE_VARIABLE)
    if not path:
        raise ConfigError(
            f"expected a model bundle, got none. Give bundle=..., or set {BUNDLE_VARIABLE}; `finegym demo` makes one."
        )
    thresholds = Thresholds(min_score, min_sub_score, min_probability)
    settings = ParseSettings(thresholds, code, device, with_doubtful=with_doubtful)
    tally = parse_videos([Path(video)], Path(path), Path(out), settings, show_progress=False)
    if tally.failed:
        raise VideoError(next(iter(tally.failed.values())))
    return read_parse(Path(out) / Path(video).stem / PARSE_FILE)
