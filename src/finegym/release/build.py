"""Building a release: everything is decided and made before the first file is written, and the folder appears whole.

The same source and settings give the same bytes: nothing is dated but what ``about.toml`` dates, lists keep the order
of the dataset, floats are rounded, and figures and archives carry no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.convert import require_new
from finegym.annotations.folder import write_dataset
from finegym.annotations.splits import format_split
from finegym.files import new_folder
from finegym.release.contents import Contents, format_json, prepare_dataset
from finegym.release.croissant import FILE as CROISSANT_FILE
from finegym.release.croissant import make_croissant
from finegym.release.data_card import FILE as CARD_FILE
from finegym.release.data_card import format_data_card
from finegym.release.datasheet import FILE as DATASHEET_FILE
from finegym.release.datasheet import format_datasheet
from finegym.release.diff import ReleaseDiff, compare_releases
from finegym.release.documents import format_documents
from finegym.release.exclusions import apply_exclusions, parse_rules
from finegym.release.exports.exported import Exported, ExportSettings
from finegym.release.exports.write import write_exports
from finegym.release.facts import gather_facts
from finegym.release.file_kinds import SCHEMA_FOLDER, make_schemas
from finegym.release.leak_gate import pass_leak_gate
from finegym.release.manifest import write_manifest
from finegym.release.numbers import compute_numbers, format_numbers
from finegym.release.official_files import format_official_folder
from finegym.release.read import RELEASE_FILE, Released
from finegym.release.setting_splits import choose_splits, keep_annotated
from finegym.release.settings import ReleaseSettings, check_name
from finegym.release.shapes import ReleaseFile
from finegym.release.source import ReleaseSource
from finegym.release.tables import format_tables
from finegym.release.work import publish_work

EXPORTS_FOLDER = "exports"


@dataclass(frozen=True)
class BuiltRelease:
    """A release that was built.

    Attributes:
        folder: of it.
        facts: what ``release.json`` says.
        num_files: in it, the manifest included.
        size_bytes: of them.
        sha256: of the manifest: it names the release down to the last byte.
        changes: since the last release, where one was named.
    """

    folder: Path
    facts: ReleaseFile
    num_files: int
    size_bytes: int
    sha256: str
    changes: ReleaseDiff | None


def build_release(
    source: ReleaseSource,
    folder: Path,
    settings: ReleaseSettings,
    *,
    previous: Released | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> BuiltRelease:
    """Freeze a dataset into a folder.

    Args:
        source: what it is made of.
        folder: to make; must not be there, or be empty.
        settings: what is asked for.
        previous: the last release, for the history of changes.
        say: called with a line before each part.

    Raises:
        ReleaseError: the leak gate, or a split that does not fit.
        ConfigError: settings or rules that cannot be.
        AnnotationError: a setting that cannot be made, or annotations that do not fit their files.
        OutputError: the folder is there already, or cannot be written. Nothing is left half-written.
    """
    folder = Path(folder)
    require_new(folder)
    say("rules of exclusion, splits, leak gate")
    contents = plan_release(source, settings, previous)
    with new_folder(folder) as new:
        say("annotations and tables")
        files = _write_data(contents, new)
        say("exports")
        exports = _write_exports(contents, new / EXPORTS_FOLDER)
        facts = gather_facts(contents, exports)
        say("statistics and cards")
        _write_pages(contents, facts, files, new)
        say("checksums")
        sha256 = write_manifest(new, contents.name, settings.version)
        sizes = [path.stat().st_size for path in new.rglob("*") if path.is_file()]
    return BuiltRelease(folder, facts, len(sizes), sum(sizes), sha256, contents.changes)


def plan_release(source: ReleaseSource, settings: ReleaseSettings, previous: Released | None = None) -> Contents:
    """Decide everything: what is left out, the splits, the gate, what has changed. Writes nothing."""
    name = check_name(source.name)
    prepared = prepare_dataset(source.dataset, settings.athletes)
    exclusions = apply_exclusions(prepared, parse_rules(source.exclusions))
    splits = choose_splits(source.splits, exclusions, settings, previous.splits if previous else ())
    gated = pass_leak_gate(splits, exclusions.dataset, settings)
    changes = None
    if previous is not None:
        changes = compare_releases(
            previous.dataset,
            exclusions.dataset,
            old_splits=previous.splits,
            new_splits=[one.split for one in splits],
            old_name=previous.name,
            new_name=f"{name} {settings.version}",
        )
    num_moved = sum(old.path != new.path for old, new in zip(source.dataset.videos, prepared.videos, strict=True))
    source = publish_work(source, prepared, exclusions.dataset)
    return Contents(name, settings, source, exclusions, gated, changes, num_moved)


def _write_data(contents: Contents, folder: Path) -> dict[str, bytes]:
    """The dataset folder, splits, tables, official files, what people wrote. Returns what Croissant reads."""
    write_dataset(contents.dataset, folder)
    described = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    texts: dict[str, str] = {}
    for gated in contents.splits:
        split = gated.released.split
        texts |= {f"splits/{split.name}/{name}": text for name, text in format_split(split).items()}
    texts |= format_official_folder(contents)
    texts |= format_documents(contents)
    texts |= {f"{SCHEMA_FOLDER}/{name}.schema.json": format_json(one) for name, one in make_schemas().items()}
    tables = format_tables(contents)
    _write(folder, {**tables, **{path: text.encode() for path, text in texts.items()}})
    return {**described, **tables}


def _write_exports(contents: Contents, folder: Path) -> dict[str, Exported]:
    formats = contents.settings.exports
    if formats == ():
        return {}
    splits = tuple(keep_annotated(one.released.split, contents.dataset) for one in contents.splits)
    settings = ExportSettings(is_simulated=contents.source.is_simulated, splits=splits, allow_loss=True)
    return write_exports(contents.dataset, folder, formats, settings)


def _write_pages(contents: Contents, facts: ReleaseFile, files: dict[str, bytes], folder: Path) -> None:
    numbers = compute_numbers(contents)
    pages = {
        RELEASE_FILE: format_json(facts.model_dump(mode="json")),
        CROISSANT_FILE: format_json(make_croissant(contents, facts, files)),
        CARD_FILE: format_data_card(contents, facts, numbers),
        DATASHEET_FILE: format_datasheet(contents, facts, numbers),
    }
    _write(folder, {name: text.encode() for name, text in pages.items()})
    _write(folder, format_numbers(contents, numbers))


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
