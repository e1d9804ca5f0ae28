"""What all handlers share: the database, the workspace, the clock, the links, the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finegym.labelling.background_jobs import BackgroundJobs
from finegym.labelling.clock import Now, read_clock_ms
from finegym.labelling.database import Database
from finegym.labelling.media import Links, read_secret
from finegym.workspace import Workspace


class Server:
    """A running app.

    Attributes:
        database: where everything is stored.
        workspace: where media lie.
        public_url: how people reach it, such as ``https://label.example.org``.
        media_roots: folders that leads may ingest from.
        now: the clock.
        links: signed links to media.
        jobs: ingest and parsing in the background.
    """

    def __init__(
        self,
        database: Database,
        workspace: Workspace,
        *,
        public_url: str,
        media_roots: Sequence[Path] = (),
        now: Now = read_clock_ms,
    ) -> None:
        self.database, self.workspace, self.now = database, workspace, now
        self.public_url = public_url.rstrip("/")
        self.media_roots = tuple(root.resolve() for root in (workspace.folder, *media_roots))
        with database.write() as session:
            self.links = Links(read_secret(session, "media"), workspace)
        self.jobs = BackgroundJobs(database, workspace, now)

    @property
    def is_secure(self) -> bool:
        """Whether cookies go over HTTPS only."""
        return self.public_url.startswith("https://")

    def make_invitation_url(self, token: str) -> str:
        """The page of a one-time link; the token is behind the ``#``, where no log sees it."""
        return f"{self.public_url}/invitation#{token}"
