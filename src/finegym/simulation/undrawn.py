"""A competition that is planned and annotated, and never drawn: for all that needs annotations and no pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from finegym.annotations.model import Dataset
from finegym.codebook.model import Codebook
from finegym.simulation.broadcast import make_programme
from finegym.simulation.competition import CompetitionSettings, plan_competition
from finegym.simulation.programme import Programme, make_video
from finegym.simulation.truth import Truth, TruthRecorder


def make_undrawn_competition(settings: CompetitionSettings, codebook: Codebook) -> Dataset:
    """The annotations that ``simulate_competition`` would write with the same settings, in seconds.

    The records have no path: there is no media file.
    """
    plans = plan_competition(settings, codebook)
    return Dataset(codebook, tuple(make_video(make_programme(plan, codebook), None, codebook) for plan in plans))


def iterate_undrawn_truths(settings: CompetitionSettings, codebook: Codebook) -> Iterator[Truth]:
    """The truth about each record that ``simulate_competition`` would write, in seconds, without looking at pixels.

    What only a picture can tell is missing: boxes are NaN, ``visibility`` is 0, and ``joints_2d`` are NaN but in shots
    of live routines.
    """
    for plan in plan_competition(settings, codebook):
        programme = make_programme(plan, codebook)
        recorder = TruthRecorder(programme, codebook, "")
        _project_routines(programme, recorder.joints_2d)
        yield Truth(recorder.video, plan.fps, recorder.describe())


def _project_routines(programme: Programme, joints_2d: np.ndarray) -> None:
    for shot in programme.shots:
        path = shot.path
        if shot.kind == "routine" and path is not None and shot.joints is not None:
            rotations = np.stack([path.get_rotation(frame) for frame in range(shot.num_frames)])
            # As ``CameraPath.project`` for all frames at once: a live camera has her before it.
            local = np.einsum("tjc,trc->tjr", shot.joints - np.array(path.tripod.position), rotations)
            centre = np.array([path.width - 1, path.height - 1]) / 2
            joints_2d[shot.start : shot.end] = local[..., :2] / local[..., 2:] * path.focal[:, None, None] + centre
