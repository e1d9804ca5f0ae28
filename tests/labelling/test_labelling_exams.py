"""Exams in the app: trainings with feedback, pretests with marks and tries, and no work before they are passed."""

import pytest
from labelling_gold import (
    TRUTH,
    accept_routines,
    accept_sub_actions,
    answer,
    get_standing,
    make_exam,
    make_gold,
    make_gold_routine,
    take_exam,
)
from labelling_world import create, make_codebook, make_operation

from finegym.codebook.yaml_text import format_codebook

HOUR_MS = 3_600_000
WRONG = ((60, 90, "BB-S2"), (100, 130, "BB-S2"), (150, 200, "BB-S1"))


def test_a_training_says_what_is_wrong_while_one_works_and_what_was_missed_when_one_has_signed_off(either_world):
    """By hand: one turn 15 frames (600 ms) late, one called a leap, the leap missed, something extra."""
    world = either_world
    exam = make_exam(world, "training", make_gold_routine(world), tolerance={"default_ms": 200})
    attempt = world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)
    (question,) = attempt["questions"]
    pass_id = question["pass_id"]
    context = world.bob.get(f"/api/passes/{pass_id}")["exam"]
    assert (context["kind"], context["number"], context["count"], context["has_feedback"]) == ("training", 1, 1, True)
    assert context["next_pass_id"] is None

    answer(world.bob, pass_id, (75, 90, "BB-S1"), (100, 130, "BB-S2"), (220, 240, "BB-S1"), sign_off=False)
    feedback = world.bob.get(f"/api/passes/{pass_id}/feedback")
    assert (feedback["is_graded"], feedback["score"]) == (False, None)
    late, wrong, extra = feedback["units"]
    assert (late["verdict"], late["start_off_ms"], late["start_off_frames"], late["tolerance_ms"]) == (
        "wrong_bounds", 600, 15, 200,
    )  # fmt: skip
    assert (wrong["verdict"], wrong["label_given"], wrong["label_expected"]) == ("wrong_label", "BB-S2", "BB-S1")
    assert wrong["guideline_key"] == "set:BB-S1" and wrong["gold"]["start_frame"] == 100
    assert (extra["verdict"], extra["gold"]) == ("extra", None)

    detail = world.bob.get(f"/api/passes/{pass_id}")
    world.bob.save(pass_id, detail["version"], make_operation("sign_off"))
    feedback = world.bob.get(f"/api/passes/{pass_id}/feedback")
    missed = [one for one in feedback["units"] if one["verdict"] == "missed"]
    assert [one["gold"]["start_frame"] for one in missed] == [150]
    assert (feedback["is_graded"], feedback["score"], feedback["is_right"]) == (True, 0, False)
    attempt = world.bob.get(f"/api/attempts/{attempt['id']}")
    assert (attempt["state"], attempt["score"], attempt["questions"][0]["score"]) == ("passed", 0, 0)
    assert get_standing(world.bob, exam["id"])["state"] == "passed"
    # a training can be done again
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)["number"] == 2


def test_answers_are_for_good_and_nobody_changes_or_reviews_them(world):
    exam = make_exam(world, "training", make_gold_routine(world))
    attempt = take_exam(world.bob, exam["id"], *TRUTH)
    pass_id = attempt["questions"][0]["pass_id"]
    again = world.bob.save(pass_id, "*", make_operation("withdraw_sign_off"), expected=409)
    assert again["code"] == "exam_answered"
    change = make_operation("sign_off", reason="x")
    assert world.lead.save(pass_id, "*", change, expected=409)["code"] == "gold"
    assert world.reviewer.review(pass_id, "accept", expected=409)["code"] == "gold"
    assert world.reviewer.review(pass_id, "return", expected=409, text="no")["code"] == "gold"
    detail = world.lead.get(f"/api/passes/{pass_id}")
    assert (detail["can_write"], detail["can_review"]) == (False, False)


