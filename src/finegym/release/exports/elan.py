"""ELAN (``.eaf``, format 3.0), a file a record.

Times are whole milliseconds, as ours. ELAN's tiers hold no two annotations that overlap, and a child may not leave its
parent; records hold both (a vault that two chunks show, sub-actions that end after their action). So actions,
sub-actions and stages are tiers of their own, with a second one (``actions 2``) where some overlap, and what is known
of each stands in tiers below, symbolically associated:

=================  ===============================================================================================
``actions``        the event's name; below: ``events`` (its id), ``action names``, ``athletes``, ``action notes``
``sub-actions``    the name of element or set; below: ``elements`` and ``sets`` (ids), ``sub-action names``
``stages``         1, 2, 3 of sub-actions that have several; below: ``stage of`` (the sub-action's name)
=================  ===============================================================================================

Ids are from controlled vocabularies, so that one can go on annotating. Facts of the record are properties in the
header.

Source: ELAN Annotation Format, EAF 3.0 (Max Planck Institute for Psycholinguistics), and its schema.
"""

from __future__ import annotations

import mimetypes
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.release.exports.exported import Exported, ExportSettings, get_set_id, make_exported, name_files
from finegym.release.exports.facts import EVERYTHING, Fact
from finegym.release.exports.xml_text import add, write_xml

CARRIED: frozenset[Fact] = EVERYTHING - {"trees"}
NOT_SOUGHT = "nobody has looked for sub-actions"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_LANGUAGE = "und"
_MAIN_TYPE, _NOTE_TYPE = "segment", "note"
_VOCABULARY_OF = {"events": "event", "sets": "set", "elements": "element"}
_CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this "
    "interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are "
    "ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}


@dataclass(frozen=True)
class _Segment:
    """An annotation of a main tier, and what stands below it, by tier."""

    start_ms: int
    end_ms: int
    value: str
    notes: dict[str, str]


@dataclass
class _Lane:
    """A tier of segments that do not overlap."""

    segments: list[_Segment] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        return self.segments[-1].end_ms


_Tiers = dict[str, tuple[_Lane, tuple[str, ...], int]]  # with the tiers below, and the number among its kind


