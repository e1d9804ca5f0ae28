"""Saving: once each, in order, never over what somebody has not seen."""

import pytest
from labelling_world import create, make_operation, make_uuid


@pytest.fixture
def world(either_world):
    """Saving is looked at on both databases."""
    return either_world


@pytest.fixture
def detail(world):
    return world.take(world.ann, "routines", record="alpha", chunk=0)


def test_a_segment_has_the_times_of_its_frames(world, detail):
    saved = world.ann.save(detail["id"], 0, create(100, 400, "BB"))
    (segment,) = saved["segments"]
    assert (segment["start_ms"], segment["end_ms"]) == (4000, 16000)  # 25 frames a second: 40 ms each
    assert segment["author"]["name"] == "Ann"
    assert saved["version"] == 1


def test_times_at_2997_frames_a_second_are_those_of_the_container(world):
    detail = world.take(world.ann, "routines", record="beta", chunk=0)
    saved = world.ann.save(detail["id"], 0, create(100, 400, "BB"))
    (segment,) = saved["segments"]
    assert (segment["start_ms"], segment["end_ms"]) == (round(100 * 1001 / 30), round(400 * 1001 / 30))


def test_a_replay_is_answered_and_not_done_again(world, detail):
    first, second = create(100, 400, "BB"), create(500, 550, "VT")
    world.ann.save(detail["id"], 0, first)
    again = world.ann.save(detail["id"], 0, first)
    assert (again["version"], again["accepted"], again["replayed"]) == (1, [], [first["uuid"]])
    assert [one["id"] for one in again["segments"]] == [first["payload"]["segment_id"]]
    # the outbox sends what it does not know the fate of together with what is new, on the version it last saw
    both = world.ann.save(detail["id"], 0, first, second)
    assert (both["version"], both["accepted"]) == (2, [second["uuid"]])
    assert len(world.ann.get(f"/api/passes/{detail['id']}")["segments"]) == 2


def test_one_id_cannot_mean_two_things(world, detail):
    first = create(100, 400, "BB")
    world.ann.save(detail["id"], 0, first)
    other = {**create(420, 450, "BB"), "uuid": first["uuid"]}
    assert world.ann.save(detail["id"], 1, other, expected=409)["code"] == "uuid_reused"
    twice = create(420, 450, "BB")
    world.ann.save(detail["id"], 1, twice, twice, expected=422)


def test_a_request_is_done_whole_or_not_at_all(world, detail):
    good, bad = create(100, 400, "BB"), create(300, 500, "BB")
    refused = world.ann.save(detail["id"], 0, good, bad, expected=422)
    assert refused["problems"][0]["operation"] == 1
    assert "overlaps" in refused["problems"][0]["error"]
    page = world.ann.get(f"/api/passes/{detail['id']}")
    assert (page["version"], page["segments"]) == (0, [])


def test_a_shared_edge_moves_in_one_request(world, detail):
    left, right = create(100, 200, "BB"), create(200, 300, "BB")
    world.ann.save(detail["id"], 0, left, right)
    ids = [one["payload"]["segment_id"] for one in (left, right)]
    moves = [
        make_operation("move_segment", 1, segment_id=ids[0], start_frame=100, end_frame=230),
        make_operation("move_segment", 1, segment_id=ids[1], start_frame=230, end_frame=300),
    ]
    assert world.ann.save(detail["id"], 2, *moves)["version"] == 4
    world.ann.save(
        detail["id"], 4, make_operation("move_segment", segment_id=ids[0], start_frame=100, end_frame=240), expected=422
    )


def test_changes_that_the_client_has_not_seen_are_told_with_both_sides(world, detail):
    first = create(100, 400, "BB")
    id_ = first["payload"]["segment_id"]
    world.ann.save(detail["id"], 0, first)
    world.ann.save(detail["id"], 1, make_operation("move_segment", 1, segment_id=id_, start_frame=110, end_frame=400))
    mine = make_operation("set_label", 1, segment_id=id_, label="VT")
    conflict = world.ann.save(detail["id"], 1, mine, expected=412)
    assert conflict["version"] == 2
    assert [one["kind"] for one in conflict["theirs"]] == ["move_segment"]
    assert [one["uuid"] for one in conflict["yours"]] == [mine["uuid"]]
    assert [one["start_frame"] for one in conflict["segments"]] == [110]
    assert [one["start_frame"] for one in conflict["segments_base"]] == [100]
    # any version will do, as long as the row is the one that was seen
    assert world.ann.save(detail["id"], "*", mine, expected=412)["segments"][0]["version"] == 2
    world.ann.save(detail["id"], "*", {**mine, "based_on": 2})


def test_a_version_ahead_of_the_server_is_a_conflict(world, detail):
    """The database was restored from a backup; the client knows more than it."""
    conflict = world.ann.save(detail["id"], 7, create(100, 400, "BB"), expected=412)
    assert (conflict["version"], conflict["theirs"]) == (0, [])


