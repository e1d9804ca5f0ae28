"""ONNX pose models: tiny networks whose answer is known, and everything that is no pose model."""

import multiprocessing
import pickle
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from pose_scenes import map_to_crop

from finegym.errors import ConfigError, FeatureError
from finegym.features.pose.model import Detections
from finegym.features.pose.onnx_heads import decode_heatmaps, decode_simcc, find_head
from finegym.features.pose.onnx_model import OnnxPose

WIDTH, HEIGHT, STRIDE = 48, 64, 4
WHITE = {"mean": (0, 0, 0), "std": (255, 255, 255)}


def save(path, nodes, outputs, constants=(), shape=("N", 3, HEIGHT, WIDTH), dtype=TensorProto.FLOAT):
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("image", dtype, shape)],
        [helper.make_tensor_value_info(name, dtype, None) for name in outputs],
        [helper.make_tensor(name, *rest) for name, *rest in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def integers(name, *values):
    return name, TensorProto.INT64, [len(values)], values


GREY = helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1)  # (1, 1, H, W)


def save_heatmaps(path, joints=17):
    """Every joint's heatmap is the mean of the picture over cells of 4 x 4 pixels."""
    nodes = [
        GREY,
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Tile", ["cells", "repeats"], ["heatmaps"]),
    ]
    return save(path, nodes, ["heatmaps"], [integers("repeats", 1, joints, 1, 1)])


def save_simcc(path, joints=17, swapped=False):
    """Two bins a pixel: the brightest value of every column and row, each twice."""
    nodes = [GREY]
    for axis, name in ((2, "x"), (3, "y")):
        nodes += [
            helper.make_node("ReduceMax", ["grey"], [f"best_{name}"], axes=[axis], keepdims=0),  # (1, 1, side)
            helper.make_node("Reshape", ["best_" + name, f"column_{name}"], [f"tall_{name}"]),  # (1, 1, side, 1)
            helper.make_node("Tile", [f"tall_{name}", "twice"], [f"twice_{name}"]),
            helper.make_node("Reshape", [f"twice_{name}", f"bins_{name}"], [f"one_{name}"]),
            helper.make_node("Tile", [f"one_{name}", "joints"], [f"simcc_{name}"]),
        ]
    constants = [integers("twice", 1, 1, 1, 2), integers("joints", 1, joints, 1)]
    for name, side in (("x", WIDTH), ("y", HEIGHT)):
        constants += [integers(f"column_{name}", 1, 1, side, 1), integers(f"bins_{name}", 1, 1, 2 * side)]
    return save(path, nodes, ["simcc_y", "simcc_x"] if swapped else ["simcc_x", "simcc_y"], constants)


def save_constant(path, shapes, value=0.5, **more):
    """Outputs of the given shapes, whatever the picture shows."""
    names = [f"out_{index}" for index in range(len(shapes))]
    nodes = [
        helper.make_node(
            "ConstantOfShape", [f"shape_{i}"], [name], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [value])
        )
        for i, name in enumerate(names)
    ]
    return save(path, nodes, names, [integers(f"shape_{i}", *shape) for i, shape in enumerate(shapes)], **more)


def draw_blob(x, y, height=200, width=260, sigma=6.0):
    rows, columns = np.mgrid[:height, :width]
    grey = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


ROIS = [[120.0, 100.0, 96, 128, 0.0], [130.0, 90.0, 60, 140, 2.6], [110.0, 110.0, 150, 100, -1.2]]


@pytest.mark.parametrize("roi", ROIS)
def test_heatmaps_lead_back_to_the_brightest_spot(tmp_path, roi):
    model = OnnxPose(save_heatmaps(tmp_path / "h.onnx"), **WHITE)
    poses = model.estimate(draw_blob(125.3, 95.6), np.array([roi]))
    # A cell's mean is drawn around its middle, 1.5 pixels past its first pixel, on which it lies by convention.
    scale = max(roi[2] / WIDTH, roi[3] / HEIGHT)
    region = np.array([roi[0], roi[1], scale * WIDTH, scale * HEIGHT, roi[4]])
    at = map_to_crop(poses.keypoints[0].astype(float), region, (WIDTH, HEIGHT))
    truth = map_to_crop(np.array([125.3, 95.6]), region, (WIDTH, HEIGHT)) - 1.5
    # Quarters of a cell are 1 pixel of the crop: at most half a cell minus a quarter is left.
    assert np.abs(at - truth).max() <= STRIDE / 4 + 0.1
    assert poses.scores.min() > 0.5  # the mean of a cell, which the spot does not fill
    np.testing.assert_allclose(poses.presence, poses.scores.mean(axis=1))


