"""A network that drops, a reload with unsent work, two people on one segment: in a real browser, on a real server."""

from __future__ import annotations

import time

import pytest
from app_pages import Person
from labelling_process import ServerProcess
from labelling_world import create, make_operation
from sqlalchemy import update

from finegym.labelling.tables.people import LoginSession


class Desk:
    """An annotator at a work item, and the means to look behind the page."""

    def __init__(self, chromium, server, world) -> None:
        self.world, self.detail = world, world.take(world.ann, "routines")
        self.path = f"/passes/{self.detail['id']}"
        self.ann = Person(chromium, server.url.replace("127.0.0.1", "localhost"))
        cookies = dict(world.ann.client.cookies)
        self.ann.context.add_cookies([{"name": k, "value": v, "url": self.ann.url} for k, v in cookies.items()])
        self.server = server

    def open(self) -> None:
        self.ann.open(self.path)
        self.ann.page.locator(".readout.confirmed").wait_for()

    def read(self) -> list[tuple[int, int]]:
        """What the server has."""
        with self.server.make_client(self.world.ann) as client:
            segments = client.get(f"/api/passes/{self.detail['id']}").json()["segments"]
        return sorted((one["start_frame"], one["end_frame"]) for one in segments)

    def save_as_lead(self, *operations) -> None:
        with self.server.make_client(self.world.lead) as client:
            path = f"/api/passes/{self.detail['id']}/operations"
            answer = client.post(path, json={"operations": list(operations)}, headers={"If-Match": "*"})
            assert answer.status_code == 200, answer.text


@pytest.fixture
def desk(chromium, built_pages, sqlite_world):
    now_ms = time.time_ns() // 1_000_000
    with sqlite_world.server.database.write() as session:
        session.execute(update(LoginSession).values(seen_at_ms=now_ms, expires_at_ms=now_ms + 3_600_000))
    server = ServerProcess(sqlite_world.server.workspace.folder)
    made = Desk(chromium, server, sqlite_world)
    yield made
    assert made.ann.errors == []
    made.ann.context.close()
    server.stop()


def test_a_network_that_drops_loses_nothing(desk):
    desk.open()
    desk.ann.context.set_offline(True)
    desk.ann.mark(50, 100, 1)
    desk.ann.mark(150, 200, 2)
    desk.ann.page.get_by_text("Not sent: 4, kept here").wait_for()
    assert desk.read() == []
    desk.ann.context.set_offline(False)
    desk.ann.wait_saved()
    assert desk.read() == [(50, 100), (150, 200)]


def test_unsent_work_outlives_a_reload(desk):
    desk.open()
    desk.ann.mark(50, 100, 1)
    desk.ann.wait_saved()
    desk.ann.context.set_offline(True)
    desk.ann.press("r", "r", "r")  # the end, three frames later
    desk.ann.page.locator(".still", has_text="103").first.wait_for()
    desk.ann.page.get_by_text("Not sent").wait_for()
    desk.ann.context.route("**/operations", lambda route: route.abort())  # pages come through again, saves do not yet
    desk.ann.context.set_offline(False)
    desk.ann.page.reload()
    desk.ann.page.get_by_text("of an earlier visit found").wait_for()
    assert desk.read() == [(50, 100)]
    desk.ann.context.unroute("**/operations")
    desk.ann.page.get_by_role("button", name="Send now").click()
    desk.ann.wait_saved()
    assert desk.read() == [(50, 103)]


def test_undo_and_redo_outlive_a_reload(desk):
    page = desk.ann.page
    desk.open()
    desk.ann.mark(50, 100, 1)
    desk.ann.press("Delete")
    page.locator(".segments li").wait_for(state="detached")
    desk.ann.wait_saved()
    assert desk.read() == []
    page.reload()
    page.locator(".readout.confirmed").wait_for()
    desk.ann.press("Control+z")
    page.get_by_text("Undone: Delete").wait_for()
    desk.ann.wait_saved()
    assert desk.read() == [(50, 100)]
    page.reload()
    page.locator(".readout.confirmed").wait_for()
    desk.ann.press("Control+Shift+z")
    page.get_by_text("Done again: Delete").wait_for()
    desk.ann.wait_saved()
    assert desk.read() == []

    page.goto("about:blank")
    desk.save_as_lead(make_operation("create_segment", **create(300, 350, "VT")["payload"], reason="missed"))
    desk.open()
    page.get_by_text("cannot be undone step by step any more").wait_for()
    desk.ann.press("Control+z")
    page.get_by_text("There is nothing to undo.").wait_for()


def test_two_people_on_one_item(desk):
    mine = create(50, 100, "BB")
    desk.world.ann.save(desk.detail["id"], 0, mine)
    desk.open()
    desk.save_as_lead(make_operation("create_segment", **create(300, 350, "VT")["payload"], reason="missed"))
    page = desk.ann.page
    page.locator(".segment").first.click()
    desk.ann.press("e")
    page.get_by_text("changes by Lead came in").wait_for()
    desk.ann.wait_saved()
    assert desk.read() == [(50, 99), (300, 350)]

    id_ = mine["payload"]["segment_id"]
    desk.save_as_lead(make_operation("move_segment", segment_id=id_, start_frame=40, end_frame=120, reason="too short"))
    desk.ann.press("e")
    dialog = page.get_by_role("dialog", name="Somebody else changed the same thing")
    dialog.wait_for()
    assert desk.read() == [(40, 120), (300, 350)]
    dialog.get_by_role("button", name="Do mine again on top").click()
    desk.ann.wait_saved()
    assert desk.read() == [(50, 98), (300, 350)]
