"""Four people, and what goes wrong between them: the export still equals the simulation's ground truth.

``test_whole_job`` does the job without a slip and with every page checked. Here the network drops and the page is
reloaded with unsent work, marks are set wrongly, undone, returned with a remark and corrected with a reason, and a
viewer looks on. ``FINEGYM_README_IMAGES=docs/images`` makes the README's pictures on the way, from larger records.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from app_pages import Person
from labelling_process import ServerProcess
from screenshots import IMAGES, keep_image

from finegym.annotations.annotation_json import read_annotation_json
from finegym.annotations.model import Action, SubAction, Video
from finegym.annotations.source import open_source
from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_path, get_tree

pytestmark = pytest.mark.slow

CUP = "Simulated cup"
FRAME_MS = 40
SIZE = "320x180" if IMAGES is None else "960x540"


@dataclass(frozen=True)
class Cast:
    """Everybody who takes part, and what did happen in the record."""

    lead: Person
    annotator: Person
    reviewer: Person
    viewer: Person
    record: Video
    book: Codebook

    @property
    def actions(self) -> list[Action]:
        return sorted(self.record.actions, key=lambda action: action.start_ms)


def to_frames(part: Action | SubAction) -> tuple[int, int]:
    """First frame, and the one after the last, of a record at 25 frames a second."""
    return part.start_ms // FRAME_MS, part.end_ms // FRAME_MS


def get_rows(page) -> list[str]:
    return page.locator(".segments .segment-text").all_inner_texts()


def select_row(person: Person, number: int) -> None:
    person.page.locator(".segments li button").nth(number).click()
    person.page.locator(".readout.confirmed").wait_for()


def wait_for_edge(page, what: str, frame: int) -> None:
    """Until the pictures of the selected segment's edges say that its first or last frame is this one."""
    page.locator(".still.inside", has_text=re.compile(rf"{what} *{frame}$")).wait_for()


def simulate(folder: Path) -> tuple[Video, Codebook]:
    command = [sys.executable, "-m", "finegym", "simulate", "--out", str(folder), "--videos", "1", "--minutes", "1.1"]
    command += ["--seed", "7", "--events", "VT,BB", "--size", SIZE]
    subprocess.run(command, check=True, capture_output=True)
    dataset = open_source(folder).dataset
    (record,) = dataset.videos
    assert len(record.actions) == 2, "the seed should give two routines"
    return record, dataset.codebook


# --- the lead -------------------------------------------------------------------------------------------------------


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


# --- routines: a network that drops, slips of the hand, a routine that is none -------------------------------------


def find_routines(cast: Cast) -> None:
    """The first starts a frame late and the second ends a frame early: review is to find that."""
    annotator, (first, second) = cast.annotator, cast.actions
    annotator.take_next(CUP, "Routines")
    mark_without_network(annotator, first, cast.book)
    mark_and_change_ones_mind(annotator, second, cast.book)
    discard_replay(annotator, to_frames(first)[1] + 40)
    annotator.wait_saved()
    select_row(annotator, 0)
    annotator.press("Space")  # a click on a row leaves the keyboard to the video
    annotator.page.get_by_role("button", name="Pause").wait_for()
    annotator.press("Space")
    annotator.page.locator(".readout.confirmed").wait_for()
    annotator.page.wait_for_timeout(1500)  # the stills of the picture
    keep_image(annotator.page, "app_routines")
    annotator.sign_off()


def get_event_number(action: Action, book: Codebook) -> int:
    return [event.id for event in book.events].index(action.event_id) + 1


def mark_without_network(annotator: Person, action: Action, book: Codebook) -> None:
    """Saves find no server, and the page is reloaded: nothing is lost."""
    page, (start, end) = annotator.page, to_frames(action)
    page.route("**/operations", lambda route: route.abort())
    annotator.mark(start + 1, end, get_event_number(action, book))
    page.locator(".save.waiting", has_text="Not sent").wait_for()
    page.reload()
    page.locator(".save.waiting", has_text="Not sent").wait_for()
    assert len(get_rows(page)) == 1
    page.unroute("**/operations")
    page.get_by_role("button", name="Send now").click()
    annotator.wait_saved()
    page.get_by_role("button", name="Understood").click()


