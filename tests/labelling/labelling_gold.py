"""Steps that tests of exams and adjudication share: accepted work, gold items, exams, answers."""

from __future__ import annotations

from typing import Any

from labelling_world import Person, World, create, make_operation

# Two turns and a leap in the routine [50, 300) of chunk 0 of alpha: 25 frames a second, 40 ms a frame.
TRUTH = ((60, 90, "BB-S1"), (100, 130, "BB-S1"), (150, 200, "BB-S2"))


def accept_routines(world: World, *routines: tuple[int, int, str], record: str = "alpha", chunk: int = 0) -> list[str]:
    """A chunk that the lead has annotated and the reviewer accepted; ids of its routines."""
    operations = [create(start, end, label) for start, end, label in routines]
    detail = world.take(world.lead, "routines", record=record, chunk=chunk)
    world.finish(world.lead, detail, *operations)
    return [one["payload"]["segment_id"] for one in operations]


def accept_sub_actions(world: World, action_id: str, *subs: tuple[int, int, str]) -> str:
    """Sub-actions of a routine, likewise; id of the item."""
    item = next(one for one in world.list_items(stage="sub-actions") if one["action"]["segment_id"] == action_id)
    detail = world.lead.post(f"/api/items/{item['id']}/passes")
    world.finish(
        world.lead, detail, *(create(start, end, label, "sub-action", action_id) for start, end, label in subs)
    )
    return item["id"]


def make_gold(world: World, *item_ids: str, **more: Any) -> list[str]:
    """Gold items of accepted items."""
    answer = world.lead.post(f"/api/projects/{world.project_id}/gold", {"item_ids": list(item_ids), **more}, 201)
    assert not answer["left_out"]
    return [one["id"] for one in answer["added"]]


def make_gold_routine(world: World) -> list[str]:
    """One gold item of stage sub-actions: the routine [50, 300) with ``TRUTH`` in it."""
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    return make_gold(world, accept_sub_actions(world, action_id, *TRUTH))


def make_exam(world: World, kind: str, gold_ids: list[str], stage: str = "sub-actions", **rules: Any) -> dict[str, Any]:
    """An exam."""
    if kind == "pretest":
        rules = {"pass_marks": {"found": 0.9, "set": 0.9}} | rules
    body = {"name": f"{kind} of {stage}", "kind": kind, "stage": stage, "rules": rules, "gold_ids": gold_ids}
    return world.lead.post(f"/api/projects/{world.project_id}/exams", body, 201)


def answer(person: Person, pass_id: str, *subs: tuple[int, int, str], sign_off: bool = True) -> Any:
    """Mark sub-actions in an answer and sign it off."""
    detail = person.get(f"/api/passes/{pass_id}")
    outer = detail["item"]["action"]["segment_id"]
    operations = [create(start, end, label, "sub-action", outer) for start, end, label in subs]
    if sign_off:
        operations.append(make_operation("sign_off"))
    return person.save(pass_id, detail["version"], *operations)


def take_exam(person: Person, exam_id: str, *subs: tuple[int, int, str]) -> Any:
    """Answer every question of a new attempt with the same sub-actions; the attempt afterwards."""
    attempt = person.post(f"/api/exams/{exam_id}/attempts", None, 201)
    for question in attempt["questions"]:
        answer(person, question["pass_id"], *subs)
    return person.get(f"/api/attempts/{attempt['id']}")


def get_standing(person: Person, exam_id: str) -> Any:
    """Where somebody stands."""
    return person.get(f"/api/exams/{exam_id}")["mine"]
