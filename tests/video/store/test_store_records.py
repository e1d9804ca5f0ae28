"""What a clip store keeps of unusual and of real records."""

import numpy as np
import pytest
from numbered import read_numbers, write_numbered
from store_samples import CODEBOOK, FAST, build, compute_psnr, make_video

from finegym.annotations.model import Dataset
from finegym.video.reader import VideoReader
from finegym.video.store.read import ClipStore


@pytest.mark.parametrize("settings", [{}, FAST])
@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        ("odd.mkv", {"codec": "mpeg4", "size": (161, 121)}, (120, 160)),
        ("small.mp4", {"size": (64, 48)}, (48, 64)),
        ("turned.mp4", {"matrix": (0, 1, -1, 0), "prepare": np.rot90}, (120, 160)),
        ("ten_bit.mp4", {"pixel_format": "yuv420p10le"}, (120, 160)),
        ("full.mp4", {"pixel_format": "yuvj420p"}, (120, 160)),
        ("four.mkv", {"pixel_format": "yuv444p"}, (120, 160)),
        ("pictures.avi", {"codec": "mjpeg", "pixel_format": "yuvj422p"}, (120, 160)),
    ],
)
def test_unusual_records_keep_frames_and_colours(tmp_path, name, arguments, size, settings):
    (tmp_path / "records").mkdir()
    write_numbered(tmp_path / "records" / name, 30, **arguments)
    dataset = Dataset(CODEBOOK, (make_video("a", [(400, 1000)], path=f"records/{name}"),))
    build(dataset, tmp_path, settings={**settings, "short_side": 256})
    store = ClipStore(tmp_path / "clips")
    (instance_id,) = store.instance_ids
    facts = store.get_facts(instance_id)
    assert (facts.height, facts.width) == size
    ours = store.read_frames(instance_id)
    assert read_numbers(ours) == list(range(10, 25))
    with VideoReader(tmp_path / "records" / name) as record:
        theirs = record.read_frames(range(10, 25), size=size)
    assert compute_psnr(ours, theirs) > 30
    # Planes that were read with another matrix or range shift flat areas by far more than this.
    assert np.abs(ours.mean(axis=(0, 1, 2)) - theirs.mean(axis=(0, 1, 2))).max() < 1.5


def test_real_xvid_and_h264_clips_are_stored_frame_by_frame(shared, tmp_path):
    other = shared / "clips" / "other"
    sources = [
        shared / "clips" / "ucf101" / "BalanceBeam" / "v_BalanceBeam_g01_c01.avi",
        other / "poseformerv2_sample_video.mp4",
        other / "sports2d_demo.mp4",
        other / "scorehmr_breakdancing.mp4",
    ]
    videos = tuple(make_video(path.stem, [(1000, 1600)], path=str(path)) for path in sources)
    dataset = Dataset(CODEBOOK, videos)
    for settings in ({"short_side": 256}, {"short_side": 256, "fast": True}):
        out = tmp_path / str(len(settings))
        assert not build(dataset, tmp_path, out, settings=settings).tally.failed
        store = ClipStore(out)
        for path, instance_id in zip(sources, store.instance_ids, strict=True):
            facts, ours = store.get_facts(instance_id), store.read_frames(instance_id)
            with VideoReader(path) as record:
                frames = range(facts.first_frame, facts.first_frame + facts.num_frames)
                theirs = record.read_frames(frames, size=(facts.height, facts.width))
            assert facts.num_frames >= 15
            assert compute_psnr(ours, theirs) > (34.5 if "fast" in settings else 35), path.name
            errors = [[((a - b) ** 2).mean() for b in theirs[::6].astype(float)] for a in ours[::6].astype(float)]
            assert np.argmin(errors, axis=1).tolist() == list(range(len(errors)))