def test_a_pretest_is_failed_waited_for_repeated_and_passed(either_world):
    world = either_world
    exam = make_exam(world, "pretest", make_gold_routine(world), num_tries=2, cool_down_hours=2)
    attempt = take_exam(world.bob, exam["id"], *WRONG)
    assert (attempt["state"], attempt["score"]) == ("failed", 0)
    parts = {one["part"]: one for one in attempt["parts"]}
    assert (parts["found"]["right"], parts["found"]["total"], parts["found"]["is_passed"]) == (3, 3, True)
    assert (parts["set"]["right"], parts["set"]["total"], parts["set"]["is_passed"]) == (0, 3, False)
    assert "set: 0 of 3" in attempt["reason"]
    assert attempt["questions"][0]["score"] is None  # which of them were wrong is not told
    pass_id = attempt["questions"][0]["pass_id"]
    assert world.bob.get(f"/api/passes/{pass_id}/feedback", 403)["code"] == "forbidden"
    assert world.lead.get(f"/api/passes/{pass_id}/feedback")["score"] == 0

    standing = get_standing(world.bob, exam["id"])
    assert (standing["state"], standing["tries_left"], standing["may_try"]) == ("cooling_down", 1, False)
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 409)["code"] == "cooling_down"
    world.clock.now_ms += 2 * HOUR_MS
    assert take_exam(world.bob, exam["id"], *TRUTH)["state"] == "passed"
    assert get_standing(world.bob, exam["id"])["state"] == "passed"
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 409)["code"] == "passed"

    (row,) = world.lead.get(f"/api/exams/{exam['id']}/results")["people"]
    assert row["person"]["name"] == "Bob"
    assert [one["state"] for one in row["attempts"]] == ["failed", "passed"]
    totals = world.lead.get(f"/api/exams/{exam['id']}")["totals"]
    assert totals == {"people": 1, "attempts": 2, "passed": 1, "failed": 1}


def test_tries_run_out_and_a_lead_gives_one_more_at_once(world):
    exam = make_exam(world, "pretest", make_gold_routine(world), num_tries=1, cool_down_hours=5)
    attempt = world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 200)["id"] == attempt["id"]
    assert world.bob.post(f"/api/attempts/{attempt['id']}/leave")["state"] == "left"
    closed = attempt["questions"][0]["pass_id"]
    assert world.bob.save(closed, 0, make_operation("sign_off"), expected=409)["code"] == "pass_closed"
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 409)["code"] == "no_tries_left"
    body = {"person_id": world.bob.id, "reason": "the browser broke"}
    assert world.bob.post(f"/api/exams/{exam['id']}/tries", body, 403)
    assert world.lead.post(f"/api/exams/{exam['id']}/tries", body, 201)["may_try"] is True
    assert take_exam(world.bob, exam["id"], *TRUTH)["state"] == "passed"


def test_nobody_works_before_passing_where_the_project_demands_it(either_world):
    world = either_world
    path, work = f"/api/projects/{world.project_id}", f"/api/projects/{world.project_id}/work"
    settings = world.lead.get(path)["settings"]
    settings["quality"]["pretested_stages"] = ["routines", "sub-actions"]
    refused = world.lead.call("PATCH", path, 422, json={"settings": settings}, headers={"If-Match": "*"})
    assert "no pretest" in refused["problems"][0]["error"]
    (first, second) = accept_routines(world, (50, 300, "BB"), (320, 400, "BB"))
    gold = make_gold(world, accept_sub_actions(world, first, *TRUTH))
    exam = make_exam(world, "pretest", gold)
    settings["quality"]["pretested_stages"] = ["sub-actions"]
    world.lead.call("PATCH", path, json={"settings": settings}, headers={"If-Match": "*"})

    item = next(one for one in world.list_items(stage="sub-actions") if one["action"]["segment_id"] == second)
    blocked = world.bob.get(work)["blocked"]
    assert list(blocked) == ["sub-actions"] and blocked["sub-actions"]["exam_id"] == exam["id"]
    assert world.bob.post(f"/api/items/{item['id']}/passes", None, 409)["code"] == "exam_needed"
    assert world.bob.post(f"{work}/next", {"stage": "sub-actions"}, 204)
    assert world.bob.post(f"{work}/next", {}, 200)["stage"] == "elements"  # other stages are open
    assert world.reviewer.get(work)["blocked"] == {}
    assert world.lead.call("DELETE", f"/api/exams/{exam['id']}", 409)["code"] == "demanded"
    assert take_exam(world.bob, exam["id"], *TRUTH)["state"] == "passed"
    assert world.bob.get(work)["blocked"] == {}
    detail = world.bob.post(f"{work}/next", {"stage": "sub-actions"}, 200)
    assert detail["item"]["id"] == item["id"] and detail["exam"] is None


