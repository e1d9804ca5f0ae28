"""Routines, in the end-to-end test: a network that drops, slips of the hand, a routine that is none."""

from __future__ import annotations

from app_pages import Person
from cup_cast import CUP, Cast, get_rows, select_row, to_frames, wait_for_edge
from screenshots import keep_image

from finegym.annotations.model import Action
from finegym.codebook.model import Codebook


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
