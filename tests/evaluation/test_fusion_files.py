"""Which prediction files may be fused, and what the fused file says of itself."""

import hashlib
import json

import numpy as np
import pytest

from finegym.annotations.splits import Split
from finegym.annotations.subsets import find_subset
from finegym.codebook.builtin import read_builtin
from finegym.errors import PredictionError
from finegym.evaluation.fusion import fuse_logits
from finegym.evaluation.fusion_files import fuse_files
from finegym.evaluation.predictions import read_predictions, write_predictions
from finegym.evaluation.source import hash_side

SUBSET = find_subset("event", read_builtin("artistic-women"))
K = len(SUBSET)
IDS = [f"v{n}_E_000000_000005_A_0000_0002" for n in range(30)]
SPLIT = Split(
    "events",
    SUBSET,
    {id_: n % K for n, id_ in enumerate(IDS[:20])},
    {id_: n % K for n, id_ in enumerate(IDS[20:])},
)


def make_logits(targets, strength, seed):
    rng = np.random.default_rng(seed)
    return (np.eye(K)[list(targets.values())] * strength + rng.normal(size=(len(targets), K))).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    """Write the file of a run on one side of the split; the path."""

    def write(run, side="val", *, strength=1.0, seed=0, ids=None, logits=None, **facts):
        targets = SPLIT.get_side(side)
        path = tmp_path / f"{run}-{side}-{len(list(tmp_path.iterdir()))}.parquet"
        said = {
            "subset": SUBSET.name,
            "split": f"events/{side}",
            "run": run,
            "modality": run,
            "split_subset_sha256": SUBSET.sha256,
            "split_train_sha256": hash_side(SPLIT, "train"),
            "split_val_sha256": hash_side(SPLIT, "val"),
            "model_sha256": hashlib.sha256(run.encode()).hexdigest(),
            **facts,
        }
        said = {key: value for key, value in said.items() if value is not None}
        logits = make_logits(targets, strength, seed) if logits is None else logits
        write_predictions(path, list(targets) if ids is None else ids, logits, said)
        return path

    return write


def test_equal_weights_are_an_ensemble(write, tmp_path):
    paths = [write("rgb"), write("flow", seed=1), write("pose", seed=2)]
    fusion = fuse_files(paths, tmp_path / "out" / "fused.parquet")
    fused = read_predictions(tmp_path / "out" / "fused.parquet")
    assert (fusion.weights, fusion.num_instances, fusion.split) == ((1.0, 1.0, 1.0), 10, "events/val")
    assert (fusion.notes, fusion.choice) == ((), None)
    expected = fuse_logits([read_predictions(path).logits for path in paths], (1, 1, 1))
    np.testing.assert_allclose(fused.logits, expected, rtol=1e-6)
    assert fused.instance_ids == tuple(IDS[20:])


def test_the_file_says_what_it_was_made_of(write, tmp_path):
    first, second = write("rgb", seed=3), write("flow", seed=4)
    fuse_files([first, second], tmp_path / "fused.parquet", weights=[1.5], scores="logits")
    said = read_predictions(tmp_path / "fused.parquet").metadata
    assert (said["run"], said["split"], said["subset"]) == ("rgb + flow", "events/val", SUBSET.name)
    assert said["split_subset_sha256"] == SUBSET.sha256
    assert (said["fusion"], said["fusion_weights"], said["fusion_weights_are"]) == ("logits", "[1.0, 1.5]", "given")
    parts = json.loads(said["fusion_parts"])
    assert [part["run"] for part in parts] == ["rgb", "flow"]
    assert all(len(part["sha256"]) == 64 for part in parts) and parts[0]["sha256"] != parts[1]["sha256"]
    assert "seed" not in said and "modality" not in said


def test_rows_are_matched_by_instance_and_not_by_place(write, tmp_path):
    first, second = write("rgb"), write("flow", seed=1)
    there = read_predictions(second)
    turned = write("flow", ids=there.instance_ids[::-1], logits=there.logits[::-1], note="turned")
    fuse_files([first, second], tmp_path / "a.parquet")
    fuse_files([first, turned], tmp_path / "b.parquet")
    np.testing.assert_array_equal(
        read_predictions(tmp_path / "a.parquet").logits, read_predictions(tmp_path / "b.parquet").logits
    )


