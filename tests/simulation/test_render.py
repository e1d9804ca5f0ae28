import numpy as np
import pytest

from finegym.simulation import raycast
from finegym.simulation.appearance import Appearance, sample_appearance, sample_venue
from finegym.simulation.body import build_body, measure_stature
from finegym.simulation.camera import Tripod, look_at
from finegym.simulation.render import HIDDEN, OUTSIDE, VISIBLE, render_shot, resample_joints
from finegym.simulation.scene import render_panorama
from finegym.simulation.skeleton import JOINT_INDEX, JOINTS

SIZE = (320, 180)
TRIPOD = Tripod("main", (0.0, -12.0, 1.6))


@pytest.fixture(scope="module")
def venue():
    return sample_venue(np.random.default_rng(3))


@pytest.fixture(scope="module")
def looks():
    return sample_appearance(np.random.default_rng(1))


def shoot(venue, joints, looks, event_id="FX", target=(0, 0, 0.9), view=2.2, shutter=0.5, tripod=TRIPOD):
    path = look_at(target, tripod, view, len(joints), 25.0, SIZE, np.random.default_rng(0))
    panorama = render_panorama(venue, event_id, [path])
    shots = []
    for frame, truth in render_shot(path, panorama, venue.lighting, joints, looks, shutter=shutter):
        shots.append((frame[:, :, :3].copy(), truth))
    empty = [frame[:, :, :3].copy() for frame, _ in render_shot(path, panorama, venue.lighting)]
    return path, shots, empty


def intersect(row, position, ray):
    """Slow reference: march along the ray until it is inside the primitive; depth or None."""
    linear = row[raycast.LINEAR : raycast.LINEAR + 9].reshape(3, 3)
    a, b = row[raycast.END_A : raycast.END_A + 3], row[raycast.END_B : raycast.END_B + 3]
    origin, direction, axis = linear @ (position - a), linear @ ray, linear @ (b - a)
    depths = np.linspace(4.5, 7.5, 1501)
    points = origin + depths[:, None] * direction
    # A round cone is the union of the spheres between its ends whose radius goes linearly.
    inside = np.zeros(len(depths), bool)
    for s in np.linspace(0, 1, 80):
        radius = row[raycast.RADIUS_A] + s * (row[raycast.RADIUS_B] - row[raycast.RADIUS_A])
        inside |= ((points - s * axis) ** 2).sum(axis=1) <= radius**2
    return float(depths[np.argmax(inside)]) if inside.any() else None


def test_depth_of_primitives_agrees_with_marching_along_rays():
    rng = np.random.default_rng(0)
    lights = sample_venue(rng).lighting.rows
    rotation, position = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, -6.0, 0.0])
    for case in range(6):
        row = np.zeros((1, raycast.NUM_COLUMNS))
        row[0, raycast.END_A : raycast.END_A + 3] = rng.uniform(-0.5, 0.5, 3)
        row[0, raycast.END_B : raycast.END_B + 3] = rng.uniform(-0.5, 0.5, 3)
        row[0, [raycast.RADIUS_A, raycast.RADIUS_B]] = rng.uniform(0.1, 0.3, 2)
        squash = rng.uniform(0.7, 1.4, 3) if case % 2 else np.ones(3)
        row[0, raycast.LINEAR : raycast.LINEAR + 9] = (np.eye(3) / squash[:, None]).ravel()
        row[0, raycast.REACH] = squash.max()
        view = (position, rotation, 100.0, 31.5, 31.5)
        bounds = np.zeros((1, 4), np.int64)
        raycast.compute_bounds(row, *view, 64, 64, bounds)
        layer, depth = np.zeros((64, 64, 4), np.float32), np.full((64, 64), raycast.FAR, np.float32)
        raycast.draw_solids(row, bounds, *view, lights, layer, depth, 0, 0)
        for y, x in rng.integers(12, 52, (30, 2)):
            ray = rotation.T @ np.array([(x - 31.5) / 100, (y - 31.5) / 100, 1.0])
            expected = intersect(row[0], position, ray)
            if expected is None:
                assert layer[y, x, 3] <= 0.6
            elif layer[y, x, 3] == 1.0:
                assert depth[y, x] == pytest.approx(expected, abs=0.008)
            else:
                assert layer[y, x, 3] > 0.4  # the edge runs through this pixel


def test_silhouette_is_smooth_and_as_large_as_a_sphere_should_be():
    row = np.zeros((1, raycast.NUM_COLUMNS))
    row[0, [raycast.RADIUS_A, raycast.RADIUS_B]] = 0.5
    row[0, raycast.LINEAR : raycast.LINEAR + 9] = np.eye(3).ravel()
    row[0, raycast.REACH] = 1.0
    rotation, position = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, -10.0, 0.0])
    view = (position, rotation, 200.0, 31.5, 31.5)
    bounds = np.zeros((1, 4), np.int64)
    raycast.compute_bounds(row, *view, 64, 64, bounds)
    layer, depth = np.zeros((64, 64, 4), np.float32), np.full((64, 64), raycast.FAR, np.float32)
    raycast.draw_solids(row, bounds, *view, sample_venue(np.random.default_rng(0)).lighting.rows, layer, depth, 0, 0)
    radius = 200 * 0.5 / np.sqrt(10**2 - 0.5**2)  # of the outline in pixels
    assert layer[..., 3].sum() == pytest.approx(np.pi * radius**2, rel=0.01)
    assert ((layer[..., 3] > 0.05) & (layer[..., 3] < 0.95)).sum() > 20


