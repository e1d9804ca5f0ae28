import gzip
import json
import math
import re

import pytest
from annotation_samples import ANNOTATIONS, FX_1, LABELS, datasets, make_codebook, make_dataset, make_event_codebook
from hypothesis import given

from finegym.annotations.annotation_json import (
    JsonLayout,
    format_annotation_json,
    number_events,
    read_annotation_json,
    read_json_layout,
    write_annotation_json,
)
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.errors import AnnotationError, OutputError

CODEBOOK = make_codebook()


def write_json(path, data):
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def change(**at):
    """ANNOTATIONS with one sub-action or action replaced."""
    data = json.loads(json.dumps(ANNOTATIONS))
    action = data["aaaaaaaaaaa"]["E_000100_000190"]
    target = action["segments"]["A_0005_0005"] if at.pop("sub", False) else action
    for key, value in at.items():
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return data


def test_seconds_on_two_clocks_become_milliseconds_on_the_records_clock(tmp_path):
    path = write_json(tmp_path / "a.json", ANNOTATIONS)
    assert read_annotation_json(path, CODEBOOK, element_ids=LABELS) == make_dataset().videos


def test_unlabelled_sub_actions_have_no_element_and_no_set(tmp_path):
    videos = read_annotation_json(write_json(tmp_path / "a.json", ANNOTATIONS), CODEBOOK)
    instances = list(Dataset(CODEBOOK, videos).iterate_instances())
    assert {(i.sub_action.element_id, i.sub_action.set_id) for i in instances} == {(None, None)}


def test_a_set_can_be_known_without_an_element(tmp_path):
    path = write_json(tmp_path / "a.json", ANNOTATIONS)
    videos = read_annotation_json(path, CODEBOOK, set_ids={FX_1: "FX-S1"})
    sub_action = Dataset(CODEBOOK, videos).instances[FX_1].sub_action
    assert (sub_action.element_id, sub_action.set_id) == (None, "FX-S1")


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (",", ": ")])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_layout_is_written_back_byte_for_byte(tmp_path, indent, separators, tail, line_end):
    text = (json.dumps(ANNOTATIONS, indent=indent, separators=separators) + tail).replace("\n", line_end)
    (tmp_path / "a.json").write_bytes(text.encode())
    videos = read_annotation_json(tmp_path / "a.json", CODEBOOK)
    write_annotation_json(videos, tmp_path / "b.json", CODEBOOK, read_json_layout(tmp_path / "a.json"))
    assert (tmp_path / "b.json").read_bytes() == text.encode()


def test_gzip_is_known_by_content_and_written_the_same_twice(tmp_path):
    (tmp_path / "plain_name.json").write_bytes(gzip.compress(json.dumps(ANNOTATIONS).encode()))
    videos = read_annotation_json(tmp_path / "plain_name.json", CODEBOOK)
    for name in ("b.json.gz", "c.json.gz"):
        write_annotation_json(videos, tmp_path / name, CODEBOOK)
    assert (tmp_path / "b.json.gz").read_bytes() == (tmp_path / "c.json.gz").read_bytes()
    assert gzip.decompress((tmp_path / "b.json.gz").read_bytes()) == json.dumps(ANNOTATIONS).encode()


@given(datasets())
def test_times_survive_to_the_millisecond(tmp_path_factory, dataset):
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_annotation_json(dataset.videos, path, CODEBOOK)
    read = read_annotation_json(path, CODEBOOK)
    assert [v.id for v in read] == [v.id for v in dataset.videos]
    for video, original in zip(read, dataset.videos, strict=True):
        for action, before in zip(video.actions, original.actions, strict=True):
            assert (action.name, action.event_id, action.start_ms, action.end_ms) == (
                (before.name, before.event_id, before.start_ms, before.end_ms)
            )
            assert (action.sub_actions is None) == (before.sub_actions is None)
            assert [(s.name, s.stages) for s in action.sub_actions or ()] == [
                (s.name, s.stages) for s in before.sub_actions or ()
            ]


