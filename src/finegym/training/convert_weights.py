"""A weights file from elsewhere to a weights file of ours: the call behind ``finegym weights convert``."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from finegym import __version__
from finegym.errors import ConfigError
from finegym.features.weights import hash_file
from finegym.files import replace_file
from finegym.models.backbones import read_state
from finegym.models.weights_convert import Conversion, convert_state
from finegym.models.weights_origin import Origin, describe_origin


def convert_file(
    source: Path, target: str, out: Path, *, layout: str = "auto", in_channels: int | None = None
) -> tuple[Conversion, Origin]:
    """Convert a file, without running code in it; nothing is written unless every tensor has its place.

    Args:
        source: ``.safetensors``, or a file that ``torch.load(weights_only=True)`` reads.
        target: ``METHOD/BACKBONE``, ``stgcn``, ``posec3d``, or a backbone.
        out: ``.safetensors``; must not exist.
        layout: one of ``weights_layouts.LAYOUTS``, or ``auto``.
        in_channels: widen RGB weights to this many channels.

    Returns:
        What became of every tensor, and what the new file says of itself.

    Raises:
        ConfigError: the file cannot be read, or does not fit the target.
        OutputError: ``out`` cannot be written.
    """
    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: expected a name that ends in .safetensors")
    if out.exists():
        raise ConfigError(f"--out {out} exists. Remove it, or give another name.")
    state = read_state(source)
    conversion = convert_state(state, target, source=str(source), layout=layout, in_channels=in_channels)
    origin = describe_origin(conversion, source.name, hash_file(source), __version__)
    # Copies: tensors of a checkpoint may be views of each other's memory, which safetensors refuses.
    tensors = {key: tensor.contiguous().clone() for key, tensor in conversion.state.items()}
    with replace_file(out) as temporary:
        save_file(tensors, temporary, metadata=origin.to_metadata())
    return conversion, origin
