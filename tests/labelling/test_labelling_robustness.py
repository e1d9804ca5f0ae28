"""A server is killed, a disk is full, a clock jumps, two people work at once: nothing is lost or done twice."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from labelling_process import ServerProcess
from labelling_world import create, make_operation
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from finegym.labelling.database import is_storage_full
from finegym.labelling.tables.people import LoginSession


def real_time(world):
    """The sessions and leases of a test's world, for a server with the clock of today."""
    now_ms = time.time_ns() // 1_000_000
    with world.server.database.write() as session:
        session.execute(update(LoginSession).values(seen_at_ms=now_ms, expires_at_ms=now_ms + 3_600_000))
    return world.server.workspace.folder


def send(client, pass_id, operation, version="*"):
    match = version if version == "*" else f'"{version}"'
    return client.post(
        f"/api/passes/{pass_id}/operations", json={"operations": [operation]}, headers={"If-Match": match}
    )


def read_segments(client, pass_id):
    page = client.get(f"/api/passes/{pass_id}").json()
    return page["version"], {
        (one["id"], one["start_frame"], one["end_frame"], one["label"]) for one in page["segments"]
    }


def expect(operations):
    return {
        (
            one["payload"]["segment_id"],
            one["payload"]["start_frame"],
            one["payload"]["end_frame"],
            one["payload"]["label"],
        )
        for one in operations
    }


def test_a_server_killed_in_a_burst_has_kept_what_it_accepted_and_does_nothing_twice(either_world):
    """Three browsers send as fast as they can; the server is killed; the outboxes are sent again to the next one."""
    world = either_world
    people = (world.ann, world.bob, world.reviewer)
    next_ = f"/api/projects/{world.project_id}/work/next"
    details = [person.post(next_) for person in people]
    passes, starts = [one["id"] for one in details], [one["item"]["start_frame"] for one in details]
    database = world.server.database.engine.url.render_as_string(hide_password=False)
    folder = real_time(world)
    world.server.database.close()
    server = ServerProcess(folder, database)
    outboxes = [[create(start + 2 * k, start + 2 * k + 2, "BB") for k in range(100)] for start in starts]
    acknowledged = [[] for _ in people]
    enough = threading.Event()

    def burst(place):
        with server.make_client(people[place]) as client:
            for operation in outboxes[place]:
                try:
                    answer = send(client, passes[place], operation)
                except httpx2.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                acknowledged[place].append(operation)
                if sum(map(len, acknowledged)) >= 60:
                    enough.set()

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(burst, place) for place in range(3)]
        assert enough.wait(60)
        server.kill()
        for one in running:
            one.result()
    assert sum(map(len, acknowledged)) < 300, "the server was killed too late for this test to mean anything"

    server = ServerProcess(folder, database)
    try:
        for place, person in enumerate(people):
            with server.make_client(person) as client:
                version, there = read_segments(client, passes[place])
                assert expect(acknowledged[place]) <= there  # nothing accepted is lost
                assert len(there) == version  # each was done once
                for operation in outboxes[place]:
                    assert send(client, passes[place], operation).status_code == 200
                assert read_segments(client, passes[place]) == (100, expect(outboxes[place]))
    finally:
        server.stop()


def test_a_full_disk_refuses_saves_and_loses_nothing(world):
    pass_id = world.take(world.ann, "routines", record="alpha", chunk=0)["id"]
    folder = real_time(world)
    world.server.database.close()
    size = (folder / "finegym.db").stat().st_size
    server = ServerProcess(folder, max_file_bytes=size + 300_000)
    accepted, refused = [], []
    try:
        with server.make_client(world.ann) as client:
            for k in range(200):
                operation = create(2 * k, 2 * k + 2, "BB")
                answer = send(client, pass_id, operation)
                (accepted if answer.status_code == 200 else refused).append(operation)
                if answer.status_code != 200:
                    assert (answer.status_code, answer.json()["code"]) == (503, "storage_full"), answer.text
                    assert "disk is full" in answer.json()["error"]
                    break
            assert accepted
            assert refused
            assert read_segments(client, pass_id) == (len(accepted), expect(accepted))
            server.lift_limit()
            assert send(client, pass_id, refused[0]).status_code == 200
            assert read_segments(client, pass_id) == (len(accepted) + 1, expect(accepted + refused))
    finally:
        errors = server.stop()
    assert "the storage is full" in errors


