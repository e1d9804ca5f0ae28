"""Units from annotation files, and the command on them."""

import json
import re
from dataclasses import replace

import pytest
from agreement_samples import CODEBOOK, ELEMENTS
from typer.testing import CliRunner

from finegym.annotations.annotation_json import format_annotation_json
from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.webvtt import format_webvtt
from finegym.cli.app import app
from finegym.errors import AnnotationError
from finegym.quality.unit_files import make_units_of_datasets, read_units

BEAM = [element.id for element in CODEBOOK.elements if CODEBOOK.get_event_of_element(element.id).id == "BB"]


def make_video(video_id, routines, fps=25.0, num_frames=5000):
    """A record of routines (start ms, end ms, [(start ms, end ms, element)] or None)."""
    actions = []
    for start, end, subs in routines:
        made = None if subs is None else tuple(
            SubAction(f"A_{(s - start) // 1000:04d}_{(e - start) // 1000:04d}", ((s, e),), element,
                      CODEBOOK.element_by_id[element].set_id)
            for s, e, element in subs
        )  # fmt: skip
        actions.append(Action(f"E_{start // 1000:06d}_{end // 1000:06d}", "BB", start, end, made))
    return Video(video_id, tuple(actions), fps=fps, num_frames=num_frames)


ADA = Dataset(CODEBOOK, (
    make_video("r1", [(10_000, 40_000, [(11_000, 12_000, BEAM[0]), (20_000, 22_000, BEAM[9])]),
                      (90_000, 99_000, None)]),
    make_video("r2", [(5_000, 30_000, [(6_000, 7_000, BEAM[0])])]),
    make_video("only ada", []),
))  # fmt: skip
BEA = Dataset(CODEBOOK, (
    make_video("r1", [(10_400, 40_000, [(11_080, 12_000, BEAM[0]), (20_000, 22_000, BEAM[4])]),
                      (90_000, 99_000, [(91_000, 92_000, BEAM[0])])]),
    make_video("r2", []),
))  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    for name, dataset in (("ada", ADA), ("bea", BEA)):
        write_dataset(dataset, tmp_path / name)
    return tmp_path


def test_items_are_routines_that_share_time(folders):
    units = read_units([folders / "ada", folders / "bea"])
    assert units.annotators == ("ada", "bea")
    assert [(item.id, item.group, item.start_ms, item.end_ms) for item in units.items] == [
        ("r1_E_000010_000040", "r1", 10_000, 40_000),
        ("r1_E_000090_000099", "r1", 90_000, 99_000),
        ("r2_E_000005_000030", "r2", 5_000, 30_000),
    ]
    assert units.done.tolist() == [[True, False, True], [True, True, True]]  # ada did not look in the second routine
    assert units.unit_ids[0] == "r1_E_000010_000040_A_0001_0002"
    assert units.labels[units.label_index[0]] == BEAM[0]
    assert units.fps.tolist() == [25.0] * len(units)
    assert "1 record of one annotator alone left out" in units.notes
    assert any("1 routine that an annotator has no action for" in note for note in units.notes)


def test_actions_are_compared_record_by_record(folders):
    units = read_units([folders / "ada", folders / "bea"], level="action", names=["A", "B"])
    assert units.annotators == ("A", "B")
    assert [item.id for item in units.items] == ["r1", "r2"]
    assert units.items[0].end_ms == 200_000
    assert units.labels == ("BB",)
    assert len(units) == 5


def test_a_set_or_the_event_is_the_label_where_no_more_is_known():
    video = make_video("r", [(0, 9_000, [(0, 500, BEAM[0]), (1_000, 2_000, BEAM[0]), (3_000, 4_000, BEAM[0])])])
    subs = video.actions[0].sub_actions
    vague = (subs[0], replace(subs[1], element_id=None), replace(subs[2], element_id=None, set_id=None))
    dataset = Dataset(CODEBOOK, (replace(video, actions=(replace(video.actions[0], sub_actions=vague),)),))
    units = make_units_of_datasets({"a": dataset, "b": dataset}, "sub-action", CODEBOOK)
    assert set(units.labels) == {BEAM[0], CODEBOOK.element_by_id[BEAM[0]].set_id, "BB"}


def test_annotation_files_alone_need_a_codebook(folders):
    for name, dataset in (("a", ADA), ("b", BEA)):
        (folders / f"{name}.json").write_text(format_annotation_json(dataset.videos, CODEBOOK))
    paths = [folders / "a.json", folders / "b.json"]
    with pytest.raises(AnnotationError, match="--codebook"):
        read_units(paths)
    units = read_units(paths, codebook="artistic-women")
    assert units.annotators == ("a", "b")
    assert units.labels == ("BB",)


def test_webvtt_files_and_folders_of_them_are_read(folders):
    for name, dataset in (("a", ADA), ("b", BEA)):
        (folders / name).mkdir()
        for video in dataset.videos:
            (folders / name / f"{video.id}.vtt").write_text(format_webvtt(video, CODEBOOK))
    units = read_units([folders / "a", folders / "b"], codebook="artistic-women")
    known = read_units([folders / "ada", folders / "bea"])
    assert units.unit_ids == known.unit_ids
    assert units.labels == known.labels
    one = read_units([folders / "a" / "r1.vtt", folders / "b" / "r1.vtt"], ["A", "B"], codebook="artistic-women")
    assert [item.group for item in one.items] == ["r1", "r1"]
    (folders / "b" / "r1.vtt").write_text("no WEBVTT")
    with pytest.raises(AnnotationError, match=r"r1\.vtt"):
        read_units([folders / "a", folders / "b"], codebook="artistic-women")


