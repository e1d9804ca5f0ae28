"""The whole job in a real browser: from an empty server to an export that equals the ground truth.

A competition is simulated and ingested. An annotator finds its routines, their sub-actions (a vault in three stages)
and walks the trees to the elements, with keys alone; a lead reviews each stage and exports. Every page that comes by
is looked at by axe.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from app_pages import Person
from labelling_process import ServerProcess

from finegym.codebook.source import open_codebook
from finegym.codebook.tree import get_path, get_tree
from finegym.simulation.competition import CompetitionSettings, simulate_competition

PROJECT = "Simulated cup"
FRAME_MS = 40


@dataclass
class Job:
    """What came out."""

    truth: dict
    elements: dict[str, str]
    exported: dict
    exported_elements: dict[str, str]
    people: list[Person]


@dataclass(frozen=True)
class Routine:
    """A routine of the ground truth, in frames of the record."""

    frames: tuple[int, int]
    event_number: int
    sub_actions: list[tuple[str, list[tuple[int, int]]]]


def read_lines(text: str) -> dict[str, str]:
    return dict(line.split() for line in text.splitlines() if line)


def read_truth(folder: Path) -> tuple[dict, dict[str, str], list[Routine]]:
    truth = json.loads((folder / "annotations.json").read_text())
    elements = read_lines((folder / "elements.txt").read_text())
    ((record, actions),) = truth.items()
    routines = []
    for action_id, action in sorted(actions.items(), key=lambda one: one[1]["timestamps"][0][0]):
        start_ms, end_ms = (round(1000 * time) for time in action["timestamps"][0])
        sub_actions = []
        for id_, sub in sorted(action["segments"].items(), key=lambda one: one[1]["timestamps"][0][0]):
            stages = [
                tuple((start_ms + round(1000 * time)) // FRAME_MS for time in stage) for stage in sub["timestamps"]
            ]
            sub_actions.append((elements[f"{record}_{action_id}_{id_}"], stages))
        routines.append(Routine((start_ms // FRAME_MS, end_ms // FRAME_MS), action["event"], sub_actions))
    return truth, elements, routines


def set_up(lead: Person, link: str, folder: Path) -> str:
    """Account, project, records; the link for an annotator."""
    page = lead.page
    lead.accept(link, "Lea Lead", "lead@example.org")
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name").fill(PROJECT)
    page.get_by_role("dialog").get_by_role("combobox").select_option("file")
    page.locator("input[type=file]").set_input_files(folder / "codebook.yaml")
    lead.check("new project")
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("heading", name=PROJECT).wait_for()

    lead.open_tab(PROJECT, "Records")
    page.get_by_role("button", name="Add records").click()
    page.get_by_label("incoming/").check()
    page.get_by_text("Rules of what a record must be like").click()
    page.get_by_label("TOML").fill("min_height = 100")
    lead.check("add records")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator(".badge.done").wait_for(timeout=120_000)
    page.get_by_role("button", name="Refresh").click()
    page.locator("td .badge.accepted").wait_for()
    lead.check("records")

    lead.open_tab(PROJECT, "People")
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_test_id("invitation").inner_text()
    lead.check("people")
    return link


def find_routines(annotator: Person, routines: list[Routine], book) -> None:
    annotator.take_next(PROJECT, "Routines")
    numbers = [event.number for event in book.events]
    for routine in routines:
        annotator.mark(*routine.frames, numbers.index(routine.event_number) + 1)
    annotator.wait_saved()
    annotator.page.wait_for_timeout(500)  # for the stills of the picture
    annotator.check("routines")
    annotator.sign_off()


def find_sub_actions(annotator: Person, routine: Routine, book) -> None:
    annotator.take_next(PROJECT, "Sub-actions")
    event = next(event for event in book.events if event.number == routine.event_number)
    sets = [set_.id for set_ in book.get_sets_of_event(event.id)]
    for element_id, stages in routine.sub_actions:
        annotator.mark(stages[0][0], stages[-1][1], sets.index(book.element_by_id[element_id].set_id) + 1)
        for start_frame, _ in stages[1:]:
            annotator.go_to(start_frame)
            annotator.press("Shift+S")
        if len(stages) > 1:
            annotator.page.get_by_text(f"{len(stages)}/{len(stages)} stages").wait_for()
    annotator.page.wait_for_timeout(500)
    annotator.check(f"sub-actions of {event.id}")
    annotator.sign_off()


def name_elements(annotator: Person, routine: Routine, book) -> int:
    """Walk every tree; the number of keys pressed."""
    annotator.take_next(PROJECT, "Elements")
    keys = 0
    for count, (element_id, _) in enumerate(routine.sub_actions):
        annotator.page.locator(f".segments li:nth-child({count + 1}) button[aria-current=true]").wait_for()
        element = book.element_by_id[element_id]
        for step in get_path(get_tree(book, element.set_id), element_id):
            query = book.query_by_id[step.query_id].text
            annotator.page.locator(".walk-query", has_text=query).wait_for()
            annotator.press("y" if step.answer else "n")
            keys += 1
        annotator.page.locator(".walk-result strong", has_text=element.name).wait_for()
        if count == 0:
            annotator.check(f"elements {routine.event_number}")
        annotator.press("Enter")
        keys += 1
    annotator.sign_off()
    return keys


def export(lead: Person) -> tuple[dict, dict[str, str]]:
    lead.open_tab(PROJECT, "Exchange")
    lead.check("exchange")
    with lead.page.expect_download() as official:
        lead.page.get_by_role("link", name="Official JSON").click()
    with lead.page.expect_download() as dataset:
        lead.page.get_by_role("link", name="Dataset folder").click()
    with zipfile.ZipFile(io.BytesIO(Path(dataset.value.path()).read_bytes())) as archive:
        elements = archive.read("elements.txt").decode()
    return json.loads(Path(official.value.path()).read_text()), read_lines(elements)


def look_around(lead: Person) -> None:
    """The pages that the job does not need."""
    for tab in ("Work", "Items", "Progress", "Guidelines", "Settings"):
        lead.open_tab(PROJECT, tab)
        lead.page.locator(".content :is(h2, table, label)").first.wait_for()
        lead.check(tab.lower())


@pytest.fixture(scope="module")
def job(chromium, built_pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    settings = CompetitionSettings(num_videos=1, minutes=1.1, size=(320, 180), seed=7, events=("VT", "BB"))
    simulate_competition(settings, open_codebook("artistic-women")[0], folder / "truth")
    truth, elements, routines = read_truth(folder / "truth")
    book, _ = open_codebook(str(folder / "truth" / "codebook.yaml"))
    (folder / "gym").mkdir()
    shutil.copytree(folder / "truth" / "records", folder / "gym" / "incoming")
    server = ServerProcess(folder / "gym")
    try:
        lead = Person(chromium, server.url.replace("127.0.0.1", "localhost"))
        annotator = Person(chromium, lead.url, is_dark=os.environ.get("FINEGYM_SCREENSHOTS") is None)
        link = set_up(lead, server.started["setup_url"], folder / "truth")
        annotator.accept(link, "Ann Otator", "ann@example.org")
        find_routines(annotator, routines, book)
        lead.accept_reviews(PROJECT, 1)
        for routine in routines:
            find_sub_actions(annotator, routine, book)
        lead.accept_reviews(PROJECT, len(routines))
        keys = sum(name_elements(annotator, routine, book) for routine in routines)
        print(f"{keys / len(elements):.1f} keys an element")
        lead.accept_reviews(PROJECT, len(routines))
        look_around(lead)
        exported, exported_elements = export(lead)
        lead.page.get_by_role("button", name="Log out").click()
        lead.page.get_by_label("Password").wait_for()
        lead.check("log in")
        yield Job(truth, elements, exported, exported_elements, [lead, annotator])
    finally:
        server.stop()


def test_export_equals_the_ground_truth(job):
    assert len(next(iter(job.truth.values()))) == 2, "the seed should give two routines"
    assert job.exported == job.truth
    assert job.exported_elements == job.elements


def test_no_page_threw(job):
    assert [person.errors for person in job.people] == [[], []]


def test_axe_finds_nothing_serious(job):
    assert [line for person in job.people for line in person.unfit] == []
