"""Dimensions of the apparatus."""

import pytest

from finegym.errors import SimulationError
from finegym.simulation.apparatus import Box, Capsule, get_apparatus_shapes


def test_beam_is_5_m_by_10_cm_and_its_top_at_125_cm():
    (beam,) = [shape for shape in get_apparatus_shapes("BB") if shape.role == "beam"]
    assert isinstance(beam, Box)
    assert beam.half_sizes[:2] == (2.5, 0.05)
    assert beam.center[2] + beam.half_sizes[2] == pytest.approx(1.25)


def test_bars_are_parallel_to_y_at_175_and_255_cm_and_within_reach():
    bars = [shape for shape in get_apparatus_shapes("UB") if shape.role == "bar"]
    assert all(isinstance(bar, Capsule) and bar.a[0] == bar.b[0] and bar.a[1] == -bar.b[1] for bar in bars)
    assert sorted(bar.a[2] for bar in bars) == [1.75, 2.55]
    (first, second) = bars
    diagonal = ((first.a[0] - second.a[0]) ** 2 + (first.a[2] - second.a[2]) ** 2) ** 0.5
    assert 1.3 <= diagonal <= 1.81, "FIG: inner distance of the bars 130 to 180 cm"


def test_floor_is_12_m_square_and_level_with_the_world():
    (carpet,) = [shape for shape in get_apparatus_shapes("FX") if shape.role == "carpet"]
    assert carpet.half_sizes[:2] == (6.0, 6.0)
    assert carpet.center[2] + carpet.half_sizes[2] == pytest.approx(0.0)


def test_vault_table_is_125_cm_high_with_the_board_before_it():
    shapes = {shape.role: shape for shape in get_apparatus_shapes("VT")}
    table, board = shapes["table"], shapes["board"]
    assert table.center[2] + table.half_sizes[2] == pytest.approx(1.25)
    assert board.center[0] + board.half_sizes[0] < table.center[0] - table.half_sizes[0]


def test_no_shape_is_empty():
    for event in ("VT", "FX", "BB", "UB"):
        for shape in get_apparatus_shapes(event):
            assert min(shape.half_sizes) > 0 if isinstance(shape, Box) else shape.radius > 0


def test_unknown_event_is_named():
    with pytest.raises(SimulationError, match="'SR'"):
        get_apparatus_shapes("SR")