def mark_and_change_ones_mind(annotator: Person, action: Action, book: Codebook) -> None:
    """Start two frames late, nudged back; a wrong event, undone, done again, and put right."""
    page, (start, end) = annotator.page, to_frames(action)
    number = get_event_number(action, book)
    wrong = number % len(book.events) + 1
    annotator.mark(start + 2, end - 1, wrong)
    annotator.press("Control+z")
    page.get_by_text("Undone: Label.").wait_for()
    assert get_rows(page)[-1] == "no event yet"
    annotator.press("Control+Shift+z")
    page.get_by_text("Done again: Label.").wait_for()
    assert get_rows(page)[-1] == book.events[wrong - 1].name
    annotator.press(str(number), "q", "q")
    wait_for_edge(page, "first", start)
    assert get_rows(page)[-1] == book.events[number - 1].name


def discard_replay(annotator: Person, frame: int) -> None:
    """A piece that is no routine stays, with its reason, and is not in the export."""
    page = annotator.page
    annotator.go_to(frame)
    annotator.press("i")
    page.get_by_text(f"Starts with frame {frame}.").wait_for()
    annotator.go_to(frame + 60)
    annotator.press("o")
    page.locator(".segments li").nth(2).wait_for()
    annotator.press("Control+Enter")
    page.get_by_text("Not yet: the routine at frame").wait_for()
    annotator.press("x", "2")
    page.locator(".segment.discarded", has_text="replay").wait_for()
    page.get_by_text("All routines found: 2, and 1 discarded.").wait_for()


def return_routines(cast: Cast) -> None:
    """The second routine ends a frame early: the reviewer pins a remark to the frame that is missing."""
    reviewer, last = cast.reviewer, to_frames(cast.actions[1])[1] - 1
    open_review(reviewer)
    select_row(reviewer, 2)
    reviewer.go_to(last)
    reviewer.page.get_by_label("Comment, pinned").fill("She still moves here: the routine ends with this frame.")
    reviewer.page.wait_for_timeout(1000)
    keep_image(reviewer.page, "app_review")
    reviewer.page.get_by_role("button", name="Return").click()
    reviewer.page.get_by_role("heading", name="Signed off").wait_for()


def open_review(reviewer: Person) -> None:
    reviewer.open_tab(CUP, "Review")
    reviewer.page.locator("section[aria-labelledby=signed-off] a").first.click()
    reviewer.page.locator(".readout.confirmed").wait_for()


def follow_remark(cast: Cast) -> None:
    """It came back under "My work"; the remark leads to its frame."""
    annotator, last = cast.annotator, to_frames(cast.actions[1])[1] - 1
    page = annotator.page
    annotator.open_tab(CUP, "Work")
    page.locator("tr", has=page.locator(".badge.returned")).get_by_role("link").click()
    page.locator(".comments", has_text="She still moves here").wait_for()
    select_row(annotator, 2)
    page.locator(".comments button").first.click()
    page.locator(".readout.confirmed .readout-frame", has_text=str(last)).wait_for()
    annotator.press("Shift+O")
    wait_for_edge(page, "last", last)
    page.get_by_role("button", name="Dealt with").click()
    page.locator(".comments").wait_for(state="detached")
    annotator.sign_off()


