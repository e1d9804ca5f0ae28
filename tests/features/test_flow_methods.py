"""Flow by name: every method on known motion, on frames of any size, and on what is no pair of frames."""

import cv2
import numpy as np
import pytest
import torch
from flow_scenes import MOTIONS, compute_epe, make_texture, move

from finegym.errors import ConfigError, FeatureError
from finegym.features.flow.methods import METHODS, compute_flow, compute_flows
from finegym.features.flow.raft import compute_raft, find_weights, read_network

CPU_METHODS = [name for name in METHODS if not name.startswith("raft")]
# What is wrong by more than this many pixels on smooth motion is a bug of axes, signs or units.
LARGEST_EPE = {"tvl1": 0.1, "tvl1-fast": 0.1, "dis": 0.3, "farneback": 0.3}
# OpenCV's Farneback finds some motion in a still textured frame near its border.
LARGEST_STILL = {"tvl1": 0.0, "tvl1-fast": 0.0, "dis": 1e-3, "farneback": 0.15}
SIZES = [(1, 1), (2, 2), (1, 50), (50, 1), (3, 5), (7, 300), (16, 16), (17, 33), (31, 95), (101, 63)]


@pytest.fixture(scope="module")
def raft_weights(tmp_path_factory):
    """A file of weights for the small network: random, but the same for everybody."""
    from torchvision.models.optical_flow import raft_small

    with torch.random.fork_rng():
        torch.manual_seed(0)
        path = tmp_path_factory.mktemp("weights") / "raft.pth"
        torch.save(raft_small(weights=None).state_dict(), path)
    return path


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("method", CPU_METHODS)
def test_known_motion_is_found(method, motion):
    first, second, truth = move(MOTIONS[motion])
    assert compute_epe(compute_flow(first, second, method), truth) < LARGEST_EPE[method]


@pytest.mark.parametrize("method", CPU_METHODS)
def test_a_still_clip_has_no_flow(method):
    frames = np.stack([make_texture(60, 80)] * 3).astype(np.uint8)
    assert np.abs(compute_flows(frames, method)).max() <= LARGEST_STILL[method]
    for value in (0, 128, 255):
        assert np.abs(compute_flows(np.full((2, 60, 80), value, np.uint8), method)).max() < 1e-3


@pytest.mark.parametrize("method", CPU_METHODS)
def test_a_step_in_brightness_of_a_constant_frame_is_no_motion(method):
    frames = np.stack([np.full((60, 80), value, np.uint8) for value in (0, 255)])
    assert np.abs(compute_flows(frames, method)).max() < 1e-3


@pytest.mark.parametrize("method", CPU_METHODS)
def test_frames_of_any_size(method):
    rng = np.random.default_rng(0)
    for shape in SIZES:
        frames = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
        flow = compute_flows(frames, method)
        assert flow.shape == (1, *shape, 2) and flow.dtype == np.float32
        assert np.isfinite(flow).all()


@pytest.mark.parametrize("method", CPU_METHODS)
def test_pairs_are_neighbours_and_threads_change_nothing(method):
    texture = make_texture(64, 120)
    frames = np.stack([texture[:, 3 * k : 3 * k + 80] for k in (0, 1, 1, 2, 1)]).astype(np.uint8)
    fields = compute_flows(frames, method)
    assert fields.shape == (4, 64, 80, 2)
    middle = np.median(fields[:, 16:-16, 16:-16], axis=(1, 2))
    np.testing.assert_allclose(middle, [[-3, 0], [0, 0], [-3, 0], [3, 0]], atol=0.15)
    assert np.array_equal(fields, compute_flows(frames, method, threads=3))
    for pair, field in enumerate(fields):
        assert np.array_equal(field, compute_flow(frames[pair], frames[pair + 1], method))


def test_what_was_computed_before_changes_nothing():
    large, small = (move(MOTIONS["zoom"], *size)[:2] for size in ((130, 140), (33, 40)))
    for preset in ("medium", "fast", "ultrafast"):
        before = compute_flow(*large, "dis", preset=preset)
        compute_flow(*small, "dis", preset=preset)
        assert np.array_equal(before, compute_flow(*large, "dis", preset=preset))


@pytest.mark.parametrize("method", METHODS)
def test_a_clip_of_one_frame_has_no_pairs(method):
    shape = (1, 40, 50) if METHODS[method].colour == "grey" else (1, 40, 50, 3)
    assert compute_flows(np.zeros(shape, np.uint8), method).shape == (0, 40, 50, 2)


def test_frames_need_not_be_contiguous():
    first, second, _ = move(MOTIONS["zoom"])
    wide = np.repeat(np.stack([first, second], 2), 2, axis=1)
    for method in CPU_METHODS:
        got = compute_flow(wide[:, ::2, 0], wide[:, ::2, 1], method)
        assert np.array_equal(got, compute_flow(first, second, method))


def test_frames_are_left_as_they_were():
    first, second, _ = move(MOTIONS["zoom"])
    copies = first.copy(), second.copy()
    for method in CPU_METHODS:
        compute_flow(first, second, method)
    assert np.array_equal(first, copies[0]) and np.array_equal(second, copies[1])


