"""Parses of the records of a small world, as `finegym parse` leaves them, without a model that would find anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parse_builders import make_action, make_parse, make_parsed

from finegym.applications.parse.files import Evidence, Parse, write_parse
from finegym.applications.parse.page_media import PageClip, format_ending
from finegym.files import hash_samples
from finegym.workspace import Workspace

DOUBT = "set: BB-S2 is likeliest, at 41 %"
REPLAY = Evidence(speaks_for="replay", reason="shown-before", value=0.9, limit=0.5, text="shown before at 0:02")


def make_record_parse(video: Path, **changes: Any) -> Parse:
    """A beam routine with a turn and something unsure, and a vault that may be a replay."""
    turn = make_parsed(4000, 5200, set_id="BB-S1", sets={"BB-S1": 0.8}, candidates=())
    unsure = make_parsed(7000, 8200, set_id=None, sets={"BB-S2": 0.41}, score=0.3, candidates=(), unsure=(DOUBT,))
    beam = make_action([turn, unsure], 2000, 12_000, event_id="BB", points=1.2, points_of_likeliest=1.4)
    vault = make_action([], 14_000, 16_000, event_id="VT", kind="replay", evidence=(REPLAY,))
    facts = {"duration_ms": 40_000, "bundle": "tiny", "bundle_sha256": "b" * 64, **changes}
    return make_parse([beam, vault], record_id=video.stem, video=str(video), video_fingerprint=_hash(video), **facts)


def _hash(video: Path) -> str:
    return hash_samples(video) if video.is_file() else "0" * 64


def write_parse_folder(folder: Path, parse: Parse, page: str = "<p>seen</p>") -> Path:
    """The files of a parse."""
    folder.mkdir(parents=True)
    (folder / "parse.html").write_text(
        f"<!doctype html><body>{page}{format_ending([PageClip('../x.mp4', 0, parse.duration_ms)])}"
    )
    (folder / "annotations.json").write_text("{}\n")
    (folder / "chapters.vtt").write_text("WEBVTT\n")
    (folder / "sub_actions.csv").write_text("record\n")
    write_parse(folder / "parse.json", parse)
    return folder


def find_media(workspace: Workspace, name: str) -> Path:
    """The media of an ingested record."""
    return workspace.ingest.resolve().parent.parent / "media" / f"{name}.mp4"