def test_gymnast_changes_the_picture_inside_the_box_only(venue, looks, standing):
    _, shots, empty = shoot(venue, standing[None], looks)
    (frame, truth), background = shots[0], empty[0]
    x0, y0, x1, y1 = truth.box.astype(int)
    changed = (frame != background).any(axis=2)
    assert changed[y0:y1, x0:x1].sum() > 1000
    changed[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = False
    ys = np.flatnonzero(changed.any(axis=1))
    assert ys.size and ys.min() > y1 - 25, "outside the box there is only the shadow at the feet"


def test_shadow_darkens(venue, looks, standing):
    _, shots, empty = shoot(venue, standing[None], looks)
    x0, _, x1, y1 = shots[0][1].box.astype(int)
    strip = np.s_[y1 - 6 : y1 + 3, x0 - 15 : x1 + 15]
    assert shots[0][0][strip].astype(int).sum() < empty[0][strip].astype(int).sum()


def test_box_holds_the_joints_that_are_seen(venue, looks, standing):
    _, shots, _ = shoot(venue, standing[None], looks)
    truth = shots[0][1]
    seen = truth.joints_2d[truth.visibility == VISIBLE]
    assert len(seen) > 15
    assert (seen >= truth.box[:2] - 2).all() and (seen <= truth.box[2:] + 2).all()


def test_truth_projects_the_joints(venue, looks, standing):
    path, shots, _ = shoot(venue, np.repeat(standing[None], 3, axis=0), looks)
    for frame, (_, truth) in enumerate(shots):
        np.testing.assert_allclose(truth.joints_2d, path.project(standing, frame)[0], atol=1e-3)


def test_joint_behind_the_body_is_hidden_and_outside_is_outside(venue, looks, standing):
    joints = standing.copy()
    joints[JOINT_INDEX["left_wrist"]] = joints[JOINT_INDEX["spine"]] + (0, 0.3, 0)  # behind the back
    _, shots, _ = shoot(venue, joints[None], looks, target=(0, 0, 1.3), view=1.2)
    visibility = shots[0][1].visibility
    assert visibility[JOINT_INDEX["left_wrist"]] == HIDDEN
    assert visibility[JOINT_INDEX["left_ankle"]] == OUTSIDE
    assert visibility[JOINT_INDEX["right_elbow"]] == VISIBLE


def test_beam_hides_what_is_behind_it(venue, looks, standing):
    joints = standing + np.array([0, 0.6, 0.2])
    _, behind, _ = shoot(venue, joints[None], looks, event_id="BB", target=(0, 0, 1.2))
    _, before, _ = shoot(venue, (standing + np.array([0, -0.6, 0.2]))[None], looks, event_id="BB", target=(0, 0, 1.2))
    assert (behind[0][1].visibility == HIDDEN).sum() > (before[0][1].visibility == HIDDEN).sum()


def test_moving_gymnast_is_blurred(venue, looks, standing):
    joints = np.repeat(standing[None], 5, axis=0)
    joints[:, :, 0] += 0.25 * np.arange(5)[:, None] - 0.5
    _, blurred, _ = shoot(venue, joints, looks)
    _, sharp, _ = shoot(venue, joints, looks, shutter=0.0)
    width = [shots[2][1].box[2] - shots[2][1].box[0] for shots in (blurred, sharp)]
    edges = [np.abs(np.diff(shots[2][0].astype(int), axis=1)).sum() for shots in (blurred, sharp)]
    assert edges[0] < edges[1] and width[0] != width[1]


def test_rendering_twice_gives_the_same_pixels(venue, looks, standing):
    joints = np.repeat(standing[None], 4, axis=0)
    joints[:, :, 0] += 0.1 * np.arange(4)[:, None]
    first, second = (shoot(venue, joints, looks)[1] for _ in range(2))
    assert all((a[0] == b[0]).all() for a, b in zip(first, second, strict=True))


def test_leotard_colours_the_torso(venue, standing):
    def look(colour):
        return Appearance((0.8, 0.6, 0.5), (0.1, 0.1, 0.1), "bun", colour, colour, None, 0.0, 0.0, 1.0)

    spine = None
    means = []
    for colour in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)):
        _, shots, _ = shoot(venue, standing[None], look(colour))
        spine = shots[0][1].joints_2d[JOINT_INDEX["spine"]].round().astype(int)
        means.append(shots[0][0][spine[1] - 2 : spine[1] + 3, spine[0] - 2 : spine[0] + 3].reshape(-1, 3).mean(axis=0))
    assert means[0][0] > 2 * means[0][2] and means[1][2] > 2 * means[1][0]


def test_body_is_as_tall_as_its_bones(standing):
    rows = build_body(standing[None], sample_appearance(np.random.default_rng(0)))
    assert rows.shape[0] == 1 and rows.shape[2] == raycast.NUM_COLUMNS
    height = standing[:, 2].max() - standing[:, 2].min()
    assert measure_stature(standing[None]) == pytest.approx(height, abs=0.12)


def test_body_has_the_same_parts_in_every_pose(standing):
    rng = np.random.default_rng(0)
    poses = standing + rng.normal(0, 0.05, (7, len(JOINTS), 3))
    assert build_body(poses, sample_appearance(rng)).shape[0] == 7


def test_resampled_joints_pass_through_the_frames():
    joints = np.random.default_rng(0).normal(size=(9, 26, 3))
    np.testing.assert_allclose(resample_joints(joints, np.arange(9.0)), joints, atol=1e-12)
    between = resample_joints(joints, np.array([2.25]))
    x = 0.25
    p = joints[1:5]
    expected = 0.5 * (
        2 * p[1] + (p[2] - p[0]) * x + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * x**2
        + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * x**3
    )  # fmt: skip
    np.testing.assert_allclose(between[0], expected, atol=1e-12)
