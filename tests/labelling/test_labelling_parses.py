"""Parses in the app: which are shown to whom, their page and files, and what annotators get of them."""

import json
import os
import re
import shutil
from itertools import pairwise

import pytest
from labelling_parses import DOUBT, find_media, make_record_parse, write_parse_folder
from labelling_world import create, make_operation

from finegym.applications.parse.page_media import hash_script


@pytest.fixture
def parsed(world):
    """A world with a parse of record alpha."""
    video = find_media(world.server.workspace, "alpha")
    write_parse_folder(world.server.workspace.parses / "alpha", make_record_parse(video))
    return world


def list_parses(world, person=None):
    return (person or world.lead).get(f"/api/projects/{world.project_id}/parses")


def open_parse(world, person=None, part="page", expected=None):
    (one,) = list_parses(world)["parses"]
    return (person or world.lead).get(f"/api/projects/{world.project_id}/parses/{one['id']}/{part}", expected)


def suggest(world, expected=None, person=None):
    path = f"/api/projects/{world.project_id}/parses/{list_parses(world)['parses'][0]['id']}/suggestions"
    return (person or world.lead).post(path, {}, expected)


def test_a_parse_is_listed_with_its_record_and_what_is_in_it(parsed):
    listed = list_parses(parsed)
    (one,) = listed["parses"]
    assert (one["record"]["name"], one["record"]["is_checked"], listed["left_out"]) == ("alpha", True, [])
    assert (one["found"], one["num_sub_actions"], one["num_unsure"]) == ({"routine": 1, "replay": 1}, 2, 1)
    assert one["num_doubtful"] == 0
    assert (one["points"], one["bundle"], one["is_suggested"], one["has_page"]) == ([1.2], "tiny", False, True)
    assert set(one["files"]) == {"annotations.json", "chapters.vtt", "sub_actions.csv", "parse.json"}


def test_a_parse_belongs_to_the_record_of_its_content_whatever_its_name(world):
    parses, media = world.server.workspace.parses, find_media(world.server.workspace, "beta")
    write_parse_folder(
        parses / "renamed", make_record_parse(media, num_doubtful=1).model_copy(update={"record_id": "alpha"})
    )
    foreign = make_record_parse(media).model_copy(update={"video_fingerprint": "f" * 64})
    write_parse_folder(parses / "beta", foreign)
    (parses / "broken").mkdir()
    (parses / "broken" / "parse.json").write_text("{}")
    listed = list_parses(world)
    assert [(one["record"]["name"], one["num_doubtful"]) for one in listed["parses"]] == [("beta", 1)]
    reasons = " ".join(f"{one['count']} {one['why']}" for one in listed["left_out"])
    assert "1 of a recording that is no record" in reasons and "broken" in reasons
    assert list_parses(world, world.viewer)["left_out"] == [], "folders of the server are the lead's business"


def test_where_the_media_are_gone_the_name_counts_and_that_is_said(parsed, monkeypatch):
    monkeypatch.setattr("finegym.labelling.parses.find_fingerprint", lambda *_: None)
    (one,) = list_parses(parsed)["parses"]
    assert (one["record"]["name"], one["record"]["is_checked"]) == ("alpha", False)


def test_a_parse_is_read_anew_when_its_file_has_changed(parsed):
    path = parsed.server.workspace.parses / "alpha" / "parse.json"
    assert list_parses(parsed)["parses"][0]["bundle"] == "tiny"
    path.write_text(path.read_text().replace('"tiny"', '"other"'))
    os.utime(path, ns=(1, 1))
    assert list_parses(parsed)["parses"][0]["bundle"] == "other"


