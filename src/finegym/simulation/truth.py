"""The truth file of a record: everything about every frame, as plain arrays.

Rows of tables are spread over arrays of equal length (``shot_start``, ``shot_kind``, …); text is Unicode arrays, so
that ``numpy.load`` needs no pickle. ``docs/simulation.md`` lists every array.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.errors import SimulationError
from finegym.files import replace_file
from finegym.simulation.faults import compute_execution
from finegym.simulation.programme import Programme, get_stage_frames, make_video
from finegym.simulation.render import FrameTruth
from finegym.simulation.skeleton import JOINTS

FORMAT = "finegym-truth/1"


@dataclass(frozen=True, eq=False)
class Truth:
    """A truth file that was read.

    Attributes:
        video: the record with its annotations.
        fps: exact frame rate.
        arrays: every array of the file by name.
    """

    video: Video
    fps: Fraction
    arrays: dict[str, np.ndarray]


class TruthRecorder:
    """Collects the truth of a record while it is rendered."""

    def __init__(self, programme: Programme, codebook: Codebook, media_path: str) -> None:
        self.programme = programme
        self.video = make_video(programme, media_path, codebook)
        num_frames, num_joints = programme.num_frames, len(JOINTS)
        self.joints_3d = np.full((num_frames, num_joints, 3), np.nan, np.float32)
        self.joints_2d = np.full((num_frames, num_joints, 2), np.nan, np.float32)
        self.visibility = np.zeros((num_frames, num_joints), np.uint8)
        self.boxes = np.full((num_frames, 4), np.nan, np.float32)

    def note(self, frame: int, known: FrameTruth | None) -> None:
        """Keep what is known about one frame."""
        if known is not None:
            self.joints_2d[frame] = known.joints_2d
            self.visibility[frame] = known.visibility
            self.boxes[frame] = known.box

    def write(self, path: Path) -> None:
        """Write the truth file, whole or not at all."""
        with replace_file(path) as temporary:
            np.savez_compressed(temporary, **self.describe())  # type: ignore[arg-type]

    def describe(self) -> dict[str, np.ndarray]:
        """Every array of the truth file by name."""
        for shot in self.programme.shots:
            if shot.joints is not None:
                self.joints_3d[shot.start : shot.end] = shot.joints
        return {
            "joints_3d": self.joints_3d.round(4),
            "joints_2d": self.joints_2d.round(2),
            "visibility": self.visibility,
            "boxes": self.boxes,
            **self._describe_record(),
            **self._describe_shots(),
            **self._describe_routines(),
            **self._describe_annotations(),
            **(self._describe_faults() if self.programme.plan.faults is not None else {}),
        }

    def _describe_record(self) -> dict[str, np.ndarray]:
        plan = self.programme.plan
        return {
            "format": np.array(FORMAT),
            "video_id": np.array(plan.video_id),
            "competition": np.array(plan.competition),
            "path": np.array(self.video.path),
            "fps": np.array([plan.fps.numerator, plan.fps.denominator]),
            "size": np.array(plan.size),
            "joint_names": np.array(JOINTS),
        }

    def _describe_shots(self) -> dict[str, np.ndarray]:
        shots = self.programme.shots
        num_frames = self.programme.num_frames
        camera = np.full((num_frames, 6), np.nan)
        performance_frame = np.full(num_frames, np.nan, np.float32)
        for shot in shots:
            if shot.path is not None:
                camera[shot.start : shot.end, :3] = shot.path.tripod.position
                camera[shot.start : shot.end, 3:] = np.stack([shot.path.pan, shot.path.tilt, shot.path.focal], axis=1)
            if shot.performance_frames is not None:
                performance_frame[shot.start : shot.end] = shot.performance_frames
        return {
            "camera": camera,
            "performance_frame": performance_frame,
            "shot_start": np.array([shot.start for shot in shots]),
            "shot_end": np.array([shot.end for shot in shots]),
            "shot_kind": np.array([shot.kind for shot in shots]),
            "shot_event": np.array([shot.event_id or "" for shot in shots]),
            "shot_routine": np.array([shot.routine for shot in shots]),
            "shot_speed": np.array([shot.speed for shot in shots]),
        }

    def _describe_routines(self) -> dict[str, np.ndarray]:
        routines = self.programme.routines
        numbers = np.cumsum([routine.is_annotated for routine in routines]) - 1
        return {
            "routine_start": np.array([routine.start for routine in routines], np.int64),
            "routine_end": np.array([r.start + len(r.performance.joints) for r in routines], np.int64),
            "routine_event": np.array([routine.performance.event_id for routine in routines], str),
            "routine_athlete": np.array([routine.athlete.name for routine in routines], str),
            "routine_action": np.where([r.is_annotated for r in routines], numbers, -1).astype(np.int64),
        }

    def _describe_annotations(self) -> dict[str, np.ndarray]:
        actions = self.video.actions
        subs = [(number, sub) for number, action in enumerate(actions) for sub in action.sub_actions or ()]
        stages = [(number, stage) for number, (_, sub) in enumerate(subs) for stage in sub.stages]
        frames = [
            stage
            for routine in self.programme.routines
            if routine.is_annotated
            for element in routine.performance.elements
            for stage in get_stage_frames(routine, element, self.programme.plan.fps)
        ]
        return {
            "action_name": np.array([action.name for action in actions], str),
            "action_event": np.array([action.event_id for action in actions], str),
            "action_athlete": np.array([action.athlete or "" for action in actions], str),
            "action_ms": np.array([(a.start_ms, a.end_ms) for a in actions], np.int64).reshape(-1, 2),
            "sub_action_name": np.array([sub.name for _, sub in subs], str),
            "sub_action_action": np.array([number for number, _ in subs], np.int64),
            "sub_action_element": np.array([sub.element_id for _, sub in subs], str),
            "sub_action_set": np.array([sub.set_id for _, sub in subs], str),
            "stage_sub_action": np.array([number for number, _ in stages], np.int64),
            "stage_ms": np.array([stage for _, stage in stages], np.int64).reshape(-1, 2),
            "stage_frames": np.array(frames, np.int64).reshape(-1, 2),
        }

    def _describe_faults(self) -> dict[str, np.ndarray]:
        """Rows of faults with the sub-action each belongs to, and the execution scores of actions."""
        fps = self.programme.plan.fps
        rows, scores, number = [], [], 0
        for routine in self.programme.routines:
            if not routine.is_annotated:
                continue
            elements = routine.performance.elements
            scores.append(compute_execution([fault for element in elements for fault in element.faults]))
            for element in elements:
                rows += [(number, routine.start, fault) for fault in element.faults]
                number += 1
        frames = [
            (
                start + round(fault.start * fps),
                max(start + round(fault.end * fps), start + round(fault.start * fps) + 1),
            )
            for _, start, fault in rows
        ]
        return {
            "fault_sub_action": np.array([sub for sub, _, _ in rows], np.int64),
            "fault_kind": np.array([fault.kind for _, _, fault in rows], str),
            "fault_amount": np.array([fault.amount for _, _, fault in rows], np.float64),
            "fault_deduction": np.array([fault.deduction for _, _, fault in rows], np.float64),
            "fault_frames": np.array(frames, np.int64).reshape(-1, 2),
            "action_execution": np.array(scores, np.float64),
        }


def read_truth(path: Path) -> Truth:
    """Read a truth file.

    Raises:
        SimulationError: it is missing, damaged, or of another format.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays["format"]) != FORMAT:
            raise SimulationError(f"{path}: expected format {FORMAT}, got {arrays['format']}. Simulate it again.")
        return Truth(_make_video(arrays), Fraction(*map(int, arrays["fps"])), arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, SimulationError):
            raise
        raise SimulationError(f"{path}: not a readable truth file ({error}). Delete it and simulate again.") from error


def _make_video(arrays: dict[str, np.ndarray]) -> Video:
    stages: dict[int, list[tuple[int, int]]] = {}
    for sub, (start, end) in zip(arrays["stage_sub_action"].tolist(), arrays["stage_ms"].tolist(), strict=True):
        stages.setdefault(sub, []).append((start, end))
    subs: dict[int, list[SubAction]] = {}
    for number, (name, action, element_id, set_id) in enumerate(
        zip(*(arrays[f"sub_action_{key}"].tolist() for key in ("name", "action", "element", "set")), strict=True)
    ):
        subs.setdefault(action, []).append(SubAction(name, tuple(stages[number]), element_id, set_id))
    actions = tuple(
        Action(name, event_id, start, end, tuple(subs.get(number, ())), athlete)
        for number, (name, event_id, athlete, (start, end)) in enumerate(
            zip(*(arrays[f"action_{key}"].tolist() for key in ("name", "event", "athlete", "ms")), strict=True)
        )
    )
    width, height = arrays["size"].tolist()
    return Video(
        str(arrays["video_id"]),
        actions,
        str(arrays["path"]),
        str(arrays["competition"]),
        float(Fraction(*map(int, arrays["fps"]))),
        len(arrays["joints_3d"]),
        width,
        height,
    )
