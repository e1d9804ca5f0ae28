"""From chunks to elements: handing out, reviewing, and what the next stage stands on."""

import io
import json
import zipfile
from urllib.parse import unquote

import pytest
from labelling_world import create, make_operation, make_uuid
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.labelling.exchange import FORMATS


def walk(segment_id, set_id, *answers, label=None):
    """A tree walk: q_turn=yes …"""
    path = [{"query": query, "answer": answer} for query, answer in answers]
    return make_operation("set_path", segment_id=segment_id, set_id=set_id, path=path, label=label)


def export(world, form, **query):
    return world.lead.get(f"/api/projects/{world.project_id}/export", params={"format": form, **query})


def find_routines(world, *routines, record="alpha", chunk=0):
    """A finished chunk; ids of its routines."""
    operations = [create(start, end, label) for start, end, label in routines]
    world.finish(world.ann, world.take(world.ann, "routines", record=record, chunk=chunk), *operations)
    return [one["payload"]["segment_id"] for one in operations]


def test_the_whole_job_gives_what_was_seen(either_world):
    """Two routines, a vault of three stages, turns and a leap, trees, review, export: worked out by hand."""
    world = either_world
    beam, vault = find_routines(world, (50, 300, "BB"), (320, 400, "VT"))
    detail = world.take(world.bob, "sub-actions", record="alpha")
    assert detail["context"][0]["label"] == "BB"
    turn, leap, replay = (
        create(*at, "sub-action", beam) for at in ((60, 90, "BB-S1"), (90, 130, "BB-S2"), (200, 230, "BB-S1"))
    )
    ids = [one["payload"]["segment_id"] for one in (turn, leap, replay)]
    discard = make_operation("set_discard", segment_id=ids[2], discard="replay")
    world.finish(world.bob, detail, turn, leap, replay, discard)

    detail = world.take(world.bob, "sub-actions", record="alpha")
    whole = create(330, 390, "VT-S1", "sub-action", vault)
    id_ = whole["payload"]["segment_id"]
    stages = [create(start, end, None, "stage", id_) for start, end in ((330, 345), (345, 370), (370, 390))]
    world.finish(world.bob, detail, whole, *stages)

    for _ in range(2):
        detail = world.bob.post(f"/api/projects/{world.project_id}/work/next", {"stage": "elements"})
        subs = [one for one in detail["segments"] if one["level"] == "sub-action" and one["discard"] is None]
        operations = []
        for sub in subs:
            if sub["label"] == "BB-S1":
                operations.append(
                    walk(sub["id"], "BB-S1", ("q_turn", "yes"), ("q_half", "no"), ("q_tuck", "yes"), label="t2")
                )
            elif sub["label"] == "BB-S2":
                operations.append(
                    make_operation("set_path", segment_id=sub["id"], set_id="BB-S2", label="l1", by_name=True)
                )
            else:
                operations.append(walk(sub["id"], "VT-S1", ("q_tuck", "no"), label="v2"))
        world.finish(world.bob, detail, *operations)

    # 25 frames a second: a frame is 40 ms
    assert export(world, "official") == {
        "alpha": {
            "E_000002_000012": {
                "event": 3,
                "segments": {
                    "A_0000_0001": {"stages": 1, "timestamps": [[0.4, 1.6]]},
                    "A_0001_0003": {"stages": 1, "timestamps": [[1.6, 3.2]]},
                },
                "timestamps": [[2.0, 12.0]],
            },
            "E_000012_000016": {
                "event": 1,
                "segments": {"A_0000_0002": {"stages": 3, "timestamps": [[0.4, 1.0], [1.0, 2.0], [2.0, 2.8]]}},
                "timestamps": [[12.8, 16.0]],
            },
        },
        "beta": {},
    }
    archive = zipfile.ZipFile(io.BytesIO(export(world, "dataset").content))
    assert archive.read("elements.txt").decode().split("\n")[:3] == [
        "alpha_E_000002_000012_A_0000_0001 t2",
        "alpha_E_000002_000012_A_0001_0003 l1",
        "alpha_E_000012_000016_A_0000_0002 v2",
    ]
    copy = world.lead.get(f"/api/passes/{detail['id']}")["segments"][0]
    assert copy["path"] == [{"query": "q_tuck", "answer": "no"}]  # the whole path, not only the leaf


