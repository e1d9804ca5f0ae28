"""The one folder that a project lives in, as paths.

::

    workspace/
      records/                  media that finegym made or copied; other media stay where they are
      ingest/
        <record_id>/            what ingest knows about one record
          record.json           probe, checksum, completeness, verdict; written last
          signals.npz           what the quick pass over the pictures saw
          hashes.npz            perceptual hashes
          sheet.jpg             stills, evenly spread
          shots.json            cuts, replays, slow motion
          chunks.json           work items on the record's clock
          proxy-000.mp4 …       one a chunk: proxies, their frame maps, filmstrips, waveforms
        corpus.csv              a row a record
        duplicates.json         pairs of records that share a part
        skipped.csv             what the last run did not take, and why
        report.json, report.html
        run.lock                held by the run that is at work
      clips/                    the clip store
      features/                 flow and poses of every clip, a store each
      bundles/                  model bundles that the annotation app may parse records with
      parses/                   what records were parsed into, a folder each: `finegym parse … --out workspace/parses`
      releases/                 frozen datasets, a folder each
      finegym.db                the annotation app's database, where it is not elsewhere

Paths only: nothing here opens a file. A dataset folder can be a workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Files beside the records' folders in ``ingest/``: no record may have such an id.
CORPUS_NAME, SKIPPED_NAME, DUPLICATES_NAME = "corpus.csv", "skipped.csv", "duplicates.json"
REPORT_NAME, PAGE_NAME, LOCK_NAME = "report.json", "report.html", "run.lock"
DATABASE_NAME = "finegym.db"
OWN_NAMES = frozenset({CORPUS_NAME, SKIPPED_NAME, DUPLICATES_NAME, REPORT_NAME, PAGE_NAME, LOCK_NAME})


def make_absolute(path: Path) -> Path:
    """A path from the root, without ``..`` and links on the way; the last part may be a link and stays."""
    return path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()


@dataclass(frozen=True)
class Workspace:
    """Where everything lies below one folder.

    Attributes:
        folder: the workspace itself; need not exist yet.

    Example:
        >>> Workspace(Path("gym")).get_record_file("final").as_posix()
        'gym/ingest/final/record.json'
    """

    folder: Path

    @property
    def records(self) -> Path:
        """Media that finegym made or copied."""
        return self.folder / "records"

    @property
    def ingest(self) -> Path:
        """What ingest knows."""
        return self.folder / "ingest"

    @property
    def clips(self) -> Path:
        """The clip store."""
        return self.folder / "clips"

    @property
    def database_file(self) -> Path:
        """The annotation app's database, where it is not elsewhere."""
        return self.folder / DATABASE_NAME

    @property
    def bundles(self) -> Path:
        """Model bundles, ``NAME.finegym`` each."""
        return self.folder / "bundles"

    @property
    def parses(self) -> Path:
        """What records were parsed into, a folder each."""
        return self.folder / "parses"

    @property
    def releases(self) -> Path:
        """Frozen datasets, ``NAME-VERSION`` each."""
        return self.folder / "releases"

    @property
    def corpus_file(self) -> Path:
        """A row a record."""
        return self.ingest / CORPUS_NAME

    @property
    def duplicates_file(self) -> Path:
        """Pairs of records that share a part."""
        return self.ingest / DUPLICATES_NAME

    @property
    def skipped_file(self) -> Path:
        """What the last run did not take, and why."""
        return self.ingest / SKIPPED_NAME

    @property
    def report_file(self) -> Path:
        """The report for machines."""
        return self.ingest / REPORT_NAME

    @property
    def report_page(self) -> Path:
        """The report for people."""
        return self.ingest / PAGE_NAME

    @property
    def lock_file(self) -> Path:
        """Held by the run that is ingesting; empty, and never removed."""
        return self.ingest / LOCK_NAME

    def get_record_folder(self, record_id: str) -> Path:
        """Everything about one record."""
        return self.ingest / record_id

    def get_record_file(self, record_id: str) -> Path:
        """Written last: a record with this file is done."""
        return self.get_record_folder(record_id) / "record.json"

    def get_made_file(self, record_id: str) -> Path:
        """Names the media in ``records/`` that was made for the record, before it is made."""
        return self.get_record_folder(record_id) / "made.txt"

    def get_signals_file(self, record_id: str) -> Path:
        """What the quick pass saw."""
        return self.get_record_folder(record_id) / "signals.npz"

    def get_hashes_file(self, record_id: str) -> Path:
        """Perceptual hashes."""
        return self.get_record_folder(record_id) / "hashes.npz"

    def get_sheet_file(self, record_id: str) -> Path:
        """Stills of the record."""
        return self.get_record_folder(record_id) / "sheet.jpg"

    def get_shots_file(self, record_id: str) -> Path:
        """Cuts, replays, slow motion."""
        return self.get_record_folder(record_id) / "shots.json"

    def get_chunks_file(self, record_id: str) -> Path:
        """Work items on the record's clock."""
        return self.get_record_folder(record_id) / "chunks.json"

    def get_chunk_file(self, record_id: str, kind: str, number: int, suffix: str) -> Path:
        """A file of one chunk: ``get_chunk_file("final", "proxy", 0, ".mp4")`` is ``…/proxy-000.mp4``."""
        return self.get_record_folder(record_id) / f"{kind}-{number:03d}{suffix}"

    def list_record_ids(self) -> list[str]:
        """Ids of the records that are done, sorted."""
        return sorted(path.parent.name for path in self.ingest.glob("*/record.json"))

    def store_path(self, path: Path) -> str:
        """A path as files in the workspace write it: relative inside of the workspace, absolute outside."""
        whole, home = make_absolute(path), make_absolute(self.folder)
        return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else str(whole)

    def find_path(self, stored: str) -> Path:
        """The path that ``store_path`` wrote down."""
        return self.folder / stored  # an absolute right side replaces the left one
