"""What must be refused: other people's things, writes without a right, tricks with paths, files and sizes."""

import io
import json
import struct
import zlib

import av
import numpy as np
import pytest
from labelling_world import create, make_operation, write_video


@pytest.fixture
def outsider(world):
    """Somebody with a project of her own, on the same server."""
    other = world.admin.post("/api/projects", {"name": "Other", "codebook": "diving"})
    return world.invite("eve", "lead", other["id"])


def test_another_projects_things_are_not_there(world, outsider):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    first = create(100, 200, "BB")
    world.ann.save(detail["id"], 0, first)
    project, pass_, item = world.project_id, detail["id"], detail["item"]["id"]
    segment = first["payload"]["segment_id"]
    for path in (
        f"/api/projects/{project}",
        f"/api/projects/{project}/people",
        f"/api/projects/{project}/records",
        f"/api/projects/{project}/items",
        f"/api/projects/{project}/codebook",
        f"/api/projects/{project}/export",
        f"/api/projects/{project}/progress",
        f"/api/projects/{project}/log",
        f"/api/projects/{project}/reviews",
        f"/api/projects/{project}/guidelines",
        f"/api/projects/{project}/jobs",
        f"/api/projects/{project}/media-folders",
        f"/api/projects/{project}/ingest-report",
        f"/api/items/{item}",
        f"/api/passes/{pass_}",
        f"/api/passes/{pass_}/operations",
        f"/api/segments/{segment}/history",
        f"/api/segments/{segment}/blame",
    ):
        outsider.get(path, 404)
    outsider.save(pass_, 1, create(300, 400, "BB"), expected=404)
    outsider.review(pass_, "accept", expected=404)
    outsider.post(f"/api/items/{item}/passes", expected=404)
    outsider.post(f"/api/passes/{pass_}/release", expected=404)
    outsider.post(f"/api/projects/{project}/ingest", {"paths": ["."]}, 404)
    outsider.call("PATCH", f"/api/items/{item}", 404, json={"priority": 1})
    outsider.call("POST", f"/api/projects/{project}/import?format=official", 404, content=b"{}")
    assert world.ann.get(f"/api/passes/{pass_}")["version"] == 1


def test_another_projects_media_are_not_there(world, outsider):
    (clip,) = world.take(world.ann, "routines", record="alpha", chunk=0)["media"]["clips"]
    for name in ("url", "map_url", "filmstrip_url"):
        world.ann.get(clip[name])
        outsider.get(clip[name], 404)
        world.bob.get(clip[name], 404)  # a link is for the session that got it
        assert world.make_client().get(clip[name]).status_code == 401


def test_links_end_with_time_role_and_session(world):
    (clip,) = world.take(world.ann, "routines", record="alpha", chunk=0)["media"]["clips"]
    world.clock.now_ms += 5 * 3_600_000
    world.ann.get(clip["url"])
    world.clock.now_ms += 8 * 3_600_000
    world.ann.get(clip["url"], 404)
    (clip,) = world.ann.post(f"/api/items/{world.list_items()[0]['id']}/passes")["media"]["clips"]
    world.lead.call("DELETE", f"/api/projects/{world.project_id}/people/{world.ann.id}")
    world.ann.get(clip["url"], 404)