def test_nobody_gets_the_same_chunk_twice_and_two_get_it_where_the_rules_say_two(either_world):
    world = either_world
    world.change_settings(annotators_per_item={"routines": 2})
    work = f"/api/projects/{world.project_id}/work"
    num_chunks = world.ann.get(work)["available"]["routines"]
    assert num_chunks == len(world.list_items(stage="routines")) == 3
    seen = {name: [] for name in ("ann", "bob", "reviewer")}
    for _ in range(num_chunks + 1):
        for name in seen:
            answer = world.people[name].post(f"{work}/next", {})
            if not hasattr(answer, "status_code"):
                seen[name].append(answer["item"]["id"])
    everybody = [id_ for ids in seen.values() for id_ in ids]
    assert all(len(set(ids)) == len(ids) for ids in seen.values())
    assert sorted(everybody) == sorted([item["id"] for item in world.list_items(stage="routines")] * 2)


def test_blind_work_is_not_shown_to_another_annotator(world):
    world.change_settings(annotators_per_item={"routines": 2})
    mine = world.take(world.ann, "routines", record="alpha", chunk=0)
    first = create(100, 200, "BB")
    world.ann.save(mine["id"], 0, first)
    other = world.take(world.bob, "routines", record="alpha", chunk=0)
    assert other["segments"] == []
    assert [one["person"]["name"] for one in other["item"]["passes"]] == ["Bob"]
    id_ = first["payload"]["segment_id"]
    for path in (f"/api/passes/{mine['id']}", f"/api/passes/{mine['id']}/operations", f"/api/segments/{id_}/history"):
        world.bob.get(path, 404)
    world.bob.save(mine["id"], 1, create(300, 400, "BB"), expected=404)
    assert len(world.reviewer.get(f"/api/passes/{mine['id']}")["item"]["passes"]) == 2


def test_leases_end_and_nothing_is_lost(either_world):
    world = either_world
    world.change_settings(lease_minutes=10)
    mine = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(mine["id"], 0, create(100, 200, "BB"))
    world.bob.post(f"/api/items/{mine['item']['id']}/passes", expected=409)
    world.clock.now_ms += 11 * 60_000
    assert world.ann.get(f"/api/passes/{mine['id']}")["lease"]["state"] == "expired"
    assert world.ann.post(f"/api/passes/{mine['id']}/heartbeat", {"active_ms": 1000})["lease"]["state"] == "held"
    world.clock.now_ms += 11 * 60_000
    other = world.bob.post(f"/api/items/{mine['item']['id']}/passes")
    assert other["segments"] == []
    # she comes back: others have her place, what she does is stored all the same, and she is told
    saved = world.ann.save(mine["id"], 1, create(300, 400, "BB"))
    assert (saved["lease"]["state"], saved["version"]) == ("lost", 2)


def test_assigned_items_go_to_their_people_only(world):
    item = world.list_items(stage="routines")[0]
    body = {"item_ids": [item["id"]], "assignees": [world.bob.id], "priority": 5}
    world.lead.post(f"/api/projects/{world.project_id}/items/assign", body)
    assert world.ann.post(f"/api/items/{item['id']}/passes", expected=409)["code"] == "not_assigned"
    next_ = world.bob.post(f"/api/projects/{world.project_id}/work/next", {})
    assert next_["item"]["id"] == item["id"]
    world.lead.call("PATCH", f"/api/items/{item['id']}", 422, json={"assignees": [world.viewer.id]})


def test_a_returned_pass_comes_back_with_the_remark(world):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(detail["id"], 0, create(100, 200, "BB"))
    world.ann.save(detail["id"], 1, make_operation("sign_off"))
    world.reviewer.review(detail["id"], "return", expected=422)
    world.reviewer.review(detail["id"], "return", text="starts earlier")
    (item,) = world.ann.get(f"/api/projects/{world.project_id}/work")["open"]
    assert item["passes"][0]["state"] == "returned"
    page = world.ann.get(f"/api/passes/{detail['id']}")
    assert [(one["text"], one["frame"], one["time_ms"]) for one in page["comments"]] == [("starts earlier", 10, 400)]
    world.ann.save(detail["id"], page["version"], make_operation("sign_off"))
    assert world.reviewer.review(detail["id"], "accept")["state"] == "accepted"


def test_reviews_replayed_are_done_once_and_own_work_is_not_reviewed(world):
    detail = world.take(world.reviewer, "routines", record="alpha", chunk=0)
    world.reviewer.save(detail["id"], 0, make_operation("sign_off"))
    assert "may_review_own" in world.reviewer.review(detail["id"], "accept", expected=403)["error"]
    body = {"uuid": make_uuid(), "decision": "accept"}
    for _ in range(2):
        answer = world.lead.post(f"/api/passes/{detail['id']}/review", body, headers={"If-Match": "*"})
        assert (answer["state"], answer["version"]) == ("accepted", 2)
    world.ann.post(f"/api/passes/{detail['id']}/review", body, 404, headers={"If-Match": "*"})


