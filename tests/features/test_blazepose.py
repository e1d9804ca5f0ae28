"""BlazePose: anchors and decoding by hand, and the real weights on real and simulated pictures."""

import multiprocessing
import pickle
import sys

import cv2
import numpy as np
import pytest
from pose_scenes import map_to_crop

from finegym.errors import ConfigError, FeatureError
from finegym.features.pose.blazepose import CROP_SIDE, BlazePose, refine_landmarks
from finegym.features.pose.blazepose_detector import (
    compute_anchors,
    compute_circle_roi,
    decode_detections,
    merge_detections,
)
from finegym.features.pose.regions import make_roi_from_keypoints

MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
PCK_FLOOR = 0.75  # measured: 0.82
CLIP, FRAME = "ucf101/BalanceBeam/v_BalanceBeam_g13_c05.avi", 0


@pytest.fixture(scope="module")
def model(shared):
    folder = shared / "weights"
    return BlazePose(folder / "pose_detection.tflite", folder / "pose_landmark_full.tflite")


@pytest.fixture(scope="module")
def frame(shared):
    """A gymnast who stands on a beam before a crowd."""
    from finegym.video.reader import VideoReader

    with VideoReader(shared / "clips" / CLIP) as reader:
        return reader.read_frames([FRAME])[0]


def test_anchors_against_a_slow_loop():
    slow = []
    for strides in ((8,), (16,), (32, 32, 32)):
        side = 224 // strides[0]
        for row in range(side):
            for column in range(side):
                for _ in range(2 * len(strides)):
                    slow.append(((column + 0.5) / side, (row + 0.5) / side))
    assert len(slow) == 28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6 == 2254
    np.testing.assert_allclose(compute_anchors(), slow, atol=1e-7)


def test_decoding_by_hand():
    raw, logits = np.zeros((2254, 12), np.float32), np.full(2254, -200, np.float32)
    raw[2] = [22.4, -11.2, 44.8, 22.4, 0, 0, 0, -56, 112, 0, 0, 22.4]
    logits[2] = 0
    logits[2253] = 500  # clipped at 100: no overflow
    values, scores = decode_detections(raw, logits, 0.5)
    x, y = 1.5 / 28, 0.5 / 28  # anchors 2 and 3 are those of the second cell
    box = [x + 0.1 - 0.1, y - 0.05 - 0.05, x + 0.1 + 0.1, y - 0.05 + 0.05]
    np.testing.assert_allclose(values[0], [*box, x, y, x, y - 0.25, x + 0.5, y, x, y + 0.1], atol=1e-6)
    np.testing.assert_allclose(scores, [0.5, 1])
    np.testing.assert_allclose(values[1], np.tile([6.5 / 7, 6.5 / 7], 6), atol=1e-6)


def test_overlapping_detections_are_averaged_by_score():
    def make(x, **more):
        return np.concatenate([[x, 0, x + 1, 1], np.full(8, more.get("point", x))])

    values = np.array([make(0.0), make(0.2, point=1.0), make(5.0)])
    persons, scores = merge_detections(values, np.array([0.6, 0.9, 0.7]))
    np.testing.assert_allclose(scores, [0.9, 0.7])
    share = 0.9 / 1.5
    np.testing.assert_allclose(persons[0, [0, 4]], [0.2 * share, share])
    np.testing.assert_allclose(persons[1], values[2])
    persons, scores = merge_detections(np.zeros((0, 12)), np.zeros(0))
    assert persons.shape == (0, 12)
    persons, _ = merge_detections(np.zeros((2, 12)), np.array([0.9, 0.8]))  # boxes without area
    assert len(persons) == 2


@pytest.mark.parametrize(
    ("circle", "angle"), [((10, 0), 0), ((20, 10), np.pi / 2), ((10, 20), np.pi), ((0, 10), -np.pi / 2)]
)
def test_circle_says_where_she_is_how_large_and_how_turned(circle, angle):
    roi = compute_circle_roi(np.array([10.0, 10.0]), np.array(circle, float), 1.25)
    np.testing.assert_allclose(roi, [10, 10, 25, 25, angle])


