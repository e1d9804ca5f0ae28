"""``finegym video ingest``: recordings into a workspace, with a verdict on each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finegym.annotations.text import format_count
from finegym.cli.clips import Engine

if TYPE_CHECKING:
    from finegym.video.ingest.run import Run
    from finegym.workspace import Workspace

SHOWN = 20


def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Videos, folders (with all below), or CSV tables with a column `path`; `--` before `-x.mp4`."
        ),
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Folder of the project; made if need be. Required.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="TOML file of what a record must be like; built in: 720 lines, and more.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Packets and time stamps only; no picture is decoded.")
    ] = False,
    proxies: Annotated[
        bool,
        typer.Option("--proxies/--no-proxies", help="Browser proxies, filmstrips and waveforms of accepted records."),
    ] = True,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy media into the workspace; else they stay where they are.")
    ] = False,
    chunk_minutes: Annotated[float, typer.Option(min=0.1, help="Length of a work item.")] = 10.0,
    overlap_s: Annotated[float, typer.Option(min=0.0, help="Overlap of two work items, in seconds.")] = 60.0,
    routines: Annotated[
        Path | None,
        typer.Option(help="Dataset whose routines are known: work items end between them, without overlap."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; each takes one record at a time.")] = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: this machine, or a Ray cluster.")] = Engine.POOL,
    print_rules: Annotated[bool, typer.Option("--print-rules", help="Print the built-in rules and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for machines.")] = False,
) -> None:
    """Take recordings into a workspace: probe, check, compare and judge each; run again to go on.

    Writes `ingest/report.html`, `report.json`, `corpus.csv`, and a folder a record. Exit status 1 where a file failed;
    a record that breaks a rule is disqualified, which is no failure.

    **Example**: `finegym video ingest recordings --workspace gym --rules rules.toml --workers 2`
    """
    from finegym.video.ingest.lock import hold_workspace
    from finegym.video.ingest.record import Settings
    from finegym.video.ingest.report import write_reports
    from finegym.video.ingest.rules import DEFAULT_RULES, read_rules
    from finegym.video.ingest.run import ingest as run_ingest
    from finegym.workspace import Workspace

    if print_rules:
        typer.echo(DEFAULT_RULES, nl=False)
        return
    if not paths:
        raise typer.BadParameter("say what to ingest: files, folders or CSV tables")
    if workspace is None:
        raise typer.BadParameter("say where to: --workspace DIR")
    if overlap_s >= 60 * chunk_minutes:
        raise typer.BadParameter(
            f"an overlap of {overlap_s:g} s must be shorter than a chunk", param_hint="--overlap-s"
        )
    place = Workspace(workspace)
    settings = Settings(
        is_quick=quick, proxies=proxies, copy_media=copy, chunk_minutes=chunk_minutes, overlap_s=overlap_s
    )
    limits, known = read_rules(rules), _read_routines(routines)
    with hold_workspace(place):
        run = run_ingest(
            paths, place, rules=limits, settings=settings, routines=known, workers=workers, engine=engine.value
        )
        facts = write_reports(place, run)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _print_run(place, run, facts["duplicates"])
    if routines is not None:
        _print_routines(routines, known, [source.record_id for source in run.sources.found])
    _print_problems(place, run)
    if run.failed:
        raise typer.Exit(1)


def _read_routines(dataset: Path | None) -> dict[str, list[tuple[float, float]]]:
    """Times of the actions of a dataset by record id."""
    if dataset is None:
        return {}
    from finegym.annotations.source import open_source

    videos = open_source(dataset).dataset.videos
    return {video.id: [(action.start_ms, action.end_ms) for action in video.actions] for video in videos}


def _print_routines(dataset: Path, known: Mapping[str, object], record_ids: Sequence[str]) -> None:
    """How many of the records have known routines; the ids of both sides where none has."""
    with_routines = [record_id for record_id in record_ids if known.get(record_id)]
    line = f"routines known of {len(with_routines)} of {format_count(len(record_ids), 'record')}"
    if not with_routines and record_ids:
        line += f": {dataset} has {_list(list(known)[:3]) or 'no videos'}, here are {_list(list(record_ids)[:3])}"
    typer.echo(line, err=True)


def _print_run(workspace: Workspace, run: Run, duplicates: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from finegym.video.ingest.corpus import CORPUS_HEADER, make_rows, summarise
    from finegym.video.ingest.run import read_records

    records = read_records(workspace)
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(CORPUS_HEADER):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in make_rows(summarise(records, len(run.failed))):
        table.add_row(*map(str, row))
    console = Console()
    if not console.is_terminal:
        console.width = 160  # a file has no edge
    console.print(table)
    typer.echo(str(run))
    exact = sum(pair["kind"] == "exact" for pair in duplicates["pairs"])
    if duplicates["pairs"]:
        parts = format_count(len(duplicates["pairs"]) - exact, "shared part")
        typer.echo(f"{format_count(exact, 'exact duplicate')}, {parts}: confirm them in the report")
    if duplicates["num_left_out"]:
        typer.echo(f"not looked at: {format_count(duplicates['num_left_out'], 'offset')} of pairs with many candidates")
    if run.judged_anew:
        typer.echo(f"another verdict by these rules: {format_count(len(run.judged_anew), 'kept record')}")
    if run.sources.absent:
        typer.echo(
            f"no file, as tables say themselves (in skipped.csv): {format_count(len(run.sources.absent), 'row')}"
        )
    if run.sources.other_files:
        first = ", ".join(path.name for path in run.sources.other_files[:3])
        typer.echo(f"{format_count(len(run.sources.other_files), 'file')} of other kinds (in skipped.csv): {first}")
    for name, record_id in run.sources.renamed.items():
        typer.echo(f"{name!r} is record {record_id}")
    for one, other in run.sources.alike.items():
        typer.echo(f"records {one} and {other} differ in case only: on macOS and Windows their folders are one")
    if run.changed:
        which = format_count(len(run.changed), "record")
        typer.echo(f"{which} with other content than before: labels may point at other frames: {_list(run.changed)}")
    if run.sources.num_repeated:
        typer.echo(f"named more than once and taken once: {format_count(run.sources.num_repeated, 'file')}")
    typer.echo(f"report: {workspace.report_page}")


def _print_problems(workspace: Workspace, run: Run) -> None:
    lines = [f"failed {_join(place, reason)}" for place, reason in run.failed.items()]
    lines += [f"still being written, left for the next run: {place} ({why})" for place, why in run.growing.items()]
    lines += [f"moved: {record_id} was {old}" for record_id, old in run.moved.items()]
    lines += [f"lost: {record_id}, {path} is gone" for record_id, path in run.lost.items()]
    for line in lines[:SHOWN]:
        typer.echo(line, err=True)
    if len(lines) > SHOWN:
        typer.echo(f"and {len(lines) - SHOWN} more, in {workspace.skipped_file} and report.json", err=True)


def _list(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _join(place: str, reason: str) -> str:
    return reason if reason.startswith(place) else f"{place}: {reason}"
