import av
import numpy as np
import pytest
import torch

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.datasets.clips import MemoryClips, StoreClips
from finegym.datasets.recognition import (
    EpochBatches,
    EvaluationClips,
    Selection,
    TrainingClips,
    build_evaluation_loader,
    build_training_loader,
    collate_clips,
    select_instances,
)
from finegym.datasets.transforms import Crops
from finegym.datasets.views import RgbView
from finegym.errors import AnnotationError, VideoError
from finegym.video.store.build import build_store, make_settings

FLIPS = np.arange(3)


def build_memory(count=6, num_frames=10):
    rng = np.random.default_rng(0)
    return MemoryClips({f"clip{i}": rng.integers(0, 256, (num_frames, 24, 32, 3), np.uint8) for i in range(count)})


def build_view(source, **settings):
    sizes = {"num_segments": 3, "num_segments_test": 3} | settings
    sizes = {"crops": Crops(24, 16, (1.0, 0.75)), "mean": (0.5,) * 3, "std": (0.25,) * 3} | sizes
    return RgbView(source, **sizes)


def build_training(source=None, count=6, *, flip_class_map=FLIPS, seed=7, **settings):
    selection = Selection(tuple(f"clip{i}" for i in range(count)), np.arange(count) % 3, {})
    view = build_view(source or build_memory(count), **settings)
    return TrainingClips(selection, view, flip_class_map=flip_class_map, seed=seed)


def test_a_sample_depends_on_seed_epoch_and_index_only():
    first, second = build_training(), build_training()
    second[(5, 0)]
    for key in [(0, 0), (0, 1), (3, 2)]:
        assert torch.equal(first[key].inputs, second[key].inputs)
    assert not torch.equal(first[(0, 0)].inputs, first[(1, 0)].inputs)
    assert not torch.equal(first[(0, 0)].inputs, build_training(seed=8)[(0, 0)].inputs)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_number_of_workers_changes_nothing(workers):
    expected = build_training()
    batches = EpochBatches(6, 2, seed=7)
    loader = build_training_loader(build_training(), batches, workers=workers, pin_memory=False)
    for epoch in range(2):
        batches.epoch = epoch
        seen = []
        for batch in loader:
            assert batch.inputs.shape == (2, 3, 3, 16, 16)
            for frames, index in zip(batch.inputs, batch.places.tolist(), strict=True):
                assert torch.equal(frames, expected[(epoch, index)].inputs)
                seen.append(index)
        assert sorted(seen) == list(range(6))


def test_flip_changes_the_class_that_names_a_side():
    clips = build_training(flip_class_map=np.array([0, 2, 1]), crops=Crops(24, 24))
    plain = build_training(flip_class_map=None, crops=Crops(24, 24))
    seen = set()
    for epoch in range(40):
        ours, theirs = clips[(epoch, 1)], plain[(epoch, 1)]
        is_flipped = torch.equal(ours.inputs, theirs.inputs.flip(-1))
        assert is_flipped or torch.equal(ours.inputs, theirs.inputs)
        assert ours.class_index == (2 if is_flipped else 1)
        seen.add(is_flipped)
    assert seen == {True, False}


def test_evaluation_samples_are_the_same_every_time():
    selection = Selection(("clip0", "clip1"), np.array([0, 1]), {})
    view = build_view(build_memory(), num_segments_test=4, crops=Crops(24, 16, views="ten"))
    clips = EvaluationClips(selection, view)
    assert clips[1].inputs.shape == (10, 4, 3, 16, 16)
    assert torch.equal(clips[1].inputs, clips[1].inputs)
    loader = build_evaluation_loader(clips, [1, 0], batch_size=1, workers=0, pin_memory=False)
    assert [batch.places.tolist() for batch in loader] == [[1], [0]]


def test_short_clips_are_counted():
    source = build_memory(count=2, num_frames=2)
    batch = collate_clips([build_training(source, count=2)[(0, i)] for i in range(2)])
    assert batch.counts == {"short_clips": 2}
    assert collate_clips([build_training()[(0, 0)]]).counts == {"short_clips": 0}