def test_the_fast_method_follows_a_fast_limb_better():
    texture, limb = make_texture(128, 160), make_texture(60, 12, seed=3) / 2
    frames = np.stack([texture, texture])
    frames[0, 40:100, 60:70], frames[1, 40:100, 72:82] = limb[:, :10], limb[:, :10]
    flow, fast = (compute_flows(np.rint(frames).astype(np.uint8), name)[0] for name in ("tvl1", "tvl1-fast"))
    errors = [np.linalg.norm(field[42:98, 61:69] - (12, 0), axis=2).mean() for field in (flow, fast)]
    assert errors[1] < 0.8 * errors[0]


def test_frames_of_two_sizes_are_refused():
    small, large = np.zeros((40, 50), np.uint8), np.zeros((80, 100), np.uint8)
    with pytest.raises(FeatureError, match="50x40 and 100x80"):
        compute_flow(small, large)


@pytest.mark.parametrize(
    ("frames", "method"),
    [
        (np.zeros((2, 40, 50), np.float32), "tvl1"),
        (np.zeros((2, 40, 50), np.uint16), "dis"),
        (np.zeros((2, 40, 50, 3), np.uint8), "tvl1"),
        (np.zeros((40, 50), np.uint8), "farneback"),
        (np.zeros((0, 40, 50), np.uint8), "tvl1-fast"),
        (np.zeros((2, 0, 50), np.uint8), "tvl1"),
        (np.zeros((2, 40, 50), np.uint8), "raft"),
    ],
)
def test_what_is_no_clip_is_refused(frames, method):
    with pytest.raises(FeatureError) as caught:
        compute_flows(frames, method)
    assert (
        method in str(caught.value)
        and str(frames.shape) in str(caught.value)
        and str(frames.dtype) in str(caught.value)
    )


def test_unknown_names_are_refused_with_the_known_ones():
    frames = np.zeros((2, 40, 50), np.uint8)
    with pytest.raises(ConfigError, match=r"'tvl2'.*tvl1, tvl1-fast, dis, farneback, raft"):
        compute_flows(frames, "tvl2")
    with pytest.raises(ConfigError, match=r"no parameter lamda.*lambda_"):
        compute_flows(frames, "tvl1", lamda=0.1)
    with pytest.raises(ConfigError, match="'medum'"):
        compute_flows(frames, "dis", preset="medum")
    with pytest.raises(ConfigError, match="0"):
        compute_flows(frames, threads=0)
    with pytest.raises(ConfigError, match=r"dis runs on the CPU only.*tvl1, raft"):
        compute_flows(frames, "dis", device="cuda")


def test_parameters_reach_the_method():
    first, second, _ = move(MOTIONS["rotation"])
    for method, parameters in (
        ("tvl1", {"lambda_": 0.02}),
        ("tvl1-fast", {"epsilon": 0.2}),
        ("dis", {"preset": "ultrafast"}),
        ("farneback", {"window_size": 31}),
    ):
        changed = compute_flow(first, second, method, **parameters)
        assert np.abs(changed - compute_flow(first, second, method)).max() > 0.01, method
    assert METHODS["tvl1"].parameters["epsilon"] == 0.02


def test_farneback_is_opencvs():
    first, second, _ = move(MOTIONS["zoom"])
    expected = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 4, 15, 3, 5, 1.2, 0)
    assert np.array_equal(compute_flow(first, second, "farneback"), expected)


def test_raft_without_weights_says_where_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ConfigError, match=r"raft_large_C_T_SKHT_V2-ff5fadd5\.pth.*https://download\.pytorch\.org"):
        compute_flows(np.zeros((2, 40, 50, 3), np.uint8), "raft")
    with pytest.raises(ConfigError, match=r"gone\.pth"):
        find_weights("small", tmp_path / "gone.pth")
    cached = tmp_path / "checkpoints" / "raft_small_C_T_V2-01064c6d.pth"
    cached.parent.mkdir()
    cached.write_bytes(b"")
    assert find_weights("small") == cached


def test_weights_of_something_else_are_refused(tmp_path, raft_weights):
    frames = np.zeros((2, 40, 50, 3), np.uint8)
    with pytest.raises(ConfigError, match="raft_large"):
        compute_flows(frames, "raft", weights=raft_weights)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ConfigError, match=r"text\.pth"):
        compute_flows(frames, "raft", weights=tmp_path / "text.pth")


def test_raft_gives_what_its_network_gives(raft_weights):
    frames = np.random.default_rng(0).integers(0, 256, (3, 128, 136, 3), dtype=np.uint8)
    network = read_network("small", str(raft_weights), "cpu")
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255 * 2 - 1
    with torch.inference_mode():
        expected = [network(pictures[k : k + 1], pictures[k + 1 : k + 2], 2)[-1][0] for k in range(2)]
    got = compute_flows(frames, "raft-small", weights=raft_weights, num_updates=2)
    for field, flow in zip(got, expected, strict=True):
        np.testing.assert_allclose(field, flow.permute(1, 2, 0).numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (40, 50), (130, 129)])
def test_raft_continues_frames_to_a_size_it_can_take(raft_weights, shape):
    frames = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    flow = compute_raft(frames, size="small", weights=raft_weights, num_updates=1)
    assert flow.shape == (1, *shape, 2) and np.isfinite(flow).all()
