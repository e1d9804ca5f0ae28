"""What models see of a clip in each modality, against references that go value by value."""

import pickle

import numpy as np
import pytest
import torch

from finegym.datasets.clips import MemoryClips
from finegym.datasets.flow_clips import MemoryFlow
from finegym.datasets.recognition import EvaluationClips, Selection, TrainingClips, collate_clips, select_instances
from finegym.datasets.skeletons import MemoryPoses
from finegym.datasets.transforms import Crops
from finegym.datasets.views import FlowView, PoseView, RgbDifferenceView, RgbView
from finegym.errors import AnnotationError
from finegym.features.pose.poses import FOUND, Poses

CROPS = Crops(20, 16, (1.0, 0.75))


def build_codes(num_pairs, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_pairs, 20, 28, 2), dtype=np.uint8)


def view_flow(codes, num_segments=3, num_fields=5, crops=CROPS, valid=None):
    source = MemoryFlow({"a": codes}, {} if valid is None else {"a": valid})
    return FlowView(source, num_segments, num_segments, crops, num_fields)


@pytest.mark.parametrize("num_pairs", [5, 6, 30, 100])
def test_flow_windows_equal_a_loop_over_segments_fields_and_components(num_pairs):
    codes = build_codes(num_pairs)
    look = view_flow(codes).look("a")
    assert look.inputs.shape == (1, 3, 10, 16, 16)
    assert look.inputs.dtype == torch.uint8
    num_windows = num_pairs - 4
    for t in range(3):
        start = int((t + 0.5) * num_windows / 3)  # the centre of a third of the places where a window may begin
        for k in range(5):
            for c in range(2):
                expected = codes[start + k, 2:18, 6:22, c]  # the centre of 20 x 28
                np.testing.assert_array_equal(look.inputs[0, t, 2 * k + c], expected)


def test_training_windows_are_consecutive_and_reach_both_ends():
    codes = np.zeros((12, 20, 28, 2), np.uint8) + np.arange(12, dtype=np.uint8)[:, None, None, None]
    view, seen = view_flow(codes), set()
    for seed in range(200):
        pairs = view.draw("a", np.random.default_rng(seed)).inputs[:, 0::2, 0, 0]  # (T, L): which pair each dx is of
        assert (pairs.int().diff(dim=1) == 1).all()
        assert (pairs[:, 0].int().diff() >= 0).all()
        seen |= {(t, int(start)) for t, start in enumerate(pairs[:, 0])}
    # Eight windows, a third of them each: those that a border cuts belong to both sides.
    assert seen == {(0, 0), (0, 1), (0, 2), (1, 2), (1, 3), (1, 4), (1, 5), (2, 5), (2, 6), (2, 7)}


@pytest.mark.parametrize(
    ("num_pairs", "windows"),
    [
        (1, [[0] * 5] * 3),
        (2, [[0, 0, 1, 1, 1]] * 3),
        (4, [[0, 1, 2, 2, 3]] * 3),
        (6, [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]),
    ],
)
def test_clips_of_few_pairs_repeat_in_order_and_are_counted(num_pairs, windows):
    codes = np.zeros((num_pairs, 20, 28, 2), np.uint8) + np.arange(num_pairs, dtype=np.uint8)[:, None, None, None]
    view = view_flow(codes)
    for look in (view.look("a"), view.draw("a", np.random.default_rng(0))):
        assert look.counts == {"short_clips": 1, "blank_frames": 0}
    assert view.look("a").inputs[0, :, 0::2, 0, 0].tolist() == windows
    assert view_flow(build_codes(7)).look("a").counts["short_clips"] == 0


def test_pairs_across_a_cut_are_counted():
    valid = np.ones(15, dtype=bool)
    valid[[1, 2, 14]] = False
    # Eleven windows; the centres of their thirds begin at 1, 5, 9.
    assert view_flow(build_codes(15), valid=valid).look("a").counts["blank_frames"] == 2


