"""``finegym features import-poses`` and ``export-poses``: what they print and write, and how they fail."""

import json
import pickle

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import find_subset
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import AnnotationError, ConfigError, FeatureError
from finegym.features.pose.pickle_data import open_pose_pickle
from finegym.features.pose.store import PoseStore

NAMES = [f"A_{start:04d}_{start + 1:04d}" for start in range(5)]
IDS = [f"v1_E_000000_000009_{name}" for name in NAMES]


@pytest.fixture
def folder(tmp_path):
    """A dataset of five vaults without any record, and a split of four of them."""
    codebook = read_builtin("artistic-women")
    elements = codebook.get_elements_of_set("VT-S1")[:2]
    sub_actions = tuple(
        SubAction(name, ((n * 1000, n * 1000 + 600),), elements[n % 2].id, "VT-S1") for n, name in enumerate(NAMES)
    )
    action = Action("E_000000_000009", "VT", 0, 9000, sub_actions)
    write_dataset(Dataset(codebook, (Video("v1", (action,)),)), tmp_path / "gym")
    subset = find_subset("VT-S1", codebook)
    split = Split("vault", subset, {IDS[0]: 0, IDS[1]: 1}, {IDS[2]: 0, IDS[3]: 1})
    write_split(split, tmp_path / "gym" / "splits" / "vault")
    return tmp_path / "gym"


@pytest.fixture
def write(tmp_path):
    def write(ids, labels=None, name="gym_hrnet.pkl", **changes):
        rng = np.random.default_rng(0)
        annotations = [
            {
                "frame_dir": id_,
                "label": (labels or {}).get(id_, n % 2),
                "img_shape": (240, 320),
                "total_frames": 4,
                "keypoint": rng.random((1, 4, 17, 2)).astype(np.float16) * 100,
                "keypoint_score": rng.uniform(0.1, 1, (1, 4, 17)).astype(np.float16),
                **changes,
            }
            for n, id_ in enumerate(ids)
        ]
        (tmp_path / name).write_bytes(pickle.dumps({"split": {"train": ids}, "annotations": annotations}))
        return tmp_path / name

    return write


