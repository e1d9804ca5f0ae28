"""SSN end to end: frames of the right moments, and a backbone whose weights come from where they should."""

import pickle

import av
import numpy as np
import pytest
import torch

from finegym.datasets.films import RecordFilms
from finegym.datasets.transforms import Crops
from finegym.errors import ConfigError
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_frames import SnippetFrames, build_ssn_backbone, open_snippet_frames
from finegym.localization.ssn_localizer import SSNLocalizer
from finegym.localization.ssn_samples import SSNSamples
from finegym.localization.ssn_sampling import Bounds, make_pool
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline
from finegym.models.ssn import SSN
from finegym.training.run_folder import CHECKPOINT_FORMAT

SECTION = SsnSection(
    proposals="sliding", window_ms_min=200.0, window_ms_max=900.0, counts=(1, 2, 1), backbone="resnet18", dropout=0.0,
    short_side=48, crop_size=32, crop_scales=(1.0,),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A record of 50 frames at 25 fps; frame i has the brightness 5 i."""
    folder = tmp_path_factory.mktemp("dataset")
    with av.open(str(folder / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return folder


def make_timeline(start_ms=0):
    segments = np.array([[400, 1000]]) - start_ms
    return Timeline(f"v{start_ms}", "v", "v.mp4", start_ms, 2000, segments, np.array([0]))


class MemorySource:
    feature_size = 4

    def read(self, timeline):
        times = np.arange(20, timeline.duration_ms, 80)
        return Snippets(np.zeros((len(times), 4), np.float16), times, timeline.duration_ms)


def see_numbers(frames):
    return torch.round(frames.float().mean(dim=(1, 2, 3)) / 5).int().tolist()


@pytest.mark.parametrize("start_ms", [0, 200])
def test_frames_are_those_shown_at_the_times_of_snippets(folder, start_ms):
    frames = pickle.loads(pickle.dumps(open_snippet_frames(folder, SECTION)))
    times = np.array([20, 100, 500, 39, 40])
    drawn = frames.draw(make_timeline(start_ms), times, np.random.default_rng(0))
    assert drawn.shape == (5, 3, 32, 32) and drawn.dtype == torch.uint8
    assert see_numbers(drawn) == [(time + start_ms) // 40 for time in times]
    times = np.arange(20, 1600, 40)
    parts = list(frames.iterate(make_timeline(start_ms), times))
    assert [len(part) for part in parts] == [32, 8]
    assert see_numbers(torch.cat(parts)) == [(time + start_ms) // 40 for time in times]


def test_stored_features_need_no_frames(folder):
    section = SECTION.model_copy(update={"backbone": ""})
    assert open_snippet_frames(folder, section) is None and build_ssn_backbone(section) is None


def test_samples_and_detections_end_to_end(folder):
    timeline, source = make_timeline(), MemorySource()
    frames = SnippetFrames(folder, RecordFilms(short_side=48), Crops(48, 32))
    proposals = np.array([[400.0, 960], [450, 550], [1500, 1900]])
    pool = make_pool([timeline], [proposals], Bounds())
    samples = SSNSamples((timeline,), source, pool, SECTION, {}, frames)
    batch = samples.collate([samples.draw(0, np.random.default_rng(0))])
    assert batch["snippets"].shape == (4, 9, 3, 32, 32) and batch["snippets"].dtype == torch.uint8
    numbers = see_numbers(batch["snippets"].flatten(0, 1))
    assert numbers == sorted(numbers[:9]) + numbers[9:]
    assert all(9 <= number <= 25 for number in numbers[2:7])  # the course of foreground
    torch.manual_seed(0)
    backbone = build_ssn_backbone(SECTION)
    model = SSNLocalizer(SSN(2, 512, backbone=backbone), None, SECTION, frames).train()
    sum(model(batch).values()).backward()
    assert backbone.body.conv1.weight.grad.abs().sum() > 0
    with torch.inference_mode():
        found = model.eval().detect(timeline, source)
        scores = model.score_snippets(timeline, source.read(timeline))
        pixels = torch.cat(list(frames.iterate(timeline, source.read(timeline).times_ms)))
        direct = model.ssn.score_frames(backbone(model.normalise(pixels)))
    torch.testing.assert_close(scores, direct, atol=1e-4, rtol=1e-4)
    assert len(found.scores) and np.isfinite(found.scores).all()


def test_weights_of_a_run_of_a_recogniser(tmp_path):
    torch.manual_seed(0)
    trained = build_ssn_backbone(SECTION)
    state = {f"model.backbone.{key}": value for key, value in trained.state_dict().items()}
    checkpoint = tmp_path / "checkpoints" / "epoch-0001.pt"
    checkpoint.parent.mkdir()
    others = {"model.classifier.weight": torch.zeros(3, 512)}
    pixels = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}
    torch.save({"format": CHECKPOINT_FORMAT, "model": {**state, **others}, "pixels": pixels}, checkpoint)
    section = SECTION.model_copy(update={"weights": str(tmp_path)})
    loaded = build_ssn_backbone(section)
    torch.testing.assert_close(loaded.body.conv1.weight, trained.body.conv1.weight)
    assert loaded.normalisation.mean == (0.1, 0.2, 0.3)
    torch.save({"format": CHECKPOINT_FORMAT, "model": others}, checkpoint)
    with pytest.raises(ConfigError, match="without a backbone"):
        build_ssn_backbone(section)
