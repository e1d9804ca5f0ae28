"""Import and export: what went in comes out, and what cannot go in is counted."""

import io
import json
import zipfile

import pytest
from labelling_world import create, make_codebook, make_operation

from finegym.annotations.annotation_json import format_annotation_json
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.labelling.exchange import FORMATS, export_dataset

TURN = SubAction("A_0000_0001", ((2410, 3590),), "t2", "BB-S1")
LEAP = SubAction("A_0001_0003", ((3590, 5210),), "l1", "BB-S2")
VAULT = SubAction("A_0000_0002", ((13_200, 13_800), (13_800, 14_800), (14_800, 15_600)), "v2", "VT-S1")
VIDEOS = (
    Video(
        "alpha",
        (
            Action("E_000001_000011", "BB", 2010, 11_990, (TURN, LEAP)),  # named otherwise than its times; some are
            Action("E_000012_000016", "VT", 12_800, 16_000, (VAULT,)),
            Action("E_000030_000036", "BB", 30_000, 36_000, None),
        ),
    ),
    Video("beta", ()),
)


def send(world, content, expected=None, **query):
    path = f"/api/projects/{world.project_id}/import"
    # as the page sends it: a body that says it is JSON is taken as it is, too
    headers = {"Content-Type": "application/json" if query["format"] == "official" else "text/plain"}
    return world.lead.call("POST", path, expected, content=content, params=query, headers=headers)


def fetch(world, form, **query):
    return world.lead.client.get(f"/api/projects/{world.project_id}/export", params={"format": form, **query})


def test_official_annotations_come_out_byte_for_byte(world):
    text = format_annotation_json(VIDEOS, make_codebook()) + "\n"
    tally = send(world, text.encode(), format="official", state="accepted")
    assert (tally["records"], tally["actions"], tally["sub_actions"]) == (2, 3, 3)
    # the official file has no sets, so the sub-actions are work to go on with
    assert [one["why"] for one in tally["left_out"]] == ["items that are not complete, left open"]
    assert fetch(world, "official", what="latest").text == text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_comes_out_as_it_went_in(world, form):
    exported = export_dataset(Dataset(make_codebook(), VIDEOS), form)
    send(world, exported.content, format=form, state="accepted")
    what = {"what": "latest"} if form == "official" else {}
    if form == "dataset":  # the records' files, sizes and rates are the project's
        got = zipfile.ZipFile(io.BytesIO(fetch(world, form).content))
        expected = zipfile.ZipFile(io.BytesIO(exported.content))
        for name in ("annotations.json", "elements.txt", "codebook.yaml"):
            assert got.read(name) == expected.read(name)
        return
    assert fetch(world, form, **what).content == exported.content


def test_imported_work_can_be_gone_on_with(world):
    exported = export_dataset(Dataset(make_codebook(), VIDEOS), "dataset")
    send(world, exported.content, format="dataset", state="open")
    (item, other) = [one for one in world.list_items(stage="routines") if one["record"]["name"] == "alpha"]
    (row,) = item["passes"]
    assert (row["state"], row["person"]["name"], other["passes"][0]["num_segments"]) == ("open", "Lead", 1)
    page = world.lead.get(f"/api/passes/{row['id']}")
    first = page["segments"][0]
    assert first["origin"]["kind"] == "import"
    assert (first["start_ms"], first["start_frame"]) == (2010, 51)  # the first frame that begins at or after it
    saved = world.lead.save(
        row["id"],
        0,
        make_operation("move_segment", segment_id=first["id"], start_frame=50, end_frame=first["end_frame"]),
    )
    assert (saved["segments"][0]["start_ms"], saved["segments"][0]["end_ms"]) == (2000, 11_990)


def test_what_cannot_go_in_is_counted_and_named(world):
    detail = world.take(world.ann, "routines", record="alpha", chunk=1)
    world.ann.save(detail["id"], 0, create(700, 800, "BB"))
    outside = SubAction("A_0009_0012", ((11_000, 14_000),), None, "BB-S1")
    strange = (
        Video("gamma", ()),
        Video(
            "alpha",
            (
                Action("E_000001_000035", "BB", 1000, 35_000),  # in no chunk whole
                Action("E_000002_000012", "BB", 2000, 12_000, (outside,)),
                Action("E_000003_000013", "BB", 3000, 13_000),  # on the one before
                Action("E_000030_000036", "BB", 30_000, 36_000),  # where somebody is at work
            ),
        ),
    )
    text = format_annotation_json(strange, make_codebook())
    tally = send(world, text.encode(), format="official", state="accepted")
    assert (tally["actions"], tally["sub_actions"]) == (1, 0)
    reasons = {one["why"].split(":")[0]: (one["count"], one["first"]) for one in tally["left_out"]}
    assert reasons == {
        "records that this project does not have": (1, "gamma"),
        "actions that lie in no chunk": (1, "alpha_E_000001_000035"),
        "actions that break a rule": (1, "alpha_E_000003_000013"),
        "actions of chunks that have work already": (1, "alpha_E_000030_000036"),
        "sub-actions that break a rule": (1, "alpha_E_000002_000012_A_0009_0012"),
    }


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("official", b"{"),
        ("official", b'{"alpha": 3}'),
        ("dataset", b"PK no zip"),
        ("dataset", b""),
        ("csv", b"a,b\n1,2\n"),
        ("csv", b"\xff\xfe"),
        ("webvtt", b"WEBVTT\n\nx\n"),
    ],
)
def test_files_of_other_kinds_are_refused(world, form, content):
    answer = send(world, content or b" ", 422, format=form, record="alpha")
    assert answer["code"] == "invalid"
    assert "/tmp" not in answer["error"]


def test_the_chapters_of_a_parse_among_others_are_refused_by_name(world):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("alpha.vtt", "WEBVTT\n")
        archive.writestr("beta.vtt", "WEBVTT\n\nreplay E_000001_000002\n00:01.000 --> 00:02.000\nreplay: BB\n")
    error = send(world, buffer.getvalue(), 422, format="webvtt")["error"]
    assert "beta.vtt: line 3: 'replay E_000001_000002' is marked as no annotation" in error


def test_a_zip_writes_nowhere(world, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.txt", "x")
        archive.writestr("/etc/evil", "x")
    send(world, buffer.getvalue(), 422, format="dataset")
    assert not list(tmp_path.rglob("evil*"))


def test_rows_of_a_table_that_do_not_fit_are_named_by_line(world):
    good = export_dataset(Dataset(make_codebook(), VIDEOS), "csv").content.decode()
    lines = good.split("\n")
    for change, fact in (
        (lambda line: line.replace("BB-S1", "BB-S9"), "BB-S9"),
        (lambda line: line.replace("2410-3590", "3590-2410"), "whole milliseconds"),
        (lambda line: line.replace(",BB,", ",XX,"), "XX"),
    ):
        bad = "\n".join([lines[0], change(lines[1]), *lines[2:]])
        error = send(world, bad.encode(), 422, format="csv")["error"]
        assert "line 2" in error
        assert fact in error


def test_the_same_work_gives_the_same_bytes(world):
    exported = export_dataset(Dataset(make_codebook(), VIDEOS), "dataset")
    send(world, exported.content, format="dataset", state="accepted")
    assert fetch(world, "dataset").content == fetch(world, "dataset").content
    assert json.loads(fetch(world, "official").text)["beta"] == {}
