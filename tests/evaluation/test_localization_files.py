"""Files in ActivityNet's layout: what is read is what was written, and everything that does not fit is said at once."""

import gzip
import json

import numpy as np
import pytest
from localization_samples import make_database, make_results, write_json

from finegym.errors import AnnotationError, PredictionError
from finegym.evaluation.localization import json_stream
from finegym.evaluation.localization.detections import Detections, read_truth, write_detections
from finegym.evaluation.localization.json_stream import iterate_members
from finegym.evaluation.localization.levels import lift_truth
from finegym.evaluation.localization.problems import Rules
from finegym.evaluation.localization.reading import read_detections
from finegym.evaluation.localization.report import export_localization_report, make_localization_report

BAD = {
    "v0": [
        {"label": "leap", "score": 0.5, "segment": [1, 2]},
        {"label": "leap", "score": 0.5, "segment": [3, 2]},
        {"label": "leap", "score": 0.5, "segment": [3, 3]},
        {"label": "leap", "score": 0.5, "segment": "3"},
        {"label": "leap", "score": float("nan"), "segment": [1, 2]},
        {"label": "leap", "score": None, "segment": [1, 2]},
        {"label": "leap", "segment": [1, 2]},
        {"label": "flip", "score": 0.5, "segment": [1, 2]},
        {"label": None, "score": 0.5, "segment": [1, 2]},
        {"label": "leap", "score": 0.5, "segment": [-1, 2]},
        {"label": "leap", "score": 0.5, "segment": [99, 101]},
        {"label": "leap", "score": 0.5, "segment": [float("inf"), 2]},
    ],
    "elsewhere": [{"label": "leap", "score": 0.5, "segment": [1, 2]}],
}
IGNORE = Rules(*["ignore"] * 5)


@pytest.fixture
def truth(tmp_path):
    content = {"database": make_database(v0=[(0, 10, "leap")], v1=[(1, 2, "turn")])}
    return read_truth(write_json(tmp_path / "truth.json", content), "validation")


def read(tmp_path, truth, results, rules=None):
    return read_detections(write_json(tmp_path / "found.json", {"results": results}), truth, rules)


def test_bad_input_is_listed_at_once(tmp_path, truth):
    with pytest.raises(PredictionError) as caught:
        read(tmp_path, truth, BAD)
    message = str(caught.value)
    facts = (
        "predictions for unknown videos: 1 (elsewhere)",
        "predictions with unknown labels: 2 (flip in v0",
        "two numbers: 4 ([3, 2] in v0",
        "finite numbers: 3 (nan in v0",
        "end after their video: 2 ([-1, 2] in v0",
    )
    for fact in facts:
        assert fact in message
    assert "\n" not in message
    for option in ("--unknown-videos", "--unknown-labels", "--bad-segments", "--bad-scores", "--outside"):
        assert option in message


def test_each_rule_decides_about_its_own(tmp_path, truth):
    rules = {"unknown_videos": "ignore", "unknown_labels": "ignore", "bad_segments": "ignore", "bad_scores": "ignore"}
    with pytest.raises(PredictionError) as caught:
        read(tmp_path, truth, BAD, Rules(**rules))
    assert "--outside" in str(caught.value) and "--bad" not in str(caught.value)


def test_ignored_rows_are_counted(tmp_path, truth):
    found = read(tmp_path, truth, BAD, IGNORE)
    assert found.num_read == 13 and found.num_missing_videos == 1
    assert found.segments_s.tolist() == [[1, 2]]
    counts = {problem.rule: problem.count for problem in found.problems}
    expected = {"unknown_videos": 1, "unknown_labels": 2, "bad_segments": 4, "bad_scores": 3, "outside": 2}
    assert counts == expected | {"missing_videos": 1}


def test_outside_is_clipped_or_kept(tmp_path, truth):
    results = make_results(v0=[(-1, 2, "leap", 0.5), (99, 101, "leap", 0.4), (99, 100.0004, "leap", 0.3)], v1=[])
    assert read(tmp_path, truth, results, Rules(outside="keep")).segments_s[:2].tolist() == [[-1, 2], [99, 101]]
    clipped = read(tmp_path, truth, results, Rules(outside="clip"))
    assert clipped.segments_s.tolist() == [[0, 2], [99, 100], [99, 100.0004]]
    assert clipped.problems[0].count == 2


def test_unknown_videos_may_count(tmp_path, truth):
    results = make_results(v0=[], v1=[], other=[(1, 2, "leap", 0.5)])
    assert read(tmp_path, truth, results, Rules(unknown_videos="count")).video_index.tolist() == [-1]


def test_missing_videos_may_be_refused(tmp_path, truth):
    assert read(tmp_path, truth, make_results(v0=[])).num_missing_videos == 1
    with pytest.raises(PredictionError, match=r"videos without a line in the file: 1 \(v1\)"):
        read(tmp_path, truth, make_results(v0=[]), Rules(missing_videos="error"))


