"""Ids of records from whatever names them."""

import gzip
import json

import pytest
from annotation_samples import ANNOTATIONS, make_dataset, write_official_folder

from finegym.annotations.folder import write_dataset
from finegym.annotations.record_ids import find_media, read_record_ids
from finegym.errors import AnnotationError


def read(tmp_path, name, content):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_record_ids(tmp_path / name)


def test_a_text_file_has_an_id_a_line_with_comments(tmp_path):
    listed = read(
        tmp_path, "ids.txt", "\ufeff# mine\r\n-HvXd_vqJ5A\r\n\r\n_E21jlKax8M # odd\n  rrrgsW--AE8  \n-HvXd_vqJ5A"
    )
    assert listed.ids == ("-HvXd_vqJ5A", "_E21jlKax8M", "rrrgsW--AE8")
    assert listed.num_repeated == 1


def test_a_table_has_a_column_video_id(tmp_path):
    listed = read(tmp_path, "ids.csv", 'year,video_id\n2016,"a,b"\n\n2017, c \n2018,"a,b"\n')
    assert (listed.ids, listed.num_repeated) == (("a,b", "c"), 1)


def test_annotations_and_folders_name_all_their_records(tmp_path):
    text = json.dumps(ANNOTATIONS)
    expected = ("aaaaaaaaaaa", "_E_-A_bbbbb")
    assert read(tmp_path, "a.json", text).ids == expected
    assert read(tmp_path, "a.json.gz", gzip.compress(text.encode())).ids == expected
    assert read(tmp_path, "list.json", json.dumps(list(expected))).ids == expected
    (tmp_path / "official").mkdir()
    assert read_record_ids(write_official_folder(tmp_path / "official")).ids == expected
    write_dataset(make_dataset(), tmp_path / "data")
    assert read_record_ids(tmp_path / "data").ids == expected


def test_a_record_without_actions_counts_and_one_that_stands_twice_is_counted(tmp_path):
    listed = read(tmp_path, "a.json", '{"a": {}, "b": {"E_000000_000001": {}}, "a": {}}')
    assert (listed.ids, listed.num_repeated) == (("a", "b"), 1)


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("ids.txt", "# nothing\n", "names no record"),
        ("ids.txt", "a\nb c\n", "line 2: expected one id, got 'b c'"),
        ("ids.txt", b"\xff\xfe", "UTF-8"),
        ("ids.csv", "id,year\na,1\n", "expected a column video_id, got id, year"),
        ("ids.csv", "", "expected a column video_id, got nothing"),
        ("ids.csv", "video_id,year\n,1\na,2\n", "line 2"),
        ("a.json", '{"a": {', "expected JSON"),
        ("a.json", '{"a": 1}', "expected official annotations"),
        ("a.json", '{"0": {"questions": [], "code": "2.00"}}', "expected official annotations"),
        ("a.json", "[1, 2]", "expected official annotations"),
        ("a.json", "{}", "names no record"),
        ("a.json.gz", b"\x1f\x8b\x00", "damaged gzip"),
    ],
)
def test_what_names_no_records_is_one_line(tmp_path, name, content, fact):
    with pytest.raises(AnnotationError, match=fact) as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AnnotationError, match="No such file"):
        read_record_ids(tmp_path / "nope.txt")


def test_media_are_found_by_the_whole_stem(tmp_path):
    for name in ("-a.b.mp4", "A.mkv", "a.MP4", "part.mp4.part", "side.json", ".hidden.mp4", "two.webm", "two.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    found = find_media(tmp_path)
    assert {id_: path.name for id_, path in found.items()} == {
        "-a.b": "-a.b.mp4",
        "A": "A.mkv",
        "a": "a.MP4",
        "two": "two.mp4",
    }


def test_a_cell_may_hold_what_python_takes_for_a_line_end(tmp_path):
    (tmp_path / "ids.csv").write_bytes("video_id,title\na,Final\u2028Beam\nb,ok\n".encode())
    assert read_record_ids(tmp_path / "ids.csv").ids == ("a", "b")