def test_saving_without_a_version_is_refused(world, detail):
    body = {"operations": [create(100, 400, "BB")]}
    path = f"/api/passes/{detail['id']}/operations"
    assert world.ann.post(path, body, 428)["code"] == "precondition_required"
    assert world.ann.post(path, body, 400, headers={"If-Match": '"x"'})["code"] == "bad_request"


def test_every_change_keeps_its_author_and_nothing_is_overwritten(world, detail):
    first = create(100, 400, "BB")
    id_ = first["payload"]["segment_id"]
    world.ann.save(detail["id"], 0, first)
    world.ann.save(detail["id"], 1, make_operation("sign_off"))
    correction = make_operation(
        "move_segment", 1, segment_id=id_, start_frame=120, end_frame=400, reason="begins with the salute"
    )
    world.reviewer.save(detail["id"], 2, correction)
    world.reviewer.save(detail["id"], 3, make_operation("delete_segment", segment_id=id_, reason="no routine"))
    history = world.lead.get(f"/api/segments/{id_}/history")["revisions"]
    assert [(one["author"]["name"], one["kind"], one["start_frame"], one["is_deleted"]) for one in history] == [
        ("Ann", "create_segment", 100, False),
        ("Reviewer", "move_segment", 120, False),
        ("Reviewer", "delete_segment", 120, True),
    ]
    assert history[1]["reason"] == "begins with the salute"
    blame = world.lead.get(f"/api/segments/{id_}/blame")["fields"]
    assert {name: one["author"]["name"] for name, one in blame.items() if name in ("start_frame", "end_frame")} == {
        "start_frame": "Reviewer",
        "end_frame": "Ann",
    }
    log = world.lead.get(f"/api/passes/{detail['id']}/operations")["operations"]
    assert [one["kind"] for one in log] == ["create_segment", "sign_off", "move_segment", "delete_segment"]
    assert [one["version"] for one in log] == [1, 2, 3, 4]


def test_a_correction_says_why(world, detail):
    first = create(100, 400, "BB")
    world.ann.save(detail["id"], 0, first)
    label = make_operation("set_label", segment_id=first["payload"]["segment_id"], label="VT")
    assert world.reviewer.save(detail["id"], 1, label, expected=422)["problems"][0]["field"] == "reason"


def test_what_is_signed_off_stays_until_the_sign_off_is_withdrawn(world, detail):
    world.ann.save(detail["id"], 0, create(100, 400, "BB"))
    saved = world.ann.save(detail["id"], 1, make_operation("sign_off"))
    assert saved["state"] == "submitted"
    assert world.ann.save(detail["id"], 2, create(500, 550, "BB"), expected=409)["code"] == "signed_off"
    world.ann.save(detail["id"], 2, make_operation("withdraw_sign_off"), create(500, 550, "BB"))
    assert world.ann.get(f"/api/passes/{detail['id']}")["state"] == "open"


def test_sign_off_needs_labels(world, detail):
    first = create(100, 400)
    world.ann.save(detail["id"], 0, first)
    refused = world.ann.save(detail["id"], 1, make_operation("sign_off"), expected=422)
    assert refused["problems"][0]["segment_id"] == first["payload"]["segment_id"]
    world.ann.save(
        detail["id"], 1, make_operation("set_discard", segment_id=first["payload"]["segment_id"], discard="replay")
    )
    assert world.ann.save(detail["id"], 2, make_operation("sign_off"))["state"] == "submitted"


def test_an_empty_pass_can_be_signed_off_and_an_unlooked_at_one_is_not(world, detail):
    assert detail["signed_off_at"] is None
    assert world.ann.save(detail["id"], 0, make_operation("sign_off"))["signed_off_at"] is not None


def test_marks_lie_on_frames_that_are_shown(world, detail):
    problem = world.ann.save(detail["id"], 0, create(100, 100_000, "BB"), expected=422)["problems"][0]
    assert problem["field"] == "end_frame"
    world.ann.save(detail["id"], 0, create(100, 700, "BB"), expected=422)  # the chunk ends at frame 600


def test_ids_of_other_passes_are_taken(world, detail):
    first = create(100, 400, "BB")
    world.ann.save(detail["id"], 0, first)
    other = world.take(world.bob, "routines", record="beta", chunk=0)
    stolen = create(10, 40, "BB")
    stolen["payload"]["segment_id"] = first["payload"]["segment_id"]
    assert world.bob.save(other["id"], 0, stolen, expected=409)["code"] == "id_taken"


def test_comments_are_pinned_and_resolved(world, detail):
    id_ = make_uuid()
    saved = world.ann.save(detail["id"], 0, make_operation("comment", comment_id=id_, text="Is this one?", frame=120))
    assert [(one["text"], one["frame"], one["time_ms"]) for one in saved["comments"]] == [("Is this one?", 120, 4800)]
    world.ann.save(detail["id"], 1, make_operation("resolve_comment", comment_id=id_))
    (comment,) = world.ann.get(f"/api/passes/{detail['id']}")["comments"]
    assert comment["resolved_at"] is not None
