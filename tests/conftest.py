"""Fixtures that every room shares."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real FineGym files and clips beside the checkout; not part of the project."""
    if not SHARED.is_dir():
        message = f"real data folder {SHARED} is missing: tests on real FineGym files and clips were not run"
        if os.environ.get("FINEGYM_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture(autouse=True)
def _keep_random_state():
    """No test changes the global random state for the next one."""
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
