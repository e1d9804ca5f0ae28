"""Quantised flow against the published formula, and its error against what arithmetic says it must be."""

import numpy as np

from finegym.features.flow.quantise import BOUND_PX, STEP_PX, ZERO_CODE, count_clipped, dequantise, quantise


def quantise_as_published(value):
    """The macro of the released extraction code, one value at a time (cvRound rounds halves to even)."""
    low, high = -20.0, 20.0
    if value > high:
        return 255
    if value < low:
        return 0
    return int(np.rint(255 * (value - low) / (high - low)))


def test_codes_are_those_of_the_published_tools():
    values = np.concatenate([np.linspace(-30, 30, 4001), [0.0, 20.0, -20.0, 1e9, -1e9]])
    expected = np.array([quantise_as_published(value) for value in values])
    codes = quantise(values.astype(np.float32))
    # In float32 a value may lie on the other side of a half-way point.
    differs = codes != expected
    assert differs.mean() < 0.01 and np.abs(codes.astype(int) - expected).max() <= 1
    assert (np.abs((values[differs] + 20) / STEP_PX % 1 - 0.5) < 1e-4).all()


def test_nothing_moving_is_128_which_is_half_a_step_to_the_right():
    assert quantise(np.zeros(2))[0] == ZERO_CODE == 128
    assert np.isclose(dequantise(np.array([ZERO_CODE], np.uint8))[0], STEP_PX / 2)


def test_every_code_comes_back():
    codes = np.arange(256, dtype=np.uint8)
    assert np.array_equal(quantise(dequantise(codes)), codes)
    assert dequantise(codes).dtype == np.float32


def test_inside_the_bound_the_error_is_that_of_rounding():
    field = np.random.default_rng(0).uniform(-BOUND_PX, BOUND_PX, (200, 200, 2))
    error = dequantise(quantise(field)) - field
    assert np.abs(error).max() <= STEP_PX / 2 + 1e-5
    # End-point error of a uniform error in a square of side h: h * (sqrt 2 + asinh 1) / 6 = 0.3826 h.
    expected = STEP_PX * (np.sqrt(2) + np.arcsinh(1)) / 6
    assert np.isclose(np.hypot(error[..., 0], error[..., 1]).mean(), expected, rtol=0.01)


def test_what_is_clipped_is_counted_by_component():
    field = np.array([[20.0, -20.0], [20.1, 0.0], [-33.0, 40.0]])
    assert count_clipped(field) == 3
    assert dequantise(quantise(field))[2].tolist() == [-20.0, 20.0]