def test_float_noise_of_mirrors_is_read_as_the_millisecond_it_means(tmp_path):
    noisy = change(sub=True, timestamps=[[2219.6099999999997, 2220.0]])
    videos = read_annotation_json(write_json(tmp_path / "a.json", noisy), CODEBOOK)
    assert Dataset(CODEBOOK, videos).instances[FX_1].sub_action.stages == ((100_000 + 2_219_610, 100_000 + 2_220_000),)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (change(event=...), "aaaaaaaaaaa_E_000100_000190: key 'event' is missing"),
        (change(segments=...), "aaaaaaaaaaa_E_000100_000190: key 'segments' is missing"),
        (change(timestamps=...), "aaaaaaaaaaa_E_000100_000190: key 'timestamps' is missing"),
        (change(sub=True, stages=...), f"{FX_1}: key 'stages' is missing"),
        (change(sub=True, timestamps=...), f"{FX_1}: key 'timestamps' is missing"),
        (change(judge="x"), "key 'judge' is not part of the format"),
        (change(event=9), "key 'event': expected one of 1 VT, 2 FX, 3 BB, 4 UB, got 9"),
        (change(event=True), "got True"),
        (change(event="2"), "got '2'"),
        (change(event=[2]), r"got \[2\]"),
        (change(segments=[]), "key 'segments': expected an object or null, got a list"),
        (change(segments={"A_5_5": {}}), "expected sub-action names like A_0003_0005, got 'A_5_5'"),
        (change(timestamps=[]), "expected a list of .* got an empty list"),
        (change(timestamps=[[1, 2], [2, 3]]), r"expected one \[start, end\], got 2"),
        (change(timestamps=[[1]]), r"got \[1\]"),
        (change(timestamps=[["1", 2]]), r"got \['1', 2\]"),
        (change(timestamps=[[1, None]]), r"got \[1, None\]"),
        (change(timestamps=[[True, 2]]), r"got \[True, 2\]"),
        (change(timestamps=7), "got a number"),
        (change(sub=True, stages=2), f"{FX_1}: key 'stages': expected the number of its timestamps, 1, got 2"),
        (change(sub=True, stages="1"), "got '1'"),
        (change(sub=True, timestamps=[[5.0, 5.9004]]), f"{FX_1}: .*expected whole milliseconds"),
        (change(sub=True, timestamps=[[5.0, math.nan]]), "expected whole milliseconds"),
        (change(sub=True, timestamps=[[5.0, math.inf]]), "expected whole milliseconds"),
        ({"v": {"E_1_2": {}}}, "video v: expected action names like E_000012_000020, got 'E_1_2'"),
        ({"v": {"E_000001_000002": 3}}, "v_E_000001_000002: expected an object, got a number"),
        ({"v": []}, "video v: expected an object of actions, got a list"),
        ([], "expected an object of videos, got a list"),
        (None, "expected an object of videos, got null"),
    ],
)
def test_what_does_not_fit_is_named_with_video_action_and_key(tmp_path, data, fact):
    with pytest.raises(AnnotationError, match=fact) as caught:
        read_annotation_json(write_json(tmp_path / "a.json", data), CODEBOOK)
    assert str(tmp_path / "a.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_in_one_error(tmp_path):
    data = change(event=9)
    data["_E_-A_bbbbb"]["E_000003_000030"]["segments"]["A_0001_0002"] = {"timestamps": [[1.5, 2.25]]}
    del data["_E_-A_bbbbb"]["E_000040_000060"]["segments"]
    with pytest.raises(AnnotationError) as caught:
        read_annotation_json(write_json(tmp_path / "a.json", data), CODEBOOK)
    message = str(caught.value)
    assert "key 'event'" in message and "key 'stages' is missing" in message and "key 'segments' is missing" in message
    assert "(3 problems)" in message


def test_broken_json_is_named_with_line_and_column(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ANNOTATIONS, indent=1)[:-30])
    with pytest.raises(AnnotationError, match=r"a\.json: expected JSON, but line \d+, column \d+"):
        read_annotation_json(tmp_path / "a.json", CODEBOOK)