def test_labels_of_other_subsets_are_left_out_and_counted(tmp_path):
    database = make_database(v0=[(0, 10, "leap")])
    database["t"] = {"subset": "training", "annotations": [{"segment": [0, 1], "label": "turn"}]}
    taxonomy = [{"nodeId": "salto", "nodeName": "a salto"}]
    path = write_json(tmp_path / "truth.json", {"database": database, "taxonomy": taxonomy})
    truth = read_truth(path, "validation")
    results = make_results(v0=[(0, 1, "leap", 1), (0, 1, "turn", 1), (0, 1, "salto", 1)])
    found = read(tmp_path, truth, results)
    assert found.num_other_labels == 2 and found.class_index.tolist() == [0]
    with pytest.raises(PredictionError, match="unknown videos"):
        read(tmp_path, truth, results | make_results(t=[(0, 1, "leap", 1)]))


def test_what_is_written_is_read(tmp_path, truth):
    rng = np.random.default_rng(0)
    detections = Detections(
        rng.integers(0, 3, 50),
        np.sort(rng.random((50, 2)) * 90, axis=1) + np.array([0, 1]),
        rng.integers(0, 2, 50),
        rng.random(50),
    )
    for name in ("found.json", "found.json.gz"):
        # The writer's ids stand in another order than the truth's.
        write_detections(tmp_path / name, detections, ["v1", "näher", "v0"], ["turn", "leap"], external_data={"a": 1})
        found = read_detections(tmp_path / name, truth, Rules(unknown_videos="count"))
        order = np.argsort(detections.video_index, kind="stable")
        assert found.video_index.tolist() == np.array([1, -1, 0])[detections.video_index[order]].tolist()
        assert found.class_index.tolist() == np.array([1, 0])[detections.class_index[order]].tolist()
        assert found.scores.tolist() == detections.scores[order].tolist()
        assert np.abs(found.segments_s - detections.segments_s[order]).max() < 1e-4
    content = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert content.keys() == {"version", "external_data", "results"}
    assert json.loads(gzip.decompress((tmp_path / "found.json.gz").read_bytes())) == content


def test_truth_knows_taxonomy_records_and_durations(tmp_path):
    database = {
        "REC_E_000001_000009": {"subset": "validation", "annotations": [{"segment": [0, 1], "label": "b"}]},
        "x": {"subset": "validation", "record": "R", "duration": 5, "annotations": [{"segment": [4, 6], "label": "a"}]},
        "plain": {"subset": "validation", "duration": None, "annotations": []},
    }
    taxonomy = [{"nodeId": id_, "nodeName": id_.upper(), "parentId": None} for id_ in "acb"]
    path = write_json(tmp_path / "truth.json", {"database": database, "taxonomy": taxonomy})
    truth = read_truth(path, "validation")
    assert truth.record_ids == ("REC", "R", "plain")
    assert truth.classes == ("a", "b") and truth.class_index.tolist() == [1, 0] and truth.names["a"] == "A"
    assert np.isnan(truth.durations_s).tolist() == [True, False, True]
    assert truth.num_past_end == 1 and truth.other_labels == {"c"}


def test_a_truth_that_is_none_says_so(tmp_path):
    for segment in ([2, 1], [1, 1], [0, None], [0], "x", [0, float("nan")]):
        database = make_database(v0=[(0, 1, "leap")])
        database["v0"]["annotations"] += [{"segment": segment, "label": "turn"}] * 2
        with pytest.raises(AnnotationError, match="2 segments"):
            read_truth(write_json(tmp_path / "truth.json", {"database": database}), "validation")
    with pytest.raises(AnnotationError, match="the file has validation"):
        read_truth(write_json(tmp_path / "truth.json", {"database": make_database(v0=[])}), "testing")
    for content in ([], {}, {"database": {"v0": 1}}):
        with pytest.raises(AnnotationError, match="database"):
            read_truth(write_json(tmp_path / "truth.json", content), None)
    (tmp_path / "truth.json").write_text("[" * 100_000)
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_truth(tmp_path / "truth.json", None)
    with pytest.raises(AnnotationError, match="nowhere"):
        read_truth(tmp_path / "nowhere.json", None)


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 20])
def test_members_are_read_in_blocks_of_any_size(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_stream, "BLOCK", block)
    results = {"a": [1, -2.5e3, {"b": ["ü", None]}], "": {}, 'q"': "x,}", "n": 12345}
    content = {"version": 1, "results": results, "external_data": {"results": 3}}
    for indent in (None, 2):
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
        assert dict(iterate_members(path, "results", PredictionError)) == results
    write_json(path, {"results": {}})
    assert list(iterate_members(path, "results", PredictionError)) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"results": {"v": [1}}', '{"results": {"v": 1', '{"results": {"v" 1}}', '{"other": {}}',
     '{"results": []}', '{"results": {}} x', '{"results": {v: 1}}', '{"results": {"v": 1,}}'],
)  # fmt: skip
def test_a_file_that_is_none_says_where(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PredictionError, match=r"bad\.json"):
        list(iterate_members(path, "results", PredictionError))


