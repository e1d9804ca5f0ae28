"""TV-L1 on the CPU: against the paper's equations written plainly, OpenCV, scikit-image, known motion, real clips."""

import cv2
import numpy as np
import pytest
from flow_scenes import MOTIONS, compute_epe, make_texture, move

from finegym.errors import ConfigError
from finegym.features.flow.parameters import TVL1Parameters
from finegym.features.flow.tvl1 import build_pyramid, compute_tvl1, fill_picture, iterate, prepare_warp

OPENCV_EPSILON = 0.01


def iterate_plainly(gradient, residual, flow, dual, parameters):
    """One update as the paper writes it: thresholding in three cases, divergence, projection; returns new arrays."""
    limit, theta, tau = parameters.lambda_ * parameters.theta, parameters.theta, parameters.tau
    _, height, width = flow.shape
    flow, dual = flow.astype(float), dual.astype(float)
    after = flow.copy()
    for y in range(height):
        for x in range(width):
            g = gradient[:, y, x].astype(float)
            rho, square = residual[y, x] + g @ flow[:, y, x], g @ g
            if rho < -limit * square:
                along = limit * g
            elif rho > limit * square:
                along = -limit * g
            else:
                along = -rho * g / square
            for part in range(2):
                divergence = dual[part, 0, y, x] + dual[part, 1, y, x]
                divergence -= dual[part, 0, y, x - 1] if x > 0 else 0
                divergence -= dual[part, 1, y - 1, x] if y > 0 else 0
                after[part, y, x] = flow[part, y, x] + along[part] + theta * divergence
    projected = dual.copy()
    for part in range(2):
        for y in range(height):
            for x in range(width):
                slope = np.zeros(2)
                slope[0] = after[part, y, x + 1] - after[part, y, x] if x + 1 < width else 0
                slope[1] = after[part, y + 1, x] - after[part, y, x] if y + 1 < height else 0
                ratio = tau / theta
                projected[part, :, y, x] += ratio * slope
                projected[part, :, y, x] /= 1 + ratio * np.linalg.norm(slope)
    return after, projected, float(((after - flow) ** 2).sum())


@pytest.mark.parametrize("shape", [(7, 9), (1, 6), (6, 1), (1, 1)])
def test_an_update_is_the_papers(shape):
    rng = np.random.default_rng(0)
    parameters = TVL1Parameters()
    # Of all sizes: each of the three cases of the thresholding occurs.
    gradient = (rng.normal(size=(2, *shape)) * rng.choice([0.5, 5, 30], shape)).astype(np.float32)
    residual = (20 * rng.normal(size=shape)).astype(np.float32)
    flow = rng.normal(size=(2, *shape)).astype(np.float32)
    dual = np.zeros((2, 2, *shape), np.float32)
    padded = np.zeros((4, shape[0] + 1, shape[1] + 1), np.float32)
    inverse = (1 / (gradient**2).sum(0)).astype(np.float32)
    ours = flow.copy()
    for _ in range(4):
        flow, dual, change = iterate_plainly(gradient, residual, flow, dual, parameters)
        got = iterate(
            gradient, inverse, residual, ours, padded, np.float32(parameters.lambda_ * parameters.theta),
            np.float32(parameters.theta), np.float32(parameters.tau / parameters.theta), 1, 0.0,
        )  # fmt: skip
        assert got == pytest.approx(change, rel=1e-4)
        np.testing.assert_allclose(ours, flow, atol=2e-5)
        np.testing.assert_allclose(padded[:, 1:, 1:], dual.reshape(4, *shape), atol=2e-5)
    assert not padded[:, 0].any() and not padded[:, :, 0].any()


def test_the_data_term_around_the_flow():
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0, 255, (2, 5, 6)).astype(np.float32)
    picture = np.empty((5, 6, 3), np.float32)
    fill_picture(second, picture)
    dx, dy = np.zeros_like(second), np.zeros_like(second)
    dx[:, 1:-1], dy[1:-1] = (second[:, 2:] - second[:, :-2]) / 2, (second[2:] - second[:-2]) / 2
    dx[:, 0], dx[:, -1] = (second[:, 1] - second[:, 0]) / 2, (second[:, -1] - second[:, -2]) / 2
    dy[0], dy[-1] = (second[1] - second[0]) / 2, (second[-1] - second[-2]) / 2
    np.testing.assert_allclose(picture, np.stack([second, dx, dy], 2), atol=1e-4)
    flow = rng.normal(size=(2, 5, 6)).astype(np.float32)
    gradient, inverse, residual = np.empty((2, 5, 6), np.float32), np.empty_like(first), np.empty_like(first)
    prepare_warp(first, picture, flow, gradient, inverse, residual)
    np.testing.assert_allclose(residual, second - dx * flow[0] - dy * flow[1] - first, atol=1e-3)
    np.testing.assert_allclose(inverse * (dx**2 + dy**2), 1, rtol=1e-4)


@pytest.mark.parametrize("shape", [(96, 120), (63, 41), (20, 300), (33, 17)])
def test_same_as_opencv_with_its_epsilon(shape):
    first, second, _ = move([[1, 0.01, 2], [-0.01, 1, -1]], *shape)
    expected = cv2.optflow.DualTVL1OpticalFlow_create().calc(first, second, None)
    got = compute_tvl1(first, second, TVL1Parameters(epsilon=OPENCV_EPSILON))
    difference = np.linalg.norm(got - expected, axis=2)
    assert difference.mean() < 0.005 and np.percentile(difference, 99) < 0.05