def test_the_page_is_the_one_that_was_written_with_the_proxies_in_its_player(parsed):
    answer = open_parse(parsed)
    assert "<p>seen</p>" in answer.text
    clips = json.loads(re.search(r'id="media">(.*?)</script>', answer.text)[1])
    spans = [(one["start_ms"], one["end_ms"]) for one in clips]
    assert spans[0][0] == 0 and spans[-1][1] == 40_000
    assert all(left[1] >= right[0] for left, right in pairwise(spans)), "nothing is missing between"
    for one in clips:
        part = parsed.lead.get(one["src"], 206, headers={"Range": "bytes=10-19"})
        assert len(part.content) == 10
        parsed.viewer.get(one["src"], 404)  # a link is for the session that got it
    policy = answer.headers["content-security-policy"]
    assert f"script-src {hash_script()};" in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy and answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert list_parses(parsed) and "frame-ancestors 'none'" in parsed.lead.get("/").headers["content-security-policy"]


def test_a_page_of_an_earlier_version_says_what_to_do(parsed):
    (parsed.server.workspace.parses / "alpha" / "parse.html").write_text("<html></html>")
    assert "parse the recording again" in open_parse(parsed, expected=422)["error"]
    (parsed.server.workspace.parses / "alpha" / "parse.html").unlink()
    open_parse(parsed, expected=404)
    assert list_parses(parsed)["parses"][0]["has_page"] is False


@pytest.mark.parametrize("name", ["annotations.json", "chapters.vtt", "sub_actions.csv", "parse.json"])
def test_files_are_handed_out_under_the_name_of_their_record(parsed, name):
    id_ = list_parses(parsed)["parses"][0]["id"]
    response = parsed.viewer.client.get(f"/api/projects/{parsed.project_id}/parses/{id_}/files/{name}")
    assert response.status_code == 200
    assert response.content == (parsed.server.workspace.parses / "alpha" / name).read_bytes()
    assert response.headers["content-disposition"].endswith(f'"alpha-{name.replace("_", "-")}"')


@pytest.mark.parametrize("name", ["codebook.yaml", "..%2f..%2ffinegym.db", "%2e%2e", "parse.html", "PARSE.JSON"])
def test_no_name_leads_to_another_file(parsed, name):
    base = f"/api/projects/{parsed.project_id}/parses/{list_parses(parsed)['parses'][0]['id']}/files"
    assert parsed.lead.client.get(f"{base}/{name}").status_code in (404, 422)


def test_links_do_not_lead_out_of_the_folder(parsed, tmp_path):
    folder = parsed.server.workspace.parses / "alpha"
    (tmp_path / "secret.csv").write_text("secret")
    (folder / "sub_actions.csv").unlink()
    (folder / "sub_actions.csv").symlink_to(tmp_path / "secret.csv")
    open_parse(parsed, part="files/sub_actions.csv", expected=404)
    shutil.copytree(folder, tmp_path / "elsewhere")
    shutil.rmtree(folder)
    folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    listed = list_parses(parsed)
    assert listed["parses"] == [] and "a link that leads out" in listed["left_out"][0]["why"]


def test_strangers_and_annotators_of_blind_work_see_nothing(parsed):
    path = f"/api/projects/{parsed.project_id}/parses"
    id_ = list_parses(parsed)["parses"][0]["id"]
    other = parsed.admin.post("/api/projects", {"name": "Other", "codebook": "diving"})
    eve = parsed.invite("eve", "lead", other["id"])
    for part in ("", f"/{id_}/page", f"/{id_}/files/parse.json"):
        eve.get(path + part, 404)
        assert parsed.make_client().get(path + part).status_code == 401
        assert "blind" in parsed.ann.get(path + part, 403)["error"]
        parsed.viewer.get(path + part)
    eve.get(f"/api/projects/{other['id']}/parses/{id_}/page", 404)
    assert eve.get(f"/api/projects/{other['id']}/parses")["parses"] == []
    parsed.change_settings(is_blind=False)
    parsed.ann.get(f"{path}/{id_}/page")
    for person in (parsed.ann, parsed.reviewer, parsed.viewer):
        person.post(f"{path}/{id_}/suggestions", {}, 403)
        person.post(path, {"record_ids": ["x"], "bundle": "x"}, 403)
    eve.post(f"{path}/{id_}/suggestions", {}, 404)
    parsed.lead.get(f"{path}/0000/page", 404)


