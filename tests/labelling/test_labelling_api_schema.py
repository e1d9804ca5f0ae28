"""Whatever is sent, the server answers as its schema says, and never with a fault of its own."""

import json

import hypothesis
import pytest
import schemathesis
from labelling_world import create, make_operation, make_uuid


def test_the_schema_is_whole(world):
    schema = world.ann.get("/api/openapi.json")
    ids = [one["operationId"] for path in schema["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)
    kinds = schema["components"]["schemas"]["OperationsRequest"]["properties"]["operations"]["items"]
    assert len(kinds["discriminator"]["mapping"]) == 15


def fill(case, ids):
    """Half of the ids that the schema leaves open become real ones: deeper handlers are reached."""
    for name in case.path_parameters or {}:
        if name in ids and hash(case.path_parameters[name]) % 2:
            case.path_parameters[name] = ids[name]


def test_no_request_of_the_schema_is_a_fault(world):
    """Every operation of the schema, with some generated requests each, as an administrator who leads a project."""
    detail = world.take(world.admin, "routines", record="alpha", chunk=0)
    segment = create(100, 200, "BB")
    world.admin.save(detail["id"], 0, segment)
    ids = {
        "project_id": world.project_id,
        "pass_id": detail["id"],
        "item_id": detail["item"]["id"],
        "segment_id": segment["payload"]["segment_id"],
        "person_id": world.ann.id,
    }
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", world.app)
    headers = {
        "Cookie": f"finegym_session={dict(world.admin.client.cookies)['finegym_session']}",
        "X-CSRF-Token": world.admin.client.headers["X-CSRF-Token"],
    }
    faults, statuses = [], set()
    skipped = {"end_session", "end_all_sessions"}  # they would end the session that the others need
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw["operationId"] in skipped:
            continue

        @hypothesis.settings(
            max_examples=6, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.seed(7)
        def send(case):
            fill(case, ids)
            response = case.call(headers=headers)
            statuses.add(response.status_code)
            if response.status_code >= 500:
                faults.append((case.as_curl_command(), response.status_code, response.text[:300]))

        send()
    assert not faults, faults[:3]
    assert {200, 404, 422} <= statuses


@pytest.mark.parametrize(
    "value", [None, True, -1, 2**31, 2**63, 1e308, "", "x" * 300, "\0", [], {}, "0" * 36, "../..", "%00", "é"]
)
def test_odd_values_in_every_field_of_an_operation(world, value):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    for good in (
        create(100, 200, "BB"),
        make_operation("move_segment", segment_id=make_uuid(), start_frame=1, end_frame=2),
        make_operation("set_path", segment_id=make_uuid(), set_id="BB-S1", path=[{"query": "q_turn", "answer": "no"}]),
        make_operation("comment", comment_id=make_uuid(), text="x", frame=3),
    ):
        for field in good["payload"]:
            bad = {**good, "uuid": make_uuid(), "payload": {**good["payload"], field: value}}
            body = json.dumps({"operations": [bad]})
            headers = {"If-Match": "*", "Content-Type": "application/json"}
            answer = world.ann.client.post(f"/api/passes/{detail['id']}/operations", content=body, headers=headers)
            assert answer.status_code in (200, 409, 412, 422), (field, answer.status_code, answer.text[:300])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"operations": 3}', b"[" * 5000, b'{"a":' * 3000]
)
def test_bodies_that_are_no_requests(world, body):
    headers = {"If-Match": "*", "Content-Type": "application/json"}
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    answer = world.ann.client.post(f"/api/passes/{detail['id']}/operations", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]
