"""Starting the app: the database, the first link, the server."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import ConfigError, OutputError
from finegym.files import check_writable
from finegym.labelling.api.app import create_app
from finegym.labelling.api.server import Server
from finegym.labelling.database import make_sqlite_url, open_database
from finegym.labelling.invitations import make_first_link
from finegym.workspace import DATABASE_NAME, Workspace


@dataclass(frozen=True)
class Started:
    """What whoever starts the server needs to know.

    Attributes:
        url: where it is.
        setup_url: the one-time link for the first administrator, where there is nobody yet.
        database: without password.
        pages_are_built: whether the web app is there.
    """

    url: str
    setup_url: str | None
    database: str
    pages_are_built: bool


def open_server(
    workspace: Path, *, database_url: str | None, public_url: str, media_roots: Sequence[Path] = ()
) -> Server:
    """Connect everything; tables are brought up to date.

    Raises:
        LabellingError: the database cannot be used.
        OutputError: the workspace cannot be written.
        ConfigError: a media folder is not there.
    """
    check_writable(workspace)
    missing = [root for root in media_roots if not root.is_dir()]
    if missing:
        raise ConfigError(f"--media-root {missing[0]}: there is no such folder")
    database = open_database(database_url or make_sqlite_url(workspace / DATABASE_NAME))
    return Server(database, Workspace(workspace), public_url=public_url, media_roots=media_roots)


def serve(
    workspace: Path,
    *,
    database_url: str | None,
    host: str,
    port: int,
    public_url: str | None,
    media_roots: Sequence[Path],
    allow_http: bool,
    tell: Callable[[Started], None],
) -> None:
    """Serve until interrupted.

    Args:
        workspace: where media and the SQLite file lie.
        database_url: of PostgreSQL, or ``None``.
        host: to listen on.
        port: to listen on; 0 takes a free one.
        public_url: how people reach the server, where a proxy stands before it.
        media_roots: folders that leads may ingest from, beside the workspace.
        allow_http: serve others than this machine without HTTPS.
        tell: called once the server listens.

    Raises:
        ConfigError: passwords would go over the network in the clear, and nobody allowed that.
        OutputError: the address is in use.
    """
    import uvicorn

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _check_exposure(host, public_url, allow_http)
    listener = _listen(host, port)
    with listener:
        url = public_url or f"http://{_show_host(host)}:{listener.getsockname()[1]}"
        server = open_server(workspace, database_url=database_url, public_url=url, media_roots=media_roots)
        with server.database.write() as session:
            first = make_first_link(session, server.now())
        setup_url = server.make_invitation_url(first.token) if first else None
        tell(Started(url, setup_url, server.database.url, _are_pages_built()))
        config = uvicorn.Config(
            create_app(server),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
            timeout_graceful_shutdown=10,
            timeout_keep_alive=75,  # longer than people think: a connection that closes as a save sets out is an error
            h11_max_incomplete_event_size=65_536,
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            server.database.close()


def _are_pages_built() -> bool:
    from finegym.labelling.api.pages import find_static

    return (find_static() / "index.html").is_file()


def _check_exposure(host: str, public_url: str | None, allow_http: bool) -> None:
    if _is_loopback(host) or allow_http or (public_url or "").startswith("https://"):
        return
    raise ConfigError(
        f"--host {host}: passwords would go over the network unencrypted. Put a proxy with HTTPS before the server and "
        "pass --public-url https://…, or add --allow-http on a network that you trust."
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _show_host(host: str) -> str:
    shown = "localhost" if host in ("127.0.0.1", "::1") else host
    return f"[{shown}]" if ":" in shown else shown


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(512)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise OutputError(
            f"--host {host} --port {port}: cannot listen there: {error.strerror}. Choose another port."
        ) from error
    return listener
