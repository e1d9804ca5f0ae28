"""Exams, adjudication and dashboards in a real browser.

A pretest is failed and passed, a training says what is right, passes are decided between, and numbers lead to items.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from app_pages import Person, log_in
from labelling_process import ServerProcess
from labelling_world import PASSWORD, create, make_operation, make_uuid
from test_lead_pages import PROJECT, make_labelled

ELEMENTS = "Beam elements"


class Api:
    """What people do without a browser: the work that the pages under test build upon."""

    def __init__(self, url: str, project: str, database: Path) -> None:
        self.url = url
        self.database = database
        self.project = project
        self.clients: dict[str, httpx2.Client] = {}

    def log_in(self, name: str) -> httpx2.Client:
        if name not in self.clients:
            client = httpx2.Client(base_url=self.url, timeout=30)
            facts = {"email": f"{name}@example.org", "password": PASSWORD}
            client.headers["X-CSRF-Token"] = client.post("/api/session", json=facts).json()["csrf_token"]
            self.clients[name] = client
        return self.clients[name]

    def call(self, name: str, method: str, path: str, **arguments: Any) -> Any:
        response = self.log_in(name).request(method, path, **arguments)
        assert response.status_code < 400, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json() if response.content else None

    def change_settings(self, **changes: Any) -> None:
        path = f"/api/projects/{self.project}"
        settings = self.call("lead", "GET", path)["settings"] | changes
        self.call("lead", "PATCH", path, json={"settings": settings}, headers={"If-Match": "*"})

    def annotate(self, name: str, item: str, *operations: dict[str, Any]) -> None:
        """Take an item, save, sign off."""
        begun = self.call(name, "POST", f"/api/items/{item}/passes", json={})
        body = {"operations": [*operations, make_operation("sign_off")]}
        match = {"If-Match": f'"{begun["version"]}"'}
        self.call(name, "POST", f"/api/passes/{begun['id']}/operations", json=body, headers=match)


@pytest.fixture(scope="module")
def api(built_pages, ingested, sqlite_template, tmp_path_factory):
    """A server on a copy of the world, with a routine that is labelled and accepted."""
    folder = tmp_path_factory.mktemp("quality") / "gym"
    folder.mkdir()
    file, remembered = sqlite_template
    shutil.copy(file, folder / "finegym.db")
    shutil.copytree(ingested.ingest, folder / "ingest")
    server = ServerProcess(folder)
    made = Api(server.url.replace("127.0.0.1", "localhost"), remembered["project_id"], folder / "finegym.db")
    try:
        path = f"/api/projects/{made.project}/import?format=dataset&state=accepted"
        made.call("lead", "POST", path, content=make_labelled(), headers={"Content-Type": "application/zip"})
        yield made
    finally:
        for client in made.clients.values():
            client.close()
        server.stop()


@pytest.fixture
def enter(chromium, api):
    """Log people in; at the end, none of their pages broke and axe found nothing serious."""
    people: list[Person] = []

    def enter_as(name: str) -> Person:
        person = log_in(chromium, api.url, name)
        person.page.get_by_role("heading", name="Projects").wait_for()
        people.append(person)
        return person

    yield enter_as
    for person in people:
        assert (person.errors, person.unfit) == ([], [])
        person.context.close()


@pytest.fixture(scope="module")
def gold(chromium, api) -> None:
    """The lead makes the accepted elements gold."""
    lead = log_in(chromium, api.url, "lead")
    page = lead.page
    page.get_by_role("heading", name="Projects").wait_for()
    lead.open_tab(PROJECT, "Exams")
    page.get_by_role("link", name="Gold items").click()
    page.get_by_text("There is no gold item of this stage yet.").wait_for()
    page.get_by_role("button", name="Add gold items").click()
    page.get_by_label("Choose alpha").check()
    lead.check("gold candidates")
    page.get_by_role("button", name="Make 1 gold").click()
    page.locator("tbody tr", has_text="alpha").get_by_text("current").wait_for()
    lead.check("gold items")
    assert (lead.errors, lead.unfit) == ([], [])
    lead.context.close()


def make_exam(lead: Person, name: str, kind: str) -> None:
    page = lead.page
    lead.open_tab(PROJECT, "Exams")
    page.get_by_role("link", name="New exam").click()
    page.get_by_label("Kind").select_option(kind)
    page.get_by_label("Name").fill(name)
    page.get_by_text("1 of 1").wait_for()
    lead.check(f"new {kind}")
    page.get_by_role("button", name="Make the exam").click()
    page.get_by_role("heading", name=name).wait_for()
    page.get_by_text("Nobody has begun.").wait_for()


def begin(person: Person, action: str, name: str) -> None:
    person.open_tab(PROJECT, "Exams")
    person.page.get_by_role("button", name=f"{action}: {name}").click()
    person.page.locator(".readout-time:not(:empty)").wait_for()
    person.page.get_by_text(f"{name}, question 1 of 1.").wait_for()


def answer(person: Person, *keys: str) -> None:
    """Answers of one walk; the last leads to its end."""
    person.press(*keys)
    person.page.locator(".walk-result").wait_for()


def hand_in(person: Person) -> None:
    person.wait_saved()
    person.press("Control+Enter")
    person.page.get_by_text("Handed in.", exact=True).wait_for()
    person.wait_saved()
    assert person.page.get_by_role("button", name="Take it back").count() == 0, "an answer stays"


def test_a_pretest_closes_a_stage_is_failed_and_then_passed(gold, enter, api):
    lead, ann = enter("lead"), enter("ann")
    make_exam(lead, ELEMENTS, "pretest")
    lead.open_tab(PROJECT, "Settings")
    lead.page.get_by_label("elements", exact=True).check()
    lead.check("settings of quality")
    lead.page.locator("form", has_text="Making sure").get_by_role("button", name="Save").click()
    lead.page.get_by_text("Saved.").wait_for()

    ann.open_tab(PROJECT, "Work")
    ann.page.get_by_text("not before the pretest is passed").wait_for()
    ann.check("work before a pretest")
    begin(ann, "Begin", ELEMENTS)
    assert ann.page.get_by_label("What is right").count() == 0, "a pretest does not say what is right"
    answer(ann, "y", "n", "y")
    ann.press("Enter")
    answer(ann, "y")  # there was no turn
    ann.check("question of a pretest")
    hand_in(ann)
    ann.page.get_by_role("button", name="See the result").click()
    ann.page.get_by_role("heading", name=f"{ELEMENTS}, try 1: not passed").wait_for()
    marks = ann.page.locator("section[aria-labelledby=marks] tbody tr", has_text="element")
    marks.get_by_text("50 %").wait_for()
    marks.get_by_text("not reached").wait_for()
    assert ann.page.get_by_role("link", name="Question 1").count() == 0, "its answer is asked again"
    ann.check("pretest failed")
    ann.page.get_by_role("link", name="To the exams").click()
    ann.page.get_by_text("The next try is possible in 1 day. 2 tries are left.").wait_for()
    assert ann.page.get_by_role("button", name=f"Try again: {ELEMENTS}").count() == 0

    lead.open_tab(PROJECT, "Exams")
    lead.page.get_by_role("link", name=ELEMENTS).click()
    lead.page.get_by_role("button", name="One more try for Ann").click()
    lead.page.get_by_label("Why?").fill("She had clicked the wrong key.")
    lead.check("one more try")
    lead.page.get_by_role("button", name="Give it, at once").click()
    lead.page.get_by_role("dialog").wait_for(state="detached")
    lead.check("results of an exam")

    begin(ann, "Try again", ELEMENTS)
    answer(ann, "y", "n", "y")
    ann.press("Enter")
    answer(ann, "n")
    hand_in(ann)
    ann.page.get_by_role("button", name="See the result").click()
    ann.page.get_by_role("heading", name=f"{ELEMENTS}, try 2: passed").wait_for()
    ann.check("pretest passed")
    ann.page.get_by_role("link", name="To the work").click()
    ann.page.get_by_role("heading", name="My work").wait_for()
    ann.page.get_by_text("not before the pretest is passed").wait_for(state="detached")
    lead.page.reload()
    lead.page.get_by_role("heading", name="Who passed 1 of 1").wait_for()


def test_a_training_says_after_every_answer_what_is_right(gold, enter, api):
    lead, bob = enter("lead"), enter("bob")
    make_exam(lead, "Turns and leaps", "training")
    begin(bob, "Begin", "Turns and leaps")
    told = bob.page.get_by_label("What is right")
    bob.press("n")
    told.get_by_text("Nothing").or_(told.get_by_text("Wrong label")).or_(told.get_by_text("Not that way")).wait_for()
    told.get_by_text("Is there a turn?").wait_for()
    bob.check("training, a wrong answer")
    told.get_by_role("button", name="Guideline").click()
    bob.page.get_by_role("complementary", name="Guidelines").wait_for()
    bob.page.get_by_role("combobox", name="Page").get_by_text("Is there a turn?").wait_for(state="attached")
    bob.press("b")
    bob.press("y")
    told.get_by_text("Right so far").wait_for()
    answer(bob, "n", "y")
    told.get_by_text("Right", exact=True).wait_for()
    bob.press("Enter")
    answer(bob, "y")
    hand_in(bob)
    told.get_by_role("heading", name="1 of 2 right").wait_for()
    bob.check("training, handed in")
    bob.page.get_by_role("button", name="See the result").click()
    bob.page.get_by_role("heading", name="Turns and leaps, try 1: done").wait_for()
    bob.page.get_by_role("link", name="Question 1").click()
    bob.page.get_by_text("Handed in.", exact=True).wait_for()


@pytest.fixture(scope="module")
def differing(api) -> dict[str, Any]:
    """An item in which two people found and called different things."""
    quality = api.call("lead", "GET", f"/api/projects/{api.project}")["settings"]["quality"]
    two = {"routines": 2, "sub-actions": 1, "elements": 1}
    api.change_settings(annotators_per_item=two, quality=quality | {"third_annotator": False})
    listed = api.call("lead", "GET", f"/api/projects/{api.project}/items?stage=routines&state=open")["items"]
    item = next(one for one in listed if one["record"]["name"] == "beta")
    start = item["start_frame"]
    api.annotate("ann", item["id"], create(start + 50, start + 250, "BB"), create(start + 300, start + 420, "VT"))
    api.annotate("bob", item["id"], create(start + 52, start + 250, "VT"))
    return item


def test_numbers_of_the_dashboards_lead_to_the_items_behind_them(differing, enter):
    lead = enter("lead")
    page = lead.page
    lead.open_tab(PROJECT, "Quality")
    page.get_by_label("Stage").select_option("routines")
    page.get_by_role("heading", name="Annotators side by side").wait_for()
    confused = page.locator("section[aria-labelledby=confusions]")
    assert confused.get_by_role("heading").inner_text() == "Taken for each other once"
    lead.check("dashboards")
    found = page.get_by_role("row", name="Ann").get_by_role("link", name="0.667")
    found.wait_for()  # one of Ann's two routines, and the one of Bob: 2 of 3
    confused.get_by_role("link", name="balance beam, vault: 1").click()
    page.get_by_role("heading", name="Taken for each other: balance beam, vault").wait_for()
    row = page.locator("section[aria-labelledby=behind] tbody tr")
    row.first.wait_for()
    assert row.count() == 1
    assert "beta" in row.inner_text()
    lead.check("items behind a number")
    row.get_by_role("link", name="Ann").click()
    page.locator(".readout.confirmed").wait_for()
    page.get_by_role("heading", name="Routines: chunk 1").wait_for()


def test_an_alarm_stays_until_the_lead_says_what_was_done(differing, enter, api):
    """The alarm itself is raised by silent gold items; here only what becomes of it."""
    passes = [one["id"] for one in api.call("lead", "GET", f"/api/items/{differing['id']}")["passes"]]
    person = api.call("ann", "GET", "/api/session")["person"]["id"]
    raise_alarm(api, person, passes)
    lead = enter("lead")
    page = lead.page
    lead.open_tab(PROJECT, "Quality")
    assert page.locator(".tabs a", has_text="Quality").locator(".badge").inner_text() == "1"
    alarm = page.locator(".alarm", has_text="Starts have moved by 90 ms.")
    alarm.get_by_role("link", name="the 1 item").wait_for()
    lead.check("alarm")
    alarm.get_by_role("textbox").fill("We looked at the rule together.")
    alarm.get_by_role("button", name="Dealt with").click()
    page.get_by_role("heading", name="Alarms none open").wait_for()
    page.get_by_label("Those dealt with too (1)").check()
    page.get_by_text("We looked at the rule together.").wait_for()


def raise_alarm(api: Api, person: str, passes: list[str]) -> None:
    row = {
        "id": make_uuid(),
        "project_id": api.project,
        "person_id": person,
        "stage": "routines",
        "measure": "start",
        "text": "Starts have moved by 90 ms.",
        "facts": json.dumps({"value": 5.1, "limit": 4.2}),
        "pass_ids": json.dumps(passes),
        "state": "open",
        "at_ms": 1_790_000_000_000,
    }
    names = ", ".join(row)
    with closing(sqlite3.connect(api.database, timeout=30)) as database, database:
        database.execute(f"INSERT INTO drift_alarms ({names}) VALUES (:{', :'.join(row)})", row)


def test_passes_that_differ_are_decided_with_reasons_and_become_the_result(differing, enter, api):
    item = differing
    start = item["start_frame"]
    reviewer = enter("reviewer")
    page = reviewer.page
    reviewer.open_tab(PROJECT, "Review")
    page.get_by_role("link", name="Compared work").click()
    reviewer.check("compared work")
    page.get_by_role("button", name="Decide: beta").click()
    page.locator(".readout.confirmed").wait_for()
    difference = page.get_by_label("The difference", exact=True)
    difference.get_by_text("balance beam").wait_for()
    reviewer.check("adjudication")
    page.get_by_text("2 to decide").first.wait_for()

    decide(reviewer, "1", "The beam is in the picture.")
    page.get_by_text("1 to decide").first.wait_for()
    difference.get_by_text("nothing here").wait_for()

    lead = enter("lead")  # whoever may adjudicate goes on with it
    page = lead.page
    lead.open_tab(PROJECT, "Review")
    page.get_by_role("link", name="Compared work").click()
    page.get_by_role("button", name="Go on: beta").click()
    page.get_by_label("The difference", exact=True).get_by_text("nothing here").wait_for()
    decide(lead, "d", "She only warms up.")
    page.get_by_text("All differences decided.").wait_for()
    lead.check("adjudication, all decided")
    lead.press("[", "v")
    assert page.locator(".segments li").count() == 1, "the result, by hand"
    page.get_by_role("button", name="Differences").click()

    decide(reviewer, "1", "It is one of two.")  # whoever is behind is told, and sees what was decided meanwhile
    reviewer.page.get_by_role("alert").wait_for()
    reviewer.page.get_by_text("All differences decided.").wait_for()

    lead.wait_saved()
    lead.press("Control+Enter")
    page.get_by_text("This is the result of the item").wait_for()
    lead.wait_saved()
    page.get_by_role("button", name="To the others").click()
    page.get_by_role("button", name="Decided 1").click()
    page.get_by_role("row", name="beta").get_by_role("link", name="Lead").click()
    page.get_by_text("Accepted.").wait_for()

    told = api.call("lead", "GET", f"/api/items/{item['id']}")
    accepted = [one for one in told["passes"] if one["state"] == "accepted"]
    assert [one["person"]["name"] for one in accepted] == ["Reviewer"]
    (segment,) = api.call("lead", "GET", f"/api/passes/{accepted[0]['id']}")["segments"]
    assert (segment["label"], segment["start_frame"], segment["end_frame"]) == ("BB", start + 50, start + 250)


def decide(person: Person, key: str, reason: str) -> None:
    person.press(key)
    person.page.locator(".difference input:focus").wait_for()
    person.page.keyboard.type(reason)
    person.press("Enter")
