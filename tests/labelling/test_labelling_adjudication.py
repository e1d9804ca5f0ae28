"""Two people differ: a third is asked, blind, or a reviewer adjudicates; what comes out is an ordinary result."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from labelling_gold import TRUTH, accept_routines, accept_sub_actions
from labelling_world import create, make_operation, make_uuid


def set_up(world, *people, third=False, **quality):
    """One routine that everybody named works on; the item, and the routine's id."""
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    changed = {**settings["quality"], "third_annotator": third, **quality}
    world.change_settings(annotators_per_item={"sub-actions": len(people), "elements": len(people)}, quality=changed)
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    return world.list_items(stage="sub-actions")[0], action_id


def mark(person, item, action_id, *subs):
    """Somebody's sub-actions, signed off; her pass."""
    detail = person.post(f"/api/items/{item['id']}/passes")
    operations = [create(start, end, label, "sub-action", action_id) for start, end, label in subs]
    person.save(detail["id"], detail["version"], *operations, make_operation("sign_off"))
    return detail["id"]


def decide(person, pass_id, unit_id, choice, expected=None, uuid=None, reason="looked at it again"):
    body = {"uuid": uuid or make_uuid(), "unit_id": unit_id, "choice": choice, "reason": reason}
    return person.post(f"/api/passes/{pass_id}/decisions", body, expected, headers={"If-Match": "*"})


def list_comparisons(world, **query):
    return world.reviewer.get(f"/api/projects/{world.project_id}/comparisons", params=query)


def test_passes_that_agree_become_their_consensus(either_world):
    """Medians of two: frames 60 and 62 give 61; ends 90 and 90 stay."""
    world = either_world
    item, action_id = set_up(world, "ann", "bob")
    ann = mark(world.ann, item, action_id, *TRUTH)
    assert list_comparisons(world)["comparisons"] == []
    bob = mark(world.bob, item, action_id, (62, 90, "BB-S1"), *TRUTH[1:])
    (row,) = list_comparisons(world)["comparisons"]
    assert (row["state"], row["num_passes"], row["num_units"], row["num_open"]) == ("agreed", 2, 3, 0)
    accept = f"/api/projects/{world.project_id}/comparisons/accept"
    answer = world.reviewer.post(accept, {"comparison_ids": [row["id"]]})
    assert answer == {"accepted": 1, "left_out": []}
    item = world.list_items(stage="sub-actions")[0]
    assert item["state"] == "accepted"
    states = {one["id"]: one["state"] for one in item["passes"]}
    assert states[ann] == states[bob] == "superseded"  # the votes stay
    (result,) = set(states) - {ann, bob}
    detail = world.reviewer.get(f"/api/passes/{result}")
    assert (detail["state"], detail["kind"]) == ("accepted", "adjudication")
    assert [(one["start_frame"], one["end_frame"], one["label"]) for one in detail["segments"]] == [
        (61, 90, "BB-S1"), (100, 130, "BB-S1"), (150, 200, "BB-S2"),
    ]  # fmt: skip
    exported = world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": "official"})
    (routine,) = exported["alpha"].values()
    assert routine["segments"]["A_0000_0001"]["timestamps"] == [[0.44, 1.6]]  # frames 61 and 90 of a routine at 50
    assert [one["state"] for one in world.list_items(stage="elements")] == ["open"]
    assert list_comparisons(world)["counts"] == {"agreed": 0, "third": 0, "adjudicate": 0, "decided": 1}
    again = world.reviewer.post(accept, {"comparison_ids": [row["id"]]})
    assert again["left_out"][0]["why"] == "comparisons that are decided, not agreed"


