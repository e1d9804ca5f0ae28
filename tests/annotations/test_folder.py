import errno
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import FX_1, LABELS, UB_1, VT_1, datasets, make_codebook, make_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finegym.annotations.folder import is_dataset_folder, read_dataset, write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import AnnotationError, OutputError


@pytest.fixture
def dataset():
    first, second = make_dataset().videos
    facts = replace(first, path="records/a.mp4", competition='Worlds "2019", final', fps=29.97, num_frames=5701)
    athletes = replace(second, actions=(replace(second.actions[0], athlete="Grace Ng"), *second.actions[1:]))
    return Dataset(make_codebook(), (facts, athletes))


@pytest.fixture
def folder(dataset, tmp_path):
    write_dataset(dataset, tmp_path / "data")
    return tmp_path / "data"


def test_a_dataset_folder_reads_back(dataset, folder):
    assert is_dataset_folder(folder)
    assert read_dataset(folder) == dataset


def test_the_files_say_what_the_docs_say(folder):
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert texts.keys() == {"codebook.yaml", "annotations.json", "elements.txt", "records.csv", "actions.csv"}
    assert texts["elements.txt"].splitlines()[0] == f"{VT_1} 1"
    assert len(texts["elements.txt"].splitlines()) == len(LABELS)
    assert texts["records.csv"].splitlines() == [
        "video_id,path,competition,fps,num_frames,width,height",
        'aaaaaaaaaaa,records/a.mp4,"Worlds ""2019"", final",29.97,5701,,',
        "_E_-A_bbbbb,,,,,,",
    ]
    assert texts["actions.csv"] == "action_id,athlete\n_E_-A_bbbbb_E_000003_000030,Grace Ng\n"


