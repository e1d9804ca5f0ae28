"""Four people, and what goes wrong between them: the export still equals the simulation's ground truth.

``test_whole_job`` does the job without a slip and with every page checked. Here the network drops and the page is
reloaded with unsent work, marks are set wrongly, undone, returned with a remark and corrected with a reason, and a
viewer looks on. ``FINEGYM_README_IMAGES=docs/images`` makes the README's pictures on the way, from larger records.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from app_pages import Person
from cup_cast import CUP, Cast, get_rows, select_row
from cup_elements import find_sub_actions, name_elements
from cup_lead import export, set_up
from cup_routines import correct_with_reason, find_routines, follow_remark, return_routines
from labelling_process import ServerProcess
from screenshots import IMAGES

from finegym.annotations.annotation_json import read_annotation_json
from finegym.annotations.model import Video
from finegym.annotations.source import open_source
from finegym.codebook.model import Codebook

pytestmark = pytest.mark.slow
SIZE = "320x180" if IMAGES is None else "960x540"


def simulate(folder: Path) -> tuple[Video, Codebook]:
    command = [sys.executable, "-m", "finegym", "simulate", "--out", str(folder), "--videos", "1", "--minutes", "1.1"]
    command += ["--seed", "7", "--events", "VT,BB", "--size", SIZE]
    subprocess.run(command, check=True, capture_output=True)
    dataset = open_source(folder).dataset
    (record,) = dataset.videos
    assert len(record.actions) == 2, "the seed should give two routines"
    return record, dataset.codebook


def look_on(cast: Cast) -> None:
    """A viewer sees all work, and changes nothing."""
    viewer, page = cast.viewer, cast.viewer.page
    viewer.open_tab(CUP, "Items")
    tabs = page.get_by_role("navigation", name="Project").get_by_role("link").all_inner_texts()
    assert tabs == ["Items", "Progress", "Quality", "Parses"]
    page.locator("td a").first.click()
    page.locator(".readout.confirmed").wait_for()
    assert len(get_rows(page)) == 3
    assert page.get_by_role("button", name="Accept").count() == 0
    select_row(viewer, 0)
    viewer.press("q")
    page.get_by_text("You may look at this work, not change it.").wait_for()


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