def test_a_video_that_stands_twice_is_refused(tmp_path, truth):
    path = tmp_path / "twice.json"
    path.write_text('{"results": {"v0": [], "v0": [], "v1": 3}}', encoding="utf-8")
    with pytest.raises(PredictionError, match="v0 stands there twice; video v1 has no list"):
        read_detections(path, truth)
    (tmp_path / "broken.json.gz").write_bytes(b"no gzip")
    with pytest.raises(PredictionError, match="cannot be read"):
        read_detections(tmp_path / "broken.json.gz", truth)


TAXONOMY = [
    {"nodeId": id_, "nodeName": id_, "parentId": parent}
    for id_, parent in (("F", None), ("B", None), ("F1", "F"), ("F2", "F"), ("B1", "B"), ("a", "F1"), ("b", "F1"),
                        ("c", "F2"), ("d", "B1"), ("lost", "gone"))
]  # fmt: skip


def test_labels_count_as_what_they_belong_to(tmp_path):
    """Elements as sets and events, also elements that the subset does not have; and the other way round not."""
    database = make_database(v0=[(0, 2, "c"), (3, 5, "a"), (6, 8, "b")])
    path = write_json(tmp_path / "truth.json", {"database": database, "taxonomy": TAXONOMY})
    truth = read_truth(path, "validation")
    found = make_results(v0=[(0, 2, "c", 1), (3, 5, "b", 1), (6, 8, "d", 1), (6, 8, "F1", 1)])
    for level, classes, expected, others in (
        ("event", ("F",), ["F", "F", "F"], 1),
        ("set", ("F1", "F2"), ["F2", "F1", "F1"], 1),
        ("element", ("a", "b", "c"), ["c", "b"], 1),
    ):
        lifted = lift_truth(truth, level)
        assert lifted.classes == classes
        if level == "element":  # a set is no element
            with pytest.raises(PredictionError, match="F1 in v0"):
                read(tmp_path, lifted, found)
        rules = Rules(unknown_labels="ignore")
        detections = read(tmp_path, lifted, found, rules)
        assert [classes[index] for index in detections.class_index] == expected
        assert detections.num_other_labels == others
    assert lift_truth(truth, "set").class_index.tolist() == [1, 0, 0]
    with pytest.raises(AnnotationError, match="which element 'F1', 'F2' belongs"):
        lift_truth(lift_truth(truth, "set"), "element")
    database = make_database(v0=[(0, 2, "lost"), (0, 2, "strange")])
    path = write_json(tmp_path / "truth.json", {"database": database, "taxonomy": TAXONOMY})
    with pytest.raises(AnnotationError, match="which set 'lost', 'strange' belongs"):
        lift_truth(read_truth(path, "validation"), "set")


JUNK = (None, -1, "x", [], {}, float("nan"), True, [1], 1e308, 10**400)


def list_places(value, place=()):
    """Every place in a JSON value, as a path of keys."""
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from list_places(value[key], (*place, key))


def put(value, place, junk):
    """A copy of a JSON value with something else in one place."""
    if not place:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = put(value[place[0]], place[1:], junk)
    return copy


@pytest.mark.parametrize("rules", [Rules(), Rules("count", "ignore", "ignore", "ignore", "clip")])
def test_junk_anywhere_is_an_error_of_ours_or_no_error(tmp_path, rules):
    database = make_database(v0=[(0, 1, "leap"), (3, 4, "turn")]) | {"w": {"subset": "training", "annotations": []}}
    database["v0"]["ignored"] = [{"segment": [5, 6]}]
    content = {"database": database, "taxonomy": [{"nodeId": "leap", "nodeName": "x", "parentId": None}]}
    results = {"results": make_results(v0=[(0, 1, "leap", 0.5), (3, 4, "turn", 0.4)])}
    outcomes = set()
    for kind, whole in (("truth", content), ("found", results)):
        for place in list_places(whole):
            for junk in JUNK:
                files = {"truth": content, "found": results} | {kind: put(whole, place, junk)}
                paths = [write_json(tmp_path / f"{name}.json", files[name]) for name in ("found", "truth")]
                try:
                    report = make_localization_report(*paths, "validation", rules=rules, num_resamples=2)
                    json.dumps(export_localization_report(report), allow_nan=False)
                    outcomes.add("evaluated")
                except (AnnotationError, PredictionError) as error:
                    outcomes.add(type(error))
    assert outcomes == {"evaluated", AnnotationError, PredictionError}