def test_every_parameter_does_what_it_does_in_opencv():
    first, second, _ = move(MOTIONS["rotation"])
    plain = compute_tvl1(first, second, TVL1Parameters(epsilon=OPENCV_EPSILON))
    for ours, setter, value in (
        ("tau", "setTau", 0.1),
        ("lambda_", "setLambda", 0.03),
        ("theta", "setTheta", 0.6),
        ("num_scales", "setScalesNumber", 2),
        ("scale_step", "setScaleStep", 0.5),
        ("num_warps", "setWarpingsNumber", 1),
        ("num_inner_iterations", "setInnerIterations", 3),
        ("num_outer_iterations", "setOuterIterations", 1),
        ("median_size", "setMedianFiltering", 1),
    ):
        method = cv2.optflow.DualTVL1OpticalFlow_create()
        getattr(method, setter)(value)
        expected = method.calc(first, second, None)
        got = compute_tvl1(first, second, TVL1Parameters(**{"epsilon": OPENCV_EPSILON, ours: value}))
        assert np.abs(got - expected).mean() < 0.005, ours
        assert np.abs(got - plain).max() > 0.01, f"{ours} changes nothing"


@pytest.mark.parametrize("motion", MOTIONS)
def test_known_motion_is_found_at_least_as_well_as_by_opencv_and_scikit_image(motion):
    from skimage.registration import optical_flow_tvl1

    first, second, truth = move(MOTIONS[motion])
    got = compute_epe(compute_tvl1(first, second, TVL1Parameters()), truth)
    same = compute_epe(compute_tvl1(first, second, TVL1Parameters(epsilon=OPENCV_EPSILON)), truth)
    opencv = cv2.optflow.DualTVL1OpticalFlow_create().calc(first, second, None)
    rows, columns = optical_flow_tvl1(first / 255.0, second / 255.0, dtype=np.float32)
    assert same <= 1.01 * compute_epe(opencv, truth)
    # Without noise the error is hundredths of a pixel, and a finer stop can still lessen it.
    assert got <= compute_epe(opencv, truth) + 0.01
    assert got <= 1.01 * compute_epe(np.stack([columns, rows], 2), truth)


def test_constant_motion_gives_constant_flow():
    first, second, _ = move([[1, 0, 2], [0, 1, -1]])
    flow = compute_tvl1(first, second, TVL1Parameters())[8:-8, 8:-8]
    assert np.abs(flow - [2, -1]).max() < 0.15


def test_real_frames_are_explained_as_well_as_by_opencv(shared):
    from finegym.video.reader import VideoReader

    with VideoReader(shared / "clips/ucf101/BalanceBeam/v_BalanceBeam_g05_c01.avi") as reader:
        frames = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in reader.read_frames([20, 21])]
    ours = compute_tvl1(*frames, TVL1Parameters())
    same = compute_tvl1(*frames, TVL1Parameters(epsilon=OPENCV_EPSILON))
    theirs = cv2.optflow.DualTVL1OpticalFlow_create().calc(*frames, None)
    assert np.linalg.norm(same - theirs, axis=2).mean() < 0.02
    assert compute_photometric_error(*frames, ours) <= 1.02 * compute_photometric_error(*frames, theirs)
    assert compute_photometric_error(*frames, ours) < 0.8 * compute_photometric_error(*frames, 0 * ours)


def compute_photometric_error(first, second, flow):
    rows, columns = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    place = columns + flow[..., 0], rows + flow[..., 1]
    warped = cv2.remap(second.astype(np.float32), *place, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.abs(warped - first)[8:-8, 8:-8].mean()


def test_a_proposal_is_taken_where_it_explains_more():
    texture, limb = make_texture(96, 120), make_texture(40, 10, seed=3) / 2
    first, second = texture.copy(), texture.copy()
    first[30:70, 40:46], second[30:70, 54:60] = limb[:, :6], limb[:, :6]
    first, second = np.rint(first).astype(np.uint8), np.rint(second).astype(np.uint8)
    wild = np.full((96, 120, 2), (14, 0), np.float32)
    alone = compute_tvl1(first, second, TVL1Parameters())
    helped = compute_tvl1(first, second, TVL1Parameters(), proposal=wild)
    assert np.median(alone[32:68, 41:45, 0]) < 7
    assert np.median(helped[32:68, 41:45, 0]) == pytest.approx(14, abs=2)
    assert np.abs(helped[:, 80:] - alone[:, 80:]).max() < 0.5  # not where the coarser levels are right


def test_small_frames_have_one_level_and_large_ones_no_more_than_asked():
    assert [level.shape for level in build_pyramid(np.zeros((19, 300), np.uint8), TVL1Parameters())] == [(19, 300)]
    levels = build_pyramid(np.zeros((256, 340), np.uint8), TVL1Parameters())
    assert [level.shape for level in levels] == [(256, 340), (205, 272), (164, 218), (131, 174), (105, 139)]


def test_finer_levels_may_warp_less():
    assert TVL1Parameters(num_warps=3).count_warps(is_coarsest=False) == 3
    parameters = TVL1Parameters(num_warps=3, num_finer_warps=1)
    assert (parameters.count_warps(is_coarsest=True), parameters.count_warps(is_coarsest=False)) == (3, 1)


def test_all_impossible_parameters_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        TVL1Parameters(
            tau=0, lambda_=float("nan"), theta=-1, num_scales=0, scale_step=1, num_warps=2.5, num_finer_warps=0,
            epsilon=-1, num_inner_iterations=0, num_outer_iterations=0, median_size=4,
        )  # fmt: skip
    message = str(caught.value)
    for name in ("tau", "lambda_", "theta", "num_scales", "scale_step", "num_warps", "num_finer_warps", "epsilon"):
        assert f"{name} must" in message
    for name in ("num_inner_iterations", "num_outer_iterations", "median_size"):
        assert f"{name} must" in message