def run(*arguments):
    result = CliRunner().invoke(app, ["features", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_published_poses_become_a_store_of_the_dataset(folder, write):
    file = write([*IDS[:3], "other_E_000000_000001_A_0000_0001"], {IDS[2]: 1})
    result = run(
        "import-poses", file, "--dataset", folder, "--name", "pose-hrnet", "--split", folder / "splits" / "vault"
    )
    assert result.exit_code == 0
    store = PoseStore(folder / "features" / "pose-hrnet")
    assert len(store) == 4 and store.read(IDS[1]).num_frames == 4
    assert store.get_facts(IDS[1]).start_ms == 1000 and store.get_facts(IDS[1]).video_id == "v1"
    lines = result.stdout.splitlines()
    assert "4 clips" in lines[0] and "16 of 16 frames with a pose" in lines[0]
    assert "3 are there, 1 are not" in lines[1] and "1 clips are not wanted" in lines[1]
    assert lines[2] == f"1 have another class in the split, such as {IDS[2]}"
    assert IDS[3] in (folder / "features" / "pose-hrnet" / "skipped.csv").read_text()


def test_import_speaks_json(folder, write):
    file = write(IDS[:2], total_frames=9)
    facts = json.loads(run("import-poses", file, "--dataset", folder, "--json").stdout)
    assert facts["store"]["num_clips"] == 2 and facts["store"]["settings"]["parameters"]["imported"].startswith(
        "gym_hrnet"
    )
    assert facts["coverage"]["missing"] == IDS[2:] and facts["coverage"]["covered"] == 2
    assert facts["oddities"] == {"clips whose total_frames differs from their arrays, which count": 2}


def test_a_store_needs_no_dataset(write, tmp_path):
    result = run("import-poses", write(IDS[:2]), write(IDS[2:], name="b.pkl"), "--out", tmp_path / "store")
    assert result.exit_code == 0 and len(PoseStore(tmp_path / "store")) == 5
    assert len(result.stdout.splitlines()) == 1


def test_imports_that_cannot_be_meant_are_refused(folder, write, tmp_path):
    assert run("import-poses", write(IDS)).exit_code == 2
    with pytest.raises(FeatureError, match="poses of other clips"):
        run("import-poses", write(["x_E_000000_000001_A_0000_0001"]), "--dataset", folder)
    with pytest.raises(FeatureError, match="5 clips are in two files"):
        run("import-poses", write(IDS), write(IDS, name="b.pkl"), "--out", tmp_path / "store")
    with pytest.raises(ConfigError, match=r"expected a pose pickle \(\.pkl\) or COCO"):
        run("import-poses", tmp_path / "poses.csv", "--out", tmp_path / "store")
    with pytest.raises(AnnotationError, match="split"):
        run("import-poses", write(IDS), "--dataset", folder, "--split", folder / "splits" / "none")
    assert not (tmp_path / "store").exists() and not (folder / "features").exists()


def test_a_pickle_that_runs_code_is_one_line(tmp_path, capsys, monkeypatch):
    from finegym.cli import main

    class Runs:
        def __reduce__(self):
            return print, ("it ran",)

    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"annotations": [Runs()]}))
    arguments = ["finegym", "features", "import-poses", str(tmp_path / "bad.pkl"), "--out", str(tmp_path / "store")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert stop.value.code == 1 and out == ""
    assert err.count("\n") == 1 and "builtins.print" in err


def test_poses_leave_as_a_pickle_and_come_back(folder, write, tmp_path):
    run("import-poses", write(IDS), "--dataset", folder)
    store, split = folder / "features" / "pose-imported", folder / "splits" / "vault"
    result = run("export-poses", store, "--to", "pickle", "--split", split, "--out", tmp_path / "ours.pkl")
    assert result.exit_code == 0
    assert "4 clips, 16 poses (0 interpolated)" in result.stdout and "1 clips of the store are not in" in result.stdout
    data = open_pose_pickle(tmp_path / "ours.pkl")
    assert data.labels == {"train": {IDS[0]: 0, IDS[1]: 1}, "val": {IDS[2]: 0, IDS[3]: 1}}
    np.testing.assert_array_equal(data.poses.read(IDS[3]).keypoints, PoseStore(store).read(IDS[3]).keypoints)


def test_poses_leave_as_coco_and_come_back(folder, write, tmp_path):
    run("import-poses", write(IDS), "--dataset", folder)
    store = folder / "features" / "pose-imported"
    facts = json.loads(run("export-poses", store, "--to", "coco", "--out", tmp_path / "c.json", "--json").stdout)
    assert facts == {
        "out": str(tmp_path / "c.json"),
        "clips": 5,
        "poses": 20,
        "interpolated": 0,
        "missing": [],
        "outside": 0,
    }
    run("import-poses", tmp_path / "c.json", "--dataset", folder, "--name", "pose-coco")
    again, before = PoseStore(folder / "features" / "pose-coco").read(IDS[4]), PoseStore(store).read(IDS[4])
    np.testing.assert_allclose(again.keypoints, before.keypoints, atol=1e-3)
    np.testing.assert_allclose(again.boxes, before.boxes, atol=2e-3)


def test_clips_without_poses_are_not_left_out_unasked(folder, write, tmp_path):
    run("import-poses", write(IDS[:3]), "--dataset", folder)
    arguments = ("export-poses", folder / "features" / "pose-imported", "--to", "pickle", "--out", tmp_path / "o.pkl")
    with pytest.raises(ConfigError, match="--split"):
        run(*arguments)
    arguments += ("--split", folder / "splits" / "vault")
    with pytest.raises(FeatureError, match="lacks 1 of the 4 clips"):
        run(*arguments)
    assert not (tmp_path / "o.pkl").exists()
    assert "1 clips of the split have no poses" in run(*arguments, "--missing", "leave-out").stdout
    assert open_pose_pickle(tmp_path / "o.pkl").labels["val"] == {IDS[2]: 0}
