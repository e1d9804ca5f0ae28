"""A release holds what its source holds, in every shape; the same source and settings give the same bytes."""

import csv
import hashlib
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from release_samples import CODEBOOK, SETTINGS, build, make_dataset, make_folder, read_everything

from finegym.annotations.folder import read_dataset
from finegym.annotations.source import open_source
from finegym.annotations.splits import read_split
from finegym.codebook.official import read_official_files
from finegym.errors import AnnotationError, ConfigError, OutputError
from finegym.release.about import About, Creator
from finegym.release.build import build_release
from finegym.release.read import read_release
from finegym.release.settings import ReleaseSettings
from finegym.release.source import CodebookVersion, GuidelineVersion, HistoryEntry, MediaFile, open_release_source


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


def test_release_is_a_dataset_folder_that_equals_its_source(built):
    assert read_dataset(built.folder) == make_dataset()
    assert [one.kind for one in (open_source(built.folder),)] == ["folder"]
    assert read_release(built.folder).name == "sample 1.0"


def test_two_builds_are_the_same_to_the_byte(built, tmp_path):
    again = build(tmp_path, "elsewhere")
    assert read_everything(again.folder) == read_everything(built.folder)
    assert again.sha256 == built.sha256


def test_figures_and_all_exports_are_the_same_to_the_byte(tmp_path):
    settings = replace(SETTINGS, with_figures=True, exports=None)
    one, other = (build(tmp_path, name, settings) for name in ("one", "other"))
    files = read_everything(one.folder)
    assert files == read_everything(other.folder)
    assert "statistics/dataset-classes.svg" in files and "statistics/balanced-classes.svg" in files
    assert len({name.split("/")[1] for name in files if name.startswith("exports/")}) == 9


def test_numbers_of_release_json_are_counted(built):
    dataset, facts = make_dataset(), json.loads((built.folder / "release.json").read_bytes())
    subs = [sub for video in dataset.videos for action in video.actions for sub in action.sub_actions or ()]
    assert facts["counts"] == {
        "records": 12,
        "actions": 36,
        "sub_actions": 175,  # 36 actions of five, one of which nobody has searched
        "sub_actions_with_element": len(subs),
        "stages": sum(len(sub.stages) for sub in subs),
    }
    assert facts["codebook"]["elements_without_path"] == ["lost"]
    assert {split["name"] for split in facts["splits"]} == {"balanced", "long-tailed"}


def test_balanced_setting_has_the_classes_with_enough_instances_and_groups_stay_whole(built):
    split = read_split(built.folder / "splits" / "balanced")
    assert min(split.count_classes("train")) >= 8 and min(split.count_classes("val")) >= 3
    videos = [{id_[:11] for id_ in split.get_side(side)} for side in ("train", "val")]
    assert videos[0] and videos[1] and not videos[0] & videos[1]
    lists = read_split(built.folder / "splits" / "long-tailed")
    assert set(split.subset.class_index_by_id) <= set(lists.subset.class_index_by_id)


def test_settings_never_train_on_what_another_validates_on(built):
    one, other = (read_split(built.folder / "splits" / name) for name in ("balanced", "long-tailed"))
    assert one.train.keys() <= other.train.keys() and one.val.keys() <= other.val.keys()
    assert built.facts.swapped == {} and "has seen answers" not in (built.folder / "README.md").read_text()


def test_what_two_splits_swap_stands_on_the_card(built, tmp_path):
    split = read_split(built.folder / "splits" / "balanced")
    turned = replace(split, name="turned", train=split.val, val=split.train)
    made = build(tmp_path, settings=replace(SETTINGS, splits=("balanced", "turned")), splits=(split, turned))
    swapped = {"balanced/train in turned/val": len(split.train), "turned/train in balanced/val": len(split.val)}
    assert made.facts.swapped == swapped
    card = (made.folder / "README.md").read_text()
    assert f"- {len(split.train)} instances of balanced/train in turned/val" in card


