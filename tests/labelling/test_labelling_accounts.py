"""People, links, sessions, roles: who gets in, and who does not."""

from labelling_world import PASSWORD, make_world

from finegym.labelling.invitations import make_first_link
from finegym.labelling.passwords import hash_password, verify_password


def log_in(client, email, password=PASSWORD):
    return client.post("/api/session", json={"email": email, "password": password})


def test_the_first_start_makes_one_link_that_works_once(ingested, database_url, tmp_path):
    world = make_world(ingested, database_url, tmp_path / "w")
    client = world.make_client()
    assert client.get("/api/session").json()["needs_setup"]
    links = []
    for _ in range(2):  # started twice: the link printed first ends with the second
        with world.server.database.write() as session:
            links.append(make_first_link(session, world.clock()))
    body = {"email": "Ada@Example.org", "name": "Ada", "password": PASSWORD}
    assert client.post("/api/invitations/accept", json={"token": links[0].token, **body}).status_code == 409
    look = client.post("/api/invitations/look", json={"token": links[1].token}).json()
    assert (look["kind"], look["person_exists"]) == ("first_admin", False)
    weak = client.post("/api/invitations/accept", json={"token": links[1].token, **body, "password": "short"})
    assert weak.json()["problems"][0]["field"] == "password"
    answer = client.post("/api/invitations/accept", json={"token": links[1].token, **body}).json()
    assert (answer["person"]["email"], answer["person"]["is_admin"]) == ("ada@example.org", True)
    again = world.make_client().post("/api/invitations/accept", json={"token": links[1].token, **body})
    assert (again.status_code, again.json()["code"]) == (409, "invitation_used")
    with world.server.database.write() as session:
        assert make_first_link(session, world.clock()) is None
    world.server.database.close()


def test_logging_in_and_out(world):
    client = world.make_client()
    assert log_in(client, "ann@example.org", "wrong horse 9").json()["code"] == "wrong_password"
    assert log_in(client, "nobody@example.org").json()["error"] == "The address or the password is wrong."
    answer = log_in(client, " ANN@example.org ")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert "Secure" not in answer.headers["set-cookie"]  # plain HTTP on this machine
    token = answer.json()["csrf_token"]
    assert client.get("/api/projects").status_code == 200
    assert client.delete("/api/session", headers={"X-CSRF-Token": token}).status_code == 204
    assert client.get("/api/projects").status_code == 401


def test_cookies_are_secure_behind_https(world):
    world.server.public_url = "https://label.example.org"
    assert "Secure" in log_in(world.make_client(), "ann@example.org").headers["set-cookie"]


def test_a_stolen_cookie_is_of_no_use_after_logging_out_everywhere(world):
    thief = world.make_client()
    thief.cookies.update(dict(world.ann.client.cookies))
    assert thief.get("/api/projects").status_code == 200
    world.ann.call("DELETE", "/api/session/all")
    assert thief.get("/api/projects").status_code == 401


def test_forged_and_stale_sessions_are_refused_and_logged(world, caplog):
    client = world.make_client()
    client.cookies.set("finegym_session", "x" * 43)
    assert client.get("/api/projects").status_code == 401
    assert "forged or stale" in caplog.text
    world.clock.now_ms += 4 * 24 * 3_600_000  # silent for four days
    world.ann.get("/api/projects", 401)


