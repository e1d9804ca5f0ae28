"""TV-L1 in PyTorch: the same flow as on the CPU, and every pair as if it were alone."""

import cv2
import numpy as np
import pytest
import torch
from flow_scenes import MOTIONS, compute_epe, make_texture, move

from finegym.errors import ConfigError
from finegym.features.flow.methods import compute_flows
from finegym.features.flow.parameters import TVL1Parameters
from finegym.features.flow.tvl1 import compute_tvl1
from finegym.features.flow.tvl1_torch import compute_clip, compute_flow_batch, filter_median

# Pixels: positions are rounded differently, and near the stop that can be one update more or less.
MEAN_TOLERANCE, LARGEST_SHARE, LARGE = 0.01, 0.01, 0.1


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def compute_batch(pairs, parameters):
    first, second = (torch.from_numpy(np.stack(frames)) for frames in zip(*pairs, strict=True))
    return compute_flow_batch(first, second, parameters).permute(0, 2, 3, 1).numpy()


def assert_alike(got, expected):
    difference = np.linalg.norm(got - expected, axis=-1)
    assert difference.mean() < MEAN_TOLERANCE
    assert (difference > LARGE).mean() < LARGEST_SHARE


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"epsilon": 0.01},
        {"num_finer_warps": 1},
        {"scale_step": 0.5, "median_size": 3},
        {"median_size": 1, "num_warps": 2},
        {"lambda_": 0.05, "theta": 0.5, "tau": 0.1, "num_inner_iterations": 7},
    ],
    ids=str,
)
def test_same_flow_as_on_the_cpu(parameters):
    pairs = [move(matrix, 63, 80)[:2] for matrix in MOTIONS.values()]
    settings = TVL1Parameters(**parameters)
    for got, pair in zip(compute_batch(pairs, settings), pairs, strict=True):
        assert_alike(got, compute_tvl1(*pair, settings))


def test_same_flow_as_on_the_cpu_on_real_frames(shared):
    from finegym.video.reader import VideoReader

    with VideoReader(shared / "clips/ucf101/BalanceBeam/v_BalanceBeam_g05_c01.avi") as reader:
        frames = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in reader.read_frames([20, 21, 22])])
    assert_alike(compute_clip(frames, TVL1Parameters(), "cpu"), compute_flows(frames))


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 30), (30, 1), (5, 64), (17, 33)])
def test_frames_of_any_size(shape):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    got = compute_clip(frames, TVL1Parameters(), "cpu")[0]
    expected = compute_tvl1(*frames, TVL1Parameters())
    assert np.isfinite(got).all()
    # Noise has no flow: a few pixels fall to another side of a threshold.
    assert np.abs(got - expected).mean() < 0.05


def test_a_pair_does_not_feel_the_others():
    still = make_texture(64, 72).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 72), dtype=np.uint8)
    pairs = [(still, still), move(MOTIONS["translation"], 64, 72)[:2], tuple(noise), move(MOTIONS["zoom"], 64, 72)[:2]]
    together = compute_batch(pairs, TVL1Parameters())
    for number, pair in enumerate(pairs):
        np.testing.assert_allclose(together[number], compute_batch([pair], TVL1Parameters())[0], atol=1e-4)
    backwards = compute_batch(pairs[::-1], TVL1Parameters())[::-1]
    np.testing.assert_allclose(together, backwards, atol=1e-4)
    assert not together[0].any()


def test_a_long_clip_goes_in_portions():
    frames = np.stack([make_texture(40, 200)[:, 2 * k : 2 * k + 48] for k in range(6)]).astype(np.uint8)
    whole = compute_clip(frames, TVL1Parameters(), "cpu")
    parts = compute_clip(frames, TVL1Parameters(), "cpu", pixels_at_once=2 * 40 * 48)
    np.testing.assert_allclose(whole, parts, atol=1e-4)
    assert np.abs(whole[:, 8:-8, 8:-8] - [-2, 0]).mean() < 0.1
    assert len(compute_clip(frames[:1], TVL1Parameters(), "cpu")) == 0


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (20, 31)])
def test_the_median_is_opencvs(size, shape):
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 2, *shape)).astype(np.float32))
    got = filter_median(images, size)
    for b in range(2):
        for c in range(2):
            assert np.array_equal(got[b, c].numpy(), cv2.medianBlur(images[b, c].numpy(), size))


def test_constant_and_still_frames_have_no_flow():
    frames = torch.full((2, 33, 40), 128, dtype=torch.uint8)
    assert not compute_flow_batch(frames, frames).any()
    assert not compute_flow_batch(frames, frames + 50).any()


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="'cuda:99'"):
        compute_flows(np.zeros((2, 16, 16), np.uint8), device="cuda:99")
    with pytest.raises(ConfigError, match="'abacus'"):
        compute_flows(np.zeros((2, 16, 16, 3), np.uint8), "raft", device="abacus")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_same_flow_on_a_gpu():
    first, second, truth = move(MOTIONS["rotation"])
    got = compute_flows(np.stack([first, second]), device="cuda")[0]
    assert_alike(got, compute_tvl1(first, second, TVL1Parameters()))
    assert compute_epe(got, truth) < 0.1
