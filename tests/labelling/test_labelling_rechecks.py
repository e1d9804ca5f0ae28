"""A codebook that changes, and suggestions of a model."""

import json
from dataclasses import replace
from urllib.parse import unquote

import pytest
from labelling_world import create, make_codebook, make_operation

from finegym.codebook.model import DecisionTree, Leaf, Node, Query
from finegym.codebook.yaml_text import format_codebook
from finegym.labelling.exchange import FORMATS


@pytest.fixture
def labelled(world):
    """A beam routine with three labelled turns: t1, t2, and no such element. Element passes and segment ids."""
    operations = [create(50, 400, "BB")]
    world.finish(world.ann, world.take(world.ann, "routines", record="alpha", chunk=0), *operations)
    beam = operations[0]["payload"]["segment_id"]
    subs = [create(start, start + 20, "BB-S1", "sub-action", beam) for start in (60, 100, 140)]
    world.finish(world.bob, world.take(world.bob, "sub-actions"), *subs)
    detail = world.take(world.bob, "elements")
    ids = [one["id"] for one in detail["segments"]]
    dead = [{"query": "q_turn", "answer": "no"}]
    world.finish(
        world.bob,
        detail,
        make_operation("set_label", segment_id=ids[0], label="t1"),
        make_operation("set_label", segment_id=ids[1], label="t2"),
        make_operation("set_path", segment_id=ids[2], set_id="BB-S1", path=dead, label=None),
    )
    return detail["id"], ids


def change(world, book, expected=None, **query):
    path = f"/api/projects/{world.project_id}/codebook"
    return world.lead.call("PUT", path, expected, json={"codebook_yaml": format_codebook(book)}, params=query)


def with_tree(root, **changes):
    book = make_codebook()
    trees = tuple(DecisionTree("BB-S1", root) if tree.set_id == "BB-S1" else tree for tree in book.trees)
    return replace(book, version="2", trees=trees, **changes)


def list_rechecks(world, state="open"):
    found = world.reviewer.get(f"/api/projects/{world.project_id}/rechecks", params={"state": state})["rechecks"]
    return {one["segment"]["id"]: one for one in found}


def test_items_whose_path_changed_are_found_and_offered(world, labelled):
    pass_id, ids = labelled
    # tuck is asked before half: only t1 and t2, t3 come another way; "no turn" stays as it was
    root = Node("q_turn", Node("q_tuck", Leaf("t2"), Node("q_half", Leaf("t1"), Leaf("t3"))), Leaf(None))
    trial = change(world, with_tree(root), dry_run=True)
    assert (trial["rechecks"], trial["number"]) == (2, 2)
    assert list_rechecks(world) == {}
    change(world, with_tree(root))
    found = list_rechecks(world)
    assert found.keys() == set(ids[:2])
    one = found[ids[0]]
    assert (one["old_path"], one["new_path"]) == (
        [{"query": "q_turn", "answer": "yes"}, {"query": "q_half", "answer": "yes"}],
        [{"query": q, "answer": a} for q, a in (("q_turn", "yes"), ("q_tuck", "no"), ("q_half", "yes"))],
    )
    assert (one["record_name"], one["old_codebook"], one["new_codebook"]) == ("alpha", 1, 2)
    world.reviewer.post(f"/api/rechecks/{one['id']}", {"answer": "keep"})
    assert world.reviewer.post(f"/api/rechecks/{one['id']}", {"answer": "redo"}, 409)["code"] == "answered"
    world.ann.post(f"/api/rechecks/{found[ids[1]]['id']}", {"answer": "redo"}, 403)
    world.reviewer.post(f"/api/rechecks/{found[ids[1]]['id']}", {"answer": "redo"})
    page = world.bob.get(f"/api/passes/{pass_id}")
    assert page["state"] == "returned"
    assert [(c["segment_id"], c["time_ms"]) for c in page["comments"]] == [(ids[1], 4000)]


def test_a_walk_done_again_closes_its_recheck(world, labelled):
    pass_id, ids = labelled
    root = Node("q_turn", Node("q_tuck", Leaf("t2"), Node("q_half", Leaf("t1"), Leaf("t3"))), Leaf(None))
    change(world, with_tree(root))
    world.reviewer.review(pass_id, "return", text="new trees")
    version = world.bob.get(f"/api/passes/{pass_id}")["version"]
    world.bob.save(pass_id, version, make_operation("set_label", segment_id=ids[0], label="t1"))
    assert list_rechecks(world).keys() == {ids[1]}
    assert list_rechecks(world, "gone").keys() == {ids[0]}
    # what was not walked again cannot be signed off
    refused = world.bob.save(pass_id, version + 1, make_operation("sign_off"), expected=422)
    assert [one["segment_id"] for one in refused["problems"]] == [ids[1]]


