"""Who takes part in the end-to-end test, and what they all do with the rows of the work bench."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app_pages import Person

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook

CUP = "Simulated cup"
FRAME_MS = 40


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