def export_elan(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write a file for every record.

    Raises:
        AnnotationError: a text holds a control character.
        OutputError: a file cannot be written.
    """
    names = name_files((video.id for video in dataset.videos), ".eaf")
    for video in dataset.videos:
        write_xml(_make_document(video, dataset.codebook, settings), folder / names[video.id])
    return make_exported(dataset, [folder / name for name in names.values()], CARRIED, {})


def _make_document(video: Video, codebook: Codebook, settings: ExportSettings) -> ET.Element:
    # No author and no date: the same annotations give the same file.
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="", DATE="1970-01-01T00:00:00Z", FORMAT="3.0", VERSION="3.0")
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:noNamespaceSchemaLocation", _SCHEMA)
    _add_header(root, video, codebook, settings)
    actions = [_make_action(action, codebook) for action in video.actions]
    pairs = [(action, sub) for action in video.actions for sub in action.sub_actions or ()]
    subs = [_make_sub_action(action, sub, codebook) for action, sub in pairs]
    stages = [stage for action, sub in pairs if len(sub.stages) > 1 for stage in _make_stages(action, sub)]
    tiers: _Tiers = {
        name + ("" if number == 1 else f" {number}"): (lane, below, number)
        for name, segments, below in (
            ("actions", actions, ("events", "action names", "athletes", "action notes")),
            ("sub-actions", subs, ("elements", "sets", "sub-action names")),
            ("stages", stages, ("stage of",)),
        )
        for number, lane in enumerate(_deal_lanes(segments), start=1)
    }
    entry_of = _number_entries(codebook)
    _add_tiers(root, tiers, entry_of)
    _add_types(root, codebook, entry_of)
    return root


def _add_header(root: ET.Element, video: Video, codebook: Codebook, settings: ExportSettings) -> None:
    header = add(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if video.path is not None:
        url, kind = quote(video.path), mimetypes.guess_type(video.path)[0] or "video/mp4"
        add(header, "MEDIA_DESCRIPTOR", MEDIA_URL=url, RELATIVE_MEDIA_URL=url, MIME_TYPE=kind)
    facts = {
        "record": video.id,
        "path": video.path,
        "competition": video.competition,
        "fps": video.fps,
        "num_frames": video.num_frames,
        "width": video.width,
        "height": video.height,
        "codebook": f"{codebook.name} {codebook.version}",
        "simulated": "true" if settings.is_simulated else None,
    }
    for name, value in facts.items():
        if value is not None:
            add(header, "PROPERTY", str(value), NAME=name)


def _make_action(action: Action, codebook: Codebook) -> _Segment:
    notes = {"events": action.event_id, "action names": action.name}
    if action.athlete is not None:
        notes["athletes"] = action.athlete
    if action.sub_actions is None:
        notes["action notes"] = NOT_SOUGHT
    return _Segment(action.start_ms, action.end_ms, codebook.event_by_id[action.event_id].name, notes)


def _make_sub_action(action: Action, sub: SubAction, codebook: Codebook) -> _Segment:
    element, set_id = codebook.element_by_id.get(sub.element_id or ""), get_set_id(sub, codebook)
    notes = {"sub-action names": f"{action.name}_{sub.name}"}
    if element is not None:
        notes["elements"] = element.id
    if set_id is not None:
        notes["sets"] = set_id
    name = element.name if element else codebook.set_by_id[set_id].name if set_id is not None else ""
    return _Segment(sub.start_ms, sub.end_ms, name, notes)


def _make_stages(action: Action, sub: SubAction) -> list[_Segment]:
    return [
        _Segment(start, end, str(number), {"stage of": f"{action.name}_{sub.name}"})
        for number, (start, end) in enumerate(sub.stages, start=1)
    ]


def _deal_lanes(segments: Iterable[_Segment]) -> list[_Lane]:
    """As few lanes as there are segments at one time; at least one."""
    lanes = [_Lane()]
    for segment in sorted(segments, key=lambda one: (one.start_ms, one.end_ms)):
        lane = next((lane for lane in lanes if not lane.segments or lane.end_ms <= segment.start_ms), None)
        if lane is None:
            lane = _Lane()
            lanes.append(lane)
        lane.segments.append(segment)
    return lanes


def _add_tiers(root: ET.Element, tiers: _Tiers, entry_of: dict[tuple[str, str], str]) -> None:
    slot_of = _add_time_order(root, {tier: lane for tier, (lane, _, _) in tiers.items()})
    ids = (f"a{number}" for number in count(1))
    for tier, (lane, below, number) in tiers.items():
        main = add(root, "TIER", TIER_ID=tier, LINGUISTIC_TYPE_REF=_MAIN_TYPE)
        main_ids = [next(ids) for _ in lane.segments]
        for place, (id_, segment) in enumerate(zip(main_ids, lane.segments, strict=True)):
            slots = {f"TIME_SLOT_REF{which + 1}": slot_of[tier, place, which] for which in (0, 1)}
            annotation = add(add(main, "ANNOTATION"), "ALIGNABLE_ANNOTATION", ANNOTATION_ID=id_, **slots)
            add(annotation, "ANNOTATION_VALUE", segment.value)
        for kind in below:
            type_ = kind if kind in _VOCABULARY_OF else _NOTE_TYPE
            child_id = kind if number == 1 else f"{kind} {number}"
            child = add(root, "TIER", TIER_ID=child_id, LINGUISTIC_TYPE_REF=type_, PARENT_REF=tier)
            for parent_id, segment in zip(main_ids, lane.segments, strict=True):
                if kind in segment.notes:
                    value, note_ids = segment.notes[kind], {"ANNOTATION_ID": next(ids), "ANNOTATION_REF": parent_id}
                    if kind in _VOCABULARY_OF:
                        note_ids["CVE_REF"] = entry_of[kind, value]
                    annotation = add(add(child, "ANNOTATION"), "REF_ANNOTATION", **note_ids)
                    add(annotation, "ANNOTATION_VALUE", value)


def _add_time_order(root: ET.Element, lanes: dict[str, _Lane]) -> dict[tuple[str, int, int], str]:
    """A slot for every edge, in order of time; the slot of each by tier, place in it, and 0 start or 1 end."""
    order = add(root, "TIME_ORDER")
    edges = [
        (time, tier, place, which)
        for tier, lane in lanes.items()
        for place, segment in enumerate(lane.segments)
        for which, time in enumerate((segment.start_ms, segment.end_ms))
    ]
    slot_of: dict[tuple[str, int, int], str] = {}
    for number, (time, tier, place, which) in enumerate(sorted(edges), start=1):
        slot_of[tier, place, which] = f"ts{number}"
        add(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{number}", TIME_VALUE=str(time))
    return slot_of


def _number_entries(codebook: Codebook) -> dict[tuple[str, str], str]:
    """Ids of the vocabularies' entries, which may be no free text, by tier and label."""
    ids = {
        "events": [event.id for event in codebook.events],
        "sets": [set_.id for set_ in codebook.sets],
        "elements": [element.id for element in codebook.elements],
    }
    return {
        (kind, id_): f"cve-{_VOCABULARY_OF[kind]}-{number}"
        for kind, ones in ids.items()
        for number, id_ in enumerate(ones, start=1)
    }


def _add_types(root: ET.Element, codebook: Codebook, entry_of: dict[tuple[str, str], str]) -> None:
    common = {"GRAPHIC_REFERENCES": "false"}
    add(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID=_MAIN_TYPE, TIME_ALIGNABLE="true", **common)
    for type_ in (_NOTE_TYPE, *_VOCABULARY_OF):
        more = {"CONTROLLED_VOCABULARY_REF": _VOCABULARY_OF[type_]} if type_ in _VOCABULARY_OF else {}
        ids = {"LINGUISTIC_TYPE_ID": type_, "TIME_ALIGNABLE": "false", "CONSTRAINTS": "Symbolic_Association"}
        add(root, "LINGUISTIC_TYPE", **ids, **more, **common)
    add(root, "LANGUAGE", LANG_ID=_LANGUAGE, LANG_LABEL="undetermined (und)")
    for name, text in _CONSTRAINTS.items():
        add(root, "CONSTRAINT", STEREOTYPE=name, DESCRIPTION=text)
    for kind, labels in (("events", codebook.events), ("sets", codebook.sets), ("elements", codebook.elements)):
        vocabulary = add(root, "CONTROLLED_VOCABULARY", CV_ID=_VOCABULARY_OF[kind])
        add(vocabulary, "DESCRIPTION", LANG_REF=_LANGUAGE)
        for label in labels:
            entry = add(vocabulary, "CV_ENTRY_ML", CVE_ID=entry_of[kind, label.id])
            add(entry, "CVE_VALUE", label.id, LANG_REF=_LANGUAGE, DESCRIPTION=label.name)
