"""One pair of records for all tests of feature builds."""

import shutil

import pytest
from feature_samples import write_records


@pytest.fixture(scope="session")
def _records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records-of-features")
    write_records(folder)
    return folder


@pytest.fixture
def folder(_records, tmp_path):
    shutil.copytree(_records / "records", tmp_path / "data" / "records")
    return tmp_path / "data"
