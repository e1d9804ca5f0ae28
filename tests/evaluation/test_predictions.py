"""The prediction file: a round trip, and every way it can fail to fit its split."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finegym.errors import PredictionError
from finegym.evaluation.predictions import align_predictions, read_predictions, write_predictions

IDS = ["v1_E_000000_000005_A_0000_0002", "v1_E_000000_000005_A_0002_0004", "v2_E_000000_000005_A_0000_0002"]
LOGITS = np.arange(9, dtype=np.float32).reshape(3, 3)
TARGETS = {IDS[2]: 0, IDS[0]: 2, IDS[1]: 1}


@pytest.fixture
def path(tmp_path):
    write_predictions(tmp_path / "p.parquet", IDS, LOGITS, {"subset": "VT", "split": "val"})
    return tmp_path / "p.parquet"


def test_round_trip(path):
    predictions = read_predictions(path)
    assert predictions.instance_ids == tuple(IDS)
    assert predictions.logits.dtype == np.float32
    np.testing.assert_array_equal(predictions.logits, LOGITS)
    assert predictions.metadata["subset"] == "VT" and predictions.metadata["format"] == "finegym-predictions/1"


def test_other_programs_can_read_it(path):
    import polars as pl

    frame = pl.read_parquet(path)
    assert frame.columns == ["instance_id", "logits"]
    assert frame["logits"].to_list()[1] == [3.0, 4.0, 5.0]


def test_alignment_follows_the_split(path):
    aligned = align_predictions(read_predictions(path), TARGETS, 3, split_name="VT/val")
    assert aligned.instance_ids == (IDS[2], IDS[0], IDS[1])
    np.testing.assert_array_equal(aligned.logits, LOGITS[[2, 0, 1]])
    assert aligned.targets.tolist() == [0, 2, 1] and not aligned.is_missing.any()


def test_missing_instances_are_listed(path):
    targets = {**TARGETS, "v9_E_000000_000005_A_0000_0002": 1}
    with pytest.raises(
        PredictionError, match=r"VT/val has 4 instances, predictions cover 3; first missing: v9_E.*--missing wrong"
    ):
        align_predictions(read_predictions(path), targets, 3, split_name="VT/val")
    aligned = align_predictions(read_predictions(path), targets, 3, split_name="VT/val", missing="wrong")
    assert aligned.is_missing.tolist() == [False, False, False, True]
    assert np.isnan(aligned.logits[3]).all()


def test_unknown_instances_are_listed(path):
    targets = {IDS[0]: 2}
    with pytest.raises(
        PredictionError, match=r"2 predictions are for instances that VT/val does not hold.*--extra ignore"
    ):
        align_predictions(read_predictions(path), targets, 3, split_name="VT/val")
    assert align_predictions(read_predictions(path), targets, 3, split_name="VT/val", extra="ignore").num_extra == 2


def test_wrong_number_of_classes(path):
    with pytest.raises(PredictionError, match="VT/val has 5 classes, the file has 3 logits"):
        align_predictions(read_predictions(path), TARGETS, 5, split_name="VT/val")


def test_duplicate_ids_are_refused(tmp_path):
    with pytest.raises(PredictionError, match="1 instance ids occur more than once; first: a"):
        write_predictions(tmp_path / "p.parquet", ["a", "a"], LOGITS[:2], {})
    assert list(tmp_path.iterdir()) == []


def test_nan_is_refused(tmp_path):
    with pytest.raises(PredictionError, match="1 rows hold logits that are not finite; first: b"):
        write_predictions(tmp_path / "p.parquet", ["a", "b"], np.array([[0.0], [np.nan]]), {})


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "no such file"),
        (b"instance_id,logits\n", "not a readable Parquet file"),
        (pa.table({"id": ["a"]}), "expected columns instance_id and logits, got id"),
        (
            pa.table({"instance_id": ["a", "b"], "logits": [[1.0, 2.0], [1.0]]}),
            r"row 1 \(b\) has 1 logits, row 0 has 2",
        ),
    ],
)
def test_bad_files_are_one_clear_error(tmp_path, content, fact):
    path = tmp_path / "p.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(content, path)
    with pytest.raises(PredictionError, match=fact) as caught:
        read_predictions(path)
    assert "p.parquet" in str(caught.value)


def test_empty_file_reads_back(tmp_path):
    write_predictions(tmp_path / "p.parquet", [], np.zeros((0, 4)), {})
    assert read_predictions(tmp_path / "p.parquet").instance_ids == ()


@pytest.mark.parametrize(
    ("columns", "fact"),
    [
        ({"instance_id": ["a"], "logits": ["x"]}, "logits as lists of numbers, got"),
        ({"instance_id": [1], "logits": [[1.0]]}, "instance_id as strings, got int64"),
        ({"instance_id": ["a", None], "logits": [[1.0], [2.0]]}, "1 cells of instance_id or logits are empty"),
    ],
)
def test_columns_of_other_types_are_one_clear_error(tmp_path, columns, fact):
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(PredictionError, match=fact):
        read_predictions(tmp_path / "p.parquet")


def test_table_without_rows_or_types_reads_as_empty(tmp_path):
    pq.write_table(pa.table({"instance_id": [], "logits": []}), tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").instance_ids == ()