def test_a_save_whose_answer_was_lost_is_answered_after_the_review_too(world):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    sent = make_operation("sign_off")
    world.ann.save(detail["id"], 0, sent)
    world.reviewer.review(detail["id"], "accept")
    again = world.ann.save(detail["id"], 0, sent)
    assert (again["state"], again["replayed"], again["accepted"]) == ("accepted", [sent["uuid"]], [])
    assert world.ann.save(detail["id"], "*", create(100, 200, "BB"), expected=409)["code"] == "pass_closed"


def test_a_review_of_what_has_changed_since_is_refused(world):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(detail["id"], 0, create(100, 200, "BB"), make_operation("sign_off"))
    body = {"uuid": make_uuid(), "decision": "accept"}
    world.reviewer.post(f"/api/passes/{detail['id']}/review", body, 412, headers={"If-Match": '"1"'})
    world.reviewer.post(f"/api/passes/{detail['id']}/review", body, headers={"If-Match": '"2"'})


def test_a_moved_routine_marks_what_stands_on_it(world):
    (beam,) = find_routines(world, (50, 300, "BB"))
    detail = world.take(world.bob, "sub-actions")
    near, far = create(60, 90, "BB-S1", "sub-action", beam), create(250, 290, "BB-S2", "sub-action", beam)
    world.finish(world.bob, detail, near, far)
    (routine,) = world.list_items(stage="routines", state="accepted")
    pass_id = routine["passes"][0]["id"]
    page = world.reviewer.review(pass_id, "return", text="ends too late")
    move = make_operation("move_segment", segment_id=beam, start_frame=50, end_frame=260)
    # what would happen, before it happens
    preview = world.ann.post(f"/api/passes/{pass_id}/preview", {"operations": [move]})
    effects = {one["segment_id"]: one["effect"] for one in preview["effects"]}
    assert effects == {near["payload"]["segment_id"]: "unchanged", far["payload"]["segment_id"]: "outside"}
    assert {one["where"] for one in preview["effects"]} == {"next stage"}
    world.ann.save(pass_id, page["version"], move, make_operation("sign_off"))
    world.reviewer.review(pass_id, "accept")
    (item,) = world.list_items(stage="sub-actions")
    assert (item["state"], item["end_frame"]) == ("open", 260)
    assert "was [50, 300), is [50, 260)" in item["recheck"]
    assert item["passes"][0]["state"] == "returned"


def test_a_routine_that_is_gone_voids_what_stands_on_it_and_one_that_comes_back_restores_it(world):
    (beam,) = find_routines(world, (50, 300, "BB"))
    world.finish(world.bob, world.take(world.bob, "sub-actions"), create(60, 90, "BB-S1", "sub-action", beam))
    (routine,) = world.list_items(stage="routines", state="accepted")
    pass_id = routine["passes"][0]["id"]
    for kind, state in (("delete_segment", "void"), ("restore_segment", "accepted")):
        page = world.reviewer.review(pass_id, "return", text="look again")
        world.ann.save(pass_id, page["version"], make_operation(kind, segment_id=beam), make_operation("sign_off"))
        world.reviewer.review(pass_id, "accept")
        (item,) = world.list_items(stage="sub-actions", state=state)
        assert item["action"]["segment_id"] == beam


def test_changed_sub_actions_begin_their_elements_anew_and_keep_what_is_still_true(world):
    (beam,) = find_routines(world, (50, 300, "BB"))
    stay, go = create(60, 90, "BB-S1", "sub-action", beam), create(250, 290, "BB-S2", "sub-action", beam)
    detail = world.take(world.bob, "sub-actions")
    world.finish(world.bob, detail, stay, go)
    elements = world.take(world.bob, "elements")
    ids = {one["origin"]["id"]: one["id"] for one in elements["segments"]}
    world.finish(
        world.bob,
        elements,
        make_operation("set_label", segment_id=ids[stay["payload"]["segment_id"]], label="t3"),
        make_operation("set_label", segment_id=ids[go["payload"]["segment_id"]], label="l1"),
    )
    page = world.reviewer.review(detail["id"], "return", text="the leap ends earlier")
    shorter = make_operation("move_segment", segment_id=go["payload"]["segment_id"], start_frame=250, end_frame=280)
    world.bob.save(detail["id"], page["version"], shorter, make_operation("sign_off"))
    world.reviewer.review(detail["id"], "accept")
    (item,) = world.list_items(stage="elements")
    assert (item["state"], item["recheck"]) == ("open", "the sub-actions of its action were changed")
    again = world.take(world.bob, "elements")
    labels = {one["origin"]["id"]: one["label"] for one in again["segments"]}
    assert labels == {stay["payload"]["segment_id"]: "t3", go["payload"]["segment_id"]: "BB-S2"}