def test_what_differs_is_adjudicated_unit_by_unit_with_a_reason(either_world):
    """Both have the first turn; the second has two labels, the leap starts 400 ms apart, one thing only Bob has."""
    world = either_world
    item, action_id = set_up(world, "ann", "bob")
    ann = mark(world.ann, item, action_id, *TRUTH)
    bob = mark(world.bob, item, action_id, TRUTH[0], (100, 130, "BB-S2"), (160, 200, "BB-S2"), (220, 240, "BB-S1"))
    (row,) = list_comparisons(world, state="adjudicate")["comparisons"]
    assert (row["num_units"], row["num_open"]) == (4, 3)
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    pass_id, found = detail["id"], detail["adjudication"]
    assert (detail["kind"], detail["is_mine"], detail["can_write"]) == ("adjudication", True, True)
    assert [lane["person"]["name"] for lane in found["lanes"]] == ["Ann", "Bob"]
    assert [len(lane["segments"]) for lane in found["lanes"]] == [3, 4]
    _first, second, leap, extra = found["units"]
    assert [one["needs_decision"] for one in found["units"]] == [False, True, True, True]
    assert "labels differ" in second["reasons"][0] and "starts are up to 400 ms apart" in leap["reasons"][0]
    assert extra["reasons"] == ["found by 1 of 2"]
    assert [vote["start_off_ms"] for vote in leap["votes"]] == [-200, 200]
    assert extra["members"][0] == {"pass_id": ann, "segment_id": None}

    refused = world.reviewer.save(pass_id, "*", make_operation("sign_off"), expected=422)
    assert [one["got"] for one in refused["problems"]] == ["u2", "u3", "u4"]
    uuid = make_uuid()
    detail = decide(world.reviewer, pass_id, "u2", ann, uuid=uuid)
    version = detail["version"]
    assert decide(world.reviewer, pass_id, "u2", ann, uuid=uuid)["version"] == version  # sent again: done once
    unit = detail["adjudication"]["units"][1]
    assert (unit["decision"]["choice"], unit["decision"]["by"]["name"]) == (ann, "Reviewer")
    decide(world.reviewer, pass_id, "u3", bob)
    decide(world.reviewer, pass_id, "u4", "none")
    decide(world.reviewer, pass_id, "u4", "consensus")  # she thinks again
    decide(world.reviewer, pass_id, "u4", "none")
    saved = world.reviewer.save(pass_id, "*", make_operation("sign_off"))
    assert saved["state"] == "accepted"

    detail = world.reviewer.get(f"/api/passes/{pass_id}")
    assert [(one["start_frame"], one["end_frame"], one["label"]) for one in detail["segments"]] == [
        (60, 90, "BB-S1"), (100, 130, "BB-S1"), (160, 200, "BB-S2"),
    ]  # fmt: skip
    log = world.reviewer.get(f"/api/passes/{pass_id}/operations")["operations"]
    decided = [one for one in log if one["kind"] == "decide"]
    assert [one["payload"]["choice"] for one in decided] == [ann, bob, "none", "consensus", "none"]
    assert all(one["reason"] for one in log if one["kind"] != "sign_off")
    assert [one["version"] for one in log] == list(range(1, len(log) + 1))
    assert list_comparisons(world)["counts"]["decided"] == 1
    lanes = {one["id"]: one for one in world.list_items(stage="sub-actions")[0]["passes"]}
    assert (lanes[ann]["state"], lanes[ann]["num_segments"], lanes[bob]["num_segments"]) == ("superseded", 3, 4)