def test_refinement_against_a_slow_loop():
    rng = np.random.default_rng(0)
    heatmaps = rng.normal(-1, 2, (64, 64, 39)).astype(np.float32)
    points = rng.uniform(-0.1, 1.1, (39, 2))
    heatmaps[:, :, 7] = -9  # nowhere sure
    slow = points.copy()
    for k, (x, y) in enumerate(points):
        column, row = int(np.floor(x * 64)), int(np.floor(y * 64))
        if not (0 <= column < 64 and 0 <= row < 64):
            continue
        total = sum_x = sum_y = peak = 0.0
        for r in range(max(0, row - 4), min(64, row + 5)):
            for c in range(max(0, column - 4), min(64, column + 5)):
                weight = 1 / (1 + np.exp(-float(heatmaps[r, c, k])))
                peak, total = max(peak, weight), total + weight
                sum_x, sum_y = sum_x + weight * c, sum_y + weight * r
        if peak >= 0.5:
            slow[k] = sum_x / total / 64, sum_y / total / 64
    assert (slow != points).any(axis=1).sum() > 20
    np.testing.assert_allclose(refine_landmarks(points, heatmaps), slow, atol=1e-12)
    np.testing.assert_array_equal(refine_landmarks(points, heatmaps)[7], points[7])


def test_a_gymnast_is_found_and_her_joints_are_in_order(model, frame):
    found = model.detect(frame)
    assert len(found) >= 1
    poses = model.estimate(frame, found.rois[:1])
    assert poses.presence[0] > 0.9
    rows = poses.keypoints[0, :, 1]
    parts = {"nose": [0], "shoulders": [5, 6], "hips": [11, 12], "knees": [13, 14], "ankles": [15, 16]}
    height = {name: rows[joints].mean() for name, joints in parts.items()}
    assert list(height) == sorted(height, key=height.__getitem__)
    x0, y0, x1, y1 = found.boxes[0]
    inside = (poses.keypoints[0] >= [x0, y0]) & (poses.keypoints[0] <= [x1, y1])
    assert inside.mean() > 0.9


