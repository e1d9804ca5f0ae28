"""``finegym serve``: the annotation app."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.labelling.serve import Started


def serve(
    workspace: Annotated[Path, typer.Argument(help="Folder of the project; made if need be.")],
    database: Annotated[
        str | None,
        typer.Option(
            envvar="FINEGYM_DATABASE", help="PostgreSQL URL; `WORKSPACE/finegym.db`, a SQLite file, by default."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    public_url: Annotated[
        str | None, typer.Option(help="How people reach the server where a proxy with HTTPS stands before it.")
    ] = None,
    media_root: Annotated[
        list[Path] | None,
        typer.Option(help="A folder that leads may ingest from, beside the workspace; may be given several times."),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Serve other machines without HTTPS, on a network that you trust.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say where the server is as JSON.")] = False,
) -> None:
    """Serve the annotation app. The first start prints a one-time link for the administrator.

    **Example**: `finegym serve gym --port 8080`
    """
    from finegym.labelling.serve import serve as run_server

    def tell(started: Started) -> None:
        _print_started(started, as_json)

    run_server(
        workspace,
        database_url=database,
        host=host,
        port=port,
        public_url=public_url,
        media_roots=media_root or [],
        allow_http=allow_http,
        tell=tell,
    )


def _print_started(started: Started, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(started)), flush=True)
    else:
        print(f"serving {started.url} (database {started.database}); Ctrl-C stops", flush=True)
        if started.setup_url:
            print(f"first administrator, once, within 7 days: {started.setup_url}", flush=True)
    if not started.pages_are_built:
        typer.echo("the web pages are not built: cd web && npm ci && npm run build; the API is served", err=True)