def test_elements_that_are_gone_dead_ends_that_lead_on_and_words_that_changed_are_found(world, labelled):
    _, ids = labelled
    book = make_codebook()
    root = Node("q_turn", Node("q_half", Leaf("t1"), Leaf("t3")), Leaf("t2"))
    queries = tuple(Query("q_half", "Is it a half turn?") if q.id == "q_half" else q for q in book.queries)
    change(world, with_tree(root, queries=queries))
    reasons = {id_: one["reason"] for id_, one in list_rechecks(world).items()}
    assert reasons[ids[0]] == 'query q_half was "Is it half a turn?", is "Is it a half turn?"'
    assert "ends after 2 answers" in reasons[ids[1]]
    assert reasons[ids[2]] == "the answers lead to t2 now, not to no element"


def test_an_element_that_is_gone_is_exported_as_its_set_and_counted(world, labelled):
    root = Node("q_turn", Node("q_half", Leaf("t1"), Leaf("t3")), Leaf(None))
    book = make_codebook()
    change(world, with_tree(root, elements=tuple(one for one in book.elements if one.id != "t2")))
    for one in list_rechecks(world).values():
        world.reviewer.post(f"/api/rechecks/{one['id']}", {"answer": "keep"})
    answer = world.lead.client.get(f"/api/projects/{world.project_id}/export", params={"format": "csv"})
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-finegym-old-labels"], answer.headers["x-finegym-elements"]) == ("1", "1")
    assert unquote(answer.headers["x-finegym-first-old-label"]) == "alpha from 4.000 s to 4.800 s"
    assert answer.text.count("BB-S1") == 3  # the set of each sub-action stays


@pytest.mark.parametrize("form", FORMATS)
def test_a_routine_whose_event_is_gone_is_left_out_and_counted(world, form):
    """Official files could not be written at all, and tables held an event that nobody knows."""
    first = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.finish(world.ann, first, create(50, 150, "BB"), create(200, 300, "VT"))
    book = make_codebook()
    kept = {
        name: tuple(one for one in getattr(book, name) if is_kept(one))
        for name, is_kept in {
            "events": lambda one: one.id != "VT",
            "sets": lambda one: one.event_id != "VT",
            "elements": lambda one: one.set_id != "VT-S1",
            "trees": lambda one: one.set_id != "VT-S1",
        }.items()
    }
    change(world, replace(book, version="2", **kept))
    answer = world.lead.client.get(f"/api/projects/{world.project_id}/export", params={"format": form})
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-finegym-left-out"], answer.headers["x-finegym-actions"]) == ("1", "1")
    assert unquote(answer.headers["x-finegym-first-left-out"]) == "alpha from 8.000 s to 12.000 s"


def test_a_codebook_with_errors_is_refused(world):
    broken = with_tree(Node("q_turn", Leaf("t1"), Leaf("t1")))
    assert change(world, broken, 422)["problems"]
    assert change(world, broken, dry_run=True)["problems"]
    world.lead.call("PUT", f"/api/projects/{world.project_id}/codebook", 422, json={"codebook_yaml": "{"})


def test_the_walk_of_the_api_is_the_codebooks(world):
    path = f"/api/projects/{world.project_id}/walk"
    start = world.ann.post(path, {"set_id": "BB-S1", "path": []})
    assert start["next_query"] == {"id": "q_turn", "text": "Is there a turn?"}
    assert start["candidates"] == ["t1", "t2", "t3"]
    end = world.ann.post(path, {"set_id": "BB-S1", "path": [{"query": "q_turn", "answer": "no"}]})
    assert (end["is_complete"], end["is_dead_end"], end["element_id"]) == (True, True, None)
    assert world.ann.post(path, {"set_id": "XX", "path": []}, 422)["problems"][0]["field"] == "path"


def load(world, results, expected=None, **query):
    content = json.dumps({"version": "1", "results": results, "external_data": {"used": False}}).encode()
    query = {"name": "tsn.json", "model": "tsn", "stage": "routines", **query}
    path = f"/api/projects/{world.project_id}/suggestions"
    headers = {"Content-Type": "application/json"}  # as the page sends it
    return world.lead.call("POST", path, expected, content=content, params=query, headers=headers)


GHOSTS = {
    "alpha": [
        {"label": "BB", "score": 0.9, "segment": [2.0, 12.0]},
        {"label": "VT", "score": 0.8, "segment": [14.0, 16.0]},
        {"label": "VT", "score": 0.05, "segment": [18.0, 19.0]},
        {"label": "XX", "score": 0.9, "segment": [20.0, 21.0]},
        {"label": "VT", "score": 0.9, "segment": [2000.0, 2001.0]},
    ],
    "gamma": [{"label": "BB", "score": 0.9, "segment": [2.0, 12.0]}],
}