def test_another_codebook_puts_a_pass_out_of_date_and_breaks_what_it_no_longer_has(world):
    exam = make_exam(world, "pretest", make_gold_routine(world))
    take_exam(world.bob, exam["id"], *TRUTH)
    book = make_codebook()
    change = {"codebook_yaml": format_codebook(book).replace('version: "1"', 'version: "2"')}
    world.lead.call("PUT", f"/api/projects/{world.project_id}/codebook", json=change)
    assert get_standing(world.bob, exam["id"])["state"] == "outdated"
    shown = world.lead.get(f"/api/exams/{exam['id']}")
    assert shown["stale"] == ["the codebook was number 1, is 2"]
    (gold,) = world.lead.get(f"/api/projects/{world.project_id}/gold")["gold"]
    assert gold["stale"] == []  # its labels stand in the new one, too
    assert take_exam(world.bob, exam["id"], *TRUTH)["state"] == "passed"

    text = format_codebook(book).replace("BB-S2", "BB-S9").replace('version: "1"', 'version: "3"')
    world.lead.call("PUT", f"/api/projects/{world.project_id}/codebook", json={"codebook_yaml": text})
    (gold,) = world.lead.get(f"/api/projects/{world.project_id}/gold", params={"state": "stale"})["gold"]
    assert gold["stale"] == ["BB-S2 is not in the codebook any more"]
    assert world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 409)["code"] == "bank_too_small"


def test_pages_of_the_guidelines_make_gold_stale_where_they_are_about_it(world):
    make_gold_routine(world)
    write = {"title": "Turns", "text": "From the first lift of the heel."}
    for key in ("set:BB-S1", "set:VT-S1"):
        path = f"/api/projects/{world.project_id}/guidelines/{key}"
        world.lead.call("PUT", path, json=write, headers={"If-Match": '"0"'})
    (gold,) = world.lead.get(f"/api/projects/{world.project_id}/gold")["gold"]
    assert gold["stale"] == ["page set:BB-S1 of the guidelines was version 0, is 1"]


def test_a_new_version_keeps_the_old_one_for_attempts_under_way(world):
    gold = make_gold_routine(world)
    exam = make_exam(world, "pretest", gold)
    attempt = world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)
    body = {"name": "harder", "rules": {"pass_marks": {"bounds": 1}, "tolerance": {"default_ms": 0}}, "gold_ids": gold}
    path = f"/api/exams/{exam['id']}"
    assert world.lead.call("PUT", path, 412, json=body, headers={"If-Match": '"7"'})["version"] == 1
    changed = world.lead.call("PUT", path, json=body, headers={"If-Match": '"1"'})
    assert (changed["version"], changed["name"]) == (2, "harder")
    off = [(start + 3, end, label) for start, end, label in TRUTH]  # 120 ms: inside 200, outside 0
    answer(world.bob, attempt["questions"][0]["pass_id"], *off)
    assert world.bob.get(f"/api/attempts/{attempt['id']}")["state"] == "passed"
    assert take_exam(world.ann, exam["id"], *off)["state"] == "failed"


