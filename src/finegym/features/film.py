"""What pictures of stored features need, of flow and of poses alike: the record's file, its speed, and a film."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from finegym.errors import FeatureError
from finegym.features.store import FeatureFacts
from finegym.files import hash_samples, replace_file


def find_record(folder: Path, facts: FeatureFacts) -> Path:
    """The record that features are of.

    Args:
        folder: the dataset's folder.
        facts: of the clip.

    Raises:
        FeatureError: it is not known, not there, or another one now.
    """
    if facts.first_frame < 0 or not facts.record:
        raise FeatureError(
            f"clip {facts.instance_id} was imported: which frames it is of is not known. "
            "Clips that finegym itself made can be drawn on their frames."
        )
    path = Path(folder) / facts.record
    if not path.is_file():
        raise FeatureError(f"{path}: is not there. Give the folder of the dataset that the features are of.")
    if hash_samples(path) != facts.record_fingerprint:
        raise FeatureError(
            f"{path}: is another file than the features of {facts.instance_id} were made of. Make them again."
        )
    return path


def find_rate(facts: FeatureFacts) -> Fraction:
    """Frames a second, for players: the mean of the clip's; 25 where nothing is known."""
    if len(facts.pts) < 2:
        return Fraction(25)
    span = (facts.pts[-1] - facts.pts[0]) * Fraction(facts.time_base)
    return ((len(facts.pts) - 1) / span).limit_denominator(1001) if span > 0 else Fraction(25)


def write_film(out: Path, pictures: Iterable[np.ndarray], rate: Fraction) -> int:
    """Write pictures, uint8 (H, W, 3) RGB of one size, as an H.264 film; odd sizes lose a row or column.

    Returns:
        Pictures written.

    Raises:
        OutputError: the film cannot be written.
    """
    count = 0
    with replace_file(out) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            even = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
            if not count:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            count += 1
        container.mux(stream.encode(None))
    return count
