"""Optical flow by name: one function for a pair, one for a clip. The dict below is the whole registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from finegym.errors import ConfigError, FeatureError
from finegym.features.flow.opencv import PRESETS, compute_dis, compute_farneback
from finegym.features.flow.parameters import TVL1Parameters
from finegym.features.flow.tvl1 import compute_tvl1


@dataclass(frozen=True)
class FlowMethod:
    """A method that can be asked for by name.

    Attributes:
        summary: one line.
        colour: ``grey``: frames are (H, W); ``rgb``: frames are (H, W, 3).
        uses_device: whether it can run elsewhere than on the CPU.
        parameters: every parameter with its default; plain values.
        compute: ``(frames, threads, device, **parameters)`` to the flow of each pair.
        version: one more with every change that gives other flow: what is stored of an older one is not current then.
    """

    summary: str
    colour: str
    uses_device: bool
    parameters: Mapping[str, Any]
    compute: Callable[..., np.ndarray]
    version: int = 1


def compute_flow(
    first: np.ndarray, second: np.ndarray, method: str = "tvl1", *, device: str = "cpu", **parameters: Any
) -> np.ndarray:
    """Optical flow from one frame to the next.

    Args:
        first: uint8 (H, W), grey; (H, W, 3), RGB, where ``METHODS[method].colour`` says so.
        second: like ``first``.
        method: key of ``METHODS``.
        device: where to compute: ``cpu``, ``cuda``, ``cuda:1``, …; only ``tvl1`` and ``raft`` leave the CPU.
        parameters: of the method; the others keep the defaults of ``METHODS[method].parameters``.

    Returns:
        float32 (H, W, 2), (dx, dy) in pixels: what is at (x, y) in ``first`` is at (x + dx, y + dy) in ``second``.

    Raises:
        FeatureError: the frames differ in size, or are no uint8 arrays of the kind the method takes.
        ConfigError: an unknown method, parameter or device, or weights that are not there.

    Example:
        >>> first = np.zeros((32, 32), np.uint8)
        >>> compute_flow(first, first).shape
        (32, 32, 2)
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise FeatureError(
            f"Flow needs two frames of one size, got {_name_size(first)} and {_name_size(second)}; "
            "resize one of them, or leave out the pair where the picture changes its size."
        )
    return compute_flows(np.stack([first, second]), method, device=device, **parameters)[0]


def compute_flows(
    frames: np.ndarray, method: str = "tvl1", *, threads: int = 1, device: str = "cpu", **parameters: Any
) -> np.ndarray:
    """Optical flow between all neighbouring frames of a clip.

    Args:
        frames: uint8 (T, H, W), grey; (T, H, W, 3), RGB, where ``METHODS[method].colour`` says so.
        method: key of ``METHODS``.
        threads: pairs at a time on the CPU; the result does not depend on it.
        device: as in ``compute_flow``.
        parameters: as in ``compute_flow``.

    Returns:
        float32 (T - 1, H, W, 2), as in ``compute_flow``; a clip of one frame has no pairs.

    Raises:
        FeatureError, ConfigError: as in ``compute_flow``.
    """
    chosen = _choose(method, device, parameters)
    frames = np.asarray(frames)
    _check_frames(frames, method, chosen.colour)
    if threads < 1:
        raise ConfigError(f"Flow needs 1 thread or more, got {threads}.")
    if len(frames) == 1:
        return np.zeros((0, *frames.shape[1:3], 2), np.float32)
    return chosen.compute(frames, threads, device, **{**chosen.parameters, **parameters})


def _choose(method: str, device: str, parameters: Mapping[str, Any]) -> FlowMethod:
    if method not in METHODS:
        raise ConfigError(f"Unknown flow method {method!r}; there are {', '.join(METHODS)}.")
    chosen = METHODS[method]
    unknown = [name for name in parameters if name not in chosen.parameters]
    if unknown:
        raise ConfigError(
            f"Flow method {method} has no parameter {', '.join(unknown)}; it has {', '.join(chosen.parameters)}."
        )
    if device != "cpu" and not chosen.uses_device:
        able = ", ".join(name for name, each in METHODS.items() if each.uses_device)
        raise ConfigError(f"Flow method {method} runs on the CPU only, got device {device!r}; on a GPU run {able}.")
    if device != "cpu":
        _check_device(device)
    return chosen


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # a torch without CUDA fails an assertion
        reason = str(error).splitlines()[0]
        raise ConfigError(f"Flow cannot run on device {device!r} ({reason}); name a device that is there.") from error