def test_a_full_disk_of_postgresql_is_told_as_such():
    full = type("DiskFull", (Exception,), {"sqlstate": "53100"})()
    assert is_storage_full(OperationalError("INSERT", {}, full))
    gone = type("AdminShutdown", (Exception,), {"sqlstate": "57P01"})()
    assert not is_storage_full(OperationalError("INSERT", {}, gone))


def test_two_people_on_one_pass_never_write_over_each_other(either_world):
    world = either_world
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    first = create(100, 400, "BB")
    id_ = first["payload"]["segment_id"]
    world.ann.save(detail["id"], 0, first)
    for version in range(1, 6):
        moves = {
            "ann": make_operation("move_segment", segment_id=id_, start_frame=100 + version, end_frame=400),
            "reviewer": make_operation(
                "move_segment", segment_id=id_, start_frame=200 + version, end_frame=400, reason="later"
            ),
        }
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(send, world.people[name].client, detail["id"], one, version) for name, one in moves.items()
            ]
            answers = [one.result() for one in jobs]
        assert sorted(one.status_code for one in answers) == [200, 412]
        lost = next(one for one in answers if one.status_code == 412).json()
        assert [one["version"] for one in lost["theirs"]] == [version + 1]
    assert len(world.lead.get(f"/api/segments/{id_}/history")["revisions"]) == 6


def test_a_replay_that_meets_the_first_try_is_done_once(either_world):
    world = either_world
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    operation = create(100, 400, "BB")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(world.ann.client, detail["id"], operation, 0), range(6)))
    assert {one.status_code for one in answers} == {200}
    assert sum(len(one.json()["accepted"]) for one in answers) == 1
    assert world.ann.get(f"/api/passes/{detail['id']}")["version"] == 1


def test_a_rush_for_work_gives_each_place_to_one(either_world):
    world = either_world
    people = [world.ann, world.bob, world.reviewer, world.lead, world.admin]
    path = f"/api/projects/{world.project_id}/work/next"
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda one: one.client.post(path, json={}), people))
    taken = [one.json()["item"]["id"] for one in answers if one.status_code == 200]
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 204, 204]
    assert len(set(taken)) == 3


@pytest.mark.parametrize("jump_ms", [-40 * 24 * 3_600_000, 5 * 3_600_000])
def test_a_clock_that_jumps_moves_no_change_before_another(world, jump_ms):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    first = create(100, 400, "BB")
    id_ = first["payload"]["segment_id"]
    world.ann.save(detail["id"], 0, first)
    world.clock.now_ms += jump_ms
    world.ann.save(detail["id"], 1, make_operation("move_segment", segment_id=id_, start_frame=120, end_frame=400))
    world.clock.now_ms -= jump_ms
    saved = world.ann.save(detail["id"], 2, make_operation("set_label", segment_id=id_, label="VT"))
    assert saved["lease"]["state"] == "held"
    history = world.ann.get(f"/api/segments/{id_}/history")["revisions"]
    assert [one["kind"] for one in history] == ["create_segment", "move_segment", "set_label"]
    assert (history[-1]["start_frame"], history[-1]["label"]) == (120, "VT")
    world.ann.save(detail["id"], 3, make_operation("sign_off"))
    world.reviewer.review(detail["id"], "accept")


def test_a_lease_from_the_future_is_cut(world):
    """The clock ran ahead when the lease was given: it does not keep the item for years."""
    world.clock.now_ms += 400 * 24 * 3_600_000
    world.admin.get("/api/session")
    with world.server.database.write() as session:
        session.execute(update(LoginSession).values(seen_at_ms=world.clock.now_ms, expires_at_ms=2**50))
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.clock.now_ms -= 400 * 24 * 3_600_000
    world.ann.post(f"/api/passes/{detail['id']}/heartbeat", {"active_ms": 0})
    world.clock.now_ms += 61 * 60_000
    assert world.ann.get(f"/api/passes/{detail['id']}")["lease"]["state"] == "expired"