def test_tables_say_what_the_dataset_says_in_both_formats(built):
    dataset = make_dataset()
    with (built.folder / "tables/sub_actions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [
        (f"{v.id}_{a.name}_{s.name}", a.event_id, s.set_id, s.element_id, s.start_ms, s.end_ms, len(s.stages))
        for v in dataset.videos
        for a in v.actions
        for s in a.sub_actions or ()
    ]
    names = ("instance_id", "event_id", "set_id", "element_id", "start_ms", "end_ms", "num_stages")
    assert [tuple(row[name] for name in names) for row in rows] == [tuple(map(str, one)) for one in expected]
    typed = pq.read_table(built.folder / "tables/sub_actions.parquet").select(names).to_pylist()
    assert [tuple(row.values()) for row in typed] == expected
    actions = pq.read_table(built.folder / "tables/actions.parquet").to_pylist()
    assert [a["action_id"] for a in actions if a["num_sub_actions"] is None] == ["record00000_E_000205_000220"]


def test_official_files_are_read_back_by_the_reader_of_official_files(built, tmp_path):
    official = built.folder / "official"
    rows = list(csv.reader((official / "numbers.csv").read_text().splitlines()))
    numbers = {(kind, id_): int(number) for kind, id_, number in rows[1:]}
    assert numbers["event", "UB"] == 4 and numbers["set", "FX-S2"] == 22 and numbers["element", "kip"] == 5
    for name, theirs in {
        "set_categories.txt": "set_categories.txt",
        "element_categories.txt": "gym530_categories.txt",
        "balanced_categories.txt": "gym99_categories.txt",
    }.items():
        (tmp_path / theirs).write_bytes((official / name).read_bytes())
    # FineGym's own reader wants a path for every element; here one hangs on no tree.
    questions = json.loads((official / "question_annotation.json").read_bytes())
    assert str(numbers["element", "lost"]) not in questions
    (tmp_path / "gym530_categories.txt").write_text(
        "".join(
            line + "\n"
            for line in (tmp_path / "gym530_categories.txt").read_text().splitlines()
            if "no tree" not in line
        )
    )
    for facts in questions.values():
        facts["code"] = facts["code"] or "0.0"
    (tmp_path / "finegym_glabel_to_Qtree.json").write_text(json.dumps(questions, indent=4))
    files = read_official_files(tmp_path)
    assert [element.name for element in files.codebook.elements] == [e.name for e in CODEBOOK.elements[:-1]]
    by_number = {number: id_ for (kind, id_), number in numbers.items() if kind == "element"}
    split = read_split(built.folder / "splits" / "balanced")
    assert [by_number[glabel] for glabel in files.class_glabels["gym99"]] == [c.id for c in split.subset.classes]
    lines = (official / "balanced_train_element_v1.0.txt").read_text().splitlines()
    assert dict(line.split() for line in lines) == {id_: str(index) for id_, index in split.train.items()}


def test_checksums_are_those_of_the_files(built):
    lines = (built.folder / "SHA256SUMS").read_text().splitlines()
    listed = {path: sha for sha, path in (line.split("  ") for line in lines)}
    files = read_everything(built.folder)
    assert listed.keys() == files.keys() - {"SHA256SUMS", "manifest.json"}
    assert all(hashlib.sha256(files[path]).hexdigest() == sha for path, sha in listed.items())
    assert hashlib.sha256(files["manifest.json"]).hexdigest() == built.sha256


def test_what_people_wrote_and_did_is_in_it(tmp_path):
    source = {
        "codebooks": (CodebookVersion(1, "1/α", "format: old\n"), CodebookVersion(2, "2", "format: new\n")),
        "guidelines": (
            GuidelineVersion("set:FX-S1", 2, "Leaps", "Look at the **feet**.", "2026-03-04"),
            GuidelineVersion("query:a/b", 1, "One", "one", None),
            GuidelineVersion("query:A/B", 1, "Another", "another", None),
        ),
        "history": (HistoryEntry("2026-03-04", "accepted", 'passes, "all"', 12),),
        "media": {"record00003": MediaFile("a" * 64, 77)},
        "is_simulated": True,
        "left_out": {"routines without an event": ("record00001 from 1.000 s to 2.000 s",)},
    }
    about = About(title="Ours", licence="https://l", creators=(Creator(name="Ann"),), uses="research only")
    made = build(tmp_path, settings=replace(SETTINGS, about=about), **source)
    files = read_everything(made.folder)
    assert files["codebooks/001.yaml"] == b"format: old\n"
    page = files["guidelines/set-FX-S1/002.md"].decode()
    assert "Look at the **feet**." in page and "2026-03-04" in page
    assert {b"# One" in files[name] for name in files if name.startswith("guidelines/query")} == {True, False}
    assert files["history.csv"].decode().splitlines()[1] == '2026-03-04,accepted,"passes, ""all""",12'
    card, sheet = files["README.md"].decode(), files["DATASHEET.md"].decode()
    for text in ("# Ours 1.0", "Simulated", "https://l", "Ann", "1 routines without an event"):
        assert text in card
    assert "research only" in sheet and "`funding` of about.toml" in sheet and "`uses` of about.toml" not in sheet
    rows = pq.read_table(made.folder / "tables/records.parquet").to_pylist()
    assert [row["size_bytes"] for row in rows if row["sha256"] == "a" * 64] == [77]