def _check_frames(frames: np.ndarray, method: str, colour: str) -> None:
    shape = "(T, H, W), grey" if colour == "grey" else "(T, H, W, 3), RGB"
    fits = frames.ndim == 3 if colour == "grey" else frames.ndim == 4 and frames.shape[3] == 3
    if frames.dtype != np.uint8 or not fits or 0 in frames.shape:
        raise FeatureError(
            f"Flow method {method} takes frames as uint8 {shape}, none of them 0; got {frames.dtype} {frames.shape}."
        )


def _name_size(frame: np.ndarray) -> str:
    return "x".join(map(str, frame.shape[1::-1])) if frame.ndim >= 2 else str(frame.shape)


def _map_pairs(compute: Callable[[np.ndarray, np.ndarray], np.ndarray], frames: np.ndarray, threads: int) -> np.ndarray:
    """Every pair on its own thread, ``threads`` at a time."""
    fields = np.empty((len(frames) - 1, *frames.shape[1:3], 2), np.float32)

    def fill(pair: int) -> None:
        fields[pair] = compute(frames[pair], frames[pair + 1])

    if threads == 1:
        for pair in range(len(fields)):
            fill(pair)
    else:
        with ThreadPoolExecutor(min(threads, len(fields))) as pool:
            list(pool.map(fill, range(len(fields))))
    return fields


def _compute_tvl1(frames: np.ndarray, threads: int, device: str, **parameters: Any) -> np.ndarray:
    settings = TVL1Parameters(**parameters)
    if device != "cpu":
        from finegym.features.flow.tvl1_torch import compute_clip

        return compute_clip(frames, settings, device)
    return _map_pairs(lambda first, second: compute_tvl1(first, second, settings), frames, threads)


def _compute_tvl1_fast(frames: np.ndarray, threads: int, device: str, **parameters: Any) -> np.ndarray:
    settings = TVL1Parameters(**parameters)

    def compute(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return compute_tvl1(first, second, settings, proposal=compute_dis(first, second))

    return _map_pairs(compute, frames, threads)


def _compute_dis(frames: np.ndarray, threads: int, device: str, preset: str) -> np.ndarray:
    if preset not in PRESETS:
        raise ConfigError(f"DIS has the presets {', '.join(PRESETS)}; got {preset!r}.")
    return _map_pairs(lambda first, second: compute_dis(first, second, preset), frames, threads)


def _compute_farneback(frames: np.ndarray, threads: int, device: str, **parameters: Any) -> np.ndarray:
    return _map_pairs(lambda first, second: compute_farneback(first, second, **parameters), frames, threads)


def _compute_raft(frames: np.ndarray, threads: int, device: str, **parameters: Any) -> np.ndarray:
    from finegym.features.flow.raft import compute_raft

    return compute_raft(frames, device, **parameters)


TVL1_DEFAULTS = dataclasses.asdict(TVL1Parameters())
TVL1_FAST_DEFAULTS = dataclasses.asdict(TVL1Parameters(num_finer_warps=1))
FARNEBACK_DEFAULTS = {"num_scales": 4, "window_size": 15, "num_iterations": 3, "poly_size": 5, "poly_sigma": 1.2}
RAFT_DEFAULTS = {"weights": None, "num_updates": 12, "batch_size": 4}

METHODS: dict[str, FlowMethod] = {
    "tvl1": FlowMethod("TV-L1, the flow of the two-stream literature", "grey", True, TVL1_DEFAULTS, _compute_tvl1),
    "tvl1-fast": FlowMethod(
        "TV-L1 with one warp a level, started from DIS where that is better",
        "grey",
        False,
        TVL1_FAST_DEFAULTS,
        _compute_tvl1_fast,
    ),
    "dis": FlowMethod("dense inverse search, OpenCV's", "grey", False, {"preset": "medium"}, _compute_dis),
    "farneback": FlowMethod("polynomials, OpenCV's", "grey", False, FARNEBACK_DEFAULTS, _compute_farneback),
    "raft": FlowMethod("RAFT, torchvision's", "rgb", True, {"size": "large", **RAFT_DEFAULTS}, _compute_raft),
    "raft-small": FlowMethod(
        "RAFT, torchvision's small one", "rgb", True, {"size": "small", **RAFT_DEFAULTS}, _compute_raft
    ),
}