def test_writes_need_the_csrf_token(world):
    client = world.make_client()
    client.cookies.update(dict(world.admin.client.cookies))
    for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "ä".encode()}):
        answer = client.post("/api/projects", json={"name": "x", "codebook": "diving"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    foreign = client.post(
        "/api/session", json={"email": "a@b.c", "password": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.json()["code"] == "csrf"


def test_too_many_wrong_passwords_are_stopped_for_a_while(world):
    client = world.make_client()
    for _ in range(8):
        assert log_in(client, "bob@example.org", "wrong horse 9").status_code == 401
    blocked = log_in(client, "bob@example.org")
    assert blocked.status_code == 429
    assert int(blocked.headers["Retry-After"]) > 500
    assert log_in(client, "ann@example.org").status_code == 200  # others get in
    world.clock.now_ms -= 1000
    assert log_in(client, "bob@example.org").status_code == 429  # a guess that set out before the others counts alike
    world.clock.now_ms += 1000
    world.clock.now_ms += 11 * 60_000
    assert log_in(client, "bob@example.org").status_code == 200


def test_a_clock_set_back_keeps_nobody_out(world):
    client = world.make_client()
    for _ in range(8):
        log_in(client, "bob@example.org", "wrong horse 9")
    world.clock.now_ms -= 3_600_000
    assert log_in(client, "bob@example.org").status_code == 200


def test_passwords_are_stored_as_argon2_only(world):
    from sqlalchemy import select

    from finegym.labelling.tables.people import LoginSession, Person

    with world.server.database.read() as session:
        stored = session.scalars(select(Person.password_hash)).all()
        tokens = session.scalars(select(LoginSession.token_hash)).all()
    assert all(one.startswith("$argon2id$") for one in stored)
    assert not {dict(one.client.cookies)["finegym_session"] for one in world.people.values()} & set(tokens)
    assert verify_password("a b c d e f", hash_password("a b c d e f"))
    assert not verify_password("", "")


def test_a_new_password_ends_other_sessions(world):
    other = world.make_client()
    log_in(other, "ann@example.org")
    body = {"password": "another horse 8", "old_password": "wrong"}
    assert world.ann.call("PATCH", "/api/me", 422, json=body)["problems"][0]["field"] == "old_password"
    world.ann.call("PATCH", "/api/me", json={**body, "old_password": PASSWORD})
    assert other.get("/api/projects").status_code == 401
    world.ann.get("/api/projects")


def test_password_links_and_disabled_people(world):
    link = world.admin.post(f"/api/people/{world.ann.id}/password-link")
    world.lead.post(f"/api/people/{world.ann.id}/password-link", expected=403)
    client = world.make_client()
    body = {"token": link["token"], "password": "another horse 8"}
    assert client.post("/api/invitations/accept", json=body).json()["person"]["name"] == "Ann"
    world.ann.get("/api/projects", 401)  # earlier sessions have ended
    world.admin.call("PATCH", f"/api/people/{world.ann.id}", json={"is_disabled": True})
    assert client.get("/api/projects").status_code == 401
    assert log_in(client, "ann@example.org", "another horse 8").status_code == 401


def test_invitations_of_projects(world):
    path = f"/api/projects/{world.project_id}/invitations"
    world.ann.post(path, {"role": "lead"}, 403)
    link = world.lead.post(path, {"role": "annotator", "email": "cy@example.org"})
    assert link["url"] == f"http://localhost/invitation#{link['token']}"
    shown = world.lead.get(f"/api/projects/{world.project_id}/people")["invitations"]
    assert [one["email"] for one in shown] == ["cy@example.org"]
    assert world.ann.get(f"/api/projects/{world.project_id}/people")["invitations"] == []
    cy = world.enter(link["token"], "other")  # the link says the address
    assert cy.email == "cy@example.org"
    gone = world.lead.post(path, {"role": "annotator"})
    world.lead.call("DELETE", f"{path}/{gone['id']}")
    client = world.make_client()
    assert client.post("/api/invitations/look", json={"token": gone["token"]}).status_code == 409
    late = world.lead.post(path, {"role": "annotator"})
    world.clock.now_ms += 15 * 24 * 3_600_000
    assert client.post("/api/invitations/look", json={"token": late["token"]}).json()["code"] == "invitation_over"
    assert client.post("/api/invitations/look", json={"token": "no"}).status_code == 404


def test_somebody_who_is_here_joins_another_project_with_the_link_alone(world):
    other = world.admin.post("/api/projects", {"name": "Other", "codebook": "diving"})
    link = world.admin.post(f"/api/projects/{other['id']}/invitations", {"role": "reviewer"})
    world.ann.post("/api/invitations/accept", {"token": link["token"]})
    roles = {one["name"]: one["role"] for one in world.ann.get("/api/projects")["projects"]}
    assert roles == {"Worlds": "annotator", "Other": "reviewer"}


def test_roles_change_and_the_last_lead_stays(world):
    people = f"/api/projects/{world.project_id}/people"
    world.lead.call("PUT", f"{people}/{world.ann.id}", json={"role": "viewer"})
    world.ann.post(f"/api/projects/{world.project_id}/work/next", {}, 403)
    world.lead.call("DELETE", f"{people}/{world.admin.id}")
    assert world.lead.call("DELETE", f"{people}/{world.lead.id}", 409)["code"] == "last_lead"
    world.lead.call("DELETE", f"{people}/{world.bob.id}")
    world.bob.get(f"/api/projects/{world.project_id}", 404)
    kinds = [one["kind"] for one in world.lead.get(f"/api/projects/{world.project_id}/log")["events"]]
    assert kinds.count("role") >= 8  # all that were given and taken


def test_settings_are_changed_by_one_at_a_time(world):
    path = f"/api/projects/{world.project_id}"
    settings = world.lead.get(path)["settings"]
    world.lead.call("PATCH", path, json={"name": "New"}, headers={"If-Match": '"1"'})
    conflict = world.admin.call("PATCH", path, 412, json={"settings": settings}, headers={"If-Match": '"1"'})
    assert conflict["theirs"]["name"] == "New"
    bad = settings | {"annotators_per_item": {"routines": 0}}
    world.lead.call("PATCH", path, 422, json={"settings": bad}, headers={"If-Match": "*"})
    world.ann.call("PATCH", path, 403, json={"name": "Mine"}, headers={"If-Match": "*"})
