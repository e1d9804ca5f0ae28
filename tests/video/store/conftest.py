"""One pair of records for all tests of the clip store."""

import shutil

import pytest
from store_samples import make_dataset, write_records


@pytest.fixture(scope="session")
def _records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records-of-stores")
    write_records(folder)
    return folder


@pytest.fixture
def folder(_records, tmp_path):
    """A dataset folder with the records of ``make_dataset``."""
    shutil.copytree(_records / "records", tmp_path / "data" / "records")
    return tmp_path / "data"


@pytest.fixture
def dataset():
    return make_dataset()