def test_a_pretest_counts_what_a_training_tells(world):
    gold = make_gold_routine(world)
    assert make_exam(world, "pretest", gold)["num_told"] == 0
    training = make_exam(world, "training", gold)
    shown = {one["kind"]: one for one in world.lead.get(f"/api/projects/{world.project_id}/exams")["exams"]}
    assert (shown["pretest"]["num_told"], shown["training"]["num_told"]) == (1, 0)
    assert world.bob.get(f"/api/exams/{training['id']}")["num_told"] is None


def test_nobody_is_asked_what_she_annotated_herself_and_attempts_rotate(world):
    actions = accept_routines(world, (50, 300, "BB"), (310, 400, "BB"), (410, 500, "BB"))
    items = {one["action"]["segment_id"]: one["id"] for one in world.list_items(stage="sub-actions")}
    detail = world.ann.post(f"/api/items/{items[actions[0]]}/passes")
    world.finish(world.ann, detail, create(60, 90, "BB-S1", "sub-action", actions[0]))
    others = [accept_sub_actions(world, id_, (start, start + 20, "BB-S1")) for id_, start in
              ((actions[1], 320), (actions[2], 420))]  # fmt: skip
    gold = make_gold(world, items[actions[0]], *others)
    exam = make_exam(world, "training", gold, num_items=1)

    def ask(person):
        attempt = person.post(f"/api/exams/{exam['id']}/attempts", None, 201)
        action = person.get(f"/api/passes/{attempt['questions'][0]['pass_id']}")["item"]["action"]["segment_id"]
        person.post(f"/api/attempts/{attempt['id']}/leave")
        return action

    assert {ask(world.ann), ask(world.ann)} == set(actions[1:])  # what she has seen least comes first
    assert {ask(world.bob) for _ in range(3)} == set(actions)
    whole = make_exam(world, "training", gold, num_items=3)
    assert world.ann.post(f"/api/exams/{whole['id']}/attempts", None, 409)["num_items"] == 2


def test_elements_are_asked_without_their_answers(world):
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    accept_sub_actions(world, action_id, *TRUTH)
    item = world.list_items(stage="elements")[0]
    detail = world.lead.post(f"/api/items/{item['id']}/passes")
    walks = [
        make_operation("set_path", segment_id=one["id"], set_id=one["label"], label=label, by_name=True)
        for one, label in zip(detail["segments"], ("t1", "t2", "l1"), strict=True)
    ]
    world.finish(world.lead, detail, *walks)
    exam = make_exam(world, "pretest", make_gold(world, item["id"]), "elements",
                     pass_marks={"element": 1, "answers": 0.5})  # fmt: skip
    attempt = world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)
    pass_id = attempt["questions"][0]["pass_id"]
    detail = world.bob.get(f"/api/passes/{pass_id}")
    assert [(one["label"], one["path"]) for one in detail["segments"]] == [("BB-S1", []), ("BB-S1", []), ("BB-S2", [])]
    # t1 is turn, half; t2 is turn, not half, tucked: the second is called t3, one of its three answers is wrong
    walks = [
        make_operation("set_path", segment_id=one["id"], set_id=one["label"], label=label, by_name=True)
        for one, label in zip(detail["segments"], ("t1", "t3", "l1"), strict=True)
    ]
    world.bob.save(pass_id, 0, *walks, make_operation("sign_off"))
    attempt = world.bob.get(f"/api/attempts/{attempt['id']}")
    parts = {one["part"]: (one["right"], one["total"]) for one in attempt["parts"]}
    assert attempt["state"] == "failed"
    assert (parts["element"], parts["answers"]) == ((2, 3), (5, 6))
    unit = world.lead.get(f"/api/passes/{pass_id}/feedback")["units"][1]
    assert unit["guideline_key"] == "query:q_tuck"
    assert unit["queries"][2] == {"query": "q_tuck", "given": "no", "expected": "yes"}


