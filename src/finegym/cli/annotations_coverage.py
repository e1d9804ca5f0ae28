"""``finegym annotations coverage``: a thin skin, added to the noun in ``cli.annotations``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.annotations.model import Dataset
    from finegym.annotations.source import Source


def coverage(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A dataset folder or a folder of official FineGym files.")
    ],
    splits: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPLIT…]",
            help="Splits of the dataset, split folders, or gym99, gym288, gym99-v1.0 …; all of the dataset by default, "
            "of FineGym's gym99 and gym288.",
        ),
    ] = None,
    missing: Annotated[
        Path | None,
        typer.Option("--missing", metavar="FILE", help="Ids of missing records, one a line, or a CSV with `video_id`."),
    ] = None,
    media: Annotated[
        Path | None, typer.Option("--media", metavar="DIR", help="Missing is what has no media file `<id>.*` in there.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest", metavar="FILE", help="`download.csv`: missing is all that it does not say to be there."
        ),
    ] = None,
    min_instances: Annotated[
        int, typer.Option("--min-instances", min=1, metavar="N", help="Name classes that fall below N on a side.")
    ] = 10,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write every class of every split to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Count what missing records cost: each split and side, each event and set, each class.

    Give one of `--missing`, `--media` and `--manifest`. Ids are compared as they stand, upper and lower case too.

    **Example**: `finegym annotations coverage official/ gym99 --manifest records/download.csv`
    """
    if sum(given is not None for given in (missing, media, manifest)) != 1:
        raise typer.BadParameter("give one of --missing FILE, --media DIR and --manifest FILE")
    from finegym.annotations.choosing import choose_split
    from finegym.annotations.coverage import compute_coverage, list_record_ids
    from finegym.annotations.coverage_text import format_classes_csv, format_coverage
    from finegym.annotations.source import open_source
    from finegym.annotations.splits import check_split
    from finegym.files import write_text

    source = open_source(dataset)
    chosen = [choose_split(source, name) for name in dict.fromkeys(splits or _list_default_splits(source))]
    if source.official is None:
        for split, folder in chosen:
            check_split(split, source.dataset, folder, allow_unknown=True)
    known = list_record_ids(source.dataset, [split for split, _ in chosen])
    there: list[str] = []
    if missing is not None:
        why = _read_missing(missing, known)
    elif media is not None:
        why = _find_without_media(media, source.dataset, known)
    else:
        assert manifest is not None
        why, there = _read_manifest(manifest, known)
    found = compute_coverage(
        source.dataset, [split for split, _ in chosen], why, there=there, min_instances=min_instances
    )
    if csv_file is not None:
        write_text(csv_file, format_classes_csv(found))
        typer.echo(f"{sum(len(split.classes) for split in found.splits)} classes written to {csv_file}", err=True)
    reasons = dict(Counter(why[id_] for id_ in found.missing if why[id_]).most_common())
    if as_json:
        typer.echo(json.dumps({"dataset_path": str(dataset), "reasons": reasons, **found.to_dict()}, indent=1))
    else:
        typer.echo(format_coverage(found, reasons))


def _list_default_splits(source: Source) -> list[str]:
    from finegym.annotations.choosing import list_splits
    from finegym.annotations.splits import OFFICIAL_VERSIONS

    names = list_splits(source)
    if source.official is None:
        return names
    # The newest version of each list; the older ones are asked for by name.
    newest = f"-v{OFFICIAL_VERSIONS[0]}"
    return [name.removesuffix(newest) for name in names if name.endswith(newest)]


def _read_missing(path: Path, known: list[str]) -> dict[str, str]:
    """Missing ids, without a reason; ids of nothing known are kept, to be counted."""
    from finegym.annotations.record_ids import read_record_ids
    from finegym.errors import ConfigError
    from finegym.video.download_manifest import COLUMNS

    listed = read_record_ids(path)
    if path.is_dir():
        raise ConfigError(f"--missing {path}: expected a list of missing records, got a dataset")
    if path.read_bytes().decode("utf-8-sig", errors="replace").startswith(",".join(COLUMNS)):
        raise ConfigError(f"--missing {path}: is a manifest, which also names what is there. Give it with --manifest.")
    _check_any_known(path, listed.ids, known)
    return dict.fromkeys(listed.ids, "")


def _find_without_media(folder: Path, dataset: Dataset, known: list[str]) -> dict[str, str]:
    from finegym.annotations.record_ids import find_media

    media = find_media(folder)
    names = {path.name for path in media.values()}
    # A record may have a file of another name, which records.csv gives.
    named = {video.id for video in dataset.videos if video.path and Path(video.path).name in names}
    strangers = [id_ for id_ in media if id_ not in set(known) and media[id_].name not in _list_file_names(dataset)]
    typer.echo(
        f"{folder}: {len(media):,} media files, {len(strangers):,} of them of no record"
        + (f" ({', '.join(sorted(strangers)[:5])}{', …' if len(strangers) > 5 else ''})" if strangers else ""),
        err=True,
    )
    if not media or len(strangers) == len(media):
        typer.echo("only files directly in the folder count; is it a folder in there, or above?", err=True)
    return {id_: "" for id_ in known if id_ not in media and id_ not in named}


def _list_file_names(dataset: Dataset) -> set[str]:
    return {Path(video.path).name for video in dataset.videos if video.path}


def _read_manifest(path: Path, known: list[str]) -> tuple[dict[str, str], list[str]]:
    """Missing ids with their reasons, and ids that are there; those of nothing known are kept, to be counted."""
    from finegym.video.download_manifest import MANIFEST_FILE, read_manifest

    rows = read_manifest(path / MANIFEST_FILE if path.is_dir() else path)
    _check_any_known(path, rows, known)
    there = [row.video_id for row in rows.values() if row.status == "there"]
    why = {row.video_id: f"{row.status}: {row.reason}" for row in rows.values() if row.status != "there"}
    return {**why, **{id_: "not in the manifest" for id_ in known if id_ not in rows}}, there


def _check_any_known(path: Path, ids: Iterable[str], known: list[str]) -> None:
    """A list of which no id is known is the list of something else."""
    from difflib import get_close_matches

    from finegym.errors import ConfigError

    named = list(ids)
    if named and not set(named) & set(known):
        nearest = get_close_matches(named[0], known, n=1)
        raise ConfigError(
            f"{path}: none of its {len(named)} ids is a record of the dataset, not {named[0]!r} for one"
            f"{f' (did you mean {nearest[0]!r}?)' if nearest else ''}. Give the list of this dataset."
        )