@pytest.mark.parametrize("roi", ROIS)
@pytest.mark.parametrize("swapped", [False, True])
def test_simcc_leads_back_to_the_brightest_spot(tmp_path, roi, swapped):
    model = OnnxPose(save_simcc(tmp_path / "s.onnx", swapped=swapped), **WHITE)
    poses = model.estimate(draw_blob(125.3, 95.6), np.array([roi]))
    scale = max(roi[2] / WIDTH, roi[3] / HEIGHT)
    assert np.abs(poses.keypoints[0] - [125.3, 95.6]).max() <= scale * 0.75
    assert poses.scores.min() > 0.9


def test_several_regions_and_none(tmp_path):
    model = OnnxPose(save_simcc(tmp_path / "s.onnx"), **WHITE)
    frame = draw_blob(125.3, 95.6)
    poses = model.estimate(frame, np.array(ROIS))
    assert len(poses) == 3
    alone = model.estimate(frame, np.array(ROIS[2:]))
    np.testing.assert_array_equal(poses.keypoints[2], alone.keypoints[0])
    assert model.estimate(frame, np.zeros((0, 5))).keypoints.shape == (0, 17, 2)


@pytest.mark.parametrize("joints", [26, 133])
def test_the_first_17_of_larger_skeletons_are_taken(tmp_path, joints):
    assert OnnxPose(save_simcc(tmp_path / "s.onnx", joints)).estimate(draw_blob(9, 9), ROIS).scores.shape == (3, 17)


def test_keypoints_outright_are_pixels_of_the_input(tmp_path):
    model = OnnxPose(save_constant(tmp_path / "k.onnx", [(1, 17, 3)], 0.75))
    poses = model.estimate(draw_blob(9, 9), np.array([[100.0, 100.0, 2 * WIDTH, 2 * HEIGHT, 0]]))
    # Pixel 0.75 of a crop twice as large: 0.75 - 23.5 pixels right of the middle, each worth two.
    np.testing.assert_allclose(poses.keypoints[0], np.full((17, 2), [100 - 45.5, 100 - 61.5]), atol=1e-4)
    np.testing.assert_allclose(poses.scores, 0.75)


def test_normalisation_and_channels(tmp_path):
    """A network that gives the mean of red after normalisation as every score."""
    nodes = [
        helper.make_node("Slice", ["image", "zero", "one", "axis"], ["first"]),
        helper.make_node("ReduceMean", ["first"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "single"], ["one_value"]),
        helper.make_node("Tile", ["one_value", "many"], ["keypoints"]),
    ]
    constants = [integers("zero", 0), integers("one", 1), integers("axis", 1)]
    constants += [integers("single", 1, 1, 1), integers("many", 1, 17, 3)]
    path = save(tmp_path / "n.onnx", nodes, ["keypoints"], constants)
    frame = np.full((80, 80, 3), [150, 20, 130], np.uint8)
    roi = np.array([[40.0, 40.0, 30, 40, 0]])
    assert OnnxPose(path).estimate(frame, roi).scores[0, 0] == pytest.approx((150 - 123.675) / 58.395, abs=1e-5)
    blue = OnnxPose(path, swap_channels=True).estimate(frame, roi)
    assert blue.scores[0, 0] == pytest.approx((130 - 103.53) / 57.375, abs=1e-5)


def test_next_region_is_around_sure_joints_only(tmp_path):
    frame = draw_blob(125.3, 95.6)
    sure = OnnxPose(save_simcc(tmp_path / "s.onnx"), **WHITE).estimate(frame, np.array(ROIS[:1]))
    np.testing.assert_allclose(sure.rois[0, :2], sure.keypoints[0, 0], atol=1e-3)
    assert sure.rois[0, 2] == 1
    unsure = OnnxPose(save_constant(tmp_path / "k.onnx", [(1, 17, 3)], 0.1)).estimate(frame, np.array(ROIS[1:2]))
    np.testing.assert_allclose(unsure.rois, np.array(ROIS[1:2]), rtol=1e-6)