@pytest.mark.parametrize(("athletes", "expected"), [("named", "Zoë"), ("numbered", "athlete-1"), ("left-out", None)])
def test_athletes_are_named_numbered_or_left_out(tmp_path, athletes, expected):
    made = build(
        tmp_path,
        settings=replace(SETTINGS, athletes=athletes, by=("video", "athlete"), allow_unknown_groups=True, splits=()),
    )
    text = (made.folder / "actions.csv").read_text()
    assert (expected in text) if expected else text == "action_id,athlete\n"
    if athletes != "named":
        assert not [name for name, data in read_everything(made.folder).items() if "Zoë".encode() in data]


def test_paths_of_this_machine_are_not_published(tmp_path):
    dataset = make_dataset()
    paths = ("/data/films/1.mkv", "../other/2.mp4", "C:\\films\\3.mp4", "records/4.mp4", None)
    videos = (*(replace(v, path=p) for v, p in zip(dataset.videos, paths, strict=False)), *dataset.videos[5:])
    made = build(tmp_path, dataset=replace(dataset, videos=videos))
    released = [video.path for video in read_dataset(made.folder).videos[:5]]
    assert released[:2] == ["records/record00000.mkv", "records/record00001.mp4"]
    assert released[3:] == ["records/4.mp4", None]
    assert made.facts.num_moved_media_paths == 3
    assert not [name for name, data in read_everything(made.folder).items() if b"films" in data]


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path):
    build(tmp_path)
    with pytest.raises(OutputError, match="is there already"):
        build(tmp_path)
    with pytest.raises(AnnotationError, match="none of 7 classes"):
        build(tmp_path, "other", replace(SETTINGS, min_train=1000))
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_a_failure_in_the_middle_leaves_no_folder(tmp_path, monkeypatch):
    def fail(*_):
        raise OutputError("no space")

    monkeypatch.setattr("finegym.release.build.write_manifest", fail)
    with pytest.raises(OutputError, match="no space"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_release_of_a_release_keeps_its_splits(tmp_path):
    first = build(tmp_path, "first")
    source = open_release_source(first.folder, "sample")
    second = build_release(source, tmp_path / "second", replace(SETTINGS, version="1.1", seed=7))
    for name in ("balanced", "long-tailed"):
        assert read_split(second.folder / "splits" / name) == read_split(first.folder / "splits" / name)
    assert [split.is_made for split in second.facts.splits] == [False, False]


def test_a_folder_on_disk_gives_the_same_release_as_the_value(tmp_path, built):
    folder = make_folder(tmp_path / "sample")
    made = build_release(open_release_source(folder), tmp_path / "release", SETTINGS)
    assert made.sha256 == built.sha256


@pytest.mark.parametrize("version", ["", "1.", "v1", "1.0.0.0", "../1", "01"])
def test_versions_that_are_none(version):
    with pytest.raises(ConfigError, match="MAJOR"):
        ReleaseSettings(version=version)


def test_names_that_are_no_folder(tmp_path):
    with pytest.raises(ConfigError, match="letters, digits"):
        build_release(open_release_source(make_folder(tmp_path / "set"), "a/b"), tmp_path / "r", SETTINGS)


def test_unknown_exports_splits_and_groups_are_named(tmp_path):
    with pytest.raises(ConfigError, match="export 'elam'; did you mean \"elan\""):
        ReleaseSettings(version="1", exports=("elam",))
    with pytest.raises(ConfigError, match="groups by 'videos'; did you mean \"video\""):
        ReleaseSettings(version="1", by=("videos",))
    with pytest.raises(ConfigError, match="'balancd'; did you mean \"balanced\""):
        build(tmp_path, settings=replace(SETTINGS, splits=("balancd",)))
