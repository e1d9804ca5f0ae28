"""A recogniser as an ONNX file that says what it is: the entry point behind ``finegym model export``.

The file takes batches of any size and carries its classes, its normalisation and the run it is from. It is written only
after ONNX Runtime has given the same logits as PyTorch.

PyTorch's exporter of ``torch.export`` programs is used (it needs onnxscript): the older one, of traces, makes constants
of batch sizes and loses what is written into parts of tensors.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from finegym import __version__
from finegym.datasets.views import FLOW_MEAN, FLOW_STD
from finegym.errors import ConfigError, OutputError
from finegym.files import replace_file
from finegym.models.backbones import Normalisation
from finegym.models.zoo import NETWORKS
from finegym.training.build_model import build_model
from finegym.training.head_arrays import parse_head_facts
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder, read_checkpoint
from finegym.training.starting import load_checkpoint

FORMAT = "finegym-onnx/1"
OPSET = 18  # ONNX Runtime has known it since 1.14
INPUT, OUTPUT = "clips", "logits"
EXAMPLE_BATCH, CHECKED_BATCHES = 2, (1, 3)
TOLERANCE = 1e-4
SMALLEST = 1e-30  # logits that are all 0 are compared as they are
NUM_JOINTS = 17


@dataclass(frozen=True)
class OnnxExport:
    """A file that was written and checked.

    Attributes:
        path: of the file.
        size_bytes: of the file.
        input_shape: of one clip, without the batch.
        num_classes: K.
        difference: the greatest one between ONNX Runtime's logits and PyTorch's, as a share of the greatest logit.
        metadata: what the file says of itself.
    """

    path: Path
    size_bytes: int
    input_shape: tuple[int, ...]
    num_classes: int
    difference: float
    metadata: Mapping[str, str]


def export_run(run: RunFolder, out: Path, *, checkpoint: str = "last") -> OnnxExport:
    """Write a trained run as ONNX; neither dataset nor clips are needed.

    Args:
        run: with at least one checkpoint.
        out: the new file.
        checkpoint: ``last``, or the number of epochs done.

    Raises:
        ConfigError: there is no such run or checkpoint, the extra ``onnx`` is missing, or the network has a part that
            ONNX does not know.
        OutputError: ONNX Runtime gives other logits, or the file cannot be written; no file is left.
    """
    _require_onnx()
    recipe, facts = run.read_recipe(), run.read_facts()
    path = run.find_checkpoint(checkpoint)
    content = read_checkpoint(path)
    head = parse_head_facts(facts.get("head"))
    model, _ = build_model(recipe, len(content["classes"]), head=head, load_weights=False)
    load_checkpoint(model, content, path, content["classes"])
    axes, shape = find_input(recipe)
    metadata = {
        "run": recipe.name,
        "checkpoint": path.name,
        "epochs_done": str(content["epochs_done"]),
        "model": recipe.model.name,
        "subset": str(facts.get("subset", "")),
        "subset_sha256": str(facts.get("split", {}).get("subset_sha256", "")),
        "class_ids": _format([id_ for id_, _ in content["classes"]]),
        "class_names": _format([name for _, name in content["classes"]]),
        "input": axes,
        **describe_view(recipe, model.normalisation),
    }
    if "features" in facts:
        metadata["features"] = _format(facts["features"])
    return export_onnx(model, shape, out, metadata)


def export_network(name: str, out: Path) -> OnnxExport:
    """Write a network of the zoo with random weights as ONNX: to measure, or to see whether a device takes it.

    Raises:
        ConfigError: there is no such network, or the extra ``onnx`` is missing.
        OutputError: as for ``export_run``.
    """
    _require_onnx()
    if name not in NETWORKS:
        raise ConfigError(f"{name} is neither a run folder nor a network of `finegym model list`")
    network = NETWORKS[name]
    model = network.build()
    normalisation = model.normalisation
    metadata = {"model": name, "weights": "random", "input": network.axes}
    if normalisation is not None:
        metadata.update(mean=_format(normalisation.mean), std=_format(normalisation.std))
    return export_onnx(model, network.shape[1:], out, metadata)


def export_onnx(model: nn.Module, shape: Sequence[int], out: Path, metadata: Mapping[str, str]) -> OnnxExport:
    """Write any module that maps clips (B, …) to logits (B, K) as ONNX, once its logits agree.

    Args:
        model: is left as it is.
        shape: of one clip; the batch is free, all else is fixed.
        out: the new file.
        metadata: kept in the file's ``metadata_props``, beside format, versions and shape.

    Raises:
        ConfigError: the extra ``onnx`` is missing, or the module has a part that ONNX does not know.
        OutputError: ONNX Runtime gives other logits, or the file cannot be written; no file is left.
    """
    _require_onnx()
    model = copy.deepcopy(model).cpu().float().eval()
    metadata = {
        "format": FORMAT,
        "finegym": __version__,
        "torch": str(torch.__version__),
        "input_shape": _format([None, *shape]),
        **metadata,
    }
    content = _add_metadata(_convert(model, shape), metadata)
    difference, num_classes = _compare(model, shape, content)
    if not difference <= TOLERANCE:  # NaN is not
        raise OutputError(
            f"{out}: not written, for ONNX Runtime's logits differ from PyTorch's by {difference:.1e} of the greatest "
            f"logit, more than {TOLERANCE:g}. This network cannot be exported as it is."
        )
    with replace_file(out) as temporary:
        temporary.write_bytes(content)
    return OnnxExport(Path(out), len(content), tuple(shape), num_classes, difference, metadata)


def find_input(recipe: Recipe) -> tuple[str, tuple[int, ...]]:
    """Axes of what a recipe's model takes, and the shape of one clip (without B) as evaluation shows it."""
    data = recipe.data
    if recipe.pose is not None:
        return "B, C, T, V, M", (3, recipe.pose.clip_len, NUM_JOINTS, recipe.pose.num_persons)
    if recipe.heatmap is not None:
        return "B, V, T, H, W", (NUM_JOINTS, recipe.heatmap.clip_len, recipe.heatmap.size, recipe.heatmap.size)
    square = (data.crop_size, data.crop_size)
    if recipe.clip is not None:
        return "B, T, C, H, W", (recipe.clip.clip_len, {"rgb": 3, "flow": 2}[data.modality], *square)
    channels = {"rgb": 3, "rgb-diff": 3 * data.flow_frames, "flow": 2 * data.flow_frames}[data.modality]
    return "B, T, C, H, W", (data.num_segments_test, channels, *square)


