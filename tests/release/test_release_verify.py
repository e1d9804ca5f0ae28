"""Verifying finds everything that is not as it was published: changed, missing, added, and built wrong."""

import json
import shutil

import pytest
from release_samples import build, read_everything

from finegym.errors import ReleaseError
from finegym.release.manifest import hash_file, write_manifest
from finegym.release.source import MediaFile
from finegym.release.verify import verify_release


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def folder(original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_what_was_published_is_intact(original, folder):
    found = verify_release(folder, sha256=original.sha256)
    assert found.is_intact and found.sha256 == original.sha256 and found.num_files == original.num_files - 1


def test_every_file_that_changes_by_one_bit_is_noticed(folder):
    for name, data in read_everything(folder).items():
        if name != "manifest.json" and data:
            changed = bytes([data[0] ^ 1]) + data[1:]
            (folder / name).write_bytes(changed)
            assert verify_release(folder).problems == (f"{name}: was changed (its SHA-256 differs)",)
            (folder / name).write_bytes(data)
    assert verify_release(folder).is_intact


def test_every_file_that_is_missing_is_noticed(folder):
    for name, data in read_everything(folder).items():
        if name != "manifest.json":
            (folder / name).unlink()
            assert verify_release(folder).problems == (f"{name}: is missing",)
            (folder / name).write_bytes(data)


def test_longer_and_shorter_files(folder):
    with (folder / "elements.txt").open("ab") as file:
        file.write(b"\n")
    (problem,) = verify_release(folder).problems
    assert problem.startswith("elements.txt: has ") and "expected" in problem


@pytest.mark.parametrize("name", ["new.txt", ".hidden", "splits/balanced/test.txt", "tables/x/y.csv"])
def test_files_that_were_added_are_noticed(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    assert verify_release(folder).problems == (f"{name}: is not part of the release",)


def test_links_and_folders_in_place_of_files(folder, tmp_path):
    data = (folder / "actions.csv").read_bytes()
    (tmp_path / "elsewhere.csv").write_bytes(data)
    (folder / "actions.csv").unlink()
    (folder / "actions.csv").symlink_to(tmp_path / "elsewhere.csv")
    (folder / "records.csv").unlink()
    (folder / "records.csv").mkdir()
    found = verify_release(folder).problems
    assert "actions.csv: expected a file, got a link or something else" in found
    assert "records.csv: is missing" in found


def test_a_manifest_that_was_changed_along_is_noticed_by_its_own_hash(original, folder):
    (folder / "elements.txt").write_bytes((folder / "elements.txt").read_bytes().replace(b" leap", b" turn", 1))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        if entry["path"] == "elements.txt":
            entry["sha256"] = hash_file(folder / "elements.txt")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (problem,) = verify_release(folder, sha256=original.sha256).problems[:1]
    assert problem.startswith("manifest.json: SHA-256 is") and original.sha256 in problem


def test_a_release_that_was_built_wrong_is_noticed_though_every_hash_is_right(folder):
    """Somebody edits a release and makes the manifest anew: what the files say no longer fits together."""
    split = folder / "splits/balanced"
    lines = (split / "val.txt").read_text().splitlines(keepends=True)
    moved = [line for line in lines if line.startswith(lines[0][:11])][:1]
    (split / "train.txt").write_text((split / "train.txt").read_text() + moved[0])
    (split / "val.txt").write_text("".join(line for line in lines if line not in moved))
    about = json.loads((split / "split.json").read_bytes())
    about["hashes"] = {}
    (split / "split.json").write_text(json.dumps(about))
    facts = json.loads((folder / "release.json").read_bytes())
    facts["counts"]["records"] += 1
    (folder / "release.json").write_text(json.dumps(facts))
    (folder / "SHA256SUMS").unlink()
    (folder / "manifest.json").unlink()
    write_manifest(folder, "sample", "1.0")
    problems = verify_release(folder).problems
    assert "release.json: says 13 records, there are 12" in problems
    assert any(p.startswith("split balanced: 1 video groups on both sides") for p in problems)


def test_no_manifest_and_none_that_is_one(folder, tmp_path):
    with pytest.raises(ReleaseError, match="expected the manifest of a release"):
        verify_release(tmp_path / "nowhere")
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ReleaseError, match="no manifest of a release: format: Field required"):
        verify_release(folder)


def test_media_where_they_belong_are_no_strangers_and_are_compared(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"the film")
    media = {"record00000": MediaFile(hash_file(film), 8), "record00001": MediaFile("0" * 64, 8)}
    made = build(tmp_path, media=media)
    (made.folder / "records").mkdir()
    shutil.copy(film, made.folder / "records/0.mp4")
    shutil.copy(film, made.folder / "records/2.mp4")
    found = verify_release(made.folder)
    assert found.is_intact and found.num_media == 2
    shutil.copy(film, made.folder / "records/1.mp4")
    assert verify_release(made.folder).problems == (
        "records/1.mp4: is not the media file that was annotated (its SHA-256 differs)",
    )


def test_a_folder_of_media_may_be_a_link(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films/0.mp4").write_bytes(b"the film")
    made = build(tmp_path, media={"record00000": MediaFile(hash_file(tmp_path / "films/0.mp4"), 8)})
    (made.folder / "records").symlink_to(tmp_path / "films", target_is_directory=True)
    found = verify_release(made.folder)
    assert found.is_intact and found.num_media == 1
