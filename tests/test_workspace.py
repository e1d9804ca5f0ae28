"""The workspace: where everything lies, and how paths are written down."""

from pathlib import Path

from finegym.workspace import Workspace, make_absolute


def test_a_path_inside_is_written_relative_and_found_again(tmp_path):
    workspace = Workspace(tmp_path / "gym")
    inside = tmp_path / "gym" / "records" / "a.mp4"
    assert workspace.store_path(inside) == "records/a.mp4"
    assert workspace.find_path("records/a.mp4") == inside


def test_a_path_outside_is_written_absolute_and_found_again(tmp_path):
    workspace = Workspace(tmp_path / "gym")
    stored = workspace.store_path(tmp_path / "other" / ".." / "a.mp4")
    (tmp_path / "other").mkdir()
    assert Path(stored).is_absolute() and workspace.find_path(stored) == Path(stored)


def test_a_workspace_can_be_moved_as_a_whole(tmp_path):
    stored = Workspace(tmp_path / "old").store_path(tmp_path / "old" / "records" / "a.mp4")
    assert Workspace(tmp_path / "new").find_path(stored) == tmp_path / "new" / "records" / "a.mp4"


def test_only_records_with_a_record_file_are_listed(tmp_path):
    workspace = Workspace(tmp_path)
    for record_id in ("b", "a", "half"):
        workspace.get_record_folder(record_id).mkdir(parents=True)
    for record_id in ("a", "b"):
        workspace.get_record_file(record_id).touch()
    assert workspace.list_record_ids() == ["a", "b"]


def test_files_of_a_chunk_count_from_000():
    path = Workspace(Path("gym")).get_chunk_file("final", "proxy", 7, ".mp4")
    assert path == Path("gym/ingest/final/proxy-007.mp4")


def test_links_on_the_way_are_followed_and_the_last_one_is_not(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mp4").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "alias.mp4").symlink_to(tmp_path / "real" / "a.mp4")
    assert make_absolute(tmp_path / "link" / "alias.mp4") == (tmp_path / "real").resolve() / "alias.mp4"
