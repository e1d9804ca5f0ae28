"""Dashboards: every number worked out by hand, and the items behind it."""

import numpy as np
from labelling_gold import TRUTH, accept_routines
from labelling_world import create, make_operation
from test_labelling_adjudication import mark

from finegym.labelling.quality_source import load_units
from finegym.labelling.tables.projects import Project

DAY_MS = 86_400_000


def get_quality(world, stage="sub-actions"):
    return world.lead.get(f"/api/projects/{world.project_id}/quality", params={"stage": stage})


def set_up(world, *routines):
    """Routines whose sub-actions two people look for; their items, and the ids of the routines."""
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    world.change_settings(
        annotators_per_item={"sub-actions": 2, "elements": 2},
        quality={**settings["quality"], "compare_at_sign_off": False},
    )
    actions = accept_routines(world, *routines)
    items = {one["action"]["segment_id"]: one for one in world.list_items(stage="sub-actions")}
    return [items[id_] for id_ in actions], actions


def test_nothing_to_compare_says_why(world):
    found = get_quality(world)
    assert "Hand items out twice" in found["why"] and found["people"] == []
    assert found["costs"]["median_active_s"] is None
    answer = world.lead.get(f"/api/projects/{world.project_id}/quality/agreement", params={"stage": "routines"})
    assert answer["agreement"] is None and answer["why"]
    assert world.bob.get(f"/api/projects/{world.project_id}/quality", 403, params={"stage": "routines"})
    assert world.viewer.get(f"/api/projects/{world.project_id}/quality", params={"stage": "routines"})


def test_people_side_by_side_and_confusions(either_world):
    """One routine: of Ann's three and Bob's four, three match; Bob is 80 ms late at one start, and calls one a leap.

    F1 is 2 x 3 / 7; of three pairs two have the same set.
    """
    world = either_world
    (item,), (action_id,) = set_up(world, (50, 300, "BB"))
    ann = mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, (62, 90, "BB-S1"), (100, 130, "BB-S2"), TRUTH[2], (220, 240, "BB-S1"))
    found = get_quality(world)
    assert (found["num_items"], found["item_ids"], found["why"]) == (1, [item["id"]], "")
    first, second = found["people"]
    assert [one["person"]["name"] for one in (first, second)] == ["Ann", "Bob"]
    assert abs(first["detection_f1"]["value"] - 6 / 7) < 1e-9
    assert (first["start_bias_ms"]["value"], second["start_bias_ms"]["value"]) == (0, 0)  # medians of -80, 0, 0
    assert abs(second["label_agreement"]["value"] - 2 / 3) < 1e-9
    assert (first["num_items"], first["num_shared_items"], first["video_minutes"]) == (1, 1, 10 / 60)
    confusions = {(one["left"], one["right"]): one["count"] for one in found["element_confusions"]}
    assert confusions == {("BB-S1", "BB-S1"): 1, ("BB-S1", "BB-S2"): 1, ("BB-S2", "BB-S2"): 1}
    assert all(one["item_ids"] == [item["id"]] for one in found["element_confusions"])
    over_time = {one["metric"]: one for one in found["over_time"]}
    assert abs(over_time["detection_f1"]["value"] - 6 / 7) < 1e-9
    # starts differ by 80, 0, 0 ms, ends by nothing
    assert abs(over_time["boundary_mae_ms"]["value"] - (80 / 3 + 0) / 2) < 1e-9
    assert over_time["boundary_mae_ms"]["item_ids"] == [item["id"]]

    # what a reviewer changes is nobody's vote
    segments = world.lead.get(f"/api/passes/{ann}")["segments"]
    world.reviewer.save(ann, "*", make_operation("delete_segment", segment_id=segments[0]["id"], reason="no"))
    assert get_quality(world)["people"] == found["people"]
    table = world.lead.get(f"/api/projects/{world.project_id}/quality/agreement", params={"stage": "sub-actions"})
    assert [one["name"] for one in table["agreement"]["annotators"]] == ["Ann", "Bob"]


def test_the_hardest_queries_come_with_places_to_look_at(world):
    """Two turns and a leap by two people: they differ in q_tuck of the second turn, one of one."""
    (item,), (action_id,) = set_up(world, (50, 300, "BB"))
    world.change_settings(annotators_per_item={"sub-actions": 1, "elements": 2})
    world.finish(world.lead, world.lead.post(f"/api/items/{item['id']}/passes"),
                 *(create(start, end, label, "sub-action", action_id) for start, end, label in TRUTH))  # fmt: skip
    item = world.list_items(stage="elements")[0]
    for person, labels in ((world.ann, ("t1", "t2", "l1")), (world.bob, ("t1", "t3", "l1"))):
        detail = person.post(f"/api/items/{item['id']}/passes")
        walks = [
            make_operation("set_path", segment_id=one["id"], set_id=one["label"], label=label, by_name=True)
            for one, label in zip(detail["segments"], labels, strict=True)
        ]
        person.post(f"/api/passes/{detail['id']}/heartbeat", {"active_ms": 0})
        person.save(detail["id"], 0, *walks, make_operation("sign_off"))
    found = get_quality(world, "elements")
    (hard,) = found["hardest_queries"]
    assert (hard["query"], hard["set_id"], hard["text"]) == ("q_tuck", "BB-S1", "Is the body tucked?")
    assert (hard["num"], hard["num_disagreements"], hard["share"]) == (1, 1, 1)
    (example,) = hard["examples"]
    assert (example["item_id"], example["start_frame"], example["end_frame"]) == (item["id"], 100, 130)
    answers = {one["person"]["name"]: one["answer"] for one in example["answers"]}
    assert answers == {"Ann": "yes", "Bob": "no"}
    queries = {(one["set_id"], one["query"]): one for one in found["query_confusions"]}
    turn = queries["BB-S1", "q_turn"]
    assert (turn["yes_yes"], turn["yes_no"], turn["no_no"], turn["item_ids"]) == (2, 0, 0, [])
    tuck = queries["BB-S1", "q_tuck"]
    assert (tuck["yes_yes"], tuck["yes_no"], tuck["item_ids"]) == (0, 1, [item["id"]])
    half = queries["BB-S1", "q_half"]  # a yes and a no, of two places: all agree
    assert (half["yes_yes"], half["no_no"], half["alpha"]["value"]) == (1, 1, 1)
    people = {one["person"]["name"]: one for one in found["people"]}
    assert people["Ann"]["detection_f1"]["why"] == "everybody labels the same sub-actions"
    # Ann's six answers (2 + 3 + 1) against Bob's: five are the same
    assert abs(people["Ann"]["answer_agreement"]["value"] - 5 / 6) < 1e-9
    media = world.lead.get(f"/api/items/{item['id']}/media")
    assert media["clips"][0]["url"] and world.bob.get(f"/api/items/{item['id']}/media", 403)