def correct_with_reason(cast: Cast) -> None:
    """The first routine starts a frame late: the reviewer moves it herself, but not without saying why."""
    reviewer, start = cast.reviewer, to_frames(cast.actions[0])[0]
    page = reviewer.page
    open_review(reviewer)
    select_row(reviewer, 0)
    reviewer.press("q")
    page.get_by_text("Say why first").wait_for()
    page.get_by_label("Reason of corrections").fill("The salute is one frame earlier.")
    page.locator(".segments li button").first.click()
    reviewer.press("q")
    wait_for_edge(page, "first", start)
    reviewer.wait_saved()
    reviewer.press("h")
    page.locator(".history", has_text="because: The salute is one frame earlier.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("heading", name="Signed off").wait_for()


# --- sub-actions and elements ----------------------------------------------------------------------------------------


def find_sub_actions(cast: Cast, action: Action) -> None:
    annotator, page = cast.annotator, cast.annotator.page
    annotator.take_next(CUP, "Sub-actions")
    sets = [set_.id for set_ in cast.book.get_sets_of_event(action.event_id)]
    for sub in action.sub_actions:
        annotator.mark(*to_frames(sub), sets.index(sub.set_id) + 1)
        for start_ms, _ in sub.stages[1:]:
            annotator.go_to(start_ms // FRAME_MS)
            annotator.press("Shift+S")
        if len(sub.stages) > 1:
            page.get_by_text(f"{len(sub.stages)}/{len(sub.stages)} stages").wait_for()
    if len(action.sub_actions) > 1:
        split_and_merge(annotator, action)
    annotator.wait_saved()
    page.wait_for_timeout(1500)
    keep_image(page, f"app_sub_actions_{action.event_id.lower()}")
    annotator.sign_off()


def split_and_merge(annotator: Person, action: Action) -> None:
    """Split in the middle, merged again: as it was."""
    page, count = annotator.page, len(action.sub_actions)
    start, end = to_frames(action.sub_actions[0])
    select_row(annotator, 0)
    annotator.go_to((start + end) // 2)
    annotator.press("s")
    page.locator(".segments li").nth(count).wait_for()
    select_row(annotator, 0)
    annotator.press("Shift+M")
    page.locator(".segments li").nth(count).wait_for(state="detached")


def name_elements(cast: Cast, action: Action) -> None:
    """Walks with an answer taken back; the last one by its name."""
    annotator, page = cast.annotator, cast.annotator.page
    if action is cast.actions[0]:
        annotator.take_next(CUP, "Elements")
    else:
        page.get_by_role("button", name="Next item").click()
        page.locator(".signoff:not(.done)").wait_for()
        watch_progress(cast.lead)
    for number, sub in enumerate(action.sub_actions):
        page.locator(f".segments li:nth-child({number + 1}) button[aria-current=true]").wait_for()
        if 0 < number == len(action.sub_actions) - 1:
            name_by_words(annotator, sub, cast.book)
        else:
            walk(annotator, sub, cast.book, f"app_tree_{action.event_id.lower()}" if number == 1 else None)
        page.locator(".walk-result strong", has_text=cast.book.element_by_id[sub.element_id].name).wait_for()
        annotator.press("Enter")
    annotator.sign_off()


def walk(annotator: Person, sub: SubAction, book: Codebook, image: str | None) -> None:
    page = annotator.page
    steps = get_path(get_tree(book, sub.set_id), sub.element_id)
    for number, step in enumerate(steps):
        query = page.locator(".walk-query", has_text=book.query_by_id[step.query_id].text)
        query.wait_for()
        if number == 0:
            for slip in ("u", "n" if step.answer else "y"):
                annotator.press(slip)
                page.locator(".path li").first.wait_for()
                annotator.press("b")
                page.locator(".path li").first.wait_for(state="detached")
            query.wait_for()
        if image is not None and number == len(steps) - 1:
            page.wait_for_timeout(1000)
            keep_image(page, image)
        annotator.press("y" if step.answer else "n")


def name_by_words(annotator: Person, sub: SubAction, book: Codebook) -> None:
    annotator.press("/")
    box = annotator.page.get_by_role("combobox", name="Any words")
    name = book.element_by_id[sub.element_id].name
    box.fill(name)
    annotator.page.get_by_role("option").filter(has_text=name).first.wait_for()
    box.press("Enter")


# --- and out ----------------------------------------------------------------------------------------------------------


def watch_progress(lead: Person) -> None:
    """Half of the elements are signed off and the other half is in work; how long the rest took is known."""
    page = lead.page
    lead.open_tab(CUP, "Progress")
    page.locator("tr", has_text="sub-actions").locator("[role=img][aria-label^='2 of 2 accepted']").wait_for()
    assert float(page.locator("section[aria-labelledby=people] tbody tr").first.locator("td").nth(5).inner_text()) > 0
    keep_image(page, "app_progress")


def look_on(cast: Cast) -> None:
    """A viewer sees all work, and changes nothing."""
    viewer, page = cast.viewer, cast.viewer.page
    viewer.open_tab(CUP, "Items")
    tabs = page.get_by_role("navigation", name="Project").get_by_role("link").all_inner_texts()
    assert tabs == ["Items", "Progress", "Quality"]
    page.locator("td a").first.click()
    page.locator(".readout.confirmed").wait_for()
    assert len(get_rows(page)) == 3
    assert page.get_by_role("button", name="Accept").count() == 0
    select_row(viewer, 0)
    viewer.press("q")
    page.get_by_text("You may look at this work, not change it.").wait_for()


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


def collect(video: Video, *, has_elements: bool) -> set[tuple]:
    """Actions with their times and sub-actions, whatever the order of a file."""
    return {
        (
            *(action.name, action.event_id, action.start_ms, action.end_ms),
            frozenset((sub.name, sub.stages, sub.element_id if has_elements else None) for sub in action.sub_actions),
        )
        for action in video.actions
    }


def test_export_equals_the_ground_truth_after_slips_returns_and_corrections(chromium, built_pages, tmp_path):
    truth, gym = tmp_path / "truth", tmp_path / "gym"
    record, book = simulate(truth)
    gym.mkdir()
    shutil.copytree(truth / "records", gym / "incoming")
    server = ServerProcess(gym)
    try:
        url = server.url.replace("127.0.0.1", "localhost")
        lead, annotator, reviewer, viewer = (Person(chromium, url) for _ in range(4))
        links = set_up(lead, server.started["setup_url"], truth)
        annotator.accept(links["annotator"], "Ann Otator", "ann@example.org")
        reviewer.accept(links["reviewer"], "Ray Viewer", "ray@example.org")
        viewer.accept(links["viewer"], "Vic Looker", "vic@example.org")
        cast = Cast(lead, annotator, reviewer, viewer, record, book)

        find_routines(cast)
        return_routines(cast)
        follow_remark(cast)
        correct_with_reason(cast)
        for action in cast.actions:
            find_sub_actions(cast, action)
        reviewer.accept_reviews(CUP, len(cast.actions))
        for action in cast.actions:
            name_elements(cast, action)
        reviewer.accept_reviews(CUP, len(cast.actions))
        look_on(cast)
        official, dataset = export(lead, tmp_path)

        (exported,) = read_annotation_json(official, book)
        assert exported.id == record.id
        assert collect(exported, has_elements=False) == collect(record, has_elements=False)
        (with_elements,) = open_source(dataset).dataset.videos
        assert collect(with_elements, has_elements=True) == collect(record, has_elements=True)
        everybody = (lead, annotator, reviewer, viewer)
        assert [line for person in everybody for line in (*person.errors, *person.unfit)] == []
    finally:
        server.stop()


@pytest.mark.skipif(IMAGES is None, reason="only where the README's pictures are made")
def test_pictures_are_small():
    sizes = {path.name: path.stat().st_size for path in Path(os.fspath(IMAGES)).glob("app_*.png")}
    assert len(sizes) >= 5
    assert {name: size for name, size in sizes.items() if size >= 200_000} == {}
