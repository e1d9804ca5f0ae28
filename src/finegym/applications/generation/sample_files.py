"""What was generated, as files: joints, a sheet of pictures, a film.

::

    out/
      motions.npz    joints (N, T, 26, 3), duration_s (N,), contacts (N, T, 5), moved_m (N,), request (N,), names,
                     attributes as JSON, joint_names, contact_names
      sheet.jpg      a row of frames for the first motion of every request
      film.mp4       all motions, one after the other
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.applications.generation.drawing import make_sheet, render_motion, write_film
from finegym.applications.generation.motions import CONTACTS, Motions
from finegym.applications.generation.plausibility import Plausibility, measure
from finegym.applications.generation.run_folder import Generator
from finegym.applications.generation.sampling import Request, draw_requests
from finegym.errors import OutputError
from finegym.files import check_writable, replace_file
from finegym.simulation.skeleton import JOINTS

SAMPLES_FORMAT = "finegym-motions/2"


@dataclass(frozen=True, eq=False)
class Samples:
    """What was generated.

    Attributes:
        requests: what was asked for.
        motions: ``count`` of every request, request by request; bones have one length each.
        moved_m: how far cleaning up moved a joint, the mean of every motion, float64 (N,); 0 if nothing was cleaned up.
        plausibility: of every motion.
        files: that were written.
    """

    requests: tuple[Request, ...]
    motions: Motions
    moved_m: np.ndarray
    plausibility: tuple[Plausibility, ...]
    files: tuple[Path, ...]


def write_samples(
    generator: Generator,
    requests: Sequence[Request],
    out: Path,
    *,
    count: int = 1,
    seed: int = 0,
    guidance: float | None = None,
    cleanup: bool = True,
    film: bool = True,
) -> Samples:
    """Generate motions and write them into a new folder.

    Args:
        generator: of a run.
        requests: what to generate.
        out: new, or empty.
        count: of every request.
        seed: of the noise, and of hall and looks.
        guidance: the recipe's by default.
        cleanup: make motions possible (see ``cleanup``); else bones get one length each and no more.
        film: draw pictures too.

    Raises:
        ConfigError: a request has attributes that the generator does not know.
        OutputError: the folder holds files, or cannot be written.
    """
    if out.is_dir() and any(out.iterdir()):
        raise OutputError(f"{out} holds files already. Choose another folder.")
    asked = [request for request in requests for _ in range(count)]
    motions, moved_m = draw_requests(generator, requests, count, seed, guidance, cleanup)
    check_writable(out)
    files = [out / "motions.npz"]
    _write_motions(files[0], motions, moved_m, requests, count)
    if film:
        clips = [
            render_motion(joints, float(seconds), request.event_id, kind=str(request.attributes.get("kind")), seed=seed)
            for joints, seconds, request in zip(motions.joints, motions.duration_s, asked, strict=True)
        ]
        files += [out / "sheet.jpg", out / "film.mp4"]
        with replace_file(files[1]) as temporary:
            temporary.write_bytes(make_sheet(clips[::count], [request.name for request in requests]))
        write_film(files[2], clips)
    plausibility = tuple(
        measure(joints, float(seconds), request.event_id)
        for joints, seconds, request in zip(motions.joints, motions.duration_s, asked, strict=True)
    )
    return Samples(tuple(requests), motions, moved_m, plausibility, tuple(files))


def _write_motions(path: Path, motions: Motions, moved_m: np.ndarray, requests: Sequence[Request], count: int) -> None:
    with replace_file(path) as temporary:
        np.savez_compressed(
            temporary,
            format=np.array(SAMPLES_FORMAT),
            joints=motions.joints,
            duration_s=motions.duration_s,
            contacts=motions.contacts,
            moved_m=moved_m,
            request=np.repeat(np.arange(len(requests)), count),
            names=np.array([request.name for request in requests]),
            events=np.array([request.event_id for request in requests]),
            attributes=np.array([json.dumps(dict(request.attributes)) for request in requests]),
            joint_names=np.array(JOINTS),
            contact_names=np.array(CONTACTS),
        )