def test_a_third_annotator_is_asked_who_sees_nothing_and_the_majority_stands(either_world):
    world = either_world
    world.people["carl"] = world.invite("carl", "annotator")
    world.change_settings(is_blind=False)
    item, action_id = set_up(world, "ann", "bob", third=True, least_confidence=0.6)
    ann = mark(world.ann, item, action_id, *TRUTH)
    assert world.carl.get(f"/api/passes/{ann}")["id"] == ann  # the project lets everybody look
    mark(world.bob, item, action_id, TRUTH[0], (100, 130, "BB-S2"), TRUTH[2])
    (row,) = list_comparisons(world, state="third")["comparisons"]
    assert row["item"]["annotators"] == 3 and row["item"]["state"] == "open"
    assert world.carl.get(f"/api/passes/{ann}", 404)
    work = f"/api/projects/{world.project_id}/work"
    for name in ("ann", "bob", "reviewer", "lead"):  # they have seen it, or may
        answer = world.people[name].post(f"{work}/next", {"stage": "sub-actions"})
        assert answer.status_code == 204, name
    assert world.reviewer.post(f"/api/items/{item['id']}/passes", None, 409)["code"] == "third_is_blind"
    assert world.reviewer.post(f"/api/items/{item['id']}/adjudication", None, 409)["code"] == "not_submitted"
    detail = world.carl.post(f"{work}/next", {"stage": "sub-actions"})
    assert (detail["item"]["id"], detail["is_blind"], len(detail["item"]["passes"])) == (item["id"], True, 1)
    mark(world.carl, item, action_id, *TRUTH)
    (row,) = list_comparisons(world, state="agreed")["comparisons"]  # two of three: 67 % > 60 %
    assert row["num_passes"] == 3
    world.reviewer.post(f"/api/projects/{world.project_id}/comparisons/accept", {"comparison_ids": [row["id"]]})
    result = next(one for one in world.list_items(stage="sub-actions")[0]["passes"] if one["state"] == "accepted")
    labels = [one["label"] for one in world.lead.get(f"/api/passes/{result['id']}")["segments"]]
    assert labels == ["BB-S1", "BB-S1", "BB-S2"]


def test_without_anybody_left_a_difference_goes_to_adjudication(world):
    item, action_id = set_up(world, "ann", "bob", third=True)
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, *TRUTH[:2])
    (row,) = list_comparisons(world)["comparisons"]
    assert row["state"] == "adjudicate"
    assert row["reasons"] == ["found by 1 of 2", "nobody is left for a third pass"]
    refused = world.lead.post(f"/api/comparisons/{row['id']}/route", {"to": "third", "reason": "x"}, 409)
    assert refused["code"] == "nobody_left"
    world.invite("carl", "annotator")
    world.lead.post(f"/api/comparisons/{row['id']}/route", {"to": "third", "reason": "Carl is here"}, 204)
    (row,) = list_comparisons(world)["comparisons"]
    assert (row["state"], row["routed_by"]["name"], row["item"]["annotators"]) == ("third", "Lead", 3)
    world.lead.post(f"/api/comparisons/{row['id']}/route", {"to": "adjudicate", "reason": "no time"}, 204)
    (row,) = list_comparisons(world)["comparisons"]
    assert (row["state"], row["item"]["annotators"], row["item"]["state"]) == ("adjudicate", 2, "submitted")


