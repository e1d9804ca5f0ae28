"""Parses in a real browser: the table, the page in its frame, what it may do, and from there to suggestions."""

from __future__ import annotations

import shutil

import pytest
from app_pages import Person, log_in
from labelling_parses import find_media, make_record_parse, write_parse_folder
from labelling_process import ServerProcess
from labelling_world import make_codebook

from finegym.annotations.model import Dataset
from finegym.applications.parse.page import write_parse_page
from finegym.applications.scoring.code_of_points import read_code
from finegym.workspace import Workspace

PROJECT = "Worlds"
EVIL = '<script>window.evil = 1</script><img src="data:," alt="" onerror="window.evil = 2">'


@pytest.fixture(scope="module")
def url(built_pages, ingested, sqlite_template, tmp_path_factory):
    """A server on a copy of the world, with a parse of record alpha whose page is made as `finegym parse` makes it."""
    workspace = Workspace(tmp_path_factory.mktemp("parses") / "gym")
    workspace.folder.mkdir()
    shutil.copy(sqlite_template[0], workspace.database_file)
    shutil.copytree(ingested.ingest, workspace.ingest)
    video = find_media(ingested, "alpha")
    parse = make_record_parse(video)
    page = write_parse_folder(workspace.parses / "alpha", parse) / "parse.html"
    write_parse_page(page, parse, Dataset(make_codebook(), ()), read_code("fig-women-2017"), video)
    page.write_text(page.read_text().replace("<main>", f"<main>{EVIL}"))
    server = ServerProcess(workspace.folder)
    yield server.url.replace("127.0.0.1", "localhost")
    server.stop()


@pytest.fixture
def lead(chromium, url):
    person = log_in(chromium, url, "lead")
    person.page.get_by_role("heading", name="Projects").wait_for()
    yield person
    assert (person.errors, person.unfit) == ([], [])
    person.context.close()


def open_parse(person: Person):
    """The frame with the parse of alpha."""
    person.open_tab(PROJECT, "Parses")
    person.page.get_by_role("link", name="alpha").click()
    person.page.frame_locator("iframe").locator("article").first.wait_for()
    return next(frame for frame in person.page.frames if frame.url.endswith("/page"))


def wait_for_time(frame, time_ms: int) -> None:
    """Until the player shows a moment of the record."""
    told = f"player.readyState > 1 && Math.abs(clip.start_ms + 1000 * player.currentTime - {time_ms}) < 2500"
    frame.wait_for_function(f"() => {told}")


def test_a_parse_is_opened_and_its_timeline_leads_through_the_record(lead):
    lead.open_tab(PROJECT, "Parses")
    row = lead.page.get_by_role("row", name="alpha")
    assert row.locator("td").all_inner_texts()[1:6] == ["tiny", "1 + 1 replay", "2", "1", "1.2"]
    lead.check("parses")
    frame = open_parse(lead)
    assert frame.locator("article").count() == 2
    wait_for_time(frame, 0)
    assert frame.evaluate("player.videoWidth") > 0
    lead.check("parse")

    frame.locator("article .strip").nth(1).click()
    wait_for_time(frame, 7000)
    frame.locator("article.now").wait_for()
    frame.evaluate("player.pause()")
    box = frame.get_by_role("group", name="Routines").bounding_box()
    lead.page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
    wait_for_time(frame, 38_000)  # of the second proxy: the first one ends at 24 s
    frame.get_by_text("Part 2 of 2").wait_for()
    frame.get_by_role("group", name="Routines").get_by_role("button").first.click()
    wait_for_time(frame, 2000)
    frame.get_by_text("Part 1 of 2").wait_for()
    frame.evaluate("player.currentTime = player.duration - 0.3; player.play()")
    wait_for_time(frame, 24_500)
    frame.get_by_text("Part 2 of 2").wait_for()  # one part goes on where the other ends


def test_nothing_in_the_file_runs_but_the_script_that_is_ours(lead):
    frame = open_parse(lead)
    wait_for_time(frame, 0)
    assert "window.evil" in frame.content()
    assert frame.evaluate("window.evil === undefined")


def test_its_files_can_be_kept(lead):
    open_parse(lead)
    with lead.page.expect_download() as got:
        lead.page.get_by_role("link", name="WebVTT chapters").click()
    assert got.value.suggested_filename == "alpha-chapters.vtt"


def test_it_has_the_colours_of_the_app_and_fits_a_phone(lead):
    frame = open_parse(lead)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = frame.evaluate(ground)
    lead.page.get_by_label("Colours").select_option("dark")
    frame.wait_for_function(f"() => {ground} !== '{light}'")
    lead.check("parse dark")
    lead.page.set_viewport_size({"width": 400, "height": 800})
    for one in (lead.page, frame):
        assert one.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    lead.check("parse on a phone")


def test_what_was_found_is_suggested_and_shown_with_its_doubts(lead, chromium, url):
    page = lead.page
    open_parse(lead)
    page.get_by_role("button", name="Suggest to annotators").click()
    page.get_by_text("2 routines and 2 sub-actions suggested, 2 of them marked as unsure.").wait_for()
    page.get_by_text("blind: nobody sees suggestions").wait_for()
    page.get_by_role("button", name="Suggested to annotators").wait_for()
    lead.check("parse suggested")

    ann = log_in(chromium, url, "ann")
    ann.page.get_by_role("link", name=PROJECT).click()
    tabs = ann.page.get_by_role("navigation", name="Project")
    tabs.get_by_role("link", name="Progress").wait_for()
    assert tabs.get_by_role("link", name="Parses").count() == 0, "blind work shows nothing of models"
    lead.open_tab(PROJECT, "Settings")
    rules = page.locator("form", has_text="Blind:")
    rules.get_by_label("Blind:").uncheck()
    rules.get_by_role("button", name="Save").click()
    rules.get_by_text("Saved.").wait_for()
    ann.take_next(PROJECT, "routines")
    ghosts = ann.page.locator(".ghosts")
    ghosts.get_by_text("balance beam at 0:00:02.000").wait_for()
    ann.press("a")
    ghosts.get_by_text("taken for replay: shown before at 0:02").wait_for()
    ann.check("suggestions with doubts")
    ann.press("d")
    ghosts.get_by_text("All answered.").wait_for()
    ann.wait_saved()
    assert (ann.errors, ann.unfit) == ([], [])
    ann.context.close()