def test_the_order_of_files_does_not_matter(write, tmp_path):
    first, second = write("rgb"), write("flow", seed=1)
    fuse_files([first, second], tmp_path / "a.parquet", weights=[4])
    fuse_files([second, first], tmp_path / "b.parquet", weights=[0.25])
    np.testing.assert_allclose(
        read_predictions(tmp_path / "a.parquet").logits, read_predictions(tmp_path / "b.parquet").logits, rtol=1e-6
    )


def test_a_weight_is_chosen_on_the_training_side(write, tmp_path):
    on_train = [write("rgb", "train", strength=0.5, seed=5), write("flow", "train", strength=3, seed=6)]
    fusion = fuse_files(
        [write("rgb"), write("flow", seed=1)], tmp_path / "fused.parquet", choose_on=on_train, split=SPLIT
    )
    assert fusion.choice is not None and fusion.choice.is_optimistic
    assert (fusion.choice.where, fusion.choice.num_instances, fusion.choice.num_missing) == ("events/train", 20, 0)
    assert fusion.weights == fusion.choice.found.weights
    assert fusion.choice.found.top1_accuracy >= max(fusion.choice.found.top1_alone)
    (note,) = fusion.notes
    assert "the runs were trained on events/train" in note
    assert read_predictions(tmp_path / "fused.parquet").metadata["fusion_weights_are"] == "chosen on events/train"


def test_held_out_instances_give_no_warning(write, tmp_path):
    on_train = [write(run, "train", seed=seed, split_train_sha256="0" * 64) for seed, run in enumerate(("rgb", "flow"))]
    paths = [write("rgb"), write("flow", seed=1)]
    fusion = fuse_files(paths, tmp_path / "fused.parquet", choose_on=on_train, split=SPLIT)
    assert fusion.notes == ()
    silent = [write(run, "train", seed=seed, split_train_sha256=None) for seed, run in enumerate(("rgb", "flow"))]
    (note,) = fuse_files(paths, tmp_path / "fused.parquet", choose_on=silent, split=SPLIT).notes
    assert note == "the files do not say whether the runs were trained on events/train"


def test_instances_that_are_missing_where_weights_are_chosen_are_refused_or_counted(write, tmp_path):
    some = {"ids": IDS[:18], "logits": np.random.default_rng(0).normal(size=(18, K))}
    on_train = [write("rgb", "train", **some), write("flow", "train", **{**some, "logits": some["logits"] + 1.5})]
    arguments = {"choose_on": on_train, "split": SPLIT}
    paths = [write("rgb"), write("flow", seed=1)]
    with pytest.raises(PredictionError, match=r"events/train has 20 instances, predictions cover 18"):
        fuse_files(paths, tmp_path / "fused.parquet", **arguments)
    fusion = fuse_files(paths, tmp_path / "fused.parquet", missing="wrong", **arguments)
    assert fusion.choice.num_missing == 2


def refuse(match, paths, out, **arguments):
    with pytest.raises(PredictionError, match=match) as caught:
        fuse_files(paths, out, **arguments)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_files_that_do_not_belong_together_are_refused(write, tmp_path):
    out, rgb = tmp_path / "fused.parquet", write("rgb")
    refuse("at least two prediction files, got 1", [rgb], out)
    refuse("are the same file", [rgb, rgb], out)
    fewer = write("flow", ids=IDS[20:28], logits=np.zeros((8, K)))
    refuse(r"has other instances \(2 are lacking, 0 are more; first: v28_", [rgb, fewer], out)
    refuse("has other instances", [rgb, write("flow", "train")], out)
    refuse("says split events/train, not the events/val of", [rgb, write("flow", "train")], out)
    wider = write("flow", logits=np.zeros((10, K + 1)))
    refuse(rf"has {K + 1} logits a row, not the {K} of", [rgb, wider], out)
    for key in ("subset", "train", "val"):
        other = write("flow", **{f"split_{key}_sha256": "a" * 64})
        refuse(rf"says split_{key}_sha256 a{{12}}…, not the [0-9a-f]{{12}}… of", [rgb, other], out)


