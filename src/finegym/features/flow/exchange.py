"""Stored flow out into the files of other tools, and theirs into a store."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from finegym.annotations.model import INSTANCE_ID, Dataset
from finegym.errors import FeatureError
from finegym.features.build import FeatureBuild
from finegym.features.flow.extract import PORTION_PAIRS, ClipWriter, Form
from finegym.features.flow.published import Layout, PublishedClip, find_published, read_published, write_published
from finegym.features.flow.quantise import dequantise
from finegym.features.flow.store import FlowStore
from finegym.features.imported import ImportedClip, write_features
from finegym.features.store import FeatureSettings, Unit
from finegym.video.store.build import make_settings
from finegym.video.store.plan import check_only
from finegym.video.store.units import Segment, list_segments

_RATE = Fraction(25)  # of the films that hold imported flow; nothing is known of the record's


@dataclass(frozen=True)
class FlowImport:
    """What an import came to.

    Attributes:
        build: tally and store.
        missing: ids of the dataset's clips of which there is no flow; empty where no dataset was given.
        layouts: how many clips came in each kind of files.
    """

    build: FeatureBuild
    missing: tuple[str, ...]
    layouts: Mapping[str, int]


def import_flow(
    folder: Path,
    out: Path,
    *,
    dataset: Dataset | None = None,
    method: str = "imported",
    form: Form = "quantised",
    replace: bool = False,
) -> FlowImport:
    """A flow store from the files of other tools.

    A clip of P pairs has P + 1 frames. Which frames of which record they are the files do not say.

    Args:
        folder: holds a folder or a file a clip, named by its id; see ``published``.
        out: folder of the store.
        dataset: whose clips (sub-actions or actions) they are; clips of other names are failed, those without flow
            listed. ``None``: whatever is there.
        method: what computed the flow, in a word: what is trained on one method's flow is not shown another's.
        form: of the store. Pictures stay what they are in ``float16``; ``quantised`` adds the error of H.264.
        replace: whether a store of other settings may be replaced.

    Returns:
        The tally; damaged clips are failed, the others are there.

    Raises:
        FeatureError: the folder holds no flow.
        ConfigError: ``out`` holds a store of other settings.
        OutputError: something cannot be written.
    """
    found, bad = find_published(Path(folder))
    segments = {} if dataset is None else _list_known(dataset)
    failed = {c.instance_id: "is no clip of the dataset" for c in found if segments and c.instance_id not in segments}
    failed |= bad
    # What a store is to be made of is read once before: a clip that is damaged at its end must not be there.
    wanted = []
    layouts: dict[str, int] = {}
    for clip in found:
        if clip.instance_id not in failed:
            try:
                num_pairs = sum(len(part) for part in read_published(clip))
            except FeatureError as error:
                failed[clip.instance_id] = str(error)
            else:
                if not num_pairs:
                    failed[clip.instance_id] = "holds no pair of frames"
                    continue
                wanted.append((clip, num_pairs))
                layouts[clip.layout] = layouts.get(clip.layout, 0) + 1
    there = {clip.instance_id for clip, _ in wanted}
    unit = _find_unit(dataset, there)
    parameters = {"method": method, "form": form, "imported": f"{Path(folder).resolve().name} {_hash_names(found)}"}
    settings = FeatureSettings(kind="flow", unit=unit, parameters=parameters)
    clips = (_convert(clip, num_pairs, segments.get(clip.instance_id), form) for clip, num_pairs in wanted)
    build = write_features(out, settings, clips, failed=failed, replace=replace)
    expected = _list_ids(dataset, unit) if dataset else []
    return FlowImport(build, tuple(name for name in expected if name not in there), layouts)


def _hash_names(clips: Sequence[PublishedClip]) -> str:
    """Tells one folder of flow from another: two of them never share a store."""
    text = "\n".join(f"{clip.instance_id} {clip.layout} {len(clip.pairs)}" for clip in clips)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


def _find_unit(dataset: Dataset | None, there: Collection[str]) -> Unit:
    """Actions, where all clips are; else (and where nobody knows) sub-actions."""
    actions = set(_list_ids(dataset, "action")) if dataset else set()
    return "action" if there and actions.issuperset(there) else "sub-action"


def _list_ids(dataset: Dataset, unit: Unit) -> list[str]:
    return [segment.instance_id for segment in list_segments(dataset, make_settings(unit=unit))]


def _list_known(dataset: Dataset) -> dict[str, Segment]:
    units = make_settings(unit="action"), make_settings(unit="sub-action")
    return {segment.instance_id: segment for unit in units for segment in list_segments(dataset, unit)}


def _convert(clip: PublishedClip, num_pairs: int, segment: Segment | None, form: Form) -> ImportedClip:
    writer: ClipWriter | None = None
    for part in read_published(clip):
        if writer is None:
            writer = ClipWriter((part.shape[1], part.shape[2]), form, _RATE)
        if part.dtype == np.uint8 and form == "quantised":
            writer.add_codes(part)
        else:
            fields = dequantise(part) if part.dtype == np.uint8 else part
            writer.add(fields, np.zeros(len(fields), bool))
    assert writer is not None, "a clip has files"
    made = writer.finish(clip.instance_id)
    if segment is not None:
        return ImportedClip(made, segment.video_id, num_pairs + 1, segment.start_ms, segment.end_ms)
    parsed = INSTANCE_ID.match(clip.instance_id)
    return ImportedClip(made, parsed["video"] if parsed else clip.instance_id, num_pairs + 1)


@dataclass(frozen=True)
class FlowExport:
    """What an export came to.

    Attributes:
        num_clips: written.
        num_files: written.
        without_pairs: ids of clips of one frame, of which there is nothing to write.
        across_cuts: pairs that were written as no motion because a cut lies between their frames.
    """

    num_clips: int
    num_files: int
    without_pairs: tuple[str, ...]
    across_cuts: int


def export_flow(store: FlowStore, folder: Path, layout: Layout, *, only: Collection[str] | None = None) -> FlowExport:
    """The flow of a store in the files of other tools.

    Args:
        store: holds the flow.
        folder: for all clips.
        layout: what kind of files.
        only: ids of the clips wanted; ``None``: all.

    Raises:
        ConfigError: an id of ``only`` is not in the store.
        FeatureError: a clip is damaged.
        OutputError: a file cannot be written.
    """
    check_only(only, [Segment(name, "", None, 0, 0) for name in store.instance_ids])
    wanted = [name for name in store.instance_ids if only is None or name in set(only)]
    without = [name for name in wanted if not store.count_pairs(name)]
    num_files, across_cuts = 0, 0
    for name in wanted:
        if name in without:
            continue
        across_cuts += int((~store.read_valid(name)).sum())
        facts = store.get_facts(name)
        shape = store.count_pairs(name), facts.height, facts.width, 2
        num_files += write_published(Path(folder), name, layout, _read_parts(store, name, layout), shape)
    return FlowExport(len(wanted) - len(without), num_files, tuple(without), across_cuts)


def _read_parts(store: FlowStore, instance_id: str, layout: Layout) -> Iterator[np.ndarray]:
    num_pairs = store.count_pairs(instance_id)
    for first in range(0, num_pairs, PORTION_PAIRS):
        part = range(first, min(num_pairs, first + PORTION_PAIRS))
        yield store.read_codes(instance_id, part) if layout == "jpg" else store.read_fields(instance_id, part)
