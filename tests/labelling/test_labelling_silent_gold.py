"""Gold items that appear among the work without a word, and alarms where somebody becomes worse."""

import io
import zipfile
from itertools import pairwise

from labelling_gold import accept_routines, accept_sub_actions, answer, make_gold
from labelling_world import make_operation

from finegym.labelling.silent import is_turn

ROUTINES = tuple((start, start + 60, "BB") for start in range(20, 560, 90))  # six
NUM_SUBS = 2


def list_subs(start, label="BB-S1"):
    """Two sub-actions of a routine that starts at a frame."""
    return ((start + 5, start + 20, label), (start + 30, start + 50, label))


def set_up_gold(world, every=1, **drift):
    """Six routines of which all but the last are gold; their start frames by action."""
    actions = accept_routines(world, *ROUTINES)
    starts = {id_: start for id_, (start, _, _) in zip(actions, ROUTINES, strict=True)}
    items = [accept_sub_actions(world, id_, *list_subs(starts[id_])) for id_ in actions[:-1]]
    gold = make_gold(world, *items)
    change_quality(world, gold_every=every, drift={"false_alarm_every": 20, **drift})
    return starts, gold


def change_quality(world, **changes):
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    quality = {**settings["quality"], **changes}
    world.change_settings(quality=quality)


def take_next(world, person):
    return person.post(f"/api/projects/{world.project_id}/work/next", {"stage": "sub-actions"})


def test_a_silent_item_looks_like_work_and_comes_to_nothing_else(either_world):
    world = either_world
    starts, _ = set_up_gold(world)
    exported = world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": "dataset"}).content
    detail = take_next(world, world.bob)
    action = detail["item"]["action"]["segment_id"]
    assert action in list(starts)[:-1]
    assert (detail["exam"], detail["adjudication"], detail["kind"]) == (None, None, "annotation")
    assert (detail["item"]["assignees"], detail["item"]["annotators"], detail["can_write"]) == ([], 1, True)
    assert detail["segments"] == [] and detail["context"][0]["id"] == action
    # a real one, for comparison: the same keys, the same kinds of values
    change_quality(world, gold_every=0)
    real = take_next(world, world.ann)
    assert real["exam"] is None and {*real} == {*detail} and {*real["item"]} == {*detail["item"]}
    assert (real["lease"]["state"], real["is_blind"]) == (detail["lease"]["state"], detail["is_blind"])

    answer(world.bob, detail["id"], *list_subs(starts[action]))
    assert world.bob.get(f"/api/passes/{detail['id']}")["state"] == "submitted"
    assert world.bob.get(f"/api/passes/{detail['id']}/feedback", 404)["code"] == "not_found"
    assert world.bob.get(f"/api/passes/{real['id']}/feedback", 404)["code"] == "not_found"
    # as with work, she may think again: every grade stays, the newest one counts
    world.bob.save(detail["id"], "*", make_operation("withdraw_sign_off"))
    world.bob.save(detail["id"], "*", make_operation("sign_off"))
    (row,) = world.lead.get(f"/api/projects/{world.project_id}/gold/answers")["answers"]
    assert (row["kind"], row["score"], row["is_right"], row["person"]["name"]) == ("silent", 1, True, "Bob")

    assert [one["id"] for one in world.reviewer.get(f"/api/projects/{world.project_id}/reviews")["items"]] == []
    assert len(world.list_items(stage="sub-actions")) == len(ROUTINES)
    again = world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": "dataset"}).content
    assert read_zip(again) == read_zip(exported)
    (mine,) = world.bob.get(f"/api/projects/{world.project_id}/progress")["people"]
    assert (mine["passes"], mine["segments"]) == (1, NUM_SUBS)  # her own progress counts what she did
    shown = world.lead.get(f"/api/passes/{detail['id']}")
    assert (shown["exam"]["kind"], shown["can_write"], shown["can_review"]) == ("silent", False, False)


def read_zip(content):
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist()}


def test_nobody_gets_a_silent_item_twice_and_work_goes_on_when_there_is_no_other(world):
    starts, _ = set_up_gold(world)
    seen = [take_next(world, world.bob)["item"]["action"]["segment_id"] for _ in range(6)]
    assert sorted(seen) == sorted(starts)  # five silent ones, then the last real one
    assert world.lead.get(f"/api/projects/{world.project_id}/gold/answers")["answers"] == []
    assert take_next(world, world.bob).status_code == 204  # without work there is no gold either


