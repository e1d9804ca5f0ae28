"""Regions: into the crop and back, against hand-worked cases and slow obvious references."""

import numpy as np
import pytest
from pose_scenes import map_to_crop

from finegym.errors import FeatureError
from finegym.features.pose.model import check_frame, check_rois
from finegym.features.pose.regions import (
    compute_box_iou,
    compute_crop_matrix,
    compute_trunk_angle,
    crop_region,
    make_boxes_from_keypoints,
    make_roi_from_keypoints,
    map_to_frame,
)

UP, RIGHT, DOWN = 0.0, np.pi / 2, np.pi


def draw_blob(height, width, x, y, sigma=2.0):
    rows, columns = np.mgrid[:height, :width]
    grey = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


def find_blob(image):
    weights = image[..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()


def make_person(angle=0.0, centre=(100.0, 80.0), length=20.0):
    """COCO joints on a line from head to feet, turned clockwise by an angle."""
    along = np.array([-2, -2.1, -2.1, -2, -2, -1, -1, -0.5, -0.5, 0, 0, 0, 0, 1, 1, 2, 2]) * length
    across = np.array([0, -1, 1, -2, 2, -3, 3, -5, 5, -6, 6, -3, 3, -3, 3, -3, 3], float)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([across, along]) @ turn.T + centre


def test_an_upright_region_of_its_own_size_is_a_slice():
    frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    crop = crop_region(frame, np.array([14.5, 19.5, 10, 20, 0]), (10, 20))  # columns 10 to 19, rows 10 to 29
    np.testing.assert_array_equal(crop, frame[10:30, 10:20])


def test_a_person_on_her_head_is_shown_upright():
    frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    crop = crop_region(frame, np.array([14.5, 19.5, 10, 20, DOWN]), (10, 20))
    np.testing.assert_array_equal(crop, frame[10:30, 10:20][::-1, ::-1])


def test_a_person_whose_head_points_right_is_shown_upright():
    frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    crop = crop_region(frame, np.array([19.5, 14.5, 10, 10, RIGHT]), (10, 10))
    np.testing.assert_array_equal(crop, np.rot90(frame[10:20, 15:25]))  # what points right points up


def test_outside_the_frame_is_black():
    crop = crop_region(np.full((8, 8, 3), 200, np.uint8), np.array([-10.0, -10.0, 4, 4, 0]), (16, 16))
    assert crop.max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_points_go_into_a_crop_and_back(seed):
    rng = np.random.default_rng(seed)
    roi = np.array([*rng.uniform(0, 100, 2), *rng.uniform(10, 90, 2), rng.uniform(-4, 4)])
    points = rng.uniform(-50, 150, (7, 2))
    inside = map_to_crop(points, roi, (48, 64))
    np.testing.assert_allclose(map_to_frame(inside, roi, (48, 64)), points, atol=1e-9)
    slow = [compute_crop_matrix(roi, (48, 64)) @ [*point, 1] for point in inside]
    np.testing.assert_allclose(slow, points, atol=1e-9)


@pytest.mark.parametrize("side", [40, 100, 300, 700])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_what_is_seen_at_a_pixel_of_the_crop_lies_at_its_place_in_the_frame(side, angle):
    """Pixels and coordinates take the same way, also where the frame is shrunk first."""
    x, y = 173.3, 141.8
    frame = draw_blob(300, 400, x, y, sigma=max(2.0, side / 40))
    roi = np.array([180.0, 150.0, side, side, angle])
    seen = find_blob(crop_region(frame, roi, (64, 64)))
    np.testing.assert_allclose(map_to_frame(seen, roi, (64, 64)), [x, y], atol=0.02 + side / 64 * 0.05)


@pytest.mark.parametrize("angle", [0.0, 0.5, RIGHT, 3.0, -2.0])
def test_trunk_says_how_a_person_is_turned(angle):
    person = make_person(angle)
    assert compute_trunk_angle(person) == pytest.approx(angle)
    roi = make_roi_from_keypoints(person, margin=1.0)
    assert roi[4] == pytest.approx(angle)
    assert roi[2:4] == pytest.approx([12, 82], abs=1e-4)  # elbows and wrists reach 6 to each side; eyes to ankles
    inside = map_to_crop(person, roi, (12, 82))
    np.testing.assert_allclose([inside.min(0), inside.max(0)], [[-0.5, -0.5], [11.5, 81.5]], atol=1e-3)


def test_a_trunk_without_length_is_upright_and_a_point_is_a_region():
    assert compute_trunk_angle(np.zeros((17, 2))) == 0
    assert make_roi_from_keypoints(np.full((17, 2), 5.0)).tolist() == [5, 5, 1, 1, 0]


def test_boxes_of_keypoints_are_half_open():
    points = np.array([[[3.0, 4.0], [7.0, 9.0]]])
    assert make_boxes_from_keypoints(points).tolist() == [[3, 4, 8, 10]]
    assert make_boxes_from_keypoints(points, margin=1.5).tolist() == [[2, 2.75, 9, 11.25]]
    assert make_boxes_from_keypoints(np.zeros((0, 17, 2))).shape == (0, 4)


def test_box_iou_against_counting_pixels():
    rng = np.random.default_rng(3)
    low = rng.integers(0, 8, (12, 2))
    boxes = np.column_stack([low, low + rng.integers(0, 8, (12, 2))])
    masks = np.zeros((12, 16, 16), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    for i, row in enumerate(compute_box_iou(boxes.astype(float), boxes.astype(float))):
        for j, value in enumerate(row):
            union = (masks[i] | masks[j]).sum()
            assert value == pytest.approx((masks[i] & masks[j]).sum() / union if union else 0)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 8, 4), "u1"),
    ],
)
def test_what_is_no_rgb_frame_is_refused(frame):
    with pytest.raises(FeatureError, match=r"uint8 \(H, W, 3\)"):
        check_frame(frame)


@pytest.mark.parametrize(
    ("rois", "fact"),
    [
        (np.zeros((2, 4)), r"\(2, 4\)"),
        ([[1, 1, 5, 5, 0], [1, 1, 0, 5, 0]], "region 1"),
        ([[1, np.nan, 5, 5, 0]], "region 0"),
    ],
)
def test_what_is_no_region_is_refused(rois, fact):
    with pytest.raises(FeatureError, match=fact):
        check_rois(rois)