def test_a_clip_that_fails_reaches_the_main_process_in_one_line():
    class Broken(MemoryClips):
        def read_frames(self, instance_id, indices, short_side):
            if instance_id == "clip1":
                raise VideoError("frame 3 does not decode")
            return super().read_frames(instance_id, indices, short_side)

    rng = np.random.default_rng(0)
    source = Broken({f"clip{i}": rng.integers(0, 256, (4, 24, 24, 3), np.uint8) for i in range(2)})
    clips = build_training(source, count=2)
    batch = collate_clips([clips[(0, 0)], clips[(0, 1)]])
    assert batch.failures == ("clip1: frame 3 does not decode",)
    assert batch.places.tolist() == [0]
    assert collate_clips([clips[(0, 1)]]).inputs.shape == (0,)


@pytest.mark.parametrize("num_instances", [16, 13])
def test_processes_share_the_batches_of_one(num_instances):
    whole = list(EpochBatches(num_instances, 4, seed=0))
    parts = [list(EpochBatches(num_instances, 2, seed=0, rank=rank, num_processes=2)) for rank in range(2)]
    assert len(parts[0]) == len(parts[1]) == len(EpochBatches(num_instances, 2, seed=0, num_processes=2))
    for batch, *shares in zip(whole, *parts, strict=False):
        together = [key for share in shares for key in share]
        assert together == batch[: len(together)]
    left_out = num_instances - sum(len(batch) for part in parts for batch in part)
    assert left_out == num_instances % 2 == EpochBatches(num_instances, 2, seed=0, num_processes=2).num_left_out


def test_every_epoch_has_its_own_order_and_every_instance():
    batches = EpochBatches(10, 4, seed=0)
    assert len(batches) == 3
    orders = []
    for epoch in (0, 1, 0):
        batches.epoch = epoch
        keys = [key for batch in batches for key in batch]
        assert sorted(index for _, index in keys) == list(range(10))
        assert {e for e, _ in keys} == {epoch}
        orders.append([index for _, index in keys])
    assert orders[0] == orders[2] != orders[1]


def test_missing_clips_are_an_error_that_names_them_or_are_counted():
    labels = {"clip0": 0, "gone": 1}
    with pytest.raises(AnnotationError, match=r"val\.txt: 1 of 2 instances have no clip: gone: not in memory"):
        select_instances(labels, build_memory(), where="val.txt")
    selection = select_instances(labels, build_memory(), where="val.txt", missing="leave-out")
    assert selection.instance_ids == ("clip0",)
    assert selection.class_indices.tolist() == [0]
    assert dict(selection.left_out) == {"gone": "not in memory"}


def test_an_empty_list_and_a_list_without_any_clip_are_errors():
    with pytest.raises(AnnotationError, match=r"val\.txt lists no instances"):
        select_instances({}, build_memory(), where="val.txt")
    with pytest.raises(AnnotationError, match="1 of 1 instances have no clip"):
        select_instances({"gone": 0}, build_memory(), where="val.txt", missing="leave-out")


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_processes_read_a_clip_store(tmp_path, workers):
    """The same pixels as from the store in this process."""
    (tmp_path / "records").mkdir()
    rng = np.random.default_rng(0)
    with av.open(str(tmp_path / "records" / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(50):
            picture = rng.integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    parts = tuple(SubAction(f"A_{k:04d}_{k:04d}", ((300 * k, 300 * k + 400),)) for k in range(6))
    video = Video("v", (Action("E_000000_000002", "BB", 0, 2000, parts),), "records/v.mp4")
    dataset = Dataset(Codebook("none", "1", "diving", (), (), (), (), {}), (video,))
    build_store(dataset, tmp_path, tmp_path / "clips", make_settings())
    source = StoreClips(tmp_path / "clips")
    selection = Selection(tuple(dataset.instances), np.arange(6) % 3, {})
    clips = TrainingClips(selection, build_view(source), flip_class_map=None, seed=7)
    batches = EpochBatches(6, 2, seed=7)
    seen = []
    for batch in build_training_loader(clips, batches, workers=workers, pin_memory=False):
        assert batch.failures == ()
        for frames, place in zip(batch.inputs, batch.places.tolist(), strict=True):
            assert torch.equal(frames, clips[(0, place)].inputs)
            seen.append(place)
    assert sorted(seen) == list(range(6))