def test_mirroring_flow_twice_is_nothing():
    view = view_flow(build_codes(9))
    inputs = view.draw("a", np.random.default_rng(0)).inputs
    mirrored = view.mirror(inputs)
    assert not torch.equal(mirrored, inputs)
    assert torch.equal(view.mirror(mirrored), inputs)


def test_normalised_flow_changes_the_sign_of_dx_in_the_mirror_exactly():
    view = view_flow(build_codes(9))
    inputs = view.draw("a", np.random.default_rng(0)).inputs[None]
    plain, mirrored = view.normalise(inputs), view.normalise(view.mirror(inputs)).flip(-1)
    assert plain.dtype == torch.float32
    torch.testing.assert_close(mirrored[:, :, 0::2], -plain[:, :, 0::2])
    torch.testing.assert_close(mirrored[:, :, 1::2], plain[:, :, 1::2])
    middle = view.normalise(torch.tensor([0, 127, 128, 255], dtype=torch.uint8).reshape(1, 1, 1, 4))
    assert middle.flatten().tolist() == pytest.approx([-2.2124, -0.00868, 0.00868, 2.2124], abs=1e-4)


def test_mirrored_flow_is_the_flow_of_the_mirrored_clip():
    """By another road: Farneback's flow of mirrored frames, quantised, against mirrored codes."""
    import cv2

    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (80, 120)).astype(np.float32), (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    first, second = texture[8:72, 8:104], texture[6:70, 5:101]  # everything moves right by 3 and down by 2

    def quantise(first, second):
        flow = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        return np.rint((np.clip(flow, -20, 20) + 20) / 40 * 255).astype(np.uint8)

    crops = Crops(64, 64)
    codes = quantise(first, second)
    assert np.median(codes[..., 0]) == round(23 / 40 * 255)
    ours = view_flow(np.stack([codes]), 1, 1, crops)
    theirs = view_flow(np.stack([quantise(first[:, ::-1].copy(), second[:, ::-1].copy())]), 1, 1, crops)
    difference = ours.mirror(ours.look("a").inputs[0]).int() - theirs.look("a").inputs[0].int()
    # Within a border, where the method itself is symmetric: half a code for ties, and one for rounding.
    assert difference[..., 8:-8, 8:-8].abs().max() <= 1


def test_ten_crops_of_flow_mirror_as_flow():
    view = view_flow(build_codes(9), crops=Crops(20, 16, views="ten"))
    inputs = view.look("a").inputs
    assert inputs.shape == (10, 3, 10, 16, 16)
    assert view.is_mirrored == (False,) * 5 + (True,) * 5
    for k in range(5):
        assert torch.equal(inputs[5 + k], view.mirror(inputs[k]))


def test_a_clip_of_one_frame_has_no_flow_and_says_so():
    source = MemoryFlow({"a": build_codes(3), "one": build_codes(0)})
    assert source.find_missing(["a", "one", "gone"]) == {
        "gone": "not in memory",
        "one": "its clip has one frame, so no flow",
    }
    with pytest.raises(AnnotationError, match="one: its clip has one frame, so no flow"):
        select_instances({"a": 0, "one": 1}, source, where="val")


def test_memory_flow_resizes_to_the_short_side():
    source = MemoryFlow({"a": np.full((3, 40, 56, 2), (30, 200), np.uint8)})
    codes = source.read_codes("a", np.array([2, 0]), 20)
    assert codes.shape == (2, 20, 28, 2)
    assert (codes == (30, 200)).all()


def test_rgb_differences_equal_a_loop_over_frames():
    frames = np.random.default_rng(0).integers(0, 256, (20, 20, 28, 3), dtype=np.uint8)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    view = RgbDifferenceView(MemoryClips({"a": frames}), 3, 2, Crops(20, 16), mean, std, num_differences=5)
    look = view.look("a")
    assert look.inputs.shape == (1, 2, 18, 16, 16)
    got = view.normalise(look.inputs)
    assert got.shape == (1, 2, 15, 16, 16)
    for t, start in enumerate([3, 11]):  # fifteen windows of six frames, the centres of their halves
        for k in range(5):
            for c in range(3):
                first, second = (frames[start + k + n, 2:18, 6:22, c] / 255.0 / std[c] for n in (0, 1))
                np.testing.assert_allclose(got[0, t, 3 * k + c], second - first, atol=1e-5)
    drawn = view.draw("a", np.random.default_rng(0)).inputs
    assert drawn.shape == (3, 18, 16, 16)
    torch.testing.assert_close(view.normalise(view.mirror(drawn)), view.normalise(drawn).flip(-1))
    assert RgbDifferenceView(MemoryClips({"a": frames[:1]}), 1, 1, CROPS, mean, std).look("a").counts == {
        "short_clips": 1
    }


def build_poses(num_frames=30, num_persons=1, seed=0):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(20, 80, (num_persons, num_frames, 17, 2)).astype(np.float32)
    shape = (num_persons, num_frames)
    scores = np.full((*shape, 17), 0.5, np.float32)
    boxes = np.zeros((*shape, 4), np.float32) + np.array([20, 20, 80, 80], np.float32)
    return Poses(keypoints, scores, boxes, np.full(shape, FOUND, np.uint8), 100, 100)


def test_poses_are_seen_as_the_skeletons_page_says():
    poses = build_poses(30, num_persons=2)
    view = PoseView(MemoryPoses({"a": poses}), clip_len=10, num_clips_test=2)
    look = view.look("a")
    assert look.inputs.shape == (2, 3, 10, 17, 1)
    assert look.inputs.dtype == torch.float32
    assert look.counts == {"short_clips": 0, "blank_frames": 0, "persons_left_out": 1, "persons_padded": 0}
    # Two clips: the frame at a quarter and at three quarters of every third frame.
    for k, first in enumerate([0, 2]):
        for t in range(10):
            x, y = poses.keypoints[0, first + 3 * t, 4]
            expected = [(x - 50) / 50, (y - 50) / 50, 0.5]
            np.testing.assert_allclose(look.inputs[k, :, t, 4, 0], expected, atol=1e-6)
    assert view.draw("a", np.random.default_rng(0)).inputs.shape == (3, 10, 17, 1)
    assert len(view.is_mirrored) == 2
    assert view.normalise(look.inputs) is look.inputs


def test_mirroring_poses_twice_is_nothing():
    view = PoseView(MemoryPoses({"a": build_poses()}), clip_len=8)
    inputs = view.draw("a", np.random.default_rng(0)).inputs
    assert not torch.equal(view.mirror(inputs), inputs)
    assert torch.equal(view.mirror(view.mirror(inputs)), inputs)


VIEWS = {
    "rgb": lambda: RgbView(MemoryClips({"a": build_codes(9)[..., [0, 1, 1]]}), 3, 3, CROPS, (0.5,) * 3, (0.2,) * 3),
    "flow": lambda: view_flow(build_codes(9)),
    "pose": lambda: PoseView(MemoryPoses({"a": build_poses()}), 8, max_scale=0.2, max_degrees=20.0),
}


@pytest.mark.parametrize("modality", VIEWS)
def test_every_modality_goes_through_the_same_datasets(modality):
    """The same sample for the same key, other ones for other epochs, and a copy in another process sees the same."""
    selection = Selection(("a",), np.array([1]), {})
    training = TrainingClips(selection, VIEWS[modality](), flip_class_map=np.array([1, 0]), seed=3)
    again = pickle.loads(pickle.dumps(training))
    assert torch.equal(training[(4, 0)].inputs, again[(4, 0)].inputs)
    assert not torch.equal(training[(4, 0)].inputs, training[(5, 0)].inputs)
    assert {training[(epoch, 0)].class_index for epoch in range(8)} == {0, 1}
    evaluation = EvaluationClips(selection, VIEWS[modality]())
    batch = collate_clips([evaluation[0], evaluation[0]])
    assert batch.inputs.shape[:2] == (2, 1)
    assert torch.equal(batch.inputs[0], batch.inputs[1])
    assert batch.inputs.is_contiguous()
    assert batch.counts["short_clips"] in {0, 2}
