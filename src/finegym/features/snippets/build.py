"""Making a snippet store: what is there, what is left; make it; say what the store is.

Every item is written whole or not at all, so a build that was stopped, killed included, repeats none that it finished;
one for changed annotations or records makes only what changed.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from finegym import __version__
from finegym.errors import FeatureError
from finegym.features.snippets.make import Item, SnippetMaker, find_end_ms, make_item
from finegym.features.snippets.store import (
    ITEMS_FOLDER,
    SKIPPED_FILE,
    STORE_FILE,
    ItemFacts,
    SnippetSettings,
    SnippetStore,
    StoreFacts,
    format_facts,
    get_paths,
    read_item_facts,
)
from finegym.files import hash_samples, remove_stale, write_text
from finegym.jobs import Engine, Tally, run_jobs
from finegym.video.index_cache import read_index
from finegym.video.store.lock import hold_store
from finegym.video.store.skipped import format_skipped

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class SnippetBuild:
    """What a build came to.

    Attributes:
        tally: by item id: facts of the items made now, those that were there, those that could not be made.
        store: ``store.json``, as it is now.
        removed: items that were there and are no longer wanted.
    """

    tally: Tally[ItemFacts]
    store: StoreFacts
    removed: tuple[str, ...] = ()


def build_snippets(
    items: Sequence[Item],
    folder: Path,
    out: Path,
    settings: SnippetSettings,
    maker: SnippetMaker,
    *,
    workers: int = 1,
    engine: Engine = "pool",
    verify: bool = False,
    replace: bool = False,
    show_progress: bool = True,
    advance: Callable[[int, int], None] | None = None,
) -> SnippetBuild:
    """Make the snippets of items.

    Args:
        items: all that the store is to hold; others that are there are removed.
        folder: the dataset's folder; records' paths are relative to it, and it may be a workspace that was ingested.
        out: folder of the store, on this machine.
        settings: ``maker.make_settings(…)``.
        maker: makes features.
        workers: processes; a record or an action each at a time.
        engine: where they run; see ``run_jobs``.
        verify: check the bytes of items that are there, and make damaged ones anew.
        replace: whether a store of other settings may be replaced.
        show_progress: whether bars are drawn on a terminal.
        advance: told how many snippets of an item are done, and of how many; for one process only.

    Returns:
        The tally. Failures are listed in ``skipped.csv`` too.

    Raises:
        FeatureError: the folder holds a store of other settings.
        OutputError: the store cannot be written; items that were made wait for the next run.
    """
    out, folder = Path(out), Path(folder)
    with hold_store(out):
        _check_settings(out, settings, replace)
        remove_stale(out / ITEMS_FOLDER)
        wanted = {item.item_id for item in items}
        removed = _remove_others(out, wanted)
        is_done = partial(_is_current, folder=folder, out=out, settings=settings, verify=verify)
        if removed or not all(is_done(item) for item in items):
            (out / STORE_FILE).unlink(missing_ok=True)
        make = partial(make_item, folder=folder, out=out, settings=settings, maker=maker)
        if advance is not None:
            make = partial(make, advance=advance)
        tally = run_jobs(
            items,
            make,
            key=lambda item: item.item_id,
            is_done=is_done,
            workers=workers,
            engine=engine,
            title=f"making snippets, {'a record' if settings.unit == 'record' else 'an action'} at a time",
            show_progress=show_progress,
            is_safe=True,
        )
        store = _finish(out, [item.item_id for item in items], settings, tally, maker.describe_origin())
    return SnippetBuild(tally, store, tuple(removed))


def check_snippets(store: SnippetStore) -> list[str]:
    """What of a store is not what was written, in words: files that are missing or damaged."""
    problems = []
    for item_id in store.facts.items:
        try:
            facts = store.get_facts(item_id)
            if not _is_sound(store.folder, facts, verify=True):
                problems.append(f"{item_id}: its file of features is missing or damaged")
            store.read(item_id)
        except FeatureError as error:
            problems.append(str(error))
    return problems


def _check_settings(out: Path, settings: SnippetSettings, replace: bool) -> None:
    """Refuse (or clear away) items of other settings."""
    others = []
    for path in sorted((out / ITEMS_FOLDER).glob("*.json")):
        with suppress(FeatureError, OSError, ValueError):
            facts = ItemFacts.model_validate_json(path.read_bytes())
            if facts.settings != settings:
                others.append(facts)
    if not others:
        return
    if not replace:
        raise FeatureError(
            f"{out}: holds {len(others)} items of other snippets ({others[0].settings}), asked for were {settings}. "
            "Choose another --out, or replace them with --replace."
        )
    (out / STORE_FILE).unlink(missing_ok=True)
    for facts in others:
        _remove(out, facts.item_id)


def _is_current(item: Item, *, folder: Path, out: Path, settings: SnippetSettings, verify: bool) -> bool:
    """Whether an item is there, of these settings, of this record as it is now, and of these times."""
    try:
        facts = read_item_facts(out, item.item_id)
        fingerprint = hash_samples(folder / item.path)
    except (FeatureError, OSError):
        return False
    is_same = facts.settings == settings and facts.record == item.path and facts.record_fingerprint == fingerprint
    is_same = is_same and facts.start_ms == item.start_ms and item.end_ms in (None, facts.end_ms)
    if is_same and item.end_ms is None:
        is_same = facts.end_ms == find_end_ms(read_index(folder / item.path), item)
    return is_same and _is_sound(out, facts, verify=verify)


def _is_sound(out: Path, facts: ItemFacts, *, verify: bool) -> bool:
    features, times, _ = get_paths(out, facts.item_id)
    if not features.is_file() or features.stat().st_size != facts.size_bytes or not times.is_file():
        return False
    if not verify:
        return True
    crc32 = 0
    with features.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            crc32 = zlib.crc32(piece, crc32)
    return crc32 == facts.crc32


def _remove_others(out: Path, wanted: set[str]) -> list[str]:
    removed = []
    for path in sorted((out / ITEMS_FOLDER).glob("*.json")):
        with suppress(ValueError):
            facts = ItemFacts.model_validate_json(path.read_bytes())
            if facts.item_id not in wanted:
                _remove(out, facts.item_id)
                removed.append(facts.item_id)
    return removed


def _remove(out: Path, item_id: str) -> None:
    # What says that the item is there goes first.
    for path in reversed(get_paths(out, item_id)):
        path.unlink(missing_ok=True)


def _finish(
    out: Path, order: Sequence[str], settings: SnippetSettings, tally: Tally[ItemFacts], origin: dict[str, Any]
) -> StoreFacts:
    facts = [read_item_facts(out, item_id) for item_id in order if item_id not in tally.failed]
    counts: Counter[str] = Counter()
    for each in facts:
        counts.update(each.counts)
    store = StoreFacts(
        finegym=__version__,
        settings=settings,
        items={each.item_id: (each.start_ms, each.end_ms) for each in facts},
        num_skipped=len(tally.failed),
        num_snippets=sum(each.num_snippets for each in facts),
        size_bytes=sum(each.size_bytes for each in facts),
        counts=dict(counts),
        origin=origin,
    )
    skipped = format_skipped(tally.failed, order)
    if skipped:
        write_text(out / SKIPPED_FILE, skipped)
    else:
        (out / SKIPPED_FILE).unlink(missing_ok=True)
    write_text(out / STORE_FILE, format_facts(store))
    return store
