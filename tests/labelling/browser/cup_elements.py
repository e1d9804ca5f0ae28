"""Sub-actions and elements, in the end-to-end test: split and merged, walked with slips, named by words."""

from __future__ import annotations

from app_pages import Person
from cup_cast import CUP, FRAME_MS, Cast, select_row, to_frames
from cup_lead import watch_progress
from screenshots import keep_image

from finegym.annotations.model import Action, SubAction
from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_path, get_tree


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
