"""The app as a person uses it: pages, keys, dialogs. Every step waits for what the person would wait for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import labelling_world
from browser_tools import WEB

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "twelve words are better"
# A machine that other work keeps busy needs longer.
TIMEOUT_MS = 1000 * float(os.environ.get("FINEGYM_BROWSER_TIMEOUT_S", "15"))


class Person:
    """Somebody with a browser window of their own."""

    def __init__(self, chromium: Any, url: str, *, is_dark: bool = False) -> None:
        self.url = url
        self.context = chromium.new_context(
            viewport={"width": 1440, "height": 900},
            color_scheme="dark" if is_dark else "light",
            accept_downloads=True,
            reduced_motion="reduce",
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.errors: list[str] = []
        self.unfit: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def accept(self, link: str, name: str, email: str) -> None:
        """Open a one-time link and make an account."""
        self.page.goto(self.url + "/invitation#" + link.partition("#")[2])
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.check("invitation")
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_role("heading", name="Projects").wait_for()

    def open_tab(self, project: str, tab: str) -> None:
        self.open("/")
        self.page.get_by_role("link", name=project).click()
        self.page.get_by_role("navigation", name="Project").get_by_role("link", name=tab, exact=True).click()
        self.page.locator(".tabs a[aria-current=page]", has_text=tab).wait_for()

    def take_next(self, project: str, stage: str) -> None:
        """The next item of a stage, until something of it is on screen (elements play at once)."""
        self.open_tab(project, "Work")
        self.page.get_by_role("button", name=f"Take the next: {stage}").click()
        self.page.locator(".readout-time:not(:empty)").wait_for()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, frame: int) -> None:
        """Type a frame number, and wait until that frame is confirmed on screen."""
        self.press("t")
        self.page.locator("dialog input:focus").wait_for()
        self.page.keyboard.type(str(frame))
        self.press("Enter")
        self.page.locator(".readout.confirmed .readout-frame", has_text=str(frame)).wait_for()

    def mark(self, start_frame: int, end_frame: int, label_number: int) -> None:
        """A segment from its first to its last frame, and its label."""
        count = self.page.locator(".segments li").count()
        self.go_to(start_frame)
        self.press("i")
        self.page.get_by_text(f"Starts with frame {start_frame}.").wait_for()
        self.go_to(end_frame - 1)
        self.press("o")
        self.page.locator(".segments li").nth(count).wait_for()
        self.press(str(label_number))
        self.page.locator(".labels button[aria-pressed=true]").wait_for()

    def wait_saved(self) -> None:
        self.page.locator(".save.saved").wait_for()

    def sign_off(self) -> None:
        self.wait_saved()
        self.press("Control+Enter")
        self.page.locator(".signoff.done").wait_for()
        self.wait_saved()

    def accept_reviews(self, project: str, count: int) -> None:
        """Accept so many signed-off passes."""
        for _ in range(count):
            self.open_tab(project, "Review")
            self.page.locator("section[aria-labelledby=signed-off] a").first.click()
            self.page.locator(".readout.confirmed").wait_for()
            self.check("review of a pass")
            self.page.get_by_role("button", name="Accept").click()
            self.page.get_by_role("heading", name="Signed off").wait_for()

    def check(self, name: str) -> None:
        """Note what axe finds serious or critical on the page, and take a picture if asked to."""
        for frame in self.page.frames:
            frame.evaluate(AXE.read_text())  # not as a script of the page: its content policy refuses those
        found = self.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
        for one in found:
            if one["impact"] in ("serious", "critical"):
                places = "; ".join(node["html"][:160] for node in one["nodes"][:3])
                self.unfit.append(f"{name}: {one['id']} ({one['impact']}): {one['help']}: {places}")
        self.picture(name)

    def picture(self, name: str) -> None:
        """``FINEGYM_SCREENSHOTS=FOLDER`` keeps what the README shows."""
        folder = os.environ.get("FINEGYM_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name.replace(' ', '-')}.png"))


def log_in(chromium: Any, url: str, name: str) -> Person:
    """Somebody of the small world of ``labelling_world``."""
    person = Person(chromium, url)
    person.open("/")
    person.page.get_by_label("Email").fill(f"{name}@example.org")
    person.page.get_by_label("Password").fill(labelling_world.PASSWORD)
    person.page.get_by_role("button", name="Log in").click()
    return person