def test_media_come_in_ranges(world):
    (clip,) = world.take(world.ann, "routines", record="alpha", chunk=0)["media"]["clips"]
    whole = world.ann.get(clip["url"])
    part = world.ann.get(clip["url"], 206, headers={"Range": "bytes=10-19"})
    assert part.content == whole.content[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert part.headers["content-type"] == "video/mp4"
    world.ann.get(clip["url"], 416, headers={"Range": f"bytes={len(whole.content) + 5}-"})
    with av.open(io.BytesIO(whole.content)) as media:
        assert sum(1 for _ in media.decode(video=0)) == clip["num_frames"] == 600


def test_the_frame_map_says_which_frames_of_the_record_are_shown(world):
    detail = world.take(world.ann, "routines", record="beta", chunk=0)
    (clip,) = detail["media"]["clips"]
    shown = world.ann.get(clip["map_url"])
    assert shown["frames"] == list(range(720))
    numerator, denominator = shown["time_base"]
    seconds = [(pts - shown["pts"][0]) * numerator / denominator for pts in shown["pts"]]
    assert np.allclose(seconds, [k * 1001 / 30000 for k in range(720)], atol=1e-4)
    assert shown["times_ms"] == [round(k * 1001 / 30) for k in range(720)]
    assert (shown["end_frame"], shown["end_ms"]) == (720, round(720 * 1001 / 30))


@pytest.mark.parametrize(
    "name",
    [
        "record.json",
        "signals.npz",
        "proxy-000.npz",
        "..%2f..%2ffinegym.db",
        "%2e%2e%2frecord.json",
        "..%5c..%5cfinegym.db",
        "proxy-000.mp4%00.jpg",
        "proxy-٠٠٠.mp4",
        "%2fetc%2fpasswd",
    ],
)
def test_no_name_in_a_link_leads_out_of_the_known_files(world, name):
    (clip,) = world.take(world.ann, "routines", record="alpha", chunk=0)["media"]["clips"]
    base = clip["url"].rsplit("/", 1)[0]
    assert world.ann.client.get(f"{base}/{name}").status_code in (404, 422)


def test_forged_links_are_refused(world):
    (clip,) = world.take(world.ann, "routines", record="alpha", chunk=0)["media"]["clips"]
    _, _, token, name = clip["url"].split("/")
    payload, signature = token.rsplit(".", 1)
    other = ("B" if signature[0] == "A" else "A") + signature[1:]  # not the last letter: it has bits that mean nothing
    for forged in (payload, f"{payload}x.{signature}", f"{payload}.{other}", "W10.x", "...", "é"):
        world.ann.get(f"/media/{forged}/{name}", 404)


@pytest.mark.parametrize("path", ["..", "/etc", "/", "../..", "ingest/../../..", "/proc/self", "x" * 300, "x/" * 1500])
def test_ingest_stays_in_the_media_folders(world, path):
    project = f"/api/projects/{world.project_id}"
    assert world.lead.post(f"{project}/ingest", {"paths": [path]}, 422)["problems"][0]["field"] == "paths"
    world.lead.get(f"{project}/media-folders", 422, params={"path": path})


@pytest.mark.parametrize(
    "path",
    ["assets/../api.py", "assets/%2e%2e%2f__init__.py", "assets/" + "x" * 290, "assets/", "api/nothing", "media/x"],
)
def test_pages_serve_their_own_files_only(world, path):
    answer = world.ann.client.get(f"/{path}")
    assert "labelling" not in answer.text
    assert answer.status_code in (404, 401, 200, 503)
    assert answer.status_code not in (200, 503) or "<html" in answer.text


def test_paths_that_are_refused_stand_in_the_log(world, caplog):
    project = f"/api/projects/{world.project_id}"
    world.lead.post(f"{project}/ingest", {"paths": ["../\n/etc/passwd"]}, 422)
    world.lead.get(f"{project}/media-folders", 422, params={"path": "/etc"})
    world.lead.post(f"{project}/ingest", {"paths": ["not-there.mp4"]}, 422)
    lines = [one.getMessage() for one in caplog.records if one.getMessage().startswith("refused path")]
    assert lines == [
        r"refused path '../\n/etc/passwd': must lie in one of the server's media folders",
        "refused path '/etc': must lie in one of the server's media folders",
        "refused path 'not-there.mp4': is not there",
    ]


def test_a_viewer_and_an_annotator_write_nothing_beyond_their_role(world, caplog):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    world.ann.save(detail["id"], 0, create(100, 200, "BB"))
    assert world.viewer.get(f"/api/passes/{detail['id']}")["can_write"] is False
    assert "you can look, not change" in world.viewer.save(detail["id"], 1, create(300, 400), expected=403)["error"]
    project = f"/api/projects/{world.project_id}"
    world.viewer.post(f"{project}/work/next", {}, 403)
    world.viewer.review(detail["id"], "accept", expected=403)
    for person in (world.viewer, world.ann, world.reviewer):
        person.call("PUT", f"{project}/codebook", 403, json={"codebook": "diving"})
        person.post(f"{project}/ingest", {"paths": ["."]}, 403)
        person.call(
            "PUT", f"{project}/guidelines/general", 403, json={"title": "x", "text": ""}, headers={"If-Match": "*"}
        )
        person.call("POST", f"{project}/attachments?name=x", 403, content=b"x")
        person.call("POST", f"{project}/suggestions?name=x&stage=routines", 403, content=b"{}")
    world.ann.get(f"{project}/export", 403)
    world.ann.get(f"{project}/items", 403)
    assert "refused POST" in caplog.text


def test_html_in_names_stays_text(world):
    evil = '<img src=x onerror="alert(1)">'
    world.lead.call("PATCH", f"/api/projects/{world.project_id}", json={"name": evil}, headers={"If-Match": "*"})
    answer = world.ann.client.get(f"/api/projects/{world.project_id}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.json()["name"] == evil
    page = world.ann.client.get(f"/projects/{evil}")
    assert evil not in page.text


def test_bodies_that_are_too_large_are_not_read(world, caplog):
    two_gigabytes = {"Content-Length": str(2 * 2**30)}
    answer = world.ann.client.post("/api/projects", content=b"{}", headers=two_gigabytes)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def pour():
        for _ in range(200):
            yield b"x" * 65536

    answer = world.ann.client.post(  # no length is declared; 13 MB come
        f"/api/projects/{world.project_id}/work/next", content=pour(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "refused POST" in caplog.text


@pytest.mark.parametrize("path", ["import?format=official", "suggestions?name=x&stage=routines", "attachments?name=x"])
def test_files_of_strangers_are_not_read(world, path):
    stranger = world.make_client()
    stranger.cookies.set("finegym_session", "x" * 43)
    path = f"/api/projects/{world.project_id}/{path}"
    assert stranger.post(path, content=b"[" * 100).json()["code"] == "not_logged_in"
    assert world.lead.client.post(path, content=b" ").status_code in (415, 422)


def test_attachments_are_what_their_content_says(world, tmp_path):
    path = f"/api/projects/{world.project_id}/attachments"
    jpeg = b"\xff\xd8\xff" + b"no picture"
    script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    fake = b"\x00\x00\x00\x20ftypisom" + bytes(500)
    size = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)  # 30 GB, if anybody believed it
    huge = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + size + struct.pack(">I", zlib.crc32(size))
    for content in (jpeg, script, fake, huge, b"MZ", json.dumps({}).encode()):
        refused = world.lead.call("POST", f"{path}?name=x.mp4", 415, content=content)
        assert refused["code"] == "unsupported_media"
    clip = write_video(tmp_path / "clip.mp4", 10, 25).read_bytes()
    stored = world.lead.call("POST", f"{path}?name=..%2fclip<b>.exe", 201, content=clip)
    assert (stored["name"], stored["type"]) == ("../clip<b>.exe", "video/mp4")
    served = world.lead.get(stored["url"])
    assert (served.content, served.headers["content-type"]) == (clip, "video/mp4")
    world.bob.get(stored["url"], 404)


def test_guidelines_keep_their_versions_and_show_their_stills(world, tmp_path):
    project = f"/api/projects/{world.project_id}"
    clip = write_video(tmp_path / "clip.mp4", 10, 25).read_bytes()
    stored = world.lead.call("POST", f"{project}/attachments?name=yes", 201, content=clip)
    body = {"title": "Turns", "text": "# *Turn*", "media": [{"id": stored["id"], "caption": "a turn", "answer": "yes"}]}
    path = f"{project}/guidelines/query:q_turn"
    world.lead.call("PUT", path, json=body, headers={"If-Match": '"0"'})
    conflict = world.admin.call("PUT", path, 412, json=body, headers={"If-Match": '"0"'})
    assert conflict["theirs"]["title"] == "Turns"
    world.lead.call("PUT", path, json={**body, "text": "new"}, headers={"If-Match": '"1"'})
    shown = world.ann.get(path)
    assert (shown["text"], shown["version"], shown["media"][0]["answer"]) == ("new", 2, "yes")
    assert world.ann.get(shown["media"][0]["url"]).content == clip
    assert [one["key"] for one in world.ann.get(f"{project}/guidelines")["guidelines"]] == ["query:q_turn"]
    world.lead.call("PUT", f"{project}/guidelines/nonsense", 422, json=body, headers={"If-Match": "*"})


def test_odd_text_is_refused_and_never_a_fault(world):
    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    nul = make_operation("comment", comment_id="0f8fad5b-d9cb-469f-a165-70867728950e", text="a\0b")
    assert world.ann.save(detail["id"], 0, nul, expected=422)["problems"][0]["operation"] == 0
    raw = json.dumps({"preferences": {"x": "\ud800"}})
    world.ann.call("PATCH", "/api/me", 422, content=raw, headers={"Content-Type": "application/json"})
    world.ann.call("PATCH", "/api/me", 422, json={"preferences": {"x\0": 1}})
    assert world.ann.call("PATCH", "/api/me", json={"preferences": {"keys": {"é": "\u2028"}}})["preferences"]
    for name in ("a\r\nSet-Cookie: x=1", "a\x1b[2J", "gpj.\u202eexe"):
        refused = world.ann.call("PATCH", "/api/me", 422, json={"name": name})
        assert "control character" in refused["error"]
    assert world.ann.call("PATCH", "/api/me", json={"name": "Zoë 👩‍🦰 中"})["name"] == "Zoë 👩‍🦰 中"


def test_json_that_cannot_be_sent_again_is_refused(world):
    headers = {"Content-Type": "application/json"}
    for value in ("NaN", "-Infinity", "[" * 900 + "]" * 900):
        content = f'{{"preferences": {{"x": {value}}}}}'
        assert world.ann.call("PATCH", "/api/me", 422, content=content, headers=headers)["code"] == "invalid"
    assert world.ann.get("/api/session")["person"]["preferences"] == {}
    deep = b"[" * 100_000
    for path in ("import?format=official", "suggestions?name=x&stage=routines"):
        assert (
            world.lead.call("POST", f"/api/projects/{world.project_id}/{path}", 422, content=deep)["code"] == "invalid"
        )
    caption = {"title": "t", "text": "", "media": [{"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "caption": "a\0"}]}
    path = f"/api/projects/{world.project_id}/guidelines/general"
    world.lead.call("PUT", path, 422, json=caption, headers={"If-Match": "*"})