@pytest.mark.parametrize(
    ("kind", "rules", "field"),
    [
        ("pretest", {}, "rules.pass_marks"),
        ("training", {"pass_marks": {"set": 0.5}}, "rules.pass_marks"),
        ("pretest", {"pass_marks": {"set": 0.5}, "tolerance": {"by_set_ms": {"XX": 3}}}, "rules"),
        ("pretest", {"pass_marks": {"set": 0.5}, "num_items": 2}, "gold_ids"),
        ("pretest", {"pass_marks": {"set": 1.5}}, "rules.pass_marks.set"),
    ],
)
def test_exams_that_cannot_be_held_are_refused(world, kind, rules, field):
    gold = make_gold_routine(world)
    body = {"name": "x", "kind": kind, "stage": "sub-actions", "rules": rules, "gold_ids": gold}
    refused = world.lead.post(f"/api/projects/{world.project_id}/exams", body, 422)
    assert refused["problems"][0]["field"] == field


def test_gold_is_of_accepted_items_is_frozen_and_its_questions_are_no_work(world):
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    item = world.list_items(stage="sub-actions")[0]
    path = f"/api/projects/{world.project_id}/gold"
    refused = world.lead.post(path, {"item_ids": [item["id"]]}, 201)
    assert refused["left_out"] == [{"why": "items that are not accepted", "count": 1, "first": item["id"]}]
    accept_sub_actions(world, action_id, *TRUTH)
    candidates = world.lead.get(f"{path}/candidates", params={"stage": "sub-actions"})["items"]
    assert [one["id"] for one in candidates] == [item["id"]]
    gold = make_gold(world, item["id"])
    assert world.lead.post(path, {"item_ids": [item["id"]]}, 201)["left_out"][0]["why"] == "items that are gold already"
    before = world.lead.get(f"/api/projects/{world.project_id}")["counts"]
    exam = make_exam(world, "training", gold)
    take_exam(world.bob, exam["id"], *TRUTH)
    assert world.lead.get(f"/api/projects/{world.project_id}")["counts"] == before
    assert len(world.list_items(stage="sub-actions")) == 1
    assert world.bob.get(f"/api/projects/{world.project_id}/work")["open"] == []
    assert world.reviewer.get(f"/api/projects/{world.project_id}/reviews")["items"] == []
    assert world.lead.get(f"/api/projects/{world.project_id}/progress")["stages"][1]["items"] == 1
    names = {one["person"]["name"] for one in world.lead.get(f"/api/projects/{world.project_id}/progress")["people"]}
    assert names == {"Lead"}
    (shown,) = world.lead.get(path)["gold"]
    assert (shown["num_answers"], shown["mean_score"], shown["labels"]) == (1, 1.0, ["BB-S1", "BB-S2"])
    # the item is returned and becomes another: the gold item stays what it was, and says so
    accepted = next(one for one in world.list_items(stage="sub-actions"))["passes"][0]["id"]
    world.reviewer.review(accepted, "return", text="once more")
    (shown,) = world.lead.get(path)["gold"]
    assert shown["stale"] == ["its item was changed since"] and shown["num_segments"] == 3


def test_only_leads_see_gold_and_everybody_her_own_attempts(world):
    exam = make_exam(world, "training", make_gold_routine(world))
    attempt = world.bob.post(f"/api/exams/{exam['id']}/attempts", None, 201)
    for person in (world.bob, world.viewer):
        assert person.get(f"/api/projects/{world.project_id}/gold", 403)
        assert person.get(f"/api/exams/{exam['id']}")["gold_ids"] is None
    assert world.ann.get(f"/api/attempts/{attempt['id']}", 404)
    assert world.ann.get(f"/api/passes/{attempt['questions'][0]['pass_id']}", 404)
    assert world.ann.post(f"/api/attempts/{attempt['id']}/leave", None, 404)
    assert world.viewer.post(f"/api/exams/{exam['id']}/attempts", None, 403)
    other = world.admin.post("/api/projects", {"name": "Other", "codebook": "diving"})
    stranger = world.invite("stranger", "lead", other["id"])
    assert stranger.get(f"/api/exams/{exam['id']}", 404)
    assert stranger.get(f"/api/attempts/{attempt['id']}", 404)
