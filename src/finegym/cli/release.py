"""``finegym release``: freeze a dataset into a folder that can be published, verify one, compare two."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.annotations.text import format_count
from finegym.cli import release_export

if TYPE_CHECKING:
    from finegym.release.about import About
    from finegym.release.build import BuiltRelease
    from finegym.release.source import ReleaseSource

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="A dataset that can be published: build, verify, compare and export releases.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a release.")]


class AthletesChoice(StrEnum):
    """How athletes stand in the release."""

    NAMED = "named"
    NUMBERED = "numbered"
    LEFT_OUT = "left-out"


@app.command()
def build(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="WORKSPACE",
            help="A workspace of the annotation app, a dataset folder, or a folder of official FineGym files.",
        ),
    ],
    version: Annotated[str, typer.Option("--version", help="MAJOR.MINOR.PATCH; minor and patch may be missing.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to make; `WORKSPACE/releases/NAME-VERSION` by default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; that of its folder by default.")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split",
            help="A split to release: one that the source brings, `balanced` or `long-tailed`; may be repeated. All of "
            "them by default; `none` for none.",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Kinds of groups that made splits keep whole: competition, video, athlete, action …")
    ] = "video",
    val: Annotated[float, typer.Option(help="Share of validation in made splits.")] = 0.25,
    seed: Annotated[int, typer.Option(help="Of made splits.")] = 0,
    min_train: Annotated[
        int | None, typer.Option(min=0, help="Instances that a class of `balanced` needs in train; 48 by default.")
    ] = None,
    min_val: Annotated[
        int | None, typer.Option(min=0, help="Instances that a class of `balanced` needs in val; 20 by default.")
    ] = None,
    allow_leak: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-leak",
            metavar="SPLIT:KIND=REASON",
            help="An exception of the leak gate, which the card states; may be repeated.",
        ),
    ] = None,
    allow_unknown_groups: Annotated[
        bool, typer.Option("--allow-unknown-groups", help="Actions of unknown groups stand for themselves.")
    ] = False,
    allow_not_annotated: Annotated[
        bool, typer.Option("--allow-not-annotated", help="Lists may name instances that the annotations lack.")
    ] = False,
    exclusions: Annotated[
        Path | None, typer.Option(help="Rules of exclusion; `WORKSPACE/exclusions.toml` where it is there.")
    ] = None,
    about: Annotated[
        Path | None, typer.Option(help="What people know of the dataset; `WORKSPACE/about.toml` where it is there.")
    ] = None,
    agreement: Annotated[
        list[Path] | None,
        typer.Option(
            "--agreement", help="JSON of `finegym quality agreement` to publish; may be repeated, one a level."
        ),
    ] = None,
    annotator: Annotated[
        list[Path] | None,
        typer.Option("--annotator", help="One annotator's dataset folder, for votes and agreement; may be repeated."),
    ] = None,
    consensus: Annotated[
        list[Path] | None,
        typer.Option(
            "--consensus", help="JSON of `finegym quality consensus --out`, for the decisions; may be repeated."
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(help="The last release: what changed becomes part of this one, and made splits keep its sides."),
    ] = None,
    new_sides: Annotated[
        bool, typer.Option("--new-sides", help="Share all groups out anew, whatever the last release had.")
    ] = False,
    hash_media: Annotated[
        bool, typer.Option("--hash-media", help="Publish the SHA-256 of every media file; all have to be there.")
    ] = False,
    athletes: Annotated[AthletesChoice, typer.Option(help="Names of athletes.")] = AthletesChoice.NAMED,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the statistics.")] = True,
    export: Annotated[
        list[str] | None,
        typer.Option("--export", help="A format to export to; may be repeated. All by default; `none` for none."),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Name or id of the app's project; not needed where there is one.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(envvar="FINEGYM_DATABASE", help="PostgreSQL URL; `WORKSPACE/finegym.db` by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze a dataset into a folder: annotations, splits, statistics, cards, metadata, exports, checksums.

    The same source and options give the same bytes. A release whose groups straddle a split is refused with the list.

    **Example**: `finegym release build competition --version 1.0`
    """
    from finegym.release.build import build_release
    from finegym.release.read import read_release
    from finegym.release.settings import ReleaseSettings, check_name, parse_leak_exceptions
    from finegym.workspace import Workspace

    settings = ReleaseSettings(
        version=version,
        splits=None if not split else tuple(one for one in split if one != "none"),
        by=tuple(kind.strip() for kind in by.split(",")),
        val_share=val,
        seed=seed,
        keep_sides=not new_sides,
        min_train=min_train,
        min_val=min_val,
        allow_leaks=parse_leak_exceptions(allow_leak or []),
        allow_unknown_groups=allow_unknown_groups,
        allow_not_annotated=allow_not_annotated,
        athletes=athletes.value,
        about=_read_about(source, about),
        with_figures=figures,
        exports=None if not export else tuple(one for one in export if one != "none"),
    )
    opened = _open_source(source, name, project, database)
    opened = _add_extras(opened, source, exclusions, agreement or [], annotator or [], consensus or [], hash_media)
    folder = out or Workspace(source).releases / f"{check_name(opened.name)}-{version}"
    previous = None if since is None else read_release(since)
    built = build_release(opened, folder, settings, previous=previous, say=lambda line: typer.echo(line, err=True))
    _print_build(built, as_json)


