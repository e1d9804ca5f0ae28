"""What people wrote and did: codebooks and guidelines in all their versions, history, rules of exclusion, agreement."""

from __future__ import annotations

import csv
import io

from finegym.release.contents import Contents, format_json
from finegym.release.diff_text import format_changes_page
from finegym.release.exclusions import KINDS, WITHDRAWN, Exclusions
from finegym.release.exports.exported import name_files
from finegym.release.source import GuidelineVersion

HISTORY_COLUMNS = ("date", "kind", "text", "number")


def format_documents(contents: Contents) -> dict[str, str]:
    """Files by path; those that would be empty are not there."""
    source = contents.source
    files = {"exclusions.json": format_json(export_exclusions(contents.exclusions))}
    if len(source.codebooks) > 1:
        files |= {f"codebooks/{one.number:03d}.yaml": one.text for one in source.codebooks}
    names = name_files(dict.fromkeys(page.key.replace(":", "-", 1) for page in source.guidelines), "")
    files |= {
        f"guidelines/{names[page.key.replace(':', '-', 1)]}/{page.version:03d}.md": _format_page(page)
        for page in source.guidelines
    }
    if source.history:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(HISTORY_COLUMNS)
        writer.writerows(source.history)
        files["history.csv"] = buffer.getvalue()
    files |= {f"agreement/{stage}.json": format_json(one) for stage, one in source.agreement.items()}
    if contents.changes is not None:
        files["changes.json"] = format_json(contents.changes.to_dict())
        files["CHANGES.md"] = format_changes_page(contents.changes)
    return files


def export_exclusions(exclusions: Exclusions) -> dict[str, object]:
    """``exclusions.json``: every rule with what it came to. What was withdrawn is counted, and not named."""
    withdrawn = {id_ for one in exclusions.rules if one.rule.why == WITHDRAWN for id_ in one.instance_ids}
    rules = []
    for applied in exclusions.rules:
        counts = {"records": applied.num_records, "actions": applied.num_actions}
        counts["sub_actions"] = len(applied.instance_ids)
        covered = [id_ for id_ in applied.instance_ids if id_ not in withdrawn]
        facts = {**applied.rule.model_dump(mode="json"), "counts": counts, "covered": covered}
        if applied.rule.why == WITHDRAWN:
            facts |= {kind: [] for kind in KINDS}
        rules.append(facts)
    return {"format": "finegym-exclusions/1", "rules": rules}


def _format_page(page: GuidelineVersion) -> str:
    since = f", since {page.date}" if page.date else ""
    return f"# {page.title}\n\nGuidelines on {page.key}, version {page.version}{since}.\n\n{page.text.rstrip()}\n"
