"""The tables of the app, by what they are about. Importing this package knows them all (migrations need that)."""

from finegym.labelling.tables import adjudication, gold, people, projects, records, review, work
from finegym.labelling.tables.base import Base

__all__ = ["Base", "adjudication", "gold", "people", "projects", "records", "review", "work"]