def test_what_was_found_comes_to_annotators_as_ghosts_with_their_doubts(parsed):
    parsed.change_settings(is_blind=False)
    made = suggest(parsed)
    assert (made["num_routines"], made["num_sub_actions"], made["num_unsure"], made["left_out"]) == (2, 2, 2, [])
    detail = parsed.take(parsed.ann, "routines", record="alpha", chunk=0)
    beam, vault = detail["suggestions"]
    assert (beam["label"], beam["start_frame"], beam["end_frame"], beam["doubts"]) == ("BB", 50, 300, [])
    assert (vault["label"], vault["doubts"]) == ("VT", ["taken for replay: shown before at 0:02"])
    assert detail["segments"] == [], "nothing is a label before somebody says so"
    assert list_parses(parsed)["parses"][0]["is_suggested"] is True

    routine = create(50, 300, "BB")
    routine["payload"]["suggestion_id"] = beam["id"]
    parsed.finish(parsed.ann, detail, routine)
    work = parsed.take(parsed.bob, "sub-actions")
    turn, unsure = work["suggestions"]
    assert (turn["label"], turn["score"], turn["start_frame"], turn["end_frame"]) == ("BB-S1", 0.8, 100, 130)
    assert (unsure["label"], unsure["score"], unsure["doubts"]) == (None, 0.3, [DOUBT])
    taken = create(175, 205, None, "sub-action", routine["payload"]["segment_id"])
    taken["payload"]["suggestion_id"] = unsure["id"]
    saved = parsed.bob.save(work["id"], work["version"], taken)
    assert saved["segments"][0]["label"] is None, "what the parse does not know, the annotator says"
    assert parsed.bob.get(f"/api/passes/{work['id']}")["suggestions"][1]["answer"] == "confirmed"
    refused = parsed.bob.save(work["id"], saved["version"], make_operation("sign_off"), expected=422)
    assert refused["problems"][0]["segment_id"] == taken["payload"]["segment_id"]


def test_a_newer_parse_takes_the_place_of_the_suggestions_of_an_older_one(parsed):
    parsed.change_settings(is_blind=False)
    suggest(parsed)
    assert suggest(parsed, 409)["code"] == "already_suggested"
    folder = parsed.server.workspace.parses / "alpha"
    shutil.rmtree(folder)
    video = find_media(parsed.server.workspace, "alpha")
    write_parse_folder(folder, make_record_parse(video, bundle="better"))
    assert list_parses(parsed)["parses"][0]["is_suggested"] is False
    assert suggest(parsed)["num_withdrawn"] == 2
    detail = parsed.take(parsed.ann, "routines", record="alpha", chunk=0)
    assert {one["batch"]["model"] for one in detail["suggestions"]} == {"better"}
    batches = parsed.lead.get(f"/api/projects/{parsed.project_id}/suggestions")["batches"]
    assert sum(one["withdrawn_at"] is not None for one in batches) == 2


def test_what_the_projects_codebook_does_not_have_is_left_out_and_counted(parsed):
    path = parsed.server.workspace.parses / "alpha" / "parse.json"
    path.write_text(path.read_text().replace('"BB-S1"', '"FX-S9"').replace('"VT"', '"PH"'))
    made = suggest(parsed)
    assert (made["num_routines"], made["num_sub_actions"]) == (1, 1)
    assert made["left_out"] == [{"why": "their label is not in the codebook", "count": 2}]


def test_a_clip_that_was_taken_whole_suggests_nothing(parsed):
    path = parsed.server.workspace.parses / "alpha" / "parse.json"
    path.write_text(path.read_text().replace('"whole": "record"', '"whole": "sub-action"'))
    assert suggest(parsed, 409)["code"] == "nothing_to_suggest"
