"""Five simulated people of known skill in the app: exam, gate, work, comparison, adjudication, and a release."""

from fractions import Fraction

import pyarrow.parquet as pq
import pytest
from labelling_gold import accept_routines, make_exam, make_gold
from labelling_world import create, make_codebook, make_operation, make_uuid

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.names import name_actions, name_sub_actions
from finegym.labelling.release_source import open_workspace_source
from finegym.release.build import build_release
from finegym.release.settings import ReleaseSettings
from finegym.release.verify import verify_release
from finegym.simulation.annotators import annotate_sub_actions
from finegym.simulation.programme import round_time_ms
from finegym.simulation.skills import FIVE_SKILLS

BY_SKILL = list(FIVE_SKILLS)
# Routines by record, in frames; in each four sub-actions of alternating sets.
ROUTINES = {"alpha": ((10, 140), (155, 290), (300, 440)), "beta": ((10, 190), (205, 385), (400, 590))}
FPS = {"alpha": Fraction(25), "beta": Fraction(30000, 1001)}
SETS = ("BB-S1", "BB-S2", "BB-S2", "BB-S1")


def list_true_subs(start, end):
    step = (end - start) // 4
    return [(start + 4 + k * step, start + 4 + k * step + step * 2 // 3, SETS[k]) for k in range(4)]


@pytest.fixture(scope="module")
def truth():
    """The same as a dataset, for the simulated people; beta is what exams are made of."""
    videos = []
    for record, routines in ROUTINES.items():
        fps, actions = FPS[record], []
        for start, end in routines:
            times = [[round_time_ms(f, fps) for f in sub[:2]] for sub in list_true_subs(start, end)]
            start_ms, end_ms = round_time_ms(start, fps), round_time_ms(end, fps)
            names = name_sub_actions(times, start_ms)
            subs = [SubAction(n, (tuple(t),), None, s) for n, t, s in zip(names, times, SETS, strict=True)]
            (name,) = name_actions([(start_ms, end_ms)])
            actions.append(Action(name, "BB", start_ms, end_ms, tuple(subs)))
        videos.append(Video(record, tuple(actions), fps=float(fps), num_frames=1000))
    return Dataset(make_codebook(), tuple(videos))


def mark_routines(truth, name, seed):
    """What somebody sees in every routine, in frames: by the routine's first frame."""
    annotated = annotate_sub_actions(truth, FIVE_SKILLS[name], seed)
    seen = {}
    for video, routines in zip(annotated.dataset.videos, ROUTINES.values(), strict=True):
        rate = FPS[video.id] / 1000
        for action, (start, _) in zip(video.actions, routines, strict=True):
            seen[video.id, start] = [
                (round((sub.start_ms + 5) * rate), round((sub.end_ms + 5) * rate), sub.set_id)
                for sub in action.sub_actions
            ]
    return seen


def answer_item(person, pass_id, seen):
    detail = person.get(f"/api/passes/{pass_id}")
    item = detail["item"]
    marks = seen[item["record"]["name"], item["action"]["start_frame"]]
    outer = item["action"]["segment_id"]
    operations = [create(*mark, "sub-action", outer) for mark in marks]
    person.save(pass_id, detail["version"], *operations, make_operation("sign_off"))


def sit_exam(person, exam_id, truth, name, seed):
    """Try until it is passed or nothing is left; how it stands then."""
    while True:
        attempt = person.post(f"/api/exams/{exam_id}/attempts", None, 201)
        seen = mark_routines(truth, name, seed + attempt["number"])
        for question in attempt["questions"]:
            answer_item(person, question["pass_id"], seen)
        standing = person.get(f"/api/exams/{exam_id}")["mine"]
        if not standing["may_try"]:
            return standing["state"]


def find_true(start, end, routine):
    """The true sub-action that a unit is about, by the largest overlap."""
    shared = {sub: min(end, sub[1]) - max(start, sub[0]) for sub in list_true_subs(*routine)}
    best = max(shared, key=shared.__getitem__)
    return best if shared[best] > (best[1] - best[0]) / 3 else None


def adjudicate(world, row, routine):
    """The reviewer looks at what is open, and sees what is there; how many units that were."""
    detail = world.reviewer.post(f"/api/items/{row['item']['id']}/adjudication")
    num_decided = 0
    for unit in detail["adjudication"]["units"]:
        if not unit["needs_decision"]:
            continue
        true = find_true(unit["start_frame"], unit["end_frame"], routine)
        right = [vote["pass_id"] for vote in unit["votes"] if vote["segment_id"] and true and vote["label"] == true[2]]
        choice = "none" if true is None else right[0] if right else "consensus"
        body = {"uuid": make_uuid(), "unit_id": unit["id"], "choice": choice, "reason": "; ".join(unit["reasons"])}
        world.reviewer.post(f"/api/passes/{detail['id']}/decisions", body, headers={"If-Match": "*"})
        num_decided += 1
    assert world.reviewer.save(detail["id"], "*", make_operation("sign_off"))["state"] == "accepted"
    return num_decided


def test_from_the_exam_to_a_release(world, truth, tmp_path):
    gold_routines = accept_routines(world, *((*r, "BB") for r in ROUTINES["beta"]), record="beta")
    items = {item["action"]["segment_id"]: item for item in world.list_items(stage="sub-actions")}
    for action_id, routine in zip(gold_routines, ROUTINES["beta"], strict=True):
        detail = world.lead.post(f"/api/items/{items[action_id]['id']}/passes")
        subs = [create(*sub, "sub-action", action_id) for sub in list_true_subs(*routine)]
        world.finish(world.lead, detail, *subs)
    gold = make_gold(world, *(items[action_id]["id"] for action_id in gold_routines))
    marks = {"found": 0.7, "bounds": 0.7, "set": 0.7}
    exam = make_exam(
        world, "pretest", gold, pass_marks=marks, tolerance={"default_ms": 200}, num_tries=2, cool_down_hours=0
    )
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    quality = {**settings["quality"], "pretested_stages": ["sub-actions"], "third_annotator": False}
    world.change_settings(annotators_per_item={"sub-actions": 4, "elements": 1}, quality=quality)

    people = {name: world.invite(name, "annotator") for name in BY_SKILL}
    states = {name: sit_exam(one, exam["id"], truth, name, 10 * k) for k, (name, one) in enumerate(people.items())}
    assert states == {**dict.fromkeys(BY_SKILL[:4], "passed"), "guesser": "no_tries_left"}

    work = dict(zip(accept_routines(world, *((*r, "BB") for r in ROUTINES["alpha"])), ROUTINES["alpha"], strict=True))
    items = [i for i in world.list_items(stage="sub-actions", state="open") if i["action"]["segment_id"] in work]
    assert len(items) == 3
    refused = people["guesser"].post(f"/api/items/{items[0]['id']}/passes", None, 409)
    assert refused["code"] == "exam_needed"
    for k, name in enumerate(BY_SKILL[:4]):
        seen = mark_routines(truth, name, 100 + k)
        for item in items:
            answer_item(people[name], people[name].post(f"/api/items/{item['id']}/passes")["id"], seen)

    path = f"/api/projects/{world.project_id}/comparisons"
    # Counting hands, so that something is left open: whom to trust would decide about all of it.
    compared = world.reviewer.post(path, {"stage": "sub-actions", "method": "majority"})
    assert compared["compared"] == 3
    rows = world.reviewer.get(path)["comparisons"]
    agreed = [row["id"] for row in rows if row["state"] == "agreed"]
    assert world.reviewer.post(f"{path}/accept", {"comparison_ids": agreed})["accepted"] == len(agreed)
    num_open = sum(row["num_open"] for row in rows)
    num_decided = sum(
        adjudicate(world, row, work[row["item"]["action"]["segment_id"]])
        for row in rows
        if row["state"] == "adjudicate"
    )
    assert 0 < num_decided == num_open < sum(row["num_units"] for row in rows)

    release = build_release(
        open_workspace_source(tmp_path / "world"), tmp_path / "release", ReleaseSettings("1.0", splits=())
    )
    assert verify_release(release.folder).is_intact
    found = {video.id: video for video in read_dataset(release.folder).videos}["alpha"]
    for action, true in zip(found.actions, truth.videos[0].actions, strict=True):
        assert [sub.set_id for sub in action.sub_actions] == list(SETS)
        for sub, right in zip(action.sub_actions, true.sub_actions, strict=True):
            assert max(abs(sub.start_ms - right.start_ms), abs(sub.end_ms - right.end_ms)) <= 120
    votes = pq.read_table(release.folder / "tables/votes.parquet").to_pylist()
    marked = [vote for vote in votes if vote["stage"] == "sub-actions" and vote["video_id"] == "alpha"]
    expected = sum(
        len(seen)
        for k, name in enumerate(BY_SKILL[:4])
        for (record, _), seen in mark_routines(truth, name, 100 + k).items()
        if record == "alpha"
    )
    assert len(marked) == expected, "every vote is in the release"
