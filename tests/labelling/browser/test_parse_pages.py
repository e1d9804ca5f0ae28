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
def workspace(ingested, sqlite_template, tmp_path_factory):
    """A copy of the world, with a bundle that holds nothing."""
    made = Workspace(tmp_path_factory.mktemp("parses") / "gym")
    made.bundles.mkdir(parents=True)
    (made.bundles / "tiny.finegym").write_bytes(b"no bundle")
    shutil.copy(sqlite_template[0], made.database_file)
    shutil.copytree(ingested.ingest, made.ingest)
    return made


def parse_alpha(workspace, ingested, bundle="tiny"):
    """A parse of record alpha, whose page is made as `finegym parse` makes it."""
    video = find_media(ingested, "alpha")
    parse = make_record_parse(video, bundle=bundle)
    page = write_parse_folder(workspace.parses / "alpha", parse) / "parse.html"
    write_parse_page(page, parse, Dataset(make_codebook(), ()), read_code("fig-women-2017"), video)
    page.write_text(page.read_text().replace("<main>", f"<main>{EVIL}<p>by {bundle}</p>"))


@pytest.fixture(scope="module")
def url(built_pages, workspace, ingested):
    """A server on it, with a parse of alpha."""
    parse_alpha(workspace, ingested)
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
    row.wait_for()
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


def ask_for_parse(page, probability=""):
    """Have all records parsed; what the page sends for it."""
    page.get_by_role("button", name="Parse records").click()
    page.get_by_label("all records").check()
    page.get_by_label("from this probability on").fill(probability)
    with page.expect_request(lambda one: one.method == "POST" and one.url.endswith("/parses")) as sent:
        page.get_by_role("button", name="Parse", exact=True).click()
    page.get_by_role("dialog").wait_for(state="detached")
    return sent.value.post_data_json


def test_jobs_wait_in_a_line_that_is_seen_and_can_be_left(lead):
    """The bundle holds nothing: jobs end with a line, after the seconds that loading the libraries takes."""
    lead.open_tab(PROJECT, "Parses")
    page = lead.page
    page.get_by_role("button", name="Parse records").click()
    field = page.get_by_label("from this probability on")
    page.get_by_label("all records").check()
    field.fill("1.5")
    page.get_by_role("alert").get_by_text("“1.5” is no number from 0 to 1.").wait_for()
    assert page.get_by_role("button", name="Parse", exact=True).is_disabled()
    lead.check("parse a wrong threshold")
    page.get_by_role("button", name="Close").click()

    assert ask_for_parse(page)["min_probability"] is None
    assert ask_for_parse(page, "0,7")["min_probability"] == 0.7
    assert ask_for_parse(page, "0")["min_probability"] == 0
    jobs = page.get_by_role("region", name="Jobs")
    rows = jobs.get_by_role("row")
    rows.filter(has_text="2 records with tiny: next in the queue").wait_for()
    lead.check("parse queue")
    rows.filter(has_text="in the queue").last.get_by_role("button", name="Cancel").click()
    rows.filter(has_text="cancelled by Lead before it began").wait_for()
    rows.filter(has_text="tiny.finegym").nth(1).wait_for(timeout=240_000)
    assert jobs.get_by_role("button", name="Cancel").count() == 0
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    lead.check("parse queue on a phone")


def test_a_record_that_is_parsed_anew_is_shown_anew(lead, workspace, ingested):
    frame = open_parse(lead)
    frame.get_by_text("by tiny").wait_for()
    shutil.move(workspace.parses / "alpha" / "parse.json", workspace.folder / "earlier.json")
    lead.page.get_by_text("This parse is gone: it is being made anew").wait_for()
    frame.get_by_text("by tiny").wait_for()  # what was there is looked at on
    shutil.rmtree(workspace.parses / "alpha")
    parse_alpha(workspace, ingested, "newer")
    lead.page.frame_locator("iframe").get_by_text("by newer").wait_for()
    lead.page.get_by_text("The record was parsed anew while this page was open.").wait_for()
    lead.page.get_by_role("button", name="Suggest to annotators").wait_for()  # nobody was told of this one yet
    lead.check("parse made anew")