def test_elements_are_decided_by_query_votes(world):
    """Three people on three turns: votes 2 to 1 in one query, and one who found a turn to be of no use."""
    world.people["carl"] = world.invite("carl", "annotator")
    item, action_id = set_up(world, "ann", "bob", "carl", least_confidence=0.6)
    accept_all(world, action_id)
    item = world.list_items(stage="elements")[0]
    passes = {}
    for name, labels in (("ann", ("t1", "t2", "l1")), ("bob", ("t1", "t3", "l1")), ("carl", ("t1", "t2", None))):
        person = world.people[name]
        detail = person.post(f"/api/items/{item['id']}/passes")
        operations = [
            make_operation("set_path", segment_id=one["id"], set_id=one["label"], label=label, by_name=True)
            if label
            else make_operation("set_discard", segment_id=one["id"], discard="occluded")
            for one, label in zip(detail["segments"], labels, strict=True)
        ]
        person.save(detail["id"], 0, *operations, make_operation("sign_off"))
        passes[name] = detail["id"]
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    assert [one["label"] for one in detail["segments"]] == ["t1", "t2", "l1"]
    assert detail["segments"][1]["path"][2] == {"query": "q_tuck", "answer": "yes"}
    units = detail["adjudication"]["units"]
    assert [one["segment_id"] for one in units] == [one["id"] for one in detail["segments"]]
    tuck = next(one for one in units[1]["queries"] if one["query"] == "q_tuck")
    votes = {vote["pass_id"]: vote["answer"] for vote in tuck["votes"]}
    assert votes == {passes["ann"]: "yes", passes["bob"]: "no", passes["carl"]: "yes"}
    assert (tuck["text"], tuck["majority"], round(tuck["confidence"], 3)) == ("Is the body tucked?", "yes", 0.667)
    decided = decide(world.reviewer, detail["id"], "u3", "none")
    assert decided["segments"][2]["discard"] == "occluded"
    decided = decide(world.reviewer, detail["id"], "u3", passes["ann"])
    assert (decided["segments"][2]["discard"], decided["segments"][2]["label"]) == (None, "l1")
    decided = decide(world.reviewer, detail["id"], "u2", passes["bob"])
    assert decided["segments"][1]["label"] == "t3"
    assert decide(world.reviewer, detail["id"], "u1", "none", 422)["problems"][0]["field"] == "choice"
    for unit in decided["adjudication"]["units"]:
        if unit["needs_decision"] and unit["decision"] is None:
            decide(world.reviewer, detail["id"], unit["id"], "consensus")
    assert world.reviewer.save(detail["id"], "*", make_operation("sign_off"))["state"] == "accepted"
    exported = world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": "csv"}).text
    assert [label in exported for label in ("t1", "t3", "l1")] == [True, True, True]


def accept_all(world, action_id):
    """The sub-actions, by three people who agree, whose consensus is accepted."""
    item = world.list_items(stage="sub-actions")[0]
    for name in ("ann", "bob", "carl"):
        mark(world.people[name], item, action_id, *TRUTH)
    (row,) = list_comparisons(world, state="agreed")["comparisons"]
    path = f"/api/projects/{world.project_id}/comparisons/accept"
    assert world.reviewer.post(path, {"comparison_ids": [row["id"]]})["accepted"] == 1


def test_stages_of_a_vault_are_medians_too(world):
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    world.change_settings(annotators_per_item={"sub-actions": 3}, quality=settings["quality"])
    world.people["carl"] = world.invite("carl", "annotator")
    (vault,) = accept_routines(world, (320, 400, "VT"))
    item = world.list_items(stage="sub-actions")[0]
    for name, edges in (("ann", (330, 345, 370, 390)), ("bob", (331, 346, 371, 390)), ("carl", (332, 350, 372, 391))):
        person = world.people[name]
        detail = person.post(f"/api/items/{item['id']}/passes")
        whole = create(edges[0], edges[3], "VT-S1", "sub-action", vault)
        parent = whole["payload"]["segment_id"]
        stages = [create(left, right, None, "stage", parent) for left, right in itertools.pairwise(edges)]
        person.save(detail["id"], 0, whole, *stages, make_operation("sign_off"))
    (row,) = list_comparisons(world, state="agreed")["comparisons"]
    path = f"/api/projects/{world.project_id}/comparisons/accept"
    assert world.reviewer.post(path, {"comparison_ids": [row["id"]]})["accepted"] == 1
    exported = world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": "official"})
    (routine,) = exported["alpha"].values()
    (sub,) = routine["segments"].values()  # frames 331, 346, 371, 390 of a routine at 320
    assert sub["timestamps"] == [[0.44, 1.04], [1.04, 2.04], [2.04, 2.8]]