def test_suggestions_are_ghosts_that_are_answered_one_by_one(world):
    world.change_settings(is_blind=False)
    loaded = load(world, GHOSTS, min_score=0.1)
    assert loaded["num_suggestions"] == 2
    assert sorted(one["count"] for one in loaded["left_out"]) == [1, 1, 1, 1]
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    beam, vault = detail["suggestions"]
    assert (beam["start_frame"], beam["end_frame"], beam["batch"]["model"], beam["answer"]) == (50, 300, "tsn", None)
    taken, changed = create(50, 300, "BB"), create(345, 400, "VT")
    taken["payload"]["suggestion_id"] = beam["id"]
    changed["payload"]["suggestion_id"] = vault["id"]
    saved = world.ann.save(detail["id"], 0, taken, changed)
    assert saved["segments"][0]["origin"] == {"kind": "suggestion", "id": beam["id"]}
    answers = [one["answer"] for one in world.ann.get(f"/api/passes/{detail['id']}")["suggestions"]]
    assert answers == ["confirmed", "changed"]
    reject = make_operation("reject_suggestion", suggestion_id=vault["id"])
    world.ann.save(
        detail["id"], 2, make_operation("delete_segment", segment_id=changed["payload"]["segment_id"]), reject
    )
    assert world.ann.get(f"/api/passes/{detail['id']}")["suggestions"][1]["answer"] == "rejected"
    world.ann.save(detail["id"], 4, make_operation("restore_suggestion", suggestion_id=vault["id"]))
    assert world.ann.get(f"/api/passes/{detail['id']}")["suggestions"][1]["answer"] is None
    (batch,) = world.lead.get(f"/api/projects/{world.project_id}/suggestions")["batches"]
    assert (batch["num_suggestions"], batch["provenance"]["external_data"]) == (2, {"used": False})
    world.lead.call("DELETE", f"/api/projects/{world.project_id}/suggestions/{batch['id']}")
    assert world.ann.get(f"/api/passes/{detail['id']}")["suggestions"] == []


def test_suggestions_are_hidden_from_blind_work(world):
    load(world, GHOSTS)
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    assert detail["suggestions"] == []
    world.change_settings(is_blind=False)  # passes that were begun blind stay blind
    assert world.ann.get(f"/api/passes/{detail['id']}")["suggestions"] == []
    other = world.take(world.bob, "routines", record="alpha", chunk=1)
    ghost = make_operation("reject_suggestion", suggestion_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert world.ann.save(detail["id"], 0, ghost, expected=422)["problems"][0]["field"] == "suggestion_id"
    assert [one["start_frame"] for one in other["suggestions"]] == [450]  # begun since, and seeing


def test_suggestions_for_sub_actions_count_from_the_start_of_their_action(world):
    world.change_settings(is_blind=False)
    world.finish(world.ann, world.take(world.ann, "routines", record="alpha", chunk=0), create(50, 300, "BB"))
    ghost = {"label": "BB-S1", "score": 0.5, "segment": [0.4, 1.6]}
    assert load(world, {"alpha_E_000002_000012": [ghost]}, stage="sub-actions")["num_suggestions"] == 1
    (shown,) = world.take(world.bob, "sub-actions")["suggestions"]
    assert (shown["start_ms"], shown["end_ms"], shown["level"]) == (2400, 3600, "sub-action")


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{",
        b'{"results": []}',
        b'{"results": {"alpha": [{}]}}',
        b'{"results": {"alpha": [{"label": "BB", "score": NaN, "segment": [1, 2]}]}}',
    ],
)
def test_files_that_are_no_detections_are_refused(world, content):
    path = f"/api/projects/{world.project_id}/suggestions"
    world.lead.call("POST", path, 422, content=content, params={"name": "x", "stage": "routines"})


@pytest.mark.parametrize("odd", ["NaN", "1e999", r'"\u0000"', r'"\ud800"', "[" * 90 + "]" * 90])
def test_what_a_file_says_of_itself_is_stored_as_any_database_holds_it(either_world, odd):
    world = either_world
    content = b'{"version": %s, "external_data": {"x": %s}, "results": {}}' % (odd.encode(), odd.encode())
    params = {"name": "x", "stage": "routines"}
    world.lead.call("POST", f"/api/projects/{world.project_id}/suggestions", 201, content=content, params=params)
    (batch,) = world.lead.get(f"/api/projects/{world.project_id}/suggestions")["batches"]
    assert batch["provenance"].keys() == {"version"}
