"""Videos that the tests of this folder share."""

import pytest


@pytest.fixture(autouse=True)
def _keep_indexes_apart(tmp_path_factory, monkeypatch):
    """No test leaves frame indexes beside files that are not its own."""
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))
