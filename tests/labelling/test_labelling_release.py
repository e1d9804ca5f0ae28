"""A release of the annotation app's database: accepted results, everybody's votes as numbers, guidelines, history."""

import json

import pyarrow.parquet as pq
from labelling_gold import TRUTH, accept_routines
from labelling_world import create, make_codebook, make_operation, make_uuid
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.cli.app import app
from finegym.labelling.offline import find_project
from finegym.labelling.release_source import is_workspace, load_release_source, open_workspace_source
from finegym.release.build import build_release
from finegym.release.settings import ReleaseSettings
from finegym.release.verify import verify_release

SETTINGS = ReleaseSettings(version="1.0", splits=(), with_figures=False, exports=())


def mark(person, item, action_id, *subs):
    detail = person.post(f"/api/items/{item['id']}/passes")
    operations = [create(start, end, label, "sub-action", action_id) for start, end, label in subs]
    person.save(detail["id"], detail["version"], *operations, make_operation("sign_off"))


def write_page(world, key, title, text, version):
    path = f"/api/projects/{world.project_id}/guidelines/{key}"
    body = {"title": title, "text": text, "media": []}
    world.lead.call("PUT", path, json=body, headers={"If-Match": f'"{version}"'})


def work(world):
    """One routine; Ann and Bob mark its sub-actions, two frames apart in one edge; their consensus is accepted."""
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    quality = {**settings["quality"], "third_annotator": False}
    world.change_settings(annotators_per_item={"sub-actions": 2, "elements": 1}, quality=quality)
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    item = world.list_items(stage="sub-actions")[0]
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, (62, 90, "BB-S1"), *TRUTH[1:])
    (row,) = world.reviewer.get(f"/api/projects/{world.project_id}/comparisons")["comparisons"]
    world.reviewer.post(f"/api/projects/{world.project_id}/comparisons/accept", {"comparison_ids": [row["id"]]})
    write_page(world, "general", "All", "Look twice.", 0)
    write_page(world, "general", "All", "Look three times.", 1)


def test_a_workspace_becomes_a_release(world, tmp_path):
    work(world)
    folder = tmp_path / "world"
    assert is_workspace(folder) and not is_workspace(tmp_path)
    source = open_workspace_source(folder)
    made = build_release(source, tmp_path / "release", SETTINGS)
    assert verify_release(made.folder).is_intact
    dataset = read_dataset(made.folder)
    assert dataset.codebook == make_codebook()
    (action,) = dataset.videos[0].actions
    # Frames 61 (the median of 60 and 62) to 90, at 40 ms a frame.
    assert [sub.stages for sub in action.sub_actions] == [((2440, 3600),), ((4000, 5200),), ((6000, 8000),)]
    assert [sub.set_id for sub in action.sub_actions] == ["BB-S1", "BB-S1", "BB-S2"]

    votes = pq.read_table(made.folder / "tables/votes.parquet").to_pylist()
    marked = [vote for vote in votes if vote["stage"] == "sub-actions"]
    first = f"alpha_{action.name}_{action.sub_actions[0].name}"
    assert sorted(vote["start_ms"] for vote in marked if vote["instance_id"] == first) == [2400, 2480]
    assert len(marked) == 6 and len({vote["annotator"] for vote in marked}) == 2
    (routine,) = [vote for vote in votes if vote["stage"] == "routines"]
    assert (routine["action_id"], routine["event_id"]) == (f"alpha_{action.name}", "BB")
    measured = json.loads((made.folder / "agreement/sub-actions.json").read_bytes())
    assert measured["num_shared_items"] == 1 and measured["num_units"] == 6

    pages = sorted(path.relative_to(made.folder).as_posix() for path in made.folder.glob("guidelines/*/*"))
    assert pages == ["guidelines/general/001.md", "guidelines/general/002.md"]
    history = (made.folder / "history.csv").read_text()
    assert "signed off,passes of stage sub-actions,2" in history and "guidelines,pages written,2" in history
    records = {row["video_id"]: row for row in pq.read_table(made.folder / "tables/records.parquet").to_pylist()}
    assert len(records["alpha"]["sha256"]) == 64
    assert records["alpha"]["path"] == "records/alpha.mp4"


def test_nobody_is_named_and_no_path_of_this_machine_is(world, tmp_path):
    work(world)
    made = build_release(open_workspace_source(tmp_path / "world"), tmp_path / "release", SETTINGS)
    names = ["Ann", "Bob", "example.org", *(person.id for person in world.people.values()), str(tmp_path)]
    for path in made.folder.rglob("*"):
        if path.is_file() and path.name not in ("croissant.json", "DATASHEET.md", "README.md", "manifest.json"):
            is_table = path.suffix == ".parquet"
            text = str(pq.read_table(path).to_pylist()) if is_table else path.read_text(encoding="utf-8")
            if "schemas" not in path.parts:
                assert not [name for name in names if name in text], path


