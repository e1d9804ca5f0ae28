"""Is a folder the release that its manifest says? Every file, every hash, nothing more; then what the files say.

Media files at the places that ``records.csv`` names are no strangers: readers put them there. Where the release knows
their SHA-256 they are compared too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finegym.annotations.audit import audit_split
from finegym.annotations.splits import check_split
from finegym.errors import FineGymError, ReleaseError
from finegym.release.manifest import MANIFEST_FILE, hash_file, list_files, read_manifest
from finegym.release.read import Released, read_release
from finegym.release.shapes import LeakFacts, ManifestFile, ReleaseFile, SplitFacts
from finegym.release.table_files import read_media_hashes


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        name: of the dataset, and its version.
        problems: what is not as it should be, a line each; empty for the release as it was published.
        num_files: files compared with their hashes.
        num_media: media files that are there; those of known hash were compared.
        sha256: of the manifest.
    """

    name: str
    problems: tuple[str, ...]
    num_files: int
    num_media: int
    sha256: str

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_release(
    folder: Path, *, sha256: str | None = None, say: Callable[[str], None] = lambda text: None
) -> Verified:
    """Compare a folder with its manifest, then read what it holds.

    Args:
        folder: of the release.
        sha256: that the manifest should have, as whoever published the release says; a manifest that was changed along
            with a file is noticed only by this.
        say: called with a line before each part.

    Raises:
        ReleaseError: there is no manifest, or it is none.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    own = hash_file(folder / MANIFEST_FILE)
    problems = []
    if sha256 is not None and own != sha256.strip().lower():
        problems.append(
            f"{MANIFEST_FILE}: SHA-256 is {own}, expected {sha256}: it is not the manifest that was published"
        )
    say(f"checking {len(manifest.files)} files")
    media = _find_media(folder)
    problems += _compare_files(folder, manifest, set(media))
    if not problems:
        say("reading what they hold")
        problems += _check_contents(folder, manifest)
    say(f"checking {len(media)} media files")
    problems += _compare_media(folder, media)
    name = f"{manifest.name} {manifest.version}"
    return Verified(name, tuple(problems), len(manifest.files), len(media), own)


def _compare_files(folder: Path, manifest: ManifestFile, media: set[str]) -> Iterator[str]:
    listed = {entry.path: entry for entry in manifest.files}
    if len(listed) < len(manifest.files):
        yield f"{MANIFEST_FILE}: lists a file twice"
    there = list(list_files(folder))
    media_folders = {parent.as_posix() for path in media for parent in PurePosixPath(path).parents}
    for path in there:
        # A folder of media may be a link: then it is listed, and its files are not.
        if path not in listed and path != MANIFEST_FILE and path not in media and path not in media_folders:
            yield f"{path}: is not part of the release"
    present = set(there)
    for path, entry in listed.items():
        whole = folder / path
        if path not in present:
            yield f"{path}: is missing"
        elif whole.is_symlink() or not whole.is_file():
            yield f"{path}: expected a file, got a link or something else"
        else:
            yield from _compare_file(whole, path, entry.size_bytes, entry.sha256)


def _compare_file(whole: Path, path: str, size_bytes: int, sha256: str) -> Iterator[str]:
    try:
        size = whole.stat().st_size
        if size != size_bytes:
            yield f"{path}: has {size:,} bytes, expected {size_bytes:,}"
        elif hash_file(whole) != sha256:
            yield f"{path}: was changed (its SHA-256 differs)"
    except OSError as error:
        yield f"{path}: cannot be read: {error.strerror}"


def _find_media(folder: Path) -> dict[str, str | None]:
    """Media files that are there, by path, with the SHA-256 that the release knows."""
    try:
        known = read_media_hashes(folder)
    except (OSError, ReleaseError):
        return {}  # the table is damaged, which its own hash says
    return {path: sha256 for path, sha256 in known.items() if (folder / path).is_file()}


def _compare_media(folder: Path, media: dict[str, str | None]) -> Iterator[str]:
    for path, sha256 in media.items():
        if sha256 is not None and hash_file(folder / path) != sha256:
            yield f"{path}: is not the media file that was annotated (its SHA-256 differs)"


def _check_contents(folder: Path, manifest: ManifestFile) -> Iterator[str]:
    """What no hash tells: a release that was built wrong."""
    try:
        released = read_release(folder)
    except FineGymError as error:
        yield str(error)
        return
    if released.facts is None:
        yield "release.json: is not part of the release"
        return
    if (released.facts.name, released.facts.version) != (manifest.name, manifest.version):
        yield f"release.json: is about {released.facts.name} {released.facts.version}, the manifest is not"
    yield from _check_counts(released, released.facts)
    facts_of = {split.name: split for split in released.facts.splits}
    if facts_of.keys() != {split.name for split in released.splits}:
        yield f"splits: expected {', '.join(facts_of) or 'none'}, got {', '.join(s.name for s in released.splits)}"
        return
    for split in released.splits:
        yield from _check_split(released, split.name, facts_of[split.name])


def _check_counts(released: Released, facts: ReleaseFile) -> Iterator[str]:
    dataset = released.dataset
    counted = {
        "records": len(dataset.videos),
        "actions": sum(len(video.actions) for video in dataset.videos),
        "sub_actions": len(dataset.instances),
    }
    for what, number in counted.items():
        said = getattr(facts.counts, what)
        if said != number:
            yield f"release.json: says {said:,} {what}, there are {number:,}"


def _check_split(released: Released, name: str, facts: SplitFacts) -> Iterator[str]:
    """A split fits the annotations, and nothing leaks beyond what the release states."""
    split = next(one for one in released.splits if one.name == name)
    allow_unknown = facts.num_not_annotated > 0
    try:
        check_split(split, released.dataset, allow_unknown=allow_unknown)
        audit = audit_split(split, released.dataset, allow_unknown=allow_unknown)
    except FineGymError as error:
        yield str(error)
        return
    stated: dict[str, LeakFacts] = {leak.kind: leak for leak in facts.leaks}
    for leak in audit.leaks:
        said = stated.get(leak.kind)
        if leak.shared and (said is None or said.num_shared != len(leak.shared)):
            yield f"split {name}: {len(leak.shared)} {leak.kind} groups on both sides, which release.json does not say"
        elif leak.shared and said is not None and said.is_guarded and said.exception is None:
            yield f"split {name}: {leak.kind} groups are on both sides, and no exception is named"
