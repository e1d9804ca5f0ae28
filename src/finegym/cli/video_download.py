"""``finegym video download``: a thin skin, added to the noun in ``cli.video``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.video.download import DownloadResult
    from finegym.video.download_plan import Plan

# Repeated from finegym.video.download_site, which is imported only when the verb runs; a test compares them.
YOUTUBE = "https://www.youtube.com/watch?v={id}"


def download(
    list_: Annotated[
        Path,
        typer.Argument(
            metavar="LIST",
            help="Ids, one a line (`#` begins a comment); a CSV with a column `video_id`; official annotations (JSON); "
            "or a dataset folder: all its records.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the media and of `download.csv`.")],
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Ask for N records at most in this run.")
    ] = None,
    max_height: Annotated[
        int, typer.Option("--max-height", min=1, metavar="PIXELS", help="The tallest picture to fetch.")
    ] = 1080,
    sleep_s: Annotated[
        float, typer.Option("--sleep", min=0, metavar="SECONDS", help="Between two records, give or take a half.")
    ] = 5.0,
    max_mb_per_s: Annotated[
        float | None, typer.Option("--max-rate", min=0.001, metavar="MB/S", help="Speed limit in megabytes a second.")
    ] = None,
    retries: Annotated[
        int,
        typer.Option("--retries", min=0, metavar="N", help="Tries again after a network failure, with growing pauses."),
    ] = 3,
    cookies: Annotated[
        Path | None,
        typer.Option("--cookies", metavar="FILE", help="Cookies of your account (Netscape format); only read."),
    ] = None,
    url_template: Annotated[
        str, typer.Option("--url-template", metavar="URL", help="Where records are; `{id}` in it is the record's id.")
    ] = YOUTUBE,
    retry_missing: Annotated[
        bool, typer.Option("--retry-missing", help="Ask again for what the site did not give before.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare files that are there with their SHA-256, not only their size.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be asked for: id, tab, address.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit status 1 if a record is not there at the end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Fetch records by their ids through yt-dlp, one at a time; run again to go on.

    What the site does not give is a row of `download.csv` with the reason, not an error. Exit status 1 where the run
    stopped early, or all that was asked for failed. You must have the right to fetch what you ask for.

    **Example**: `finegym video download ids.txt --out records --limit 20`
    """
    from finegym.annotations.record_ids import read_record_ids
    from finegym.video.download import download_records
    from finegym.video.download_plan import plan_downloads
    from finegym.video.download_site import check_url_template

    listed = read_record_ids(list_)
    if listed.num_repeated:
        _tell(f"{list_}: {listed.num_repeated} ids stand there more than once and count once")
    if dry_run:
        check_url_template(url_template)
        plan = plan_downloads(listed.ids, out, retry_missing=retry_missing, verify=verify)
        _print_plan(plan, limit, url_template, as_json)
        return
    result = download_records(
        listed.ids,
        out,
        url_template=url_template,
        max_height=max_height,
        sleep_s=sleep_s,
        max_bytes_per_s=None if max_mb_per_s is None else int(max_mb_per_s * 1e6),
        retries=retries,
        limit=limit,
        cookies=cookies,
        retry_missing=retry_missing,
        verify=verify,
        tell=_tell,
    )
    _print_result(result, len(listed.ids), as_json)
    if result.stopped:
        _tell(f"stopped early: {result.stopped}. When that has passed, run the same command to go on.")
    elif result.has_only_failed:
        _tell(f"none of the {len(result.tried)} records asked for came; the reasons are in {result.manifest}")
    if result.stopped or result.has_only_failed or (strict and len(result.get_ids("there")) < len(listed.ids)):
        raise typer.Exit(1)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _print_plan(plan: Plan, limit: int | None, url_template: str, as_json: bool) -> None:
    from finegym.video.download_site import make_url

    wanted = {video_id: make_url(url_template, video_id) for video_id in plan.wanted[:limit]}
    if as_json:
        facts = {"wanted": wanted, "left": plan.wanted[len(wanted) :], "there": plan.there, "missing": plan.missing}
        others = {"found": {id_: str(path) for id_, path in plan.found.items()}, "changed": plan.changed}
        typer.echo(json.dumps({**facts, **others}, indent=1, ensure_ascii=False))
        return
    for video_id, url in wanted.items():
        typer.echo(f"{video_id}\t{url}")
    _tell(
        f"would ask for {len(wanted)}, leave {len(plan.wanted) - len(wanted)} for another run; "
        f"{len(plan.there) + len(plan.found)} there already, {len(plan.missing)} missing before, "
        f"{len(plan.changed)} not as the manifest says"
    )


def _print_result(result: DownloadResult, num_asked: int, as_json: bool) -> None:
    ids = {status: result.get_ids(status) for status in ("there", "missing", "failed")}
    if as_json:
        facts = {
            "manifest": str(result.manifest),
            "there": ids["there"],
            "missing": {id_: result.rows[id_].reason for id_ in ids["missing"]},
            "failed": {id_: result.rows[id_].reason for id_ in ids["failed"]},
            "tried": result.tried,
            "left": result.left,
            "num_retries": result.num_retries,
            "stopped": result.stopped,
        }
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    tried = {status: sum(id_ in set(result.tried) for id_ in ids[status]) for status in ids}
    typer.echo(
        f"{result.manifest}: of {num_asked} records {len(ids['there'])} there, {len(ids['missing'])} missing, "
        f"{len(ids['failed'])} failed"
    )
    typer.echo(
        f"asked for {len(result.tried)} in this run: {tried['there']} came, {tried['missing']} missing, "
        f"{tried['failed']} failed; {result.num_retries} retries; {len(result.left)} left for another run"
    )
    for reason, count in result.count_reasons().items():
        typer.echo(f"  {count:>5} {reason}")
