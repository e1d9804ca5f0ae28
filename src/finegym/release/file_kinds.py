"""What every file of a release is: a line for the manifest, a format, and which JSON Schema describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel

from finegym.annotations.folder import ACTION_COLUMNS, RECORD_COLUMNS
from finegym.annotations.splits import SplitFile
from finegym.release import shapes
from finegym.release.codebook_shape import CodebookFile
from finegym.release.documents import HISTORY_COLUMNS
from finegym.release.table_shapes import SHAPES, TableShape

SCHEMA_FOLDER = "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INSTANCE = r"^.+_E_[0-9]{6}_[0-9]{6}_A_[0-9]{4}_[0-9]{4}"


@dataclass(frozen=True, slots=True)
class FileKind:
    """Files whose path matches a pattern.

    Attributes:
        pattern: of ``fnmatch``; the first kind that matches counts.
        about: a line.
        format: a media type, or the address of a specification.
        schema: name of a schema of ``make_schemas``, if there is one.
    """

    pattern: str
    about: str
    format: str
    schema: str | None = None

    @property
    def schema_path(self) -> str | None:
        """Where the schema is in the release."""
        return None if self.schema is None else f"{SCHEMA_FOLDER}/{self.schema}.schema.json"


_JSON, _CSV, _TEXT, _MARKDOWN = "application/json", "text/csv", "text/plain", "text/markdown"

KINDS = (
    FileKind("README.md", "the data card", _MARKDOWN),
    FileKind("DATASHEET.md", "the datasheet: questions and answers about the data", _MARKDOWN),
    FileKind("CHANGES.md", "what changed since the last release", _MARKDOWN),
    FileKind("SHA256SUMS", "checksums for sha256sum -c", _TEXT),
    FileKind("release.json", "what the release is, and what was decided", _JSON, "release"),
    FileKind("croissant.json", "metadata", "http://mlcommons.org/croissant/1.1"),
    FileKind(
        "codebook.yaml", "what can happen: events, sets, elements, decision trees", "application/yaml", "codebook"
    ),
    FileKind("annotations.json", "what did happen: records, actions, sub-actions", _JSON, "annotations"),
    FileKind("elements.txt", "the element of every sub-action", _TEXT, "elements.line"),
    FileKind("sets.txt", "the set of sub-actions without an element", _TEXT, "elements.line"),
    FileKind("records.csv", "media facts of every record", _CSV, "records.row"),
    FileKind("actions.csv", "who performed", _CSV, "actions.row"),
    FileKind("splits/*/split.json", "how a split was made", _JSON, "split"),
    FileKind("splits/*/categories.txt", "the classes of a split", _TEXT, "categories.line"),
    FileKind("splits/*.txt", "instances of a split with their class index", _TEXT, "instances.line"),
    FileKind("official/finegym_annotation_info_*.json", "the annotations", _JSON, "annotations"),
    FileKind("official/*.json", "the path to every element in its tree", _JSON, "questions"),
    FileKind("official/numbers.csv", "which number is which event, set, element", _CSV, "numbers.row"),
    FileKind("official/set_categories.txt", "sets as FineGym publishes them", _TEXT, "set_categories.line"),
    FileKind("official/element_categories.txt", "elements likewise", _TEXT, "element_categories.line"),
    FileKind("official/gym530_categories.txt", "FineGym's elements", _TEXT, "element_categories.line"),
    FileKind("official/*categories.txt", "classes as FineGym publishes them", _TEXT, "class_categories.line"),
    FileKind("official/*.txt", "a split's list as FineGym publishes them", _TEXT, "instances.line"),
    *(FileKind(s.csv_path, s.about, _CSV, f"{s.name}.table.row") for s in SHAPES.values()),
    *(FileKind(s.parquet_path, s.about, "application/x-parquet", f"{s.name}.table.row") for s in SHAPES.values()),
    FileKind("statistics/*.json", "counts and durations", _JSON, "statistics"),
    FileKind("statistics/*.txt", "the same as text", _TEXT),
    FileKind("statistics/*.svg", "a figure of it", "image/svg+xml"),
    FileKind("agreement/*.json", "how far annotators agree", _JSON, "agreement"),
    FileKind("exclusions.json", "what was left out, and why", _JSON, "exclusions"),
    FileKind("changes.json", "what changed since the last release", _JSON, "changes"),
    FileKind("history.csv", "what happened to the data, by day", _CSV, "history.row"),
    FileKind("codebooks/*", "a version of the codebook", "application/yaml", "codebook"),
    FileKind("guidelines/*", "a version of a page of the guidelines", _MARKDOWN),
    FileKind("schemas/*", "a JSON Schema", "application/schema+json"),
    FileKind("exports/*", "an export", "the format that the folder names"),
)

_MODELS: Mapping[str, type[BaseModel]] = {
    "codebook": CodebookFile,
    "release": shapes.ReleaseFile,
    "manifest": shapes.ManifestFile,
    "annotations": shapes.AnnotationsFile,
    "split": SplitFile,
    "questions": shapes.QuestionsFile,
    "statistics": shapes.StatisticsFile,
    "agreement": shapes.AgreementFile,
    "exclusions": shapes.ExclusionsReport,
    "changes": shapes.ChangesFile,
}
_LINES = {
    "elements.line": ("instance_id id", _INSTANCE + r"[ \t]+\S.*$"),
    "instances.line": ("instance_id class_index", _INSTANCE + r"[ \t]+[0-9]+$"),
    "categories.line": ("class_index <TAB> id <TAB> name", r"^[0-9]+\t[^\t]+\t[^\t]*$"),
    "set_categories.line": ("set: number; name", r"^set: *[0-9]+; .+$"),
    "element_categories.line": (
        "Glabel: number; set: number; (event) name",
        r"^Glabel: *[0-9]+; set: *[0-9]+; \([^)]+\) .+$",
    ),
    "class_categories.line": (
        "Clabel: class index; set: number; Glabel: number; (event) name",
        r"^Clabel: *[0-9]+; set: *[0-9]+; Glabel: *[0-9]+; \([^)]+\) .+$",
    ),
}
_ROWS = {
    "records.row": RECORD_COLUMNS,
    "actions.row": ACTION_COLUMNS,
    "numbers.row": ("kind", "id", "number"),
    "history.row": HISTORY_COLUMNS,
}


def find_kind(path: str) -> FileKind | None:
    """The kind of a file by its path in the release; ``None`` for strangers."""
    return next((kind for kind in KINDS if fnmatchcase(path, kind.pattern)), None)


def make_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by name. Those of tables and lists describe one row (an object of texts) or one line (a text)."""
    made: dict[str, dict[str, Any]] = {name: _close(model.model_json_schema()) for name, model in _MODELS.items()}
    made |= {
        name: {"type": "string", "pattern": pattern, "description": f"A line: {what}."}
        for name, (what, pattern) in _LINES.items()
    }
    made |= {name: _make_row_schema("A row.", {column: {} for column in columns}) for name, columns in _ROWS.items()}
    made |= {f"{shape.name}.table.row": _make_table_schema(shape) for shape in SHAPES.values()}
    return {name: {"$schema": _DIALECT, "$id": f"{name}.schema.json", **schema} for name, schema in made.items()}


def _close(schema: Any) -> Any:
    """Objects whose keys follow a pattern have no others: pydantic checks that, but does not write it down."""
    if isinstance(schema, list):
        return [_close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _close(item) for key, item in schema.items()}
    return {"additionalProperties": False, **closed} if "patternProperties" in closed else closed


def _make_table_schema(shape: TableShape) -> dict[str, Any]:
    kinds = {"text": "string", "integer": "integer", "number": "number"}
    properties: dict[str, Any] = {}
    for column in shape.columns:
        kind = kinds[column.type]
        type_ = [kind, "null"] if column.may_be_empty else kind
        properties[column.name] = {"type": type_, "description": column.about}
    return _make_row_schema(f"{shape.about} Key: {', '.join(shape.key)}. Empty cells are null.", properties)


def _make_row_schema(about: str, properties: dict[str, Any]) -> dict[str, Any]:
    plain = {name: facts or {"type": "string"} for name, facts in properties.items()}
    return {
        "type": "object",
        "description": about,
        "properties": plain,
        "required": list(plain),
        "additionalProperties": False,
    }
