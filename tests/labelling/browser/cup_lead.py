"""What the lead does in the end-to-end test: the project, its record and its people; the progress; the export."""

from __future__ import annotations

import zipfile
from pathlib import Path

from app_pages import Person
from cup_cast import CUP
from screenshots import keep_image


def set_up(lead: Person, link: str, truth: Path) -> dict[str, str]:
    """A project with its record; invitations by role."""
    page = lead.page
    lead.accept(link, "Lea Lead", "lead@example.org")
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name").fill(CUP)
    page.get_by_role("dialog").get_by_role("combobox").select_option("file")
    page.locator("input[type=file]").set_input_files(truth / "codebook.yaml")
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("heading", name=CUP).wait_for()
    add_records(lead)
    lead.open_tab(CUP, "People")
    return {role: invite(lead, role) for role in ("annotator", "reviewer", "viewer")}


def add_records(lead: Person) -> None:
    page = lead.page
    lead.open_tab(CUP, "Records")
    page.get_by_role("button", name="Add records").click()
    page.get_by_label("incoming/").wait_for()
    assert page.get_by_label("finegym.db").count() == 0, "the server's database is no recording"
    page.get_by_label("incoming/").check()
    page.get_by_text("Rules of what a record must be like").click()
    page.get_by_label("TOML").fill("min_height = 100")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("td .badge.accepted").wait_for(timeout=300_000)  # comes by itself when ingest ends


def invite(lead: Person, role: str) -> str:
    page = lead.page
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("dialog").get_by_label("Role").select_option(role)
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_test_id("invitation").inner_text()
    page.get_by_role("button", name="Done").click()
    return link


def watch_progress(lead: Person) -> None:
    """Half of the elements are signed off and the other half is in work; how long the rest took is known."""
    page = lead.page
    lead.open_tab(CUP, "Progress")
    page.locator("tr", has_text="sub-actions").locator("[role=img][aria-label^='2 of 2 accepted']").wait_for()
    assert float(page.locator("section[aria-labelledby=people] tbody tr").first.locator("td").nth(5).inner_text()) > 0
    keep_image(page, "app_progress")


def export(lead: Person, folder: Path) -> tuple[Path, Path]:
    """The official JSON and the dataset folder, as the page gives them."""
    lead.open_tab(CUP, "Exchange")
    with lead.page.expect_download() as official:
        lead.page.get_by_role("link", name="Official JSON").click()
    official.value.save_as(folder / "annotations.json")
    with lead.page.expect_download() as dataset:
        lead.page.get_by_role("link", name="Dataset folder").click()
    with zipfile.ZipFile(dataset.value.path()) as archive:
        archive.extractall(folder / "dataset")
    return folder / "annotations.json", folder / "dataset"
