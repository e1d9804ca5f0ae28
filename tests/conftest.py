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


@pytest.fixture(autouse=True, scope="session")
def _keep_frame_indexes_elsewhere(tmp_path_factory):
    """Tests leave no frame index beside the clips of the shared folder, and none in the user's cache."""
    os.environ.setdefault("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("frame-indexes")))


@pytest.fixture(autouse=True)
def _keep_random_state():
    """No test changes the global random state for the next one."""
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
