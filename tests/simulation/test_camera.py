import numpy as np
import pytest

from finegym.errors import SimulationError
from finegym.simulation import camera
from finegym.simulation.camera import CameraPath, Operator, Tripod

SIZE = (640, 360)


def test_rotation_is_orthonormal_and_right_handed():
    rotation = camera.compute_rotation(0.7, -0.2)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_point_in_front_is_in_the_middle_and_up_is_up():
    intrinsics = camera.compute_intrinsics(500.0, *SIZE)
    points = np.array([[0.0, 10.0, 2.0], [0.0, 10.0, 3.0], [1.0, 10.0, 2.0]])
    pixels, depth = camera.project_points(points, (0.0, 0.0, 2.0), camera.compute_rotation(0.0, 0.0), intrinsics)
    np.testing.assert_allclose(pixels, [[319.5, 179.5], [319.5, 129.5], [369.5, 179.5]])
    np.testing.assert_allclose(depth, 10.0)


def test_point_behind_the_camera_has_no_pixel():
    intrinsics = camera.compute_intrinsics(500.0, *SIZE)
    pixels, depth = camera.project_points(
        np.array([0.0, -3.0, 0.0]), (0, 0, 0), np.array(camera.compute_rotation(0, 0)), intrinsics
    )
    assert np.isnan(pixels).all() and depth == pytest.approx(-3.0)


def test_homography_maps_pixels_of_one_view_to_the_other():
    """The exact rule of a camera that only turns: compared with projecting the same points twice."""
    rng = np.random.default_rng(0)
    place = (1.0, -12.0, 2.5)
    views = [
        (camera.compute_rotation(pan, tilt), camera.compute_intrinsics(focal, *SIZE))
        for pan, tilt, focal in ((0.1, -0.05, 700.0), (-0.3, 0.08, 1200.0))
    ]
    points = np.array(place) + rng.uniform([-4, 6, -2], [4, 40, 3], (50, 3))
    first, second = (camera.project_points(points, place, *view)[0] for view in views)
    homography = camera.compute_homography(*views[0], *views[1])
    mapped = np.c_[first, np.ones(50)] @ homography.T
    np.testing.assert_allclose(mapped[:, :2] / mapped[:, 2:], second, atol=1e-6)


def test_smooth_keeps_the_mean_of_a_constant_and_shrinks_a_spike():
    spike = np.zeros(101)
    spike[50] = 1.0
    smoothed = camera.smooth(spike, 5.0)
    assert smoothed.sum() == pytest.approx(1.0) and smoothed.max() < 0.1


def make_run(standing, num_frames=150):
    """A gymnast who jerks along x."""
    path = np.cumsum(np.where(np.arange(num_frames) % 50 < 25, 0.12, 0.0))
    joints = np.repeat(standing[None], num_frames, axis=0)
    joints[:, :, 0] += path[:, None] - path.mean()
    return joints


def test_follow_keeps_the_gymnast_in_the_picture(standing):
    joints = make_run(standing)
    path = camera.follow(
        joints, joints[:, 17], Tripod("main", (0, -14, 2.6)), Operator(), 3.0, 25.0, SIZE, np.random.default_rng(0)
    )
    for frame in range(len(path)):
        pixels, _ = path.project(joints[frame], frame)
        assert (pixels > 0).all() and (pixels < SIZE).all()


def test_follow_is_smoother_than_the_gymnast(standing):
    joints = make_run(standing)
    path = camera.follow(
        joints,
        joints[:, 17],
        Tripod("main", (0, -14, 2.6)),
        Operator(tremor=0.0),
        3.0,
        25.0,
        SIZE,
        np.random.default_rng(0),
    )
    own = np.arctan2(joints[:, 17, 0], joints[:, 17, 1] + 14)
    assert np.abs(np.diff(path.pan, 2)).max() < 0.2 * np.abs(np.diff(own, 2)).max()


def test_follow_trails(standing):
    joints = np.repeat(standing[None], 200, axis=0)
    joints[:, :, 0] += np.linspace(-5, 5, 200)[:, None]
    late = Operator(lag_s=0.4, tremor=0.0)
    path = camera.follow(
        joints, joints[:, 17], Tripod("m", (0, -14, 2.6)), late, 3.0, 25.0, SIZE, np.random.default_rng(0)
    )
    aimed = 14 * np.tan(path.pan[100])
    assert joints[100, 17, 0] - aimed == pytest.approx(0.4 * 25 * 10 / 199, abs=0.03)


def test_path_does_not_show_what_a_tenth_of_a_second_holds(standing):
    """A flip instead of a jump moves the picture by less than three pixels: the path is no fingerprint."""
    joints = np.repeat(standing[None], 200, axis=0)
    other = joints.copy()
    other[100:104, :, 0] += 0.25
    paths = [
        camera.follow(j, j[:, 17], Tripod("m", (0, -14, 2.6)), Operator(), 3.0, 25.0, SIZE, np.random.default_rng(0))
        for j in (joints, other)
    ]
    assert np.abs(paths[0].pan - paths[1].pan).max() * paths[0].focal.max() < 3.0


def test_gymnast_at_the_lens_is_an_error(standing):
    joints = np.repeat(standing[None], 10, axis=0)
    with pytest.raises(SimulationError, match="within"):
        camera.follow(
            joints, joints[:, 17], Tripod("m", (0, 0.1, 0.9)), Operator(), 3.0, 25.0, SIZE, np.random.default_rng(0)
        )


def test_tremor_does_not_depend_on_the_frame_rate():
    slow = camera.sample_tremor(50, 25.0, np.random.default_rng(3))
    fast = camera.sample_tremor(100, 50.0, np.random.default_rng(3))
    np.testing.assert_allclose(slow, fast[::2], atol=0.01)


def test_look_at_puts_the_target_in_the_middle():
    path = camera.look_at((1.0, 0.0, 1.5), Tripod("m", (0, -10, 2)), 2.0, 20, 25.0, SIZE, np.random.default_rng(0), 0.1)
    assert isinstance(path, CameraPath)
    pixels, _ = path.project(np.array([1.0, 0.0, 1.5]), 10)
    np.testing.assert_allclose(pixels, [319.5, 179.5], atol=8)
    assert path.focal[-1] > path.focal[0]
