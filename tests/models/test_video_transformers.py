"""MViTv2 and Swin3D are torchvision's networks, whole: parameters, keys, logits; weights are loaded strictly."""

from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model, get_model_weights

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET
from finegym.models.complexity import count_multiply_adds
from finegym.models.video_transformers import SLOWFAST, MViTv2, Swin3D, build_video_transformer
from finegym.training.parameter_groups import list_layers

NETWORKS = {"mvit_v2_s": MViTv2, "swin3d_t": Swin3D, "swin3d_s": Swin3D, "swin3d_b": Swin3D}


@pytest.fixture(scope="module")
def swin():
    """Torchvision's own Swin3D-T with random weights."""
    torch.manual_seed(0)
    return get_model("swin3d_t", weights=None).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_operations_are_those_that_torchvision_publishes(name):
    meta = get_model_weights(name)["KINETICS400_V1"].meta
    with torch.device("meta"):
        model = NETWORKS[name](build_video_transformer(name)[0], 400)
    assert count_parameters(model) == meta["num_params"]
    # Swin3D's are published for 16 frames, although its accuracies are of 32.
    assert count_multiply_adds(model, (1, 16, 3, 224, 224)) / 1e9 == pytest.approx(meta["_ops"], abs=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_pixels_are_normalised_as_torchvision_does_it(name):
    transform = get_model_weights(name)["KINETICS400_V1"].transforms()
    with torch.device("meta"):
        backbone, _ = build_video_transformer(name)
    assert backbone.normalisation == (SLOWFAST if name == "mvit_v2_s" else IMAGENET)
    assert (list(backbone.normalisation.mean), list(backbone.normalisation.std)) == (transform.mean, transform.std)


def check_logits(name, whole, clips, path):
    """A file of torchvision's weights, and its classifier as ours: torchvision's logits."""
    save_file({key: value.contiguous() for key, value in whole.state_dict().items()}, path)
    backbone, report = build_video_transformer(name, weights=str(path))
    assert report.ignored and all(key.startswith("head.") for key in report.ignored)
    assert len(report.used) + len(report.ignored) == len(whole.state_dict())
    model = NETWORKS[name](backbone, 400).eval()
    last = [module for module in whole.modules() if isinstance(module, torch.nn.Linear)][-1]
    model.classifier.load_state_dict(last.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model(clips), whole(clips.transpose(1, 2)), rtol=0, atol=1e-5)
    return model


def test_swin_gives_torchvisions_logits_whatever_the_batch(swin, tmp_path):
    clips = torch.randn(3, 6, 3, 40, 36)
    model = check_logits("swin3d_t", swin, clips, tmp_path / "swin3d_t.safetensors")
    with torch.no_grad():
        together = model(clips)
        alone = torch.cat([model(clip[None]) for clip in clips.flip(0)]).flip(0)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5 * float(together.abs().max()))


@pytest.mark.slow
def test_mvit_gives_torchvisions_logits(tmp_path):
    torch.manual_seed(0)
    whole = get_model("mvit_v2_s", weights=None).eval()
    check_logits("mvit_v2_s", whole, torch.randn(1, 16, 3, 224, 224), tmp_path / "mvit_v2_s.safetensors")


def test_mvit_takes_its_size_only():
    with torch.device("meta"):
        model = MViTv2(build_video_transformer("mvit_v2_s")[0], 5).eval()
        assert model(torch.empty(2, 16, 3, 224, 224)).shape == (2, 5)
        for shape in ((2, 8, 3, 224, 224), (2, 16, 3, 112, 112)):
            with pytest.raises(ConfigError, match=r"\(16, 3, 224, 224\) each, got \(2, "):
                model(torch.empty(shape))


def test_weights_that_do_not_fit_are_refused(swin, tmp_path):
    state = {key: value.contiguous() for key, value in swin.state_dict().items()}
    del state["norm.weight"]
    save_file(state, tmp_path / "damaged.safetensors")
    with pytest.raises(ConfigError, match=r"1 keys missing, 0 unknown, 0 of another shape\): missing: norm\.weight"):
        build_video_transformer("swin3d_t", weights=str(tmp_path / "damaged.safetensors"))


def test_kinetics_weights_are_torchvisions_and_checked_by_hash(swin, monkeypatch):
    choice = get_model_weights("swin3d_t")["KINETICS400_V1"]
    asked = []

    def give(self, **arguments):
        asked.append((self, arguments))
        return swin.state_dict()

    monkeypatch.setattr(type(choice), "get_state_dict", give)
    _, report = build_video_transformer("swin3d_t", weights="kinetics400")
    assert asked == [(choice, {"progress": False, "check_hash": True, "weights_only": True})]
    assert report.source == str(choice)


def test_kinetics_weights_without_a_network_say_where_they_are(monkeypatch):
    def fail(self, **_):
        raise URLError("no network")

    monkeypatch.setattr(type(get_model_weights("swin3d_t")["KINETICS400_V1"]), "get_state_dict", fail)
    with pytest.raises(ConfigError, match=r"could not be fetched: .*Fetch https://.*/swin3d_t-.*give the file"):
        build_video_transformer("swin3d_t", weights="kinetics400")


@pytest.mark.parametrize(("name", "count"), [("mvit_v2_s", 18), ("swin3d_t", 16)])
def test_layers_of_a_transformer_are_its_blocks(name, count):
    with torch.device("meta"):
        model = NETWORKS[name](build_video_transformer(name)[0], 5)
    layers = list_layers(model)
    assert len(layers) == count  # patches (and positions), blocks, the mergings between stages
    named = [key for layer in layers for key in layer]
    assert sorted(named) == sorted(key for key, _ in model.named_parameters() if not key.startswith("classifier."))