def describe_view(recipe: Recipe, normalisation: Normalisation | None) -> dict[str, str]:
    """How a clip becomes the input of a recipe's model, for those who do it without finegym."""
    data = recipe.data
    section = recipe.pose or recipe.heatmap
    if section is not None:
        return {"modality": data.modality, "view": _format(section.model_dump())}
    assert normalisation is not None, "a model of pictures sees pixels"
    mean, std = ((FLOW_MEAN,), (FLOW_STD,)) if data.modality == "flow" else (normalisation.mean, normalisation.std)
    meaning = {
        "rgb": "RGB from 0 to 255 as (value / 255 - mean) / std",
        "rgb-diff": "differences of consecutive RGB frames, each of them as (value / 255 - mean) / std",
        "flow": "dx and dy in turn, codes from 0 to 255 (bound 20 pixels) as (code / 255 - mean) / std",
    }[data.modality]
    view: dict[str, Any] = {"short_side": data.short_side, "crop_size": data.crop_size}
    if recipe.clip is not None:
        view.update(recipe.clip.model_dump(include={"clip_len", "frame_interval", "num_clips_test"}))
    else:
        view["num_segments"] = data.num_segments_test
        if data.modality != "rgb":
            view["flow_frames"] = data.flow_frames
    return {
        "modality": data.modality,
        "pixels": meaning,
        "mean": _format(mean),
        "std": _format(std),
        "view": _format(view),
    }


def _convert(model: nn.Module, shape: Sequence[int]) -> bytes:
    batch = torch.export.Dim("batch", min=1)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of libraries under the exporter; what matters is checked afterwards
            path = Path(folder) / "model.onnx"
            torch.onnx.export(
                model,
                (torch.rand(EXAMPLE_BATCH, *shape),),
                path,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: batch},),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
            return path.read_bytes()
    except torch.onnx.OnnxExporterError as error:
        # Its own message is how to file a bug; the reason is the one below.
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ConfigError(f"{type(model).__name__} cannot be written as ONNX: {reason}") from error


def _add_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    import onnx

    proto = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(proto, dict(metadata))
    proto.producer_name, proto.producer_version = "finegym", __version__
    return proto.SerializeToString()


def _compare(model: nn.Module, shape: Sequence[int], content: bytes) -> tuple[float, int]:
    """Greatest difference of logits as a share of the greatest logit, in batches unlike the example; and K."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what it refuses is raised
    differences = []
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for number, batch in enumerate(CHECKED_BATCHES):
            clips = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(number))
            with torch.no_grad():
                expected = model(clips).numpy()
            got = session.run([OUTPUT], {INPUT: clips.numpy()})[0]
            if got.shape != expected.shape:
                return float("nan"), expected.shape[1]
            scale = max(float(np.abs(expected).max()), SMALLEST)
            differences.append(float(np.abs(got - expected).max()) / scale)
    except Exception as error:  # ONNX Runtime has no exception of its own
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise OutputError(f"ONNX Runtime does not run the exported network: {str(error).splitlines()[0]}") from error
    return float(np.max(differences)), expected.shape[1]


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"ONNX export needs {' and '.join(missing)}: pip install 'finegym[onnx]'")


def _format(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
