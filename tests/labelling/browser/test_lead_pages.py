"""The pages of leads and administrators in a real browser, on a server with people and records already there."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from app_pages import log_in
from labelling_process import ServerProcess
from labelling_world import make_codebook

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Leaf, Node
from finegym.codebook.yaml_text import format_codebook
from finegym.labelling.exchange import export_dataset

PROJECT = "Worlds"
BEAM_VTT = "WEBVTT\n\nE_000002_000012\n00:00:02.000 --> 00:00:12.000\nBB beam\n"


@pytest.fixture(scope="module")
def url(built_pages, ingested, sqlite_template, tmp_path_factory):
    """A server on a copy of the world: its database, its records, and their media."""
    folder = tmp_path_factory.mktemp("pages") / "gym"
    folder.mkdir()
    shutil.copy(sqlite_template[0], folder / "finegym.db")
    shutil.copytree(ingested.ingest, folder / "ingest")
    shutil.copytree(ingested.folder.parent / "media", folder / "incoming")
    server = ServerProcess(folder)
    yield server.url.replace("127.0.0.1", "localhost")
    server.stop()


@pytest.fixture
def admin(chromium, url):
    person = log_in(chromium, url, "admin")
    person.page.get_by_role("heading", name="Projects").wait_for()
    yield person
    assert (person.errors, person.unfit) == ([], [])
    person.context.close()


def make_labelled() -> bytes:
    """A turn and a leap on the beam, named down to their elements, as a dataset folder in a zip."""
    subs = (
        SubAction("A_0000_0001", ((2410, 3590),), "t2", "BB-S1"),
        SubAction("A_0001_0003", ((3590, 5210),), "l1", "BB-S2"),
    )
    videos = (Video("alpha", (Action("E_000002_000012", "BB", 2000, 12_000, subs),)),)
    return export_dataset(Dataset(make_codebook(), videos), "dataset").content


def make_next_codebook() -> str:
    """The same with a leap and a turn less."""
    book = make_codebook()
    turns = Node("q_turn", Node("q_half", Leaf("t1"), Leaf("t3")), Leaf(None))
    new = {"BB-S1": turns, "BB-S2": Leaf("l2")}
    trees = tuple(replace(one, root=new.get(one.set_id, one.root)) for one in book.trees)
    elements = tuple(one for one in book.elements if one.id not in ("l1", "t2"))
    return format_codebook(replace(book, version="next", elements=elements, trees=trees))


def test_a_codebook_is_looked_at_then_changed_and_its_labels_are_looked_at_again(admin):
    page = admin.page
    admin.open_tab(PROJECT, "Exchange")
    importing = page.locator("form", has_text="Import annotations")
    importing.get_by_label("Format").select_option("dataset")
    file = {"name": "gym.zip", "mimeType": "application/zip", "buffer": make_labelled()}
    importing.locator("input[type=file]").set_input_files(file)
    importing.get_by_role("button", name="Import").click()
    importing.get_by_text("1 records, 1 routines, 2 sub-actions.").wait_for()

    admin.open_tab(PROJECT, "Codebook")
    page.locator("form").get_by_role("combobox").select_option("file")
    book = {"name": "codebook.yaml", "mimeType": "text/plain", "buffer": make_next_codebook().encode()}
    page.locator("form input[type=file]").set_input_files(book)
    page.get_by_role("button", name="Show what would change").click()
    outcome = page.get_by_role("status", name="What would change")
    outcome.get_by_text("Elements gone").wait_for()
    assert "l1" in outcome.inner_text()
    counted = re.search(r"(\d+) labels? would", outcome.inner_text())
    assert page.locator("#rechecks").count() == 0, "looking changes nothing"
    admin.check("codebook")

    outcome.get_by_role("button", name="Apply").click()
    rows = page.locator("section[aria-labelledby=rechecks] tbody tr")
    rows.first.wait_for()
    page.get_by_text("The project works with codebook number 2 now.").wait_for()
    assert (int(counted[1]), rows.count()) == (2, 2)
    admin.check("codebook changed")
    rows.first.get_by_role("button", name="Keep").click()
    rows.nth(1).wait_for(state="detached")
    rows.get_by_role("button", name="Walk again").click()
    page.locator("#rechecks").wait_for(state="detached")


def test_a_codebook_with_errors_is_refused_and_says_where(admin):
    page = admin.page
    admin.open_tab(PROJECT, "Codebook")
    page.locator("form").get_by_role("combobox").select_option("file")
    show = page.get_by_role("button", name="Show what would change")
    assert show.is_disabled(), "there is no file yet"
    book = {"name": "codebook.yaml", "mimeType": "text/plain", "buffer": b"name: x\nevents: 3\n"}
    page.locator("form input[type=file]").set_input_files(book)
    show.click()
    page.get_by_role("alert").get_by_text("codebook_yaml").wait_for()
    assert page.get_by_role("button", name="Apply").count() == 0


def test_one_webvtt_file_is_imported_for_a_record_and_chunks_are_cut_between_its_routines(admin):
    page = admin.page
    admin.open_tab(PROJECT, "Exchange")
    page.get_by_label("Format").select_option("webvtt")
    assert page.get_by_label("Record that it is about").count() == 0
    page.locator("form", has_text="Import annotations").locator("input[type=file]").set_input_files(
        {"name": "beam.vtt", "mimeType": "text/vtt", "buffer": BEAM_VTT.encode()}
    )
    page.get_by_label("Record that it is about").select_option("beta")
    admin.check("import one record")
    page.get_by_role("button", name="Import").click()
    page.get_by_text("1 records, 1 routines, 0 sub-actions.").wait_for()

    admin.open_tab(PROJECT, "Records")
    page.get_by_role("button", name="Add records").click()
    page.get_by_label("incoming/").check()
    page.get_by_label("Cut between the routines").check()
    admin.check("add records between routines")
    with page.expect_request("**/ingest") as asked:
        page.get_by_role("button", name="Add", exact=True).click()
    assert asked.value.post_data_json["routines"] == "known"
    page.locator(".badge.done").wait_for(timeout=120_000)


def test_an_administrator_keeps_somebody_out_and_gives_a_way_back_in(admin, chromium, url):
    page = admin.page
    admin.open_tab(PROJECT, "People")
    row = page.locator("section[aria-labelledby=everybody] tr", has_text="bob@example.org")
    row.get_by_role("button", name="Disable Bob").click()
    row.get_by_text("disabled").wait_for()
    admin.check("everybody")
    bob = log_in(chromium, url, "bob")
    bob.page.get_by_role("alert").wait_for()

    row.get_by_role("button", name="Enable Bob").click()
    row.get_by_text("disabled").wait_for(state="detached")
    row.get_by_role("button", name="Password link for Bob").click()
    link = page.get_by_test_id("invitation").inner_text()
    admin.check("password link")
    bob.page.goto(url + "/invitation#" + link.partition("#")[2])
    bob.page.get_by_label("Password").fill("another five good words")
    bob.page.get_by_role("button").last.click()
    bob.page.get_by_role("heading", name="Projects").wait_for()
    assert bob.errors == []
    bob.context.close()


def test_nobody_disables_herself_and_leads_do_not_see_everybody(admin, chromium, url):
    admin.open_tab(PROJECT, "People")
    everybody = admin.page.locator("section[aria-labelledby=everybody]")
    everybody.get_by_role("button", name="Password link for Admin").wait_for()
    assert everybody.get_by_role("button", name="Disable Admin").count() == 0
    lead = log_in(chromium, url, "lead")
    lead.page.get_by_role("heading", name="Projects").wait_for()
    lead.open_tab(PROJECT, "People")
    lead.page.get_by_role("cell", name="bob@example.org").wait_for()
    assert lead.page.locator("#everybody").count() == 0
    lead.context.close()


def test_an_export_says_what_is_in_it(admin):
    page = admin.page
    admin.open_tab(PROJECT, "Exchange")
    page.get_by_label("What").select_option("latest")
    with page.expect_download() as got:
        page.get_by_role("link", name="Official JSON").click()
    exported = json.loads(Path(got.value.path()).read_text())
    assert got.value.suggested_filename == "annotations.json"
    number = sum(len(actions) for actions in exported.values())
    page.get_by_role("status").get_by_text(f"annotations.json: {len(exported)} records, {number} routines").wait_for()
    admin.check("exported")