def test_missing_truncated_and_undecodable_files_are_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"gone\.json.*No such file"):
        read_annotation_json(tmp_path / "gone.json", CODEBOOK)
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(json.dumps(ANNOTATIONS).encode())[:-20])
    with pytest.raises(AnnotationError, match=r"cut\.json\.gz: damaged gzip"):
        read_annotation_json(tmp_path / "cut.json.gz", CODEBOOK)
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": {}}')
    with pytest.raises(AnnotationError, match=r"latin\.json: expected UTF-8"):
        read_annotation_json(tmp_path / "latin.json", CODEBOOK)


def test_ids_that_occur_twice_are_kept_for_the_check_and_refused_by_the_writer(tmp_path):
    action = '"E_000001_000002": {"event": 1, "segments": null, "timestamps": [[1.0, 2.0]]}'
    (tmp_path / "a.json").write_text(f'{{"v": {{{action}, {action}}}, "v": {{}}}}')
    videos = read_annotation_json(tmp_path / "a.json", CODEBOOK)
    assert [(video.id, len(video.actions)) for video in videos] == [("v", 2), ("v", 0)]
    with pytest.raises(AnnotationError, match="action v_E_000001_000002 occurs twice; video v occurs twice"):
        format_annotation_json(videos, CODEBOOK)


def test_a_repeated_key_inside_an_action_is_an_error(tmp_path):
    text = '{"v": {"E_000001_000002": {"event": 1, "event": 2, "segments": null, "timestamps": [[1.0, 2.0]]}}}'
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(AnnotationError, match="v_E_000001_000002: a key occurs twice"):
        read_annotation_json(tmp_path / "a.json", CODEBOOK)


def test_what_official_files_cannot_hold_is_not_written(tmp_path):
    odd = SubAction("A_3_5", ((0, 1),))
    actions = (Action("E_12_20", "VT", 0, 5, (odd, odd)), Action("E_000001_000002", "MHB", 0, 5))
    with pytest.raises(AnnotationError) as caught:
        write_annotation_json([Video("v", actions)], tmp_path / "a.json", CODEBOOK)
    for fact in ("v_E_12_20: expected a name", "A_3_5 occurs twice", "A_3_5: expected a name", "'MHB' has no number"):
        assert fact in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_annotation_json([], tmp_path / "file" / "a.json", CODEBOOK)


def test_events_are_numbered_by_the_codebook_or_by_position():
    assert number_events(CODEBOOK) == {"VT": 1, "FX": 2, "BB": 3, "UB": 4}
    assert number_events(make_event_codebook(None, None)) == {"E0": 1, "E1": 2}
    assert number_events(make_event_codebook(7, None)) == {"E0": 7}
    with pytest.raises(AnnotationError, match="two events have the same number"):
        number_events(make_event_codebook(1, 1))


def test_no_records_at_all_are_fine(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    assert read_annotation_json(tmp_path / "a.json", CODEBOOK) == ()
    assert read_json_layout(tmp_path / "a.json") == JsonLayout()
    assert format_annotation_json((), CODEBOOK) == "{}"


def test_the_real_file_is_stable_and_has_the_published_counts(shared):
    path = shared / "finegym" / "annotations" / "finegym_annotation_info_v1.1.rebuilt.json.gz"
    videos = read_annotation_json(path, CODEBOOK)
    layout = read_json_layout(path)
    assert format_annotation_json(videos, CODEBOOK, layout).encode() == gzip.decompress(path.read_bytes())
    # README.md of the shared folder: VT 2,042; FX 916 / 8,960; UB 1,284 / 13,200; BB 1,255 / 13,897.
    actions = [action for video in videos for action in video.actions]
    counts = {
        event: (len(of), sum(len(action.sub_actions or ()) for action in of))
        for event in ("VT", "FX", "UB", "BB")
        if (of := [action for action in actions if action.event_id == event])
    }
    assert counts == {"VT": (2042, 2042), "FX": (916, 8960), "UB": (1284, 13200), "BB": (1255, 13897)}
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{11}", video.id) for video in videos)