def test_cues_that_a_parse_marks_as_no_annotations_are_left_out_and_counted(folders):
    for name, dataset in (("a", ADA), ("b", BEA)):
        (folders / f"{name}/r1.vtt").parent.mkdir()
        text = format_webvtt(dataset.videos[0], CODEBOOK)
        marked = "\nreplay E_000200_000210\n00:03:20.000 --> 00:03:30.000\nreplay: BB balance beam\n"
        (folders / f"{name}/r1.vtt").write_text(text + (marked if name == "a" else ""))
    paths = [folders / "a/r1.vtt", folders / "b/r1.vtt"]
    units = read_units(paths, ["A", "B"], codebook="artistic-women")
    note = "r1.vtt: 1 cue of a parse left out that are marked as no annotations"
    assert note in units.notes and len(units.items) == 2
    arguments = [*paths, "--name", "A", "--name", "B", "--codebook", "artistic-women"]
    assert f"note: {note}" in run("consensus", *arguments).stderr
    assert f"note: {note}" in run("exam", *paths, "--name", "B", "--codebook", "artistic-women").stderr


def test_the_chapters_of_parses_are_of_the_record_that_they_name(folders):
    paths = []
    for name, dataset in (("a", ADA), ("b", BEA)):
        for video in dataset.videos[:2]:
            paths.append(folders / f"{name}-{video.id}/chapters.vtt")
            paths[-1].parent.mkdir()
            paths[-1].write_text(format_webvtt(video, CODEBOOK))
    units = read_units([paths[0], paths[2]], ["A", "B"], codebook="artistic-women")
    assert {item.group for item in units.items} == {"r1"}
    with pytest.raises(AnnotationError, match="no record is in two"):
        read_units([paths[0], paths[3]], ["A", "B"], codebook="artistic-women")


def test_a_dataset_folder_with_webvtt_in_it_is_a_dataset_folder(folders):
    known = read_units([folders / "ada", folders / "bea"])
    (folders / "bea/chapters.vtt").write_text(format_webvtt(BEA.videos[0], CODEBOOK))
    units = read_units([folders / "ada", folders / "bea"])
    assert (units.unit_ids, units.labels) == (known.unit_ids, known.labels)


def test_what_cannot_be_compared_is_refused(folders):
    with pytest.raises(AnnotationError, match="two annotators or more"):
        read_units([folders / "ada"])
    with pytest.raises(AnnotationError, match="--name"):
        read_units([folders / "ada", folders / "ada"])
    with pytest.raises(AnnotationError, match="1 names for 2"):
        read_units([folders / "ada", folders / "bea"], names=["a"])
    with pytest.raises(AnnotationError, match="have one name"):
        read_units([folders / "ada", folders / "bea", folders / "bea"], names=["a", "a", "b"])
    write_dataset(Dataset(CODEBOOK, (make_video("elsewhere", []),)), folders / "cleo")
    with pytest.raises(AnnotationError, match="no record is in two"):
        read_units([folders / "ada", folders / "cleo"])
    write_dataset(Dataset(replace(CODEBOOK, version="9"), ADA.videos), folders / "dora")
    with pytest.raises(AnnotationError, match="two codebooks"):
        read_units([folders / "ada", folders / "dora"])
    assert read_units([folders / "ada", folders / "dora"], codebook="artistic-women").annotators == ("ada", "dora")


def run(*arguments):
    return CliRunner().invoke(app, ["quality", *map(str, arguments)])


def test_the_command_prints_text_json_and_a_page(folders):
    result = run(
        "agreement", folders / "ada", folders / "bea", "--page", folders / "page.html", "--out", folders / "a.json"
    )
    assert result.exit_code == 0, result.output
    assert "ada (3 in 2 items), bea (2 in 2 items)" in result.stdout
    assert "compared 5 units; compared with nobody: 1 in 1 item of one annotator alone" in result.stdout
    written = json.loads((folders / "a.json").read_text())
    printed = run("agreement", folders / "ada", folders / "bea", "--json")
    assert json.loads(printed.stdout) == written
    confusions = written["confusions"]["element"]
    assert [one["item_ids"] for one in confusions] == [["r1_E_000010_000040"]]
    page = (folders / "page.html").read_text()
    assert "Agreement of annotators" in page
    assert page.count("<svg") + page.count("data:image/svg") >= 2
    assert not re.search(r"\bnan\b", page)


def test_the_command_names_what_is_wrong(folders):
    result = run("agreement", folders / "ada", folders / "bea", "--tiou", "2")
    assert result.exit_code == 1
    assert "tIoU 2" in str(result.exception)
    result = run("agreement", folders / "ada", folders / "bea", "--stage", "elements")
    assert "only for one workspace" in str(result.exception)


def test_a_report_is_one_page_about_actions_and_sub_actions(folders):
    result = run("report", folders / "ada", folders / "bea", "--page", folders / "q.html")
    assert result.exit_code == 0, result.output
    assert "Actions: 2 items compared" in result.stdout
    assert "Sub-actions: 2 items compared" in result.stdout
    page = (folders / "q.html").read_text()
    assert "Quality of the annotations" in page
    assert page.count("what is left to decide") >= 2
    facts = json.loads(run("report", folders / "ada", folders / "bea", "--page", folders / "q.html", "--json").stdout)
    assert set(facts["agreement"]) == {"Actions", "Sub-actions"}


def test_a_simulated_dataset_is_said_to_be_one(folders):
    (folders / "ada" / "simulation.json").write_text("{}")
    assert "SIMULATED" in run("agreement", folders / "ada", folders / "bea").stdout
    assert ELEMENTS