def test_who_annotated_does_not_adjudicate_and_annotators_never_do(world):
    item, action_id = set_up(world, "ann", "reviewer")
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.reviewer, item, action_id, *TRUTH[:2])
    path = f"/api/items/{item['id']}/adjudication"
    assert "annotated this item yourself" in world.reviewer.post(path, None, 403)["error"]
    for name in ("ann", "bob", "viewer"):
        assert world.people[name].post(path, None, 403)
        assert world.people[name].get(f"/api/projects/{world.project_id}/comparisons", 403)
    detail = world.lead.post(path)
    assert world.lead.post(path)["id"] == detail["id"]
    assert world.bob.get(f"/api/passes/{detail['id']}", 404)
    assert decide(world.bob, detail["id"], "u1", "own", 403)
    assert world.viewer.get(f"/api/passes/{detail['id']}")["adjudication"] is None
    assert decide(world.reviewer, detail["id"], "u3", "none", 403)  # she annotated it
    assert world.reviewer.save(detail["id"], "*", make_operation("sign_off"), expected=403)
    decide(world.admin, detail["id"], "u3", "none")  # another lead goes on where the first one left off
    assert world.admin.save(detail["id"], "*", make_operation("sign_off"))["state"] == "accepted"
    kinds = sorted(one["kind"] for one in world.list_items(stage="sub-actions")[0]["passes"])
    assert kinds == ["adjudication", "annotation", "annotation"]


def test_votes_cannot_be_taken_back_while_somebody_adjudicates(world):
    item, action_id = set_up(world, "ann", "bob")
    ann = mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, *TRUTH[:2])
    world.ann.save(ann, "*", make_operation("withdraw_sign_off"))
    world.ann.save(ann, "*", make_operation("sign_off"))
    counts = list_comparisons(world)["counts"]
    assert counts == {"agreed": 0, "third": 0, "adjudicate": 1, "decided": 0}  # the first comparison is replaced
    world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    refused = world.ann.save(ann, "*", make_operation("withdraw_sign_off"), expected=409)
    assert refused["code"] == "in_adjudication"
    compared = world.lead.post(f"/api/projects/{world.project_id}/comparisons", {})
    assert compared["compared"] == 0


def test_a_vote_is_what_was_signed_off_whatever_a_reviewer_changed_since(world):
    item, action_id = set_up(world, "ann", "bob", compare_at_sign_off=False)
    ann = mark(world.ann, item, action_id, *TRUTH)
    first = world.lead.get(f"/api/passes/{ann}")["segments"][0]
    move = make_operation("move_segment", segment_id=first["id"], start_frame=85, end_frame=90, reason="late")
    gone = make_operation("delete_segment", segment_id=world.lead.get(f"/api/passes/{ann}")["segments"][2]["id"],
                          reason="no")  # fmt: skip
    world.reviewer.save(ann, "*", move, gone)
    mark(world.bob, item, action_id, *TRUTH)
    assert list_comparisons(world)["comparisons"] == []
    compared = world.lead.post(f"/api/projects/{world.project_id}/comparisons", {"stage": "sub-actions"})
    assert compared == {"compared": 1, "changed_meanwhile": 0, "agreed": 1, "third": 0, "adjudicate": 0}


def test_an_accepted_adjudication_that_is_returned_is_gone_on_with(world):
    item, action_id = set_up(world, "ann", "bob")
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, *TRUTH[:2])
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    decide(world.reviewer, detail["id"], "u3", "none")
    world.reviewer.save(detail["id"], "*", make_operation("sign_off"))
    world.lead.review(detail["id"], "return", text="the leap is there")
    decide(world.reviewer, detail["id"], "u3", "consensus", reason="so it is")
    assert world.reviewer.save(detail["id"], "*", make_operation("sign_off"))["state"] == "accepted"
    segments = world.reviewer.get(f"/api/passes/{detail['id']}")["segments"]
    assert [one["start_frame"] for one in segments] == [60, 100, 150]


def test_a_reviewer_may_still_accept_one_of_the_passes(world):
    item, action_id = set_up(world, "ann", "bob")
    mark(world.ann, item, action_id, *TRUTH)
    bob = mark(world.bob, item, action_id, *TRUTH[:2])
    world.reviewer.review(bob, "accept")
    (row,) = list_comparisons(world)["comparisons"]
    assert (row["state"], row["pass_id"], row["decided_by"]["name"]) == ("decided", bob, "Reviewer")


