"""The difference of two releases as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from finegym.annotations.text import format_count, format_table
from finegym.codebook.diff import CodebookDiff
from finegym.release.diff import KINDS, ReleaseDiff, ThingChange


def format_diff(diff: ReleaseDiff, limit: int | None = 20) -> str:
    """Counts in a table, then the changes, kind by kind.

    Args:
        diff: of two releases.
        limit: changes to show of every level and kind; ``None`` for all.
    """
    if diff.is_empty:
        return f"{diff.old} and {diff.new} hold the same"
    lines = [f"{diff.old} → {diff.new}", "", format_counts(diff)]
    changes = _count_codebook(diff.codebook)
    lines += ["", f"codebook: {', '.join(changes) or 'no changes'} (finegym codebook diff shows them)"]
    lines += [f"split {line}" for line in _describe_splits(diff)]
    for (level, kind), of_kind in _group(diff).items():
        lines += ["", f"{level}s {kind} ({len(of_kind):,})"]
        lines += [f"  {describe_change(change)}" for change in of_kind[:limit]]
        if limit is not None and len(of_kind) > limit:
            lines.append(f"  and {len(of_kind) - limit:,} more (--all)")
    return "\n".join(lines)


def format_counts(diff: ReleaseDiff) -> str:
    """How many things of every level changed, and how."""
    rows = [(f"{level}s", *kinds.values(), diff.num_same[level]) for level, kinds in diff.count().items()]
    return format_table(("", *KINDS, "same"), rows)


def format_changes_page(diff: ReleaseDiff) -> str:
    """``CHANGES.md`` of a release: all changes, nothing shortened."""
    lines = [f"# Changes from {diff.old} to {diff.new}", ""]
    if diff.is_empty:
        return "\n".join([*lines, "Nothing changed.", ""])
    lines += [f"| | {' | '.join(KINDS)} | same |", "|---" * (len(KINDS) + 2) + "|"]
    for level, kinds in diff.count().items():
        lines.append(f"| {level}s | {' | '.join(f'{n:,}' for n in kinds.values())} | {diff.num_same[level]:,} |")
    lines += ["", f"Codebook: {', '.join(_count_codebook(diff.codebook)) or 'no changes'}.", ""]
    lines += [f"- Split {line}" for line in _describe_splits(diff)]
    for (level, kind), of_kind in _group(diff).items():
        lines += ["", f"## {level.capitalize()}s {kind} ({len(of_kind):,})", ""]
        lines += [f"- {describe_change(change)}" for change in of_kind]
    return "\n".join([*lines, ""])


def describe_change(change: ThingChange) -> str:
    """One change on one line."""
    was = f" (was {change.old_id})" if change.old_id not in (None, change.id) else ""
    if change.kind == "renamed":
        return f"{change.id}{was}"
    between = f": {change.before or 'no label'} → {change.after or 'no label'}" if change.before or change.after else ""
    return f"{change.id}{was}{between}"


def _group(diff: ReleaseDiff) -> dict[tuple[str, str], list[ThingChange]]:
    groups: dict[tuple[str, str], list[ThingChange]] = {}
    for change in diff.changes:
        groups.setdefault((change.level, change.kind), []).append(change)
    return groups


def _describe_splits(diff: ReleaseDiff) -> Iterator[str]:
    for split in diff.splits:
        if split.is_new:
            yield f"{split.name}: new, {format_count(split.num_added, 'instance')}"
        elif split.is_gone:
            yield f"{split.name}: gone, {format_count(split.num_removed, 'instance')}"
        elif split.is_same:
            yield f"{split.name}: the same"
        else:
            yield (
                f"{split.name}: {split.num_added:,} added, {split.num_removed:,} removed, "
                f"{split.num_moved:,} on the other side, {split.num_reclassed:,} with another class index"
            )


def _count_codebook(diff: CodebookDiff) -> list[str]:
    lists = {name: value for name, value in diff.to_json().items() if not name.endswith("_version")}
    return [f"{len(value):,} {name.replace('_', ' ')}" for name, value in lists.items() if value]
