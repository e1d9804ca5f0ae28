"""A feature store from features that somebody else made: no record is looked into, and none need be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import FeatureError, OutputError
from finegym.features.build import FeatureBuild
from finegym.features.find import find_features
from finegym.features.finish import finish_store, unfinish_store
from finegym.features.make import MadeClip, write_clip
from finegym.features.store import FeatureFacts, FeatureSettings, StoredFeatures
from finegym.jobs import Tally
from finegym.video.store.lock import hold_store


@dataclass(frozen=True)
class ImportedClip:
    """The features of a clip, from elsewhere.

    Attributes:
        made: the features.
        video_id: of the record; names the folder inside the store.
        num_frames: of the clip.
        start_ms: on the record's clock, where known.
        end_ms: on the record's clock, where known.
    """

    made: MadeClip
    video_id: str
    num_frames: int
    start_ms: int = 0
    end_ms: int = 0


def write_features(
    out: Path,
    settings: FeatureSettings,
    clips: Iterable[ImportedClip],
    *,
    failed: Mapping[str, str] | None = None,
    replace: bool = False,
) -> FeatureBuild:
    """Write a store; clips of an earlier import of the same settings are replaced.

    Args:
        out: folder of the store.
        settings: of every clip; ``parameters`` should say where they come from.
        clips: one after the other; need not all be in memory.
        failed: ids of clips that could not be taken, each with the reason.
        replace: whether a store of other settings may be replaced.

    Returns:
        The tally: what was written, and ``failed``.

    Raises:
        ConfigError: the folder holds a store of other settings.
        FeatureError: a clip comes twice.
        OutputError: something cannot be written.
    """
    out = Path(out)
    tally: Tally[FeatureFacts] = Tally(failed=dict(failed or {}))
    stored: list[StoredFeatures] = []
    with hold_store(out):
        find_features(out, settings, verify=False, replace=replace)
        unfinish_store(out)
        for clip in clips:
            facts = _describe(clip, settings)
            if facts.instance_id in tally.done:
                raise FeatureError(f"clip {facts.instance_id} comes twice. Leave one out.")
            try:
                stored.append(write_clip(out, facts, clip.made))
            except OutputError as error:
                tally.failed[facts.instance_id] = str(error)
            else:
                tally.done[facts.instance_id] = facts
        store = finish_store(out, settings, stored, tally.failed, sorted(tally.failed))
    return FeatureBuild(tally=tally, store=store)


def _describe(clip: ImportedClip, settings: FeatureSettings) -> FeatureFacts:
    made = clip.made
    return FeatureFacts(
        instance_id=made.instance_id,
        video_id=clip.video_id,
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
        num_frames=clip.num_frames,
        height=made.height,
        width=made.width,
        counts=made.counts,
        extra=made.extra,
        settings=settings,
    )