def test_about_one_in_so_many_items_is_silent_and_not_every_so_many_th(world):
    turns = [number for number in range(3000) if is_turn("project", "ann", number, 20)]
    assert 110 <= len(turns) <= 190  # 150 expected, a standard deviation of 12
    assert len({right - left for left, right in pairwise(turns)}) > 20  # nobody can count them
    assert turns != [number for number in range(3000) if is_turn("project", "bob", number, 20)]
    set_up_gold(world, every=3)
    first = take_next(world, world.bob)["item"]["id"]
    is_silent = first not in {one["id"] for one in world.list_items()}
    assert is_silent == is_turn(world.project_id, world.bob.id, 0, 3)


def test_reviewers_and_leads_get_no_silent_items(world):
    set_up_gold(world)
    detail = take_next(world, world.reviewer)
    assert detail["item"]["id"] in {one["id"] for one in world.list_items(stage="sub-actions")}


def test_worse_answers_raise_one_alarm_and_its_answer_starts_anew(either_world):
    """By hand: a wrong segment adds ln(0.35 / 0.15) = 0.847; ln 20 = 2.996 is reached by the fourth."""
    world = either_world
    starts, _ = set_up_gold(world)
    path = f"/api/projects/{world.project_id}/alarms"
    passes = []
    for _ in range(3):
        assert world.lead.get(path)["alarms"] == [] or len(passes) == 2
        detail = take_next(world, world.bob)
        passes.append(detail["id"])
        answer(world.bob, detail["id"], *list_subs(starts[detail["item"]["action"]["segment_id"]], "BB-S2"))
    (alarm,) = world.lead.get(path)["alarms"]  # the third item changes nothing: the alarm is open
    assert (alarm["measure"], alarm["person"]["name"], alarm["stage"]) == ("right", "Bob", "sub-actions")
    assert abs(alarm["value"] - 4 * 0.8473) < 1e-3 and abs(alarm["limit"] - 2.9957) < 1e-3
    assert alarm["pass_ids"] == passes[:2]
    query = {"person": world.bob.id, "stage": "sub-actions"}
    drift = world.lead.get(f"/api/projects/{world.project_id}/drift", params=query)
    assert [round(value, 2) for value in drift["sums"]["right"]] == [0.85, 1.69, 2.54, 3.39, 4.24, 5.08]
    assert (drift["limit"], drift["pass_ids"]) == (alarm["limit"], [id_ for id_ in passes for _ in range(NUM_SUBS)])
    assert world.reviewer.get(f"/api/projects/{world.project_id}/drift", 403, params=query)
    found = world.lead.get(f"/api/projects/{world.project_id}/items", params={"ids": ",".join(alarm["item_ids"])})
    assert {one["id"] for one in found["items"]} == set(alarm["item_ids"])
    assert world.bob.get(path, 403) and world.reviewer.get(path, 403)

    world.lead.post(f"/api/alarms/{alarm['id']}", {"remark": "we talked about leaps"}, 204)
    assert world.lead.post(f"/api/alarms/{alarm['id']}", {"remark": "again"}, 409)["code"] == "answered"
    (closed,) = world.lead.get(path, params={"state": "closed"})["alarms"]
    assert (closed["remark"], closed["answered_by"]["name"]) == ("we talked about leaps", "Lead")
    detail = take_next(world, world.bob)
    answer(world.bob, detail["id"], *list_subs(starts[detail["item"]["action"]["segment_id"]], "BB-S2"))
    assert world.lead.get(path)["alarms"] == []  # two wrong segments since the answer: 1.69 < 3.0
    events = world.lead.get(f"/api/projects/{world.project_id}/log")["events"]
    assert any(one["kind"] == "drift" for one in events)


def test_a_constant_shift_of_starts_raises_an_alarm_of_its_own(world):
    """Three frames (120 ms) late inside a tolerance of 200 ms: every segment is right, and the bias is seen."""
    starts, _ = set_up_gold(world, noise_ms=80, bad_bias_ms=80)
    for _ in range(5):
        detail = take_next(world, world.bob)
        start = starts[detail["item"]["action"]["segment_id"]]
        answer(world.bob, detail["id"], *((left + 3, right, label) for left, right, label in list_subs(start)))
    answers = world.lead.get(f"/api/projects/{world.project_id}/gold/answers")["answers"]
    assert {one["score"] for one in answers} == {1}
    (alarm,) = world.lead.get(f"/api/projects/{world.project_id}/alarms")["alarms"]
    assert alarm["measure"] == "start late" and "120 ms late" in alarm["text"]