@given(datasets())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_dataset_reads_back(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("folder")
    write_dataset(dataset, folder)
    assert read_dataset(folder) == dataset


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1))
@settings(deadline=None)
def test_any_text_of_a_fact_survives(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("facts")
    dataset = Dataset(make_codebook(), (Video("v", (), competition=text, path=text),))
    write_dataset(dataset, folder)
    assert read_dataset(folder) == dataset


def test_writing_twice_gives_the_same_bytes(dataset, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_dataset(read_dataset(folder), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_codebook_with_comments_is_left_alone_if_it_says_the_same(dataset, folder):
    path = folder / "codebook.yaml"
    path.write_text("# ours\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    write_dataset(dataset, folder)
    assert path.read_text(encoding="utf-8").startswith("# ours\n")
    write_dataset(Dataset(replace(dataset.codebook, version="2"), dataset.videos), folder)
    assert not path.read_text(encoding="utf-8").startswith("# ours\n")


def test_sub_actions_of_which_only_the_set_is_known(dataset, folder):
    videos = list(dataset.videos)
    action = videos[0].actions[1]
    rough = (action.sub_actions[0], replace(action.sub_actions[1], element_id=None))
    videos[0] = replace(videos[0], actions=(videos[0].actions[0], replace(action, sub_actions=rough)))
    write_dataset(Dataset(dataset.codebook, tuple(videos)), folder)
    assert (folder / "sets.txt").read_text() == f"{FX_1} FX-S1\n"
    assert read_dataset(folder).videos == tuple(videos)
    write_dataset(dataset, folder)
    assert not (folder / "sets.txt").exists()
    assert read_dataset(folder) == dataset


def test_splits_and_other_files_stay(dataset, folder):
    (folder / "splits" / "mine").mkdir(parents=True)
    (folder / "splits" / "mine" / "train.txt").write_text("x")
    write_dataset(dataset, folder)
    assert (folder / "splits" / "mine" / "train.txt").read_text() == "x"


def test_sidecar_files_are_optional(dataset, folder):
    for name in ("elements.txt", "records.csv", "actions.csv"):
        (folder / name).unlink()
    read = read_dataset(folder)
    assert [video.path for video in read.videos] == [None, None]
    assert {i.sub_action.element_id for i in read.iterate_instances()} == {None}


def test_problems_of_all_files_are_in_one_error(folder):
    (folder / "elements.txt").write_text(f"{VT_1} 99\n{FX_1[:-1]}9 2\n{UB_1} 5\n")
    (folder / "records.csv").write_text(
        "video_id,path,competition,fps,num_frames,width,height\naaaaaaaaaaa,a.mp4,,fast,-3,,\nzzz,,,,,,\n"
    )
    (folder / "actions.csv").write_text("action_id,athlete\nnobody_E_000001_000002,Ann\n")
    with pytest.raises(AnnotationError) as caught:
        read_dataset(folder)
    message = str(caught.value)
    for fact in (
        f"{VT_1} has element '99', which codebook.yaml does not define",
        f"{FX_1[:-1]}9 is not in annotations.json",
        "line 2: fps: expected a positive number or nothing, got 'fast'",
        "line 2: num_frames: expected a positive number or nothing, got '-3'",
        "line 3: record zzz is not in annotations.json",
        "no row for record _E_-A_bbbbb",
        "actions.csv, line 2: action nobody_E_000001_000002 is not in annotations.json",
    ):
        assert fact in message
    assert "\n" not in message


def test_damaged_files_are_all_named(folder):
    (folder / "annotations.json").write_text("{")
    (folder / "elements.txt").write_text("nonsense\n")
    (folder / "records.csv").write_text("wrong,header\n")
    (folder / "actions.csv").write_bytes(b"action_id,athlete\n\xff,x\n")
    with pytest.raises(AnnotationError) as caught:
        read_dataset(folder)
    for name in ("annotations.json", "elements.txt", "records.csv", "actions.csv"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "expected the header"),
        ("action_id,athlete\na,b,c\n", "line 2: expected 2 fields, got 3"),
        (f"action_id,athlete\n{UB_1[:-12]},b\n{UB_1[:-12]},b\n", "line 3: .* is already on line 2"),
        ('action_id,athlete\n"a,b\n', "expected a CSV file"),
    ],
)
def test_tables_are_checked_line_by_line(folder, text, fact):
    (folder / "actions.csv").write_text(text)
    with pytest.raises(AnnotationError, match=f"actions\\.csv.*{fact}"):
        read_dataset(folder)


def test_an_instance_in_both_label_files_is_an_error(folder):
    (folder / "sets.txt").write_text(f"{VT_1} VT-S1\n")
    with pytest.raises(AnnotationError, match=f"{VT_1} is in elements.txt too"):
        read_dataset(folder)


def test_a_missing_folder_and_missing_files_are_named(folder, tmp_path):
    with pytest.raises(AnnotationError, match="expected a dataset folder, but there is none"):
        read_dataset(tmp_path / "gone")
    (folder / "annotations.json").unlink()
    (folder / "codebook.yaml").unlink()
    with pytest.raises(AnnotationError, match=r"codebook\.yaml"):
        read_dataset(folder)
    write_codebook(make_codebook(), folder / "codebook.yaml")
    assert not is_dataset_folder(folder)
    with pytest.raises(AnnotationError, match=r"annotations\.json.*No such file"):
        read_dataset(folder)


def make_odd(**sub_action):
    sub = SubAction(**{"name": "A_0000_0001", "stages": ((0, 1),), "element_id": "2", "set_id": "FX-S1"} | sub_action)
    return Dataset(make_codebook(), (Video("v", (Action("E_000000_000001", "FX", 0, 9, (sub,)),)),))


@pytest.mark.parametrize(
    ("dataset", "fact"),
    [
        (make_odd(element_id="99"), "element '99' is not in codebook small"),
        (make_odd(set_id="VT-S1"), "element '2' is of set 'FX-S1', got set 'VT-S1'"),
        (make_odd(element_id=None, set_id="XX"), "set 'XX' is not in codebook small"),
        (Dataset(make_codebook(), (Video("v", (), path=""),)), "path is ''"),
        (Dataset(make_codebook(), (Video("v", (), competition="a\nb"),)), "competition is 'a.*one line"),
        (Dataset(make_codebook(), (Video("v", (), fps=0.0),)), "fps is 0.0"),
        (Dataset(make_codebook(), (Video("v", ()), Video("v", ()))), "video v occurs twice"),
    ],
)
def test_what_would_not_read_back_is_not_written(dataset, fact, tmp_path):
    with pytest.raises(AnnotationError, match=fact):
        write_dataset(dataset, tmp_path / "data")
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


def test_a_set_that_nobody_wrote_follows_from_the_element(tmp_path):
    write_dataset(make_odd(set_id=None), tmp_path)
    assert read_dataset(tmp_path) == make_odd()


@pytest.mark.parametrize("full", ["codebook", "annotations", "elements", "records", "actions"])
def test_no_space_changes_nothing(dataset, folder, monkeypatch, full):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_bytes = Path.write_bytes

    def write_until_full(path, data):
        if path.name.startswith(f".{full}") or path.name.startswith(f"..{full}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_until_full)
    changed = Dataset(replace(dataset.codebook, version="9"), dataset.videos[:1])
    with pytest.raises(OutputError, match="No space left on device"):
        write_dataset(changed, folder)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_place_that_cannot_be_written_says_so(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_dataset(dataset, tmp_path / "file")