@pytest.mark.parametrize("angle", [np.pi / 2, np.pi, 2.2])
def test_a_turned_picture_gives_a_turned_pose(model, frame, angle):
    """The same picture turned and scaled, with its region: the same joints at the same places of the body."""
    roi = model.detect(frame).rois[0]
    upright = model.estimate(frame, roi[None]).keypoints[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 1.3
    middle = np.array([frame.shape[1], frame.shape[0]]) / 2
    matrix = np.column_stack([turn, np.array([300, 300]) - turn @ middle])
    turned = cv2.warpAffine(frame, matrix, (600, 600), flags=cv2.INTER_CUBIC)
    moved = np.array([*(turn @ roi[:2] + matrix[:, 2]), roi[2] * 1.3, roi[3] * 1.3, roi[4] + angle])
    poses = model.estimate(turned, moved[None])
    error = np.linalg.norm(poses.keypoints[0] - (upright @ turn.T + matrix[:, 2]), axis=1) / moved[2]
    assert np.median(error) < 0.01
    next_angle = poses.rois[0, 4] - model.estimate(frame, roi[None]).rois[0, 4]
    assert abs(np.angle(np.exp(1j * (next_angle - angle)))) < 0.1


def test_keypoints_are_not_shifted_to_a_side(model, frame):
    """In a mirrored picture left and right change places, and the middle of both readings is the middle."""
    roi = model.detect(frame).rois[0].astype(float)
    width = frame.shape[1]
    differences = []
    for shift in np.linspace(-4, 4, 9):
        moved = roi + np.array([shift, shift / 2, 0, 0, shift / 40])
        mirrored = np.array([width - 1 - moved[0], *moved[1:4], -moved[4]])
        one = map_to_crop(model.estimate(frame, moved[None]).keypoints[0], moved, (CROP_SIDE, CROP_SIDE))
        other = model.estimate(np.ascontiguousarray(frame[:, ::-1]), mirrored[None]).keypoints[0][MIRRORED]
        other = map_to_crop(other, mirrored, (CROP_SIDE, CROP_SIDE))
        differences.append(one[:, 0] - (CROP_SIDE - 1 - other[:, 0]))
    assert abs(np.median(differences)) / 2 < 0.75  # pixels of the crop; cell corners for middles would be 2


def test_following_from_frame_to_frame_stays_on_her(model, frame):
    roi = model.detect(frame).rois[:1]
    first = model.estimate(frame, roi)
    poses = first
    for _ in range(10):
        poses = model.estimate(frame, poses.rois)
    assert np.linalg.norm(poses.rois[0, :2] - first.rois[0, :2]) < 0.1 * first.rois[0, 2]
    assert poses.presence[0] > 0.9


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Pictures of a simulated routine on floor, with the truth about 17 joints that are all in the picture."""
    from finegym.codebook.builtin import read_builtin
    from finegym.simulation.competition import CompetitionSettings, simulate_competition
    from finegym.video.reader import VideoReader

    folder = tmp_path_factory.mktemp("simulated")
    settings = CompetitionSettings(num_videos=1, minutes=0.5, seed=3, size=(480, 270), events=("FX",))
    simulate_competition(settings, read_builtin("artistic-women"), folder, show_progress=False)
    (path,) = (folder / "truth").glob("*.npz")
    with np.load(path) as truth:
        joints, visibility = truth["joints_2d"][:, :17].astype(float), truth["visibility"][:, :17]
    chosen = np.flatnonzero((visibility > 0).all(axis=1))[::20]
    with VideoReader(folder / "records" / f"{path.stem}.mp4") as reader:
        return reader.read_frames(chosen), joints[chosen]


def test_simulated_gymnasts_reach_the_measured_pck(model, simulated):
    """Share of joints within a tenth of her size, where the region is right."""
    right = []
    for picture, truth in zip(*simulated, strict=True):
        poses = model.estimate(picture, make_roi_from_keypoints(truth, margin=1.4)[None])
        size = np.ptp(truth, axis=0).max()
        right.append(np.linalg.norm(poses.keypoints[0] - truth, axis=1) <= 0.1 * size)
    assert len(right) > 25
    assert np.mean(right) > PCK_FLOOR


def test_nobody_is_found_in_pictures_without_anybody(model):
    for picture in (
        np.zeros((240, 320, 3), np.uint8),
        np.full((240, 320, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((2, 500, 3), np.uint8),
    ):
        found = model.detect(picture)
        assert (found.boxes.shape, found.scores.shape, found.rois.shape) == ((0, 4), (0,), (0, 5))
        assert model.estimate(picture, found.rois).keypoints.shape == (0, 17, 2)


@pytest.mark.parametrize(
    "roi", [[-500, -500, 50, 50, 0], [0, 0, 1e-3, 1e-3, 1], [10, 10, 1e5, 1e5, 9], [5, 5, 3, 90, 0]]
)
def test_odd_regions_give_numbers(model, frame, roi):
    poses = model.estimate(frame, np.array([roi]))
    for values in (poses.keypoints, poses.scores, poses.presence, poses.rois):
        assert np.isfinite(values).all()
    assert poses.presence[0] < 0.5


def test_grey_frames_and_bad_regions_are_refused(model, frame):
    with pytest.raises(FeatureError, match=r"uint8 \(H, W, 3\)"):
        model.detect(frame[..., 0])
    with pytest.raises(FeatureError, match="region 0"):
        model.estimate(frame, np.array([[1, 1, 0, 5, 0]]))
    reading = frame[:, ::-1]  # a view that is not contiguous
    np.testing.assert_array_equal(model.detect(reading).boxes, model.detect(reading.copy()).boxes)


def _detect(model, frame, queue):
    queue.put(model.detect(frame).boxes)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_model_that_has_run_goes_to_another_process(shared, frame, method):
    folder = shared / "weights"
    model = BlazePose(folder / "pose_detection.tflite", folder / "pose_landmark_lite.tflite", threads=2)
    here = model.detect(frame).boxes
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).detect(frame).boxes, here)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    worker = context.Process(target=_detect, args=(model, frame, queue), daemon=True)
    worker.start()
    np.testing.assert_array_equal(queue.get(timeout=60), here)
    worker.join(timeout=60)
    assert worker.exitcode == 0


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "other", "absent"])
def test_a_bad_file_is_named(shared, tmp_path, frame, kind):
    path = tmp_path / "pose_detection.tflite"
    real = (shared / "weights" / "pose_detection.tflite").read_bytes()
    landmarks = shared / "weights" / "pose_landmark_lite.tflite"
    content = {"truncated": real[: len(real) // 2], "text": b"no model", "empty": b"", "other": landmarks.read_bytes()}
    if kind in content:
        path.write_bytes(content[kind])
    fact = {"absent": "no such file", "other": "another model's file"}.get(kind, "LiteRT cannot read it")
    with pytest.raises(FeatureError, match=fact) as caught:
        BlazePose(path, landmarks).detect(frame)
    assert str(path) in str(caught.value)


def test_without_litert_the_package_is_named(shared, frame, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ConfigError, match="ai-edge-litert"):
        BlazePose(
            shared / "weights" / "pose_detection.tflite", shared / "weights" / "pose_landmark_lite.tflite"
        ).detect(frame)
