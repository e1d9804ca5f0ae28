"""All real clips of the shared folder through the store."""

import csv

import numpy as np
import pytest
from store_samples import CODEBOOK, build, compute_psnr, make_video

from finegym.annotations.model import Dataset
from finegym.video.reader import VideoReader
from finegym.video.store.check import check_store
from finegym.video.store.read import ClipStore

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("settings", [{}, {"fast": True}])
def test_every_real_clip_keeps_its_frames(shared, tmp_path, settings):
    with (shared / "clips" / "manifest.csv").open(newline="") as file:
        rows = {row["path"]: int(row["frames"]) for row in csv.DictReader(file)}
    videos = tuple(
        make_video(f"v{number:03d}", [(0, 60_000)], path=str(shared / "clips" / path), length_ms=60_000)
        for number, path in enumerate(rows)
    )
    result = build(Dataset(CODEBOOK, videos), tmp_path, settings={"short_side": 256, **settings}, workers=2)
    assert (len(result.tally.done), result.tally.failed) == (len(rows), {})
    assert check_store(tmp_path / "clips", decode=True).problems == ()
    store = ClipStore(tmp_path / "clips")
    for instance_id, (path, num_frames) in zip(store.instance_ids, rows.items(), strict=True):
        assert store.count_frames(instance_id) == num_frames, path
        wanted = np.linspace(0, num_frames - 1, 3).astype(int)
        ours = store.read_frames(instance_id, wanted)
        with VideoReader(shared / "clips" / path) as record:
            assert compute_psnr(ours, record.read_frames(wanted, size=ours.shape[1:3])) > 33, path
