import pytest

from finegym.annotations.check import check_dataset
from finegym.annotations.clip_folder import ClipFacts, is_clip_folder, read_clip_folder
from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Action, SubAction, Video
from finegym.errors import AnnotationError, VideoError

CLIPS = (
    "balance beam/v_Beam_g01_c01.avi",
    "balance beam/v_Beam_g01_c02.MP4",
    "balance beam/v_Beam_g02_c01.gif",
    "archery/v_Archery_g01_c01.mkv",
    "archery/v_Archery_g03_c01.webm",
)


@pytest.fixture
def folder(tmp_path):
    for name in CLIPS:
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "clips"


def probe(path):
    """2,480 ms at 25 fps, but for the GIF, which starts late."""
    if path.suffix == ".gif":
        return ClipFacts(10, 10.0, 40, 1040, 320, 240)
    return ClipFacts(62, 25.0, 0, 2480, 320, 240)


def probe_some(path):
    if "g01" in path.name:
        raise VideoError(f"{path}: frame 3 does not decode (header promises 62)")
    return probe(path)


def test_every_subfolder_is_an_element_and_every_clip_a_record(folder):
    clips = read_clip_folder(folder, probe, group_pattern=r"_(g\d+)_")
    codebook = clips.dataset.codebook
    assert (codebook.name, [element.id for element in codebook.elements]) == ("clips", ["archery", "balance beam"])
    assert [video.id for video in clips.dataset.videos] == [
        "v_Archery_g01_c01",
        "v_Archery_g03_c01",
        "v_Beam_g01_c01",
        "v_Beam_g01_c02",
        "v_Beam_g02_c01",
    ]
    assert clips.dataset.videos[0] == Video(
        "v_Archery_g01_c01",
        (
            Action(
                "E_000000_000002",
                "clips",
                0,
                2480,
                (SubAction("A_0000_0002", ((0, 2480),), "archery", "clips-S1"),),
            ),
        ),
        path="archery/v_Archery_g01_c01.mkv",
        competition="g01",
        fps=25.0,
        num_frames=62,
        width=320,
        height=240,
    )
    assert clips.dataset.videos[4].actions[0].start_ms == 40
    assert (clips.damaged, clips.excluded, clips.ignored) == ({}, (), ())


def test_such_a_dataset_is_clean_and_fits_a_dataset_folder(folder, tmp_path):
    dataset = read_clip_folder(folder, probe, group_pattern=r"_(g\d+)_").dataset
    assert check_dataset(dataset) == ()
    write_dataset(dataset, tmp_path / "data")
    assert read_dataset(tmp_path / "data") == dataset


def test_without_a_pattern_there_are_no_groups(folder):
    assert {video.competition for video in read_clip_folder(folder, probe).dataset.videos} == {None}


def test_a_pattern_without_parentheses_gives_the_whole_match(folder):
    dataset = read_clip_folder(folder, probe, group_pattern=r"g\d+").dataset
    assert {video.competition for video in dataset.videos} == {"g01", "g02", "g03"}


def test_names_that_the_pattern_does_not_find_are_all_listed(folder):
    with pytest.raises(AnnotationError) as caught:
        read_clip_folder(folder, probe, group_pattern=r"_(g0[13])_")
    assert "balance beam/v_Beam_g02_c01.gif does not match" in str(caught.value)
    with pytest.raises(AnnotationError, match="is no regular expression"):
        read_clip_folder(folder, probe, group_pattern="(g")


def test_damaged_clips_are_all_listed(folder):
    with pytest.raises(AnnotationError) as caught:
        read_clip_folder(folder, probe_some)
    message = str(caught.value)
    assert "3 of 5 clips do not decode" in message
    assert message.count("frame 3 does not decode") == 3
    assert "--skip-damaged" in message and "\n" not in message


def test_damaged_clips_can_be_left_out_and_are_counted(folder):
    clips = read_clip_folder(folder, probe_some, skip_damaged=True)
    assert [video.id for video in clips.dataset.videos] == ["v_Archery_g03_c01", "v_Beam_g02_c01"]
    assert list(clips.damaged) == [name for name in sorted(CLIPS) if "g01" in name]


def test_clips_can_be_excluded_by_name(folder):
    names = [name for name in CLIPS if "g01" in name]
    clips = read_clip_folder(folder, probe_some, exclude=names)
    assert (len(clips.dataset.videos), clips.excluded, clips.damaged) == (2, tuple(sorted(names)), {})
    with pytest.raises(AnnotationError, match=r"excluded file archery/x\.avi is not there"):
        read_clip_folder(folder, probe, exclude=["archery/x.avi"])


def test_a_class_that_loses_all_its_clips_is_an_error(folder):
    with pytest.raises(AnnotationError, match="no clip is left in archery after 0 damaged and 2 excluded"):
        read_clip_folder(folder, probe, exclude=[name for name in CLIPS if name.startswith("archery")])


def test_other_files_are_counted_and_hidden_ones_are_not(folder):
    (folder / "readme.txt").write_text("")
    (folder / "stray.avi").write_bytes(b"")
    (folder / "archery" / "deep").mkdir()
    (folder / "archery" / "deep" / "clip.avi").write_bytes(b"")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.avi").write_bytes(b"")
    (folder / "archery" / ".DS_Store").write_bytes(b"")
    clips = read_clip_folder(folder, probe)
    assert clips.ignored == ("archery/deep/clip.avi", "readme.txt", "stray.avi")
    assert len(clips.dataset.videos) == 5


def test_an_empty_class_is_an_error(folder):
    (folder / "vault").mkdir()
    with pytest.raises(AnnotationError, match="no clip in vault"):
        read_clip_folder(folder, probe)


def test_a_folder_without_classes_is_an_error(tmp_path):
    (tmp_path / "clip.avi").write_bytes(b"")
    assert not is_clip_folder(tmp_path)
    with pytest.raises(AnnotationError, match="no subfolders"):
        read_clip_folder(tmp_path, probe)
    with pytest.raises(AnnotationError, match="there is none"):
        read_clip_folder(tmp_path / "gone", probe)


def test_clips_of_one_name_in_two_classes_are_told_apart_by_class(tmp_path):
    for name in ("a/1.avi", "b/1.avi", "b/2.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert is_clip_folder(tmp_path)
    dataset = read_clip_folder(tmp_path, probe).dataset
    assert [video.id for video in dataset.videos] == ["a/1", "b/1", "2"]
    (tmp_path / "a" / "1.mp4").write_bytes(b"")
    with pytest.raises(AnnotationError, match="2 clips are called a/1"):
        read_clip_folder(tmp_path, probe)
