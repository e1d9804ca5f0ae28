"""The part of the demo's page about motion: the flow of clips, the gymnast's poses, and where they fail."""

from __future__ import annotations

from collections.abc import Iterator

from finegym.annotations.model import Instance
from finegym.demo.features import FEATURES_FOLDER, FLOW_METHOD, FLOW_STORE, POSE_MODEL, POSE_STORE
from finegym.demo.run import Outcome
from finegym.features.flow.draw import draw_clip
from finegym.features.flow.store import FlowStore
from finegym.features.pose.figure5 import draw_figure5
from finegym.features.pose.overlay import draw_pose_sheet
from finegym.features.pose.quality import measure_quality
from finegym.features.pose.quality_page import make_cells
from finegym.features.pose.store import PoseStore
from finegym.report.images import encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table

FLOW_EVENTS, POSE_EVENTS, FIGURE_EVENT = ("UB", "FX"), ("BB", "UB"), "VT"


def describe_features(outcome: Outcome, badge: str) -> Iterator[Section]:
    """A section about flow and one about poses."""
    yield _describe_flow(outcome, badge)
    yield _describe_poses(outcome, badge)


def _describe_flow(outcome: Outcome, badge: str) -> Section:
    facts = outcome.flow.store
    counts = facts.counts
    pairs = counts["pairs"]
    text = (
        f"Optical flow ({FLOW_METHOD}) of every sub-action: {pairs} pairs of frames of {facts.num_clips} clips, "
        f"{facts.size_bytes / 1000 / max(1, pairs):.1f} KB a pair. {counts['without_partner_at_cuts']} frames have no "
        f"partner because a cut follows, {counts['without_partner_at_end']} because their clip ends; "
        f"{100 * counts['components_clipped'] / max(1, counts['components']):.2f} % of the components lie beyond the "
        "bound of 20 pixels and lose what exceeds it. The same by hand: finegym features flow."
    )
    store = FlowStore(outcome.folder / FEATURES_FOLDER / FLOW_STORE)
    pictures = [
        Picture(
            encode_jpeg(draw_clip(store, instance.id, outcome.folder, num_pairs=4)),
            f"{_name(outcome, instance)}: frames, and the flow to the next frame of the record.",
            "Frames of a gymnast and their optical flow in colours",
        )
        for instance in _choose(outcome, FLOW_EVENTS)
    ]
    return Section("Optical flow", [Prose(text), *pictures], badge)


def _describe_poses(outcome: Outcome, badge: str) -> Section:
    folder = outcome.folder
    store = PoseStore(folder / FEATURES_FOLDER / POSE_STORE)
    rows = [row for row in measure_quality(store, outcome.dataset, folder) if row.group in ("all", "speed", "set")]
    text = (
        f"The gymnast, followed through every routine, and her pose ({POSE_MODEL}) in every frame of every sub-action. "
        "A pose is found, bridged over a short gap between two that were found, or missing. As in Figure 5 of the "
        "paper, poses are missed where motion is fast. PCK is the share of visible joints within half the trunk's "
        "diagonal of the truth, which the simulation knows; a wrong person overlaps with it by less than a tenth. The "
        "estimator was made for people filmed from near, not for drawn ones. The same by hand: finegym features pose, "
        "finegym features quality."
    )
    pictures = [
        Picture(
            encode_jpeg(draw_pose_sheet(store, instance.id, folder, num_frames=4)),
            f"{_name(outcome, instance)}: the pose, green where it was found, where there is one.",
            "Frames of a gymnast with her skeleton drawn over them",
        )
        for instance in _choose(outcome, POSE_EVENTS)
    ]
    for instance in _choose(outcome, (FIGURE_EVENT,)):
        assert instance.video.path is not None, "a simulated record has a file"
        part = instance.sub_action
        sheet, counts = draw_figure5(
            folder / instance.video.path, start_ms=part.start_ms, end_ms=part.end_ms, num_frames=6, tile_width=200
        )
        caption = (
            f"Figure 5 of the paper for {_name(outcome, instance)}: what a detector finds in the whole frame, the "
            f"pose, the flow; red where they fail. Of {counts['frames']} frames shown {counts['detection']} have a "
            f"detection and {counts['pose']} a pose. By hand: finegym features figure5."
        )
        pictures.append(Picture(encode_jpeg(sheet), caption, "Rows of detections, poses and flow over a vault"))
    header = ["frames of", "frames", "found", "bridged", "missing", "PCK", "wrong person"]
    cells = [[*made[:6], made[7]] for made in map(make_cells, rows)]
    table = Table(header, cells, caption="Speed is in body lengths a second; PCK is of found poses.")
    return Section("Poses", [Prose(text), table, *pictures], badge)


def _choose(outcome: Outcome, events: tuple[str, ...]) -> list[Instance]:
    """One sub-action of each event that has any: the one in the middle of the dataset's order."""
    chosen = []
    for event_id in events:
        found = [one for one in outcome.dataset.instances.values() if one.action.event_id == event_id]
        chosen += found[len(found) // 2 : len(found) // 2 + 1]
    return chosen


def _name(outcome: Outcome, instance: Instance) -> str:
    element_id = instance.sub_action.element_id
    name = outcome.dataset.codebook.element_by_id[element_id].name if element_id else "no element"
    return f"{instance.action.event_id}, {name}"