def test_time_runs_in_periods_and_costs_add_up(world):
    """Two items, ten days apart; Ann took 30 s for each, Bob 60 s for the first and nobody timed his second."""
    items, actions = set_up(world, (50, 300, "BB"), (320, 420, "BB"))
    subs = (TRUTH, ((330, 350, "BB-S1"), (360, 400, "BB-S2")))
    for number, (item, action_id) in enumerate(zip(items, actions, strict=True)):
        for person, active_ms in ((world.ann, 30_000), (world.bob, 60_000 if number == 0 else 0)):
            detail = person.post(f"/api/items/{item['id']}/passes")
            world.clock.now_ms += 100_000
            person.post(f"/api/passes/{detail['id']}/heartbeat", {"active_ms": active_ms})
            operations = [create(start, end, label, "sub-action", action_id) for start, end, label in subs[number]]
            person.save(detail["id"], 0, *operations, make_operation("sign_off"))
        world.clock.now_ms += 10 * DAY_MS
        renew(world)
    found = get_quality(world)
    periods = [one for one in found["over_time"] if one["metric"] == "label_alpha"]
    assert [one["item_ids"] for one in periods] == [[items[0]["id"]], [items[1]["id"]]]
    assert [one["value"] for one in periods] == [1, 1]
    assert periods[0]["start"] < periods[0]["end"] <= periods[1]["start"]
    costs = found["costs"]
    assert (costs["num_items"], costs["num_untimed"], costs["num_segments"]) == (2, 1, 8)
    assert (costs["median_active_s"], costs["p90_active_s"]) == (60, 84)  # of 90 and 30
    assert costs["items"][0] == {"item_id": items[0]["id"], "active_s": 90, "num_passes": 2}
    assert abs(costs["active_s_per_segment"] - 120 / 8) < 1e-9
    assert abs(costs["video_hours"] - (10 + 4) / 3600) < 1e-9
    people = {one["person"]["name"]: one for one in found["people"]}
    assert abs(people["Ann"]["minutes_per_video_minute"] - 60 / 14) < 1e-9


def renew(world):
    """Sessions end after three idle days: make them young again."""
    from sqlalchemy import update

    from finegym.labelling.tables.people import LoginSession

    with world.server.database.write() as session:
        session.execute(
            update(LoginSession).values(seen_at_ms=world.clock.now_ms, expires_at_ms=world.clock.now_ms + DAY_MS)
        )


def test_units_of_a_workspace_are_its_signed_off_passes(world):
    """By hand, in columns; an open pass and a discarded segment are not in them."""
    items, actions = set_up(world, (50, 300, "BB"), (320, 420, "BB"))
    mark(world.ann, items[0], actions[0], *TRUTH)
    mark(world.bob, items[0], actions[0], TRUTH[0])
    detail = world.ann.post(f"/api/items/{items[1]['id']}/passes")
    replay = create(330, 350, "BB-S1", "sub-action", actions[1])
    discard = make_operation("set_discard", segment_id=replay["payload"]["segment_id"], discard="replay")
    world.ann.save(detail["id"], 0, replay, discard, make_operation("sign_off"))
    world.bob.post(f"/api/items/{items[1]['id']}/passes")
    with world.server.database.read() as session:
        project = session.get(Project, world.project_id)
        units = load_units(session, project, "sub-action")
        routines = load_units(session, project, "action")
        shared = load_units(session, project, "sub-action", least_annotators=2, is_named=False)
    assert units.annotators == ("Ann", "Bob") and shared.annotators == (world.ann.id, world.bob.id)
    ann = 0
    assert [item.id for item in units.items] == [one["id"] for one in items]
    assert units.items[0].group == "alpha" and abs(units.items[0].fps - 25) < 0.01
    assert units.done[ann].tolist() == [True, True] and units.done[1 - ann].tolist() == [True, False]
    mine = units.annotator_index == ann
    assert units.start_ms[mine].tolist() == [2400, 4000, 6000] and units.end_ms[mine].tolist() == [3600, 5200, 8000]
    assert [units.labels[k] for k in units.label_index[mine]] == ["BB-S1", "BB-S1", "BB-S2"]
    assert len(units) == 4 and len(shared.items) == 1
    assert routines.labels == ("BB",) and len(routines) == 2 and np.all(routines.done)