def test_a_routine_in_both_halves_of_an_overlap_is_proposed_as_one(either_world):
    """Chunks of alpha: frames 0 to 600 and 450 to 1000; the routine at 470 to 590 is whole in both."""
    world = either_world
    (left,) = find_routines(world, (470, 590, "BB"), chunk=0)
    right, other = find_routines(world, (472, 590, "BB"), (700, 800, "VT"), chunk=1)
    (proposal,) = world.reviewer.get(f"/api/projects/{world.project_id}/overlaps")["overlaps"]
    assert (proposal["left"]["id"], proposal["right"]["id"]) == (left, right)
    assert proposal["tiou"] == round(118 / 120, 4)
    assert len(world.list_items(stage="sub-actions")) == 3
    path = f"/api/overlaps/{proposal['id']}"
    world.reviewer.post(path, {"answer": "same"}, 422)
    world.reviewer.post(path, {"answer": "same", "keep": "left"})
    assert sorted(item["action"]["segment_id"] for item in world.list_items(stage="sub-actions")) == sorted(
        [left, other]
    )
    assert list(export(world, "official")["alpha"]) == ["E_000018_000023", "E_000028_000032"]
    world.reviewer.post(path, {"answer": "different"})
    assert len(world.list_items(stage="sub-actions")) == 3
    assert len(export(world, "official")["alpha"]) == 3


def test_two_halves_of_a_routine_are_proposed_too(world):
    find_routines(world, (500, 600, "BB"), chunk=0)  # cut by the end of the chunk
    find_routines(world, (590, 950, "BB"), chunk=1)
    (proposal,) = world.reviewer.get(f"/api/projects/{world.project_id}/overlaps")["overlaps"]
    assert proposal["tiou"] < 0.3


def test_progress_counts_minutes_a_minute(either_world):
    world = either_world
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.clock.now_ms += 30_000
    world.ann.post(f"/api/passes/{detail['id']}/heartbeat", {"active_ms": 12_000})
    world.ann.post(f"/api/passes/{detail['id']}/heartbeat", {"active_ms": 600_000})  # more than has passed: no
    world.ann.save(detail["id"], 0, create(100, 200, "BB"), make_operation("sign_off"))
    progress = world.ann.get(f"/api/projects/{world.project_id}/progress")
    (row,) = progress["people"]
    assert (row["video_ms"], row["segments"], row["passes_signed_off"]) == (24_000, 1, 1)
    assert 12_000 <= row["active_ms"] < 12_100
    assert row["video_minutes_per_active_minute"] == round(24_000 / row["active_ms"], 3)
    stage = progress["stages"][0]
    assert (stage["items"], stage["open"], stage["submitted"]) == (3, 2, 1)
    world.take(world.bob, "routines")
    assert len(world.bob.get(f"/api/projects/{world.project_id}/progress")["people"]) == 1
    assert len(world.viewer.get(f"/api/projects/{world.project_id}/progress")["people"]) == 2


def test_exports_of_unfinished_work_say_what_nobody_has_looked_at(world):
    find_routines(world, (50, 300, "BB"))
    written = json.dumps(export(world, "official"))
    assert '"segments": null' in written
    assert export(world, "official", what="latest")["alpha"]["E_000002_000012"]["segments"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_exports_of_the_latest_leave_out_routines_without_an_event_and_count_them(world, form):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(detail["id"], 0, create(50, 300, "BB"), create(310, 400))
    answer = world.lead.client.get(
        f"/api/projects/{world.project_id}/export", params={"format": form, "what": "latest"}
    )
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-finegym-actions"], answer.headers["x-finegym-left-out"]) == ("1", "1")
    assert unquote(answer.headers["x-finegym-first-left-out"]) == "alpha from 12.400 s to 16.000 s"
    if form == "official":
        assert list(answer.json()["alpha"]) == ["E_000002_000012"]


def test_the_command_says_what_an_export_leaves_out(world, tmp_path):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(detail["id"], 0, create(50, 300, "BB"), create(310, 400))
    out = tmp_path / "out.json"
    told = CliRunner().invoke(app, ["label", "export", str(tmp_path / "world"), "--what", "latest", "--out", str(out)])
    assert told.output.splitlines() == [
        f"wrote {out}: 2 records, 1 actions, 0 sub-actions, 0 elements",
        "left out: 1 routines without an event of the codebook (first: alpha from 12.400 s to 16.000 s)",
    ]
