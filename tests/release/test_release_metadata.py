"""Croissant and JSON Schema, by the judgement of others: mlcroissant validates and loads, jsonschema validates."""

import csv
import json
import re
from dataclasses import replace

import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml
from release_samples import CODEBOOK, SETTINGS, build, make_dataset

from finegym.codebook.builtin import read_builtin
from finegym.codebook.yaml_text import format_codebook
from finegym.quality.unit_files import make_units_of_datasets
from finegym.release.about import About, Creator
from finegym.release.file_kinds import KINDS, find_kind, make_schemas
from finegym.release.manifest import read_manifest
from finegym.release.read import read_release
from finegym.release.table_shapes import SHAPES

# mlcroissant and what it stands on use what newer NumPy, pandas and absl call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ABOUT = About(
    title="Sample",
    description="A sample.",
    url="https://example.org/sample",
    licence="https://creativecommons.org/licenses/by/4.0/",
    creators=(Creator(name="The authors", is_organization=True), Creator(name="Ann")),
    date_published="2026-12-01",
    citation="@misc{sample}",
    biases="Few records.",
    maintenance="Yearly.",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    units = make_units_of_datasets({"a": make_dataset(), "b": make_dataset()}, "sub-action", CODEBOOK)
    folder = tmp_path_factory.mktemp("metadata")
    first = build(folder, "first")
    from finegym.release.build import build_release
    from finegym.release.source import Decision, HistoryEntry, ReleaseSource

    source = ReleaseSource(
        "sample",
        make_dataset(),
        units={"sub-actions": units},
        decisions=(
            Decision("sub-actions", "record00001", 5_040, 7_000, 1, 2, 0.5, "found by 1 of 2", "own", None, "x"),
        ),
        history=(HistoryEntry("2026-01-01", "accepted", "passes", 3),),
    )
    settings = replace(SETTINGS, version="1.1", about=ABOUT, with_figures=True, exports=None)
    return build_release(source, folder / "second", settings, previous=read_release(first.folder))


@pytest.fixture(scope="module")
def dataset(built):
    mlcroissant = pytest.importorskip("mlcroissant")
    return mlcroissant.Dataset(str(built.folder / "croissant.json"))


def test_mlcroissant_finds_nothing_to_complain_about(dataset):
    assert dataset.metadata.ctx.issues.errors == set() and dataset.metadata.ctx.issues.warnings == set()
    assert dataset.metadata.ctx.is_v1_1()
    metadata = dataset.metadata
    assert metadata.name == {"en": "Sample"} or metadata.name == "Sample"
    assert metadata.version == "1.1" and metadata.license == ["https://creativecommons.org/licenses/by/4.0/"]
    assert [creator.name for creator in metadata.creators] == ["The authors", "Ann"]
    assert metadata.data_biases == ["Few records."] and metadata.data_release_maintenance_plan == "Yearly."


@pytest.mark.parametrize("name", SHAPES)
def test_mlcroissant_loads_every_record_of_every_table(built, dataset, name):
    loaded = list(dataset.records(name))
    rows = pq.read_table(built.folder / SHAPES[name].parquet_path).to_pylist()
    assert len(rows) > 0

    def decode(value):
        return value.decode() if isinstance(value, bytes) else value

    assert [{key.split("/")[1]: decode(value) for key, value in row.items()} for row in loaded] == rows


def test_tables_in_both_formats_are_the_same(built):
    for shape in SHAPES.values():
        rows = pq.read_table(built.folder / shape.parquet_path).to_pylist()
        with (built.folder / shape.csv_path).open(newline="", encoding="utf-8") as file:
            texts = list(csv.DictReader(file))
        assert texts == [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
        keys = [tuple(row[name] for name in shape.key) for row in rows]
        assert len(set(keys)) == len(keys), f"{shape.name}: {shape.key} is no key"


def test_what_points_at_another_table_is_there(built):
    tables = {name: pq.read_table(built.folder / shape.parquet_path).to_pylist() for name, shape in SHAPES.items()}
    for shape in SHAPES.values():
        for column in shape.columns:
            if column.references is not None:
                table, name = column.references.split(".")
                there = {row[name] for row in tables[table]}
                mine = {row[column.name] for row in tables[shape.name] if row[column.name] is not None}
                assert mine <= there, f"{shape.name}.{column.name}"


class _Yaml12(yaml.SafeLoader):
    """``yes`` and ``no`` are texts, as in YAML 1.2."""


_Yaml12.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for sign, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_values(folder, entry):
    """What the schema of a file describes: the file, or each of its rows or lines."""
    path = folder / entry.path
    if path.suffix == ".yaml":
        return [yaml.load(path.read_text(encoding="utf-8"), _Yaml12)]
    if path.suffix == ".json":
        return [json.loads(path.read_bytes())]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [] if ".table." in entry.schema_path else rows  # typed: compared with the Parquet rows elsewhere
    return path.read_text(encoding="utf-8").splitlines()


def test_every_file_follows_its_schema(built):
    manifest = read_manifest(built.folder)
    checked = set()
    for entry in manifest.files:
        if entry.schema_path is None:
            continue
        schema = json.loads((built.folder / entry.schema_path).read_bytes())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for value in read_values(built.folder, entry):
            assert validator.is_valid(value), (entry.path, next(validator.iter_errors(value)).message)
        checked.add(entry.schema_path)
    # Everything but what this release has none of.
    left = {f"schemas/{name}.schema.json" for name in make_schemas()} - checked
    assert left == {"schemas/manifest.schema.json"}


def test_schemas_refuse_what_is_wrong():
    schemas = make_schemas()
    line = jsonschema.Draft202012Validator(schemas["instances.line"])
    assert line.is_valid("A0xAXXysHUo_E_002184_002237_A_0035_0036 17")
    assert not line.is_valid("A0xAXXysHUo_E_002184_002237_A_0035_0036")
    annotations = jsonschema.Draft202012Validator(schemas["annotations"])
    assert annotations.is_valid({"v": {"E_000001_000002": {"event": 1, "segments": None, "timestamps": [[1.0, 2.5]]}}})
    assert not annotations.is_valid({"v": {"E_1_2": {"event": 1, "segments": None, "timestamps": [[1.0, 2.5]]}}})


def test_every_file_of_ours_has_a_schema(built):
    without = {e.path for e in read_manifest(built.folder).files if e.schema_path is None}
    foreign = re.compile(r"exports/|schemas/|croissant\.json|statistics/.*\.(txt|svg)|.*\.md|SHA256SUMS")
    assert {path for path in without if not foreign.match(path)} == set()


@pytest.mark.parametrize("name", ["artistic-women", "diving"])
def test_built_in_codebooks_follow_the_schema(name):
    text = format_codebook(read_builtin(name))
    jsonschema.validate(yaml.load(text, _Yaml12), make_schemas()["codebook"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.load(text.replace("ask:", "asks:", 1), _Yaml12), make_schemas()["codebook"])


def test_kinds_of_files():
    assert (
        find_kind("splits/a/b.txt").schema == "instances.line"
        and find_kind("splits/a/categories.txt").schema == "categories.line"
    )
    assert find_kind("stranger.bin") is None
    assert len({kind.pattern for kind in KINDS}) == len(KINDS)