def test_what_was_adjudicated_is_published_with_its_reason(world, tmp_path):
    """Ann and Bob agree on the first turn, label the second differently; only Bob has a fourth thing."""
    settings = world.lead.get(f"/api/projects/{world.project_id}")["settings"]
    quality = {**settings["quality"], "third_annotator": False}
    world.change_settings(annotators_per_item={"sub-actions": 2, "elements": 1}, quality=quality)
    (action_id,) = accept_routines(world, (50, 300, "BB"))
    item = world.list_items(stage="sub-actions")[0]
    mark(world.ann, item, action_id, *TRUTH)
    mark(world.bob, item, action_id, TRUTH[0], (100, 130, "BB-S2"), TRUTH[2], (220, 240, "BB-S1"))
    detail = world.reviewer.post(f"/api/items/{item['id']}/adjudication")
    lanes = {lane["person"]["name"]: lane["pass_id"] for lane in detail["adjudication"]["lanes"]}
    units = [one["id"] for one in detail["adjudication"]["units"] if one["needs_decision"]]
    for unit_id, choice, reason in zip(units, (lanes["Ann"], "none"), ("no leap", "nothing there"), strict=True):
        body = {"uuid": make_uuid(), "unit_id": unit_id, "choice": choice, "reason": reason}
        world.reviewer.post(f"/api/passes/{detail['id']}/decisions", body, headers={"If-Match": "*"})
    world.reviewer.save(detail["id"], "*", make_operation("sign_off"))
    made = build_release(open_workspace_source(tmp_path / "world"), tmp_path / "release", SETTINGS)
    assert verify_release(made.folder).is_intact
    votes = pq.read_table(made.folder / "tables/votes.parquet").to_pylist()
    ann = {v["annotator"] for v in votes if v["start_ms"] == 4000 and v["set_id"] == "BB-S1"}
    rows = pq.read_table(made.folder / "tables/decisions.parquet").to_pylist()
    names = ("start_ms", "num_found", "num_asked", "choice", "reason")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (2400, 2, 2, "agreed", ""),
        (4000, 2, 2, "annotator", "no leap"),
        (6000, 2, 2, "agreed", ""),
        (8800, 1, 2, "none", "nothing there"),
    ]
    assert {rows[1]["annotator"]} == ann and "labels differ" in rows[1]["doubts"]
    (action,) = read_dataset(made.folder).videos[0].actions
    ids = [f"alpha_{action.name}_{sub.name}" for sub in action.sub_actions]
    assert [row["instance_id"] for row in rows] == [*ids, None]
    assert (
        "4 decisions on what several annotators voted on, 2 of them by an adjudicator"
        in (made.folder / "README.md").read_text()
    )


def test_both_databases_give_the_same_source(either_world):
    world = either_world
    work(world)
    with world.server.database.read() as session:
        source = load_release_source(session, find_project(session, None), "gym")
    assert [(one.kind, one.text, one.number) for one in source.history] == [
        ("accepted", "passes of stage routines", 1),
        ("accepted", "passes of stage sub-actions", 1),
        ("adjudicated", "items on which people differed", 1),
        ("codebook", "version 1", 1),
        ("guidelines", "pages written", 2),
        ("signed off", "passes of stage routines", 1),
        ("signed off", "passes of stage sub-actions", 2),
    ]
    assert {stage: (len(units), len(units.annotators)) for stage, units in source.units.items()} == {
        "routines": (1, 1),
        "sub-actions": (6, 2),
    }
    assert [one.version for one in source.codebooks] == ["1"] and set(source.media) == {"alpha", "beta"}


def test_the_command_takes_a_workspace(world, tmp_path):
    work(world)
    command = [
        "release",
        "build",
        str(tmp_path / "world"),
        "--version",
        "1.0",
        "--project",
        "Worlds",
        "--split",
        "none",
    ]
    result = CliRunner().invoke(app, [*command, "--export", "webvtt", "--no-figures"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert "world 1.0: 2 records, 1 action, 3 sub-actions" in result.stdout
    assert "work items that are not accepted yet" in result.stdout
    release = tmp_path / "world" / "releases" / "world-1.0"
    assert verify_release(release).is_intact and list(release.glob("exports/webvtt/*"))


def test_work_that_nobody_has_accepted_is_counted(world, tmp_path):
    accept_routines(world, (50, 300, "BB"))
    source = open_workspace_source(tmp_path / "world", name="gym")
    made = build_release(source, tmp_path / "release", SETTINGS)
    open_items = [item for item in world.list_items() if item["state"] in ("open", "submitted")]
    assert len(made.facts.left_out["work items that are not accepted yet"]) == len(open_items) > 0
    assert made.facts.name == "gym" and made.facts.counts.sub_actions == 0


def test_the_same_database_gives_the_same_bytes(world, tmp_path):
    work(world)
    one, other = (
        build_release(open_workspace_source(tmp_path / "world"), tmp_path / name, SETTINGS) for name in ("one", "other")
    )
    assert one.sha256 == other.sha256
