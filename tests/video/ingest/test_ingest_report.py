"""The corpus table, the report and the page say what the records say."""

import csv
import json

import numpy as np
import pytest
from ingest_runs import make_old
from ingest_videos import write_frames
from numbered import draw_number, write_numbered

import finegym.video.ingest.duplicates as duplicates_module
from finegym.video.ingest.corpus import describe_damage, make_rows, summarise
from finegym.video.ingest.duplicates import Duplicates
from finegym.video.ingest.pictures import format_time
from finegym.video.ingest.record import KINDS, Damage, Settings
from finegym.video.ingest.report import write_reports
from finegym.video.ingest.report_page import draw_timeline
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest, read_records
from finegym.workspace import Workspace


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two competitions in a table: 720p and 360p of one, one file twice of the other, one file missing."""
    tmp_path = tmp_path_factory.mktemp("corpus")
    folder = tmp_path / "in"
    folder.mkdir()
    write_numbered(folder / "high.mp4", 50, size=(1280, 720))
    write_numbered(folder / "low.mp4", 100, size=(640, 360))
    write_numbered(folder / "<b>&.mp4", 50, size=(640, 360))
    (folder / "twin.mp4").write_bytes((folder / "<b>&.mp4").read_bytes())
    make_old(*folder.iterdir())
    (folder / "list.csv").write_text(
        "path,competition\nhigh.mp4,Worlds\nlow.mp4,Worlds\n<b>&.mp4,Cup\ntwin.mp4,Cup\ngone.mp4,Cup\n"
    )
    workspace = Workspace(tmp_path / "gym")
    run = ingest(
        [folder / "list.csv"],
        workspace,
        rules=Rules(min_height=720),
        settings=Settings(proxies=False),
        show_progress=False,
    )
    return workspace, run


def test_the_corpus_is_summed_by_competition(corpus):
    workspace, run = corpus
    cup, worlds, total = summarise(read_records(workspace), len(run.failed))
    assert (cup.name, cup.num_records, cup.num_accepted, cup.num_disqualified, cup.share_high) == ("Cup", 2, 0, 2, 0.0)
    assert worlds.hours == pytest.approx(6 / 3600) and worlds.share_high == pytest.approx(1 / 3)
    assert (total.name, total.num_records, total.num_accepted, total.num_failed) == ("all", 4, 1, 1)
    assert total.share_high == pytest.approx(2 / 10)
    assert make_rows([total])[0] == ("all", 4, 0.003, "20%", 1, 3, 1)


def test_an_empty_corpus_has_one_row():
    (row,) = summarise({}, 2)
    assert make_rows([row]) == [("all", 0, 0.0, "–", 0, 0, 2)]


def test_files_agree_with_the_records(corpus):
    workspace, run = corpus
    facts = write_reports(workspace, run)
    assert json.loads(workspace.report_file.read_text("utf-8")) == facts
    with workspace.corpus_file.open(encoding="utf-8", newline="") as file:
        rows = {row["record_id"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["<b>&", "high", "low", "twin"]
    assert rows["high"]["verdict"] == "accepted" and rows["high"]["resolution_class"] == "720p"
    assert rows["low"]["reasons"] == "height 360 is below min_height 720" and rows["low"]["competition"] == "Worlds"
    assert facts["accepted"] == ["high"] and set(facts["disqualified"]) == {"low", "twin", "<b>&"}
    pairs = Duplicates.model_validate_json(workspace.duplicates_file.read_bytes()).pairs
    assert ("<b>&", "twin", "exact") in [(pair.left, pair.right, pair.kind) for pair in pairs]


def test_records_are_compared_again_only_when_they_change(corpus, monkeypatch):
    workspace, run = corpus
    first = write_reports(workspace, run)["duplicates"]
    calls = []
    monkeypatch.setattr(duplicates_module, "find_candidates", lambda found: calls.append(found) or ([], 0))
    assert write_reports(workspace, run)["duplicates"] == first and calls == []
    place = workspace.get_record_file("low")
    content = place.read_bytes()
    place.unlink()
    write_reports(workspace, run)
    assert len(calls) == 1
    place.write_bytes(content)


def test_the_page_shows_every_record_and_escapes_names(corpus):
    workspace, run = corpus
    write_reports(workspace, run)
    page = workspace.report_page.read_text("utf-8")
    assert "<b>&." not in page and "&lt;b&gt;&amp;" in page
    assert page.count("Stills of") == 4 and "The same moments of" in page
    assert "gone.mp4" in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    for title in ("The corpus", "What was not taken", "Shared parts", "Damage", "Accepted records"):
        assert f">{title}" in page


def test_the_timeline_puts_damage_where_it_is(tmp_path):
    source = tmp_path / "a.mp4"
    held = draw_number(0, 320, 180)
    write_frames(source, (np.zeros_like(held) if 100 <= n < 150 else draw_number(n, 320, 180) for n in range(250)))
    workspace = Workspace(tmp_path / "gym")
    run = ingest([source], workspace, rules=Rules(), settings=Settings(proxies=False), show_progress=False)
    assert run.done == ["a"]
    records = read_records(workspace)
    assert describe_damage(records["a"]).startswith("black 1 (2.")
    svg = draw_timeline(records)
    import xml.etree.ElementTree as ET

    rectangles = [node for node in ET.fromstring(svg) if node.tag.endswith("rect")]
    bar, black = (
        next(node for node in rectangles if node.get("fill") == "#dde3e8"),
        next(node for node in reversed(rectangles) if node.get("fill") == "#111111"),
    )
    share = (float(black.get("x")) - float(bar.get("x"))) / float(bar.get("width"))
    assert share == pytest.approx(0.4, abs=0.02)
    assert float(black.get("width")) / float(bar.get("width")) == pytest.approx(0.2, abs=0.02)


def test_every_kind_of_damage_can_be_drawn(corpus):
    workspace, _ = corpus
    record = read_records(workspace)["high"]
    damage = tuple(Damage(kind=kind, start_ms=0, end_ms=100) for kind in KINDS)
    svg = draw_timeline({"high": record.model_copy(update={"damage": damage})})
    assert all(f">{kind}<" in svg for kind in KINDS)


def test_a_record_without_pictures_of_a_pair_still_has_a_report(corpus):
    workspace, run = corpus
    source = workspace.find_path(read_records(workspace)["twin"].source.path)
    elsewhere = source.rename(source.with_name("elsewhere"))
    write_reports(workspace, run)
    assert "no stills" in workspace.report_page.read_text("utf-8")
    elsewhere.rename(source)


@pytest.mark.parametrize(
    ("time_ms", "text"), [(0, "0:00.0"), (59_960, "1:00.0"), (3_723_400, "1:02:03.4"), (-500, "-0:00.5")]
)
def test_times_are_written_for_people(time_ms, text):
    assert format_time(time_ms) == text


def test_of_equal_files_the_one_that_was_looked_at_is_compared(tmp_path):
    workspace = Workspace(tmp_path / "gym")
    first = write_numbered(tmp_path / "a.mp4", 100, size=(320, 180))
    second = tmp_path / "b.mp4"
    second.write_bytes(first.read_bytes())
    for path, is_quick in ((first, True), (second, False)):
        settings = Settings(proxies=False, is_quick=is_quick)
        run = ingest([path], workspace, rules=Rules(), settings=settings, show_progress=False)
        assert len(run.done) == 1
    found = duplicates_module.find_duplicates(workspace, read_records(workspace))
    (pair,) = found.pairs
    assert (pair.left, pair.right, pair.kind) == ("b", "a", "exact")
    assert found.num_compared == 1 and found.not_compared == ()
