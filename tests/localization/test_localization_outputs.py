"""Which files may be written over."""

import gzip
import json

import numpy as np
import pytest

from finegym.errors import OutputError
from finegym.evaluation.localization.detections import Detections, write_detections
from finegym.localization.outputs import check_detections_path, check_nested_path, check_spots_path
from finegym.localization.spotter_files import write_spots

SOURCE = {"start_frame": 0, "end_frame": 9, "pad": [0, 0], "effective_pad": [0, 0]}


def make_spots(**more):
    events = [{"frame": 3, "label": "BB_turns_start", **more}]
    return [{"video": "Ü_E", "num_frames": 9, "fps": 25.0, "num_events": 1, "events": events, "_source_info": SOURCE}]


@pytest.mark.parametrize("name", ["found.json", "found.json.gz"])
def test_detections_may_be_written_anew(tmp_path, name):
    path = tmp_path / name
    check_detections_path(path)
    rows = Detections(np.zeros(1, int), np.array([[0.0, 1.0]]), np.zeros(1, int), np.ones(1))
    for external_data in ({}, {"run": "runs/actions"}):
        write_detections(path, rows, ["A"], ["VT"], external_data=external_data)
        check_detections_path(path)


def test_what_is_no_file_of_detections_stays(tmp_path):
    theirs = json.dumps({"version": "VERSION 1.3", "results": {}, "external_data": {}})
    path = tmp_path / "there.json"
    for content in (theirs.encode(), b"", b"notes", b"\xff\xfe", b'{"version": "finegym 1", "database": {}}'):
        path.write_bytes(content)
        with pytest.raises(OutputError, match=r"there.json: is there already and no file of detections"):
            check_detections_path(path)
    packed = tmp_path / "there.json.gz"
    for content in (b"no gzip", gzip.compress(theirs.encode()), gzip.compress(bytes(10_000))[:15]):
        packed.write_bytes(content)
        with pytest.raises(OutputError, match="is there already"):
            check_detections_path(packed)
    with pytest.raises(OutputError, match="is there already"):
        check_detections_path(tmp_path)
    path.write_text(json.dumps({"format": "finegym-run/1"}))
    with pytest.raises(OutputError, match="no file of nested actions"):
        check_nested_path(path)


def test_found_events_are_not_taken_for_true_ones_nor_published_labels_for_ours(tmp_path):
    path = tmp_path / "spots.json"
    check_spots_path(path, "score")
    for mark, other, value in (("score", "comment", 0.5), ("comment", "score", "")):
        write_spots(path, make_spots(**{mark: value}))
        check_spots_path(path, mark)
        with pytest.raises(OutputError, match=r"no file of (found|true) events of finegym's"):
            check_spots_path(path, other)
    for content in (json.dumps(make_spots(comment=""), indent=2), "{}", "[1]\n", '{"a": 1}\n', "no JSON"):
        path.write_text(content)
        with pytest.raises(OutputError, match="no file of true events"):
            check_spots_path(path, "comment")