def test_every_way_in_which_files_differ_is_named(write, tmp_path):
    other = write("flow", "train", split_subset_sha256="a" * 64)
    refuse("says split .*; .*says split_subset_sha256 .*; .*has other", [write("rgb"), other], tmp_path / "f.parquet")


def test_weights_may_not_be_chosen_on_what_is_fused(write, tmp_path):
    out, paths = tmp_path / "fused.parquet", [write("rgb"), write("flow", seed=1)]
    match = "weights would be chosen on 10 of the instances that are to be fused .*flatter"
    refuse(match, paths, out, choose_on=paths, split=SPLIT, side="val")


def test_a_file_of_another_run_does_not_stand_for_this_one(write, tmp_path):
    out, paths = tmp_path / "fused.parquet", [write("rgb"), write("flow", seed=1)]
    swapped = [write("flow", "train", seed=2), write("rgb", "train", seed=3)]
    refuse(
        r"is of another run \(run flow, not rgb, modality.*Mind the order", paths, out, choose_on=swapped, split=SPLIT
    )
    refuse("weights are to be chosen on 3 files", paths, out, choose_on=[*swapped, swapped[0]], split=SPLIT)


def test_weights_chosen_for_other_classes_are_refused(write, tmp_path):
    paths = [write("rgb", split_subset_sha256="a" * 64), write("flow", seed=1, split_subset_sha256="a" * 64)]
    on_train = [write("rgb", "train"), write("flow", "train", seed=1)]
    refuse("for other classes than", paths, tmp_path / "fused.parquet", choose_on=on_train, split=SPLIT)


def test_weights_are_one_for_each_further_file(write, tmp_path):
    paths = [write("rgb"), write("flow", seed=1)]
    refuse(r"2 files need 1 weights \(the first file has 1\), got 2", paths, tmp_path / "f.parquet", weights=[1, 2])
    refuse("greater than 0", paths, tmp_path / "f.parquet", weights=[0])
    on_train = [write("rgb", "train"), write("flow", "train", seed=1)]
    refuse("do one of the two", paths, tmp_path / "f.parquet", weights=[1], choose_on=on_train, split=SPLIT)


def test_files_of_other_programs_are_fused_with_a_note(tmp_path):
    for name in ("a", "b"):
        write_predictions(tmp_path / f"{name}.parquet", IDS[:2], np.full((2, 3), float(ord(name))), {})
    fusion = fuse_files([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "c.parquet")
    note, about_weights = fusion.notes
    assert "not said by which weights" in about_weights
    assert "not said for which classes; only their number was compared" in note


def test_weights_are_told_by_their_hash(write, tmp_path):
    out = tmp_path / "f.parquet"
    rgb, flow = write("rgb"), write("flow", seed=1)
    hashes = [read_predictions(path).metadata["model_sha256"] for path in (rgb, flow)]
    assert fuse_files([rgb, flow], out).notes == ()
    one = read_predictions(out).metadata
    assert [part["model_sha256"] for part in json.loads(one["fusion_parts"])] == hashes
    fuse_files([rgb, flow], out, weights=[2.0])
    other = read_predictions(out).metadata["model_sha256"]
    assert len({one["model_sha256"], other, *hashes}) == 4

    # The same run once more, of other weights: not what it stands for.
    on_train = [write("rgb", "train"), write("flow", "train", seed=1, model_sha256="f" * 64)]
    refuse(r"is of another run \(model_sha256 f", [rgb, flow], tmp_path / "g.parquet", choose_on=on_train, split=SPLIT)

    (note,) = fuse_files([rgb, write("pose", seed=2, model_sha256=None)], out).notes
    assert "not said by which weights" in note and "pose" in note
    assert "model_sha256" not in read_predictions(out).metadata
    (note,) = fuse_files([rgb, write("rgb", seed=3)], out).notes
    assert "two files are of the same weights" in note