def _open_source(path: Path, name: str | None, project: str | None, database: str | None) -> ReleaseSource:
    from finegym.labelling.release_source import is_workspace, open_workspace_source
    from finegym.release.source import open_release_source

    if database is not None or is_workspace(path):
        return open_workspace_source(path, database, project, name)
    if project is not None:
        raise typer.BadParameter(f"{path} is no workspace of the annotation app", param_hint="--project")
    return open_release_source(path, name)


def _read_about(source: Path, path: Path | None) -> About:
    from finegym.release.about import ABOUT_FILE, About
    from finegym.release.toml_files import read_toml

    file = path or source / ABOUT_FILE
    return read_toml(file, About) if path is not None or file.is_file() else About()


def _add_extras(
    opened: ReleaseSource,
    folder: Path,
    exclusions: Path | None,
    agreement: list[Path],
    annotators: list[Path],
    consensuses: list[Path],
    hash_media: bool,
) -> ReleaseSource:
    """Rules, agreement, votes, decisions and media hashes from files."""
    from finegym.release.extras import add_agreement, add_annotators, add_consensus, add_exclusions, add_media

    opened = add_exclusions(opened, folder, exclusions)
    if hash_media:
        opened = add_media(opened, folder)
    if annotators:
        opened = add_annotators(opened, annotators)
    for path in agreement:
        opened = add_agreement(opened, path)
    for path in consensuses:
        opened = add_consensus(opened, path)
    return opened


def _print_build(built: BuiltRelease, as_json: bool) -> None:
    facts = built.facts
    if as_json:
        about = {
            "out": str(built.folder),
            "files": built.num_files,
            "size_bytes": built.size_bytes,
            "manifest_sha256": built.sha256,
            "release": facts.model_dump(mode="json"),
        }
        typer.echo(json.dumps(about, indent=2, ensure_ascii=False))
        return
    counts = facts.counts
    typer.echo(
        f"{facts.name} {facts.version}: {format_count(counts.records, 'record')}, "
        f"{format_count(counts.actions, 'action')}, {format_count(counts.sub_actions, 'sub-action')}, "
        f"of them {counts.sub_actions_with_element:,} with an element{', simulated' if facts.is_simulated else ''}"
    )
    for one in facts.splits:
        excepted = [leak.kind for leak in one.leaks if leak.exception]
        leaks = f"; excepted from the leak gate: {', '.join(excepted)}" if excepted else ""
        classes = format_count(one.num_classes, "class", "classes")
        typer.echo(f"split {one.name}: {classes}, {one.num_train:,} train, {one.num_val:,} val{leaks}")
    for rule in facts.exclusions:
        covered = format_count(rule.sub_actions, "sub-action")
        typer.echo(f"rule {rule.name} ({rule.why}): {covered} out of the {rule.leave_out_of}")
    for reason, where in facts.left_out.items():
        typer.echo(f"left out: {len(where):,} {reason}, such as {where[0]}")
    lossy = sum(bool(one.cannot_carry) for one in facts.exports.values())
    typer.echo(
        f"{format_count(len(facts.exports), 'export')}, of them {lossy} that cannot carry everything (release.json); "
        f"{len(facts.unanswered)} questions of about.toml are not answered"
    )
    typer.echo(f"{built.folder}: {format_count(built.num_files, 'file')}, {built.size_bytes / 1e6:.1f} MB")
    typer.echo(f"manifest sha256 {built.sha256}")


@app.command()
def verify(
    folder: FolderArgument,
    sha256: Annotated[
        str | None, typer.Option(help="What the manifest's SHA-256 should be, as the publisher says.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every file with the manifest and read what they hold; exit status 1 where anything is wrong.

    **Example**: `finegym release verify competition/releases/competition-1.0`
    """
    from finegym.release.verify import verify_release

    found = verify_release(folder, sha256=sha256, say=lambda line: typer.echo(line, err=True))
    if as_json:
        about = {
            "release": found.name,
            "is_intact": found.is_intact,
            "files": found.num_files,
            "media": found.num_media,
            "manifest_sha256": found.sha256,
            "problems": found.problems,
        }
        typer.echo(json.dumps(about, indent=2, ensure_ascii=False))
    else:
        for problem in found.problems:
            typer.echo(problem)
        state = "as published" if found.is_intact else format_count(len(found.problems), "problem")
        media = f", {format_count(found.num_media, 'media file')}" if found.num_media else ""
        typer.echo(f"{found.name}: {format_count(found.num_files, 'file')}{media}: {state}")
        typer.echo(f"manifest sha256 {found.sha256}")
    if found.problems:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="A", help="The older release, or a dataset folder.")],
    new: Annotated[Path, typer.Argument(metavar="B", help="The newer one.")],
    show_all: Annotated[bool, typer.Option("--all", help="Every change, not twenty of a kind.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What changed from one release to the next: added, removed, moved, relabelled; codebook and splits too.

    **Example**: `finegym release diff competition-1.0 competition-1.1`
    """
    from finegym.release.diff import compare_releases
    from finegym.release.diff_text import format_diff
    from finegym.release.read import read_release

    before, after = read_release(old), read_release(new)
    found = compare_releases(
        before.dataset,
        after.dataset,
        old_splits=before.splits,
        new_splits=after.splits,
        old_name=before.name,
        new_name=after.name,
    )
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        typer.echo(format_diff(found, None if show_all else 20))


release_export.add_verbs(app)