def test_quarter_of_a_cell_by_hand():
    heatmaps = np.zeros((17, 4, 4), np.float32)
    heatmaps[:, 1, 2], heatmaps[:, 1, 3], heatmaps[:, 0, 2] = 1, 0.5, 0.2  # right and above are higher
    heatmaps[1] = 0
    heatmaps[1, 0, 0], heatmaps[1, 0, 1] = 0.9, 0.8  # in a corner: stays
    points, scores = decode_heatmaps(heatmaps, (16, 16))
    assert points[0].tolist() == [2.25 * 4, 0.75 * 4]
    assert points[1].tolist() == [0, 0]
    np.testing.assert_allclose(scores[:2], [1, 0.9])
    aligned, _ = decode_heatmaps(heatmaps, (16, 16), align_corners=True)
    assert aligned[0].tolist() == [2.25 * 5, 0.75 * 5]  # 15 pixels over 3 steps


def test_simcc_by_hand():
    x, y = np.zeros((17, 8), np.float32), np.zeros((17, 12), np.float32)
    x[:, 5], y[:, 7] = 0.6, 0.9
    points, scores = decode_simcc(x, y, (4, 6))
    assert points[0].tolist() == [2.5, 3.5]
    np.testing.assert_allclose(scores, 0.6)


def test_forms_are_told_by_their_shapes():
    size = (192, 256)
    assert find_head([(1, 17, 384), (1, 17, 512)], size) == ("simcc", (0, 1))
    assert find_head([(1, 17, 512), (1, 17, 384)], size) == ("simcc", (1, 0))
    assert find_head([(1, 17, 512), (1, 17, 512)], (256, 256)) == ("simcc", (0, 1))
    assert find_head([(1, 5), (1, 17, 64, 48)], size) == ("heatmaps", (1,))
    assert find_head([(1, 17, 3)], size) == ("keypoints", (0,))
    assert find_head([(1, 17, 48, 64)], size) is None  # wider than high
    assert find_head([(1, 18, 64, 48)], size) is None
    assert find_head([(1, 17, 384)], size) is None


def test_a_model_travels_to_another_process(tmp_path):
    model = OnnxPose(save_simcc(tmp_path / "s.onnx"), threads=2, **WHITE)
    frame = draw_blob(125.3, 95.6)
    first = model.estimate(frame, np.array(ROIS))
    again = pickle.loads(pickle.dumps(model)).estimate(frame, np.array(ROIS))
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    assert model.name == "s"


def _estimate(model, frame, queue):
    queue.put(model.estimate(frame, np.array(ROIS)).keypoints)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_model_that_has_run_survives_a_fork(tmp_path):
    model, frame = OnnxPose(save_simcc(tmp_path / "s.onnx"), threads=2, **WHITE), draw_blob(125.3, 95.6)
    here = model.estimate(frame, np.array(ROIS)).keypoints
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=_estimate, args=(model, frame, queue), daemon=True)
    worker.start()
    np.testing.assert_array_equal(queue.get(timeout=60), here)
    worker.join(timeout=60)
    assert worker.exitcode == 0


def test_persons_come_from_another_model(tmp_path):
    path = save_simcc(tmp_path / "s.onnx")
    with pytest.raises(ConfigError, match="finds no persons by itself"):
        OnnxPose(path).detect(draw_blob(9, 9))

    class Detector:
        name, can_detect = "fixed", True

        def detect(self, frame, *, min_score=0.5):
            return Detections(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.array(ROIS[:1], np.float32))

    model = OnnxPose(path, detector=Detector())
    assert model.can_detect
    assert len(model.detect(draw_blob(9, 9))) == 1


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda path: save_constant(path, [(1, 17, 5)]), r"\(1, 17, 5\)"),
        (lambda path: save_constant(path, [(1, 33, 64, 48)]), r"\(1, 33, 64, 48\)"),
        (lambda path: save_constant(path, [(1, 17, 3)], shape=("N", 3, "H", "W")), r"fixed size; got image"),
        (lambda path: save_constant(path, [(1, 17, 3)], shape=("N", 1, 64, 48)), r"\['N', 1, 64, 48\]"),
        (lambda path: path.write_bytes(b"\x08\x08not a network"), "ONNX Runtime cannot read it"),
        (lambda path: path.write_bytes(save_simcc(path).read_bytes()[:300]), "ONNX Runtime cannot read it"),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_no_pose_model_is_named(tmp_path, make, fact):
    path = tmp_path / "bad.onnx"
    make(path)
    with pytest.raises(FeatureError, match=fact) as caught:
        OnnxPose(path).estimate(draw_blob(9, 9), np.array(ROIS))
    assert "bad.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_onnx_runtime_the_extra_is_named(tmp_path, monkeypatch):
    path = save_simcc(tmp_path / "s.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"finegym\[onnx\]"):
        OnnxPose(path).estimate(draw_blob(9, 9), np.array(ROIS))
