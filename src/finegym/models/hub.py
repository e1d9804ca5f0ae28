"""Weights from the Hugging Face Hub: fetched by its own library, into its own cache, and checked by SHA-256.

An address is ``hub:OWNER/NAME/FILE`` or, of one revision (a branch, tag or commit), ``hub:OWNER/NAME@REVISION/FILE``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import ConfigError

HUB = "hub:"
_ADDRESS = re.compile(r"hub:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[^@]+?))?/(?P<file>[^@]+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of the Hub on this machine.

    Attributes:
        path: in the cache of huggingface_hub.
        source: its address, commit and SHA-256, in words.
    """

    path: Path
    source: str


def fetch_hub_file(address: str) -> HubFile:
    """A file of the Hub from the cache, or downloaded where there is a network.

    The Hub names a large file by the SHA-256 of its content, and so does the cache; what lies there is hashed, whether
    it came now or long ago.

    Args:
        address: see above.

    Raises:
        ConfigError: the address is none, the file cannot be had, it has no SHA-256 on the Hub, or another than that.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ConfigError(f"{address!r} is no address of the Hub: expected hub:OWNER/NAME/FILE or …/NAME@REVISION/FILE")
    repository, revision, file = found["repository"], found["revision"], found["file"]
    try:
        path = Path(hf_hub_download(repository, file, revision=revision))
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"{address} could not be fetched: {reason} Fetch "
            f"https://huggingface.co/{repository}/resolve/{revision or 'main'}/{file} where there is a network and "
            "give the file."
        ) from error
    return HubFile(path, f"{address} ({check_cached_file(path, address)})")


def check_cached_file(path: Path, address: str) -> str:
    """Hash a file in the cache of huggingface_hub against the name that it has there; commit and hash in words.

    Raises:
        ConfigError: it has another SHA-256, or is no large file of the Hub and has none.
    """
    wanted = path.resolve().name  # snapshots/COMMIT/FILE links to blobs/SHA-256
    if not _SHA256.fullmatch(wanted):
        raise ConfigError(f"{address} has no SHA-256 on the Hub ({path}): download it and give the file")
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != wanted:
        raise ConfigError(
            f"{address} is damaged: {path.resolve()} has SHA-256 {digest.hexdigest()[:12]}…, the Hub says "
            f"{wanted[:12]}…. Delete that file and give the same command again."
        )
    commit = path.parent.name if re.fullmatch(r"[0-9a-f]{40}", path.parent.name) else ""
    return ", ".join([*([f"commit {commit[:12]}"] if commit else []), f"SHA-256 {wanted}"])
