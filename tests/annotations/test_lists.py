import pytest
from annotation_samples import TEXTS, VT_1
from hypothesis import given
from hypothesis import strategies as st

from finegym.annotations.lists import (
    Entry,
    LabelledIds,
    format_list,
    make_list,
    parse_instance_list,
    read_id_list,
    read_instance_list,
    write_list,
)
from finegym.errors import AnnotationError, OutputError

A = "0LtLS9wROrk_E_002407_002435_A_0003_0005"
B = "-HvXd_vqJ5A_E_042204_042230_A_0094_0094"
OFFICIAL = ("gym99_train_element_v1.0", "gym99_train_element_v1.1", "gym99_val_element")
OFFICIAL += ("gym288_train_element_v1.0", "gym288_train_element_v1.1", "gym288_val_element")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{A} 3\n",
        f"{A} 3",
        f"{A} 3\r\n{B} 0\r\n",
        f"{A} 3\r\n{B} 0",
        f"{A} 3 \t\n{B}  0\n\n",
        f"\ufeff\r\n{A} 3\r\n\r\n{B}\t12",
        f"{A} 3\n{B} 4\r\n",
    ],
)
def test_a_list_is_written_back_byte_for_byte(tmp_path, text):
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode())
    listed = read_instance_list(path)
    write_list(listed, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == text.encode()
    assert len(listed) == text.count("_E_")


def test_labels_are_class_indices_in_the_order_of_the_file():
    listed = parse_instance_list(f"{B} 3\r\n{A} 0", "val.txt")
    assert list(listed.label_by_id.items()) == [(B, 3), (A, 0)]


@pytest.mark.parametrize(
    "video_id", ["_E_21jlKax8M", "6_ATNiI0y-E", "rrrgsW--AE8", "a_E_000001_000002", "clip of beam"]
)
def test_ids_are_anchored_by_position(video_id):
    instance_id = f"{video_id}_E_000001_000002_A_0000_0001"
    assert parse_instance_list(f"{instance_id} 7\n", "list.txt").label_by_id == {instance_id: 7}


@pytest.mark.parametrize("label", ["", "x", "-1", "+1", "1.0", "07", "3 4", "1e3", "²"])
def test_a_label_that_is_no_class_index_is_named_with_its_line(label):
    with pytest.raises(AnnotationError, match=r"list\.txt: line 2:"):
        parse_instance_list(f"{A} 3\n{B} {label}\n", "list.txt")


def test_all_bad_lines_are_in_one_error():
    text = f"{A} 3\nnonsense\n{B} x\n{A} 3\n\n{A[:-1]} 5\n{B} 1"
    with pytest.raises(AnnotationError) as caught:
        parse_instance_list(text, "list.txt")
    message = str(caught.value)
    for fact in ("line 2: expected", "line 3: ", f"line 4: {A} is already on line 1", "line 6: expected"):
        assert fact in message
    assert "\n" not in message


def test_an_id_twice_is_named_with_both_lines():
    with pytest.raises(AnnotationError, match=f"line 3: {A} is already on line 1"):
        parse_instance_list(f"{A} 3\r\n{B} 3\r\n{A} 4\r\n", "list.txt")


def test_many_bad_lines_are_counted():
    with pytest.raises(AnnotationError, match=r"and 80 more.*\(100\)"):
        parse_instance_list("nonsense\n" * 100, "list.txt")


def test_missing_and_undecodable_files_are_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"gone\.txt.*No such file"):
        read_instance_list(tmp_path / "gone.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 3\n")
    with pytest.raises(AnnotationError, match=r"latin\.txt: expected UTF-8 text, got byte 0xe9 at offset 3"):
        read_instance_list(tmp_path / "latin.txt")


def test_element_ids_may_be_any_text(tmp_path):
    path = tmp_path / "elements.txt"
    path.write_text(f"{A} balance beam\n{B} vt-yurchenko-1\n", encoding="utf-8")
    assert read_id_list(path).label_by_id == {A: "balance beam", B: "vt-yurchenko-1"}


def test_a_filtered_list_keeps_its_lines():
    listed = parse_instance_list(f"{A} 3 \r\n{B} 4\r\n{VT_1} 5", "list.txt")
    kept = LabelledIds((listed.entries[2], listed.entries[0]))
    assert format_list(kept) == f"{VT_1} 5\n{A} 3 \r\n"


@pytest.mark.parametrize(
    "entry", [Entry("no-instance-id", "x"), Entry(A, "two\nlines"), Entry(A, " x"), Entry(A, ""), Entry(f"\n{A}", "x")]
)
def test_what_would_not_read_back_is_not_written(tmp_path, entry):
    with pytest.raises(AnnotationError, match="1 entries cannot be written"):
        write_list(LabelledIds((entry,)), tmp_path / "list.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_list(make_list({A: 1}), tmp_path / "file" / "list.txt")


@given(st.dictionaries(TEXTS.map(lambda text: f"{text}_E_000001_000002_A_0000_0001"), TEXTS))
def test_any_list_reads_back(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("lists") / "list.txt"
    write_list(make_list(labels), path)
    assert read_id_list(path) == make_list(labels)


@given(
    st.lists(
        st.tuples(st.sampled_from([" ", "\t", "  "]), st.sampled_from(["\n", "\r\n", " \n", "\r\n\r\n", "\n \n"]))
    ),
    st.sampled_from(["", "\ufeff", "\n"]),
    st.booleans(),
)
def test_any_layout_is_kept(lines, head, has_final_line_end):
    text = head + "".join(f"video_E_{k:06d}_000002_A_0000_0001{gap}{k}{end}" for k, (gap, end) in enumerate(lines))
    if lines and not has_final_line_end:
        text = text.rstrip()
    assert format_list(parse_instance_list(text, "list.txt")) == text


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_published_lists_are_stable(shared, name):
    path = shared / "finegym" / "official" / f"{name}.txt"
    listed = read_instance_list(path)
    assert format_list(listed).encode() == path.read_bytes()
    counts = (20484, 26320, 8521, 22671, 29334, 9646)
    assert len(listed) == dict(zip(OFFICIAL, counts, strict=True))[name]
    # FACTS.md: every id has an 11-character video id.
    assert all(len(id_) == 39 for id_ in listed.label_by_id)


def test_published_lists_as_crlf_without_final_newline_are_stable(shared):
    text = (shared / "finegym" / "official" / "gym99_val_element.txt").read_text(encoding="utf-8")
    mirror = text.strip().replace("\n", "\r\n")
    assert format_list(parse_instance_list(mirror, "mirror")) == mirror