@pytest.mark.parametrize(("choice", "status"), [("nonsense", 422), ("consensus", 200), ("own", 200)])
def test_choices_are_checked(world, choice, status):
    item, action_id = set_up(world, "ann", "bob")
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, *TRUTH[:2])
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    decide(world.reviewer, detail["id"], "u3", choice, status)
    assert decide(world.reviewer, detail["id"], "u99", "own", 404)
    body = {"uuid": make_uuid(), "unit_id": "u3", "choice": "own", "reason": "x"}
    path = f"/api/passes/{detail['id']}/decisions"
    assert world.reviewer.post(path, body, 412, headers={"If-Match": '"99"'})["code"] == "version_conflict"


def test_routines_are_compared_as_well(world):
    world.change_settings(annotators_per_item={"routines": 2})
    for name, routines in (("ann", ((50, 300, "BB"), (320, 400, "VT"))), ("bob", ((52, 300, "BB"),))):
        detail = world.take(world.people[name], "routines", record="alpha", chunk=0)
        operations = [create(*one) for one in routines]
        world.people[name].save(detail["id"], 0, *operations, make_operation("sign_off"))
    item = next(one for one in world.list_items(stage="routines") if one["state"] == "submitted")
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    decide(world.reviewer, detail["id"], "u2", "consensus")
    world.reviewer.save(detail["id"], "*", make_operation("sign_off"))
    (first, second) = world.list_items(stage="sub-actions")
    assert [(one["action"]["start_frame"], one["action"]["label"]) for one in (first, second)] == [
        (51, "BB"), (320, "VT"),
    ]  # fmt: skip
    accept_sub_actions(world, first["action"]["segment_id"], *TRUTH)


def test_the_last_two_who_sign_off_at_the_same_moment_are_compared_once(either_world):
    world = either_world
    world.change_settings(annotators_per_item={"routines": 2})
    for record, chunk, frames in (("alpha", 0, (50, 300)), ("alpha", 1, (500, 590)), ("beta", 0, (50, 300))):
        details = [world.take(person, "routines", record=record, chunk=chunk) for person in (world.ann, world.bob)]
        for person, detail in zip((world.ann, world.bob), details, strict=True):
            person.save(detail["id"], 0, create(*frames, "BB"))
        with ThreadPoolExecutor(2) as pool:
            saves = [
                pool.submit(person.save, detail["id"], "*", make_operation("sign_off"))
                for person, detail in zip((world.ann, world.bob), details, strict=True)
            ]
        assert {save.result()["state"] for save in saves} == {"submitted"}
        item_id = details[0]["item"]["id"]
        assert world.lead.get(f"/api/items/{item_id}")["state"] == "submitted"
        rows = [one for one in list_comparisons(world)["comparisons"] if one["item"]["id"] == item_id]
        assert [one["state"] for one in rows] == ["agreed"]


def test_a_comparison_goes_when_what_it_is_about_is_begun_anew(world):
    item, action_id = set_up(world, "ann", "bob")
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, *TRUTH[:2])
    counts = world.lead.get(f"/api/projects/{world.project_id}")["counts"]
    assert (counts["adjudicate"], counts["alarms"]) == (1, 0)
    assert "adjudicate" not in world.ann.get(f"/api/projects/{world.project_id}")["counts"]
    routines = next(one for one in world.list_items(stage="routines") if one["state"] == "accepted")
    pass_id = routines["passes"][0]["id"]
    world.reviewer.review(pass_id, "return", text="that is none")
    segment = world.lead.get(f"/api/passes/{pass_id}")["segments"][0]
    gone = make_operation("delete_segment", segment_id=segment["id"])
    world.lead.save(pass_id, "*", gone, make_operation("sign_off"))
    world.reviewer.review(pass_id, "accept")
    assert list_comparisons(world)["counts"] == {"agreed": 0, "third": 0, "adjudicate": 0, "decided": 0}
