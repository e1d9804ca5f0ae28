"""Croissant 1.1 metadata: what files there are, and how to read their records.

Record sets are made from ``table_shapes`` and read the Parquet tables. Source: Croissant Format Specification 1.1,
http://mlcommons.org/croissant/1.1; RAI properties: http://mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from finegym.release.about import About
from finegym.release.contents import Contents
from finegym.release.shapes import ReleaseFile
from finegym.release.table_shapes import SHAPES, Column, TableShape

FILE = "croissant.json"
CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
DESCRIBED = {
    "annotations.json": "application/json",
    "codebook.yaml": "application/yaml",
    "elements.txt": "text/plain",
    "records.csv": "text/csv",
    "actions.csv": "text/csv",
}
_TYPES = {"text": "sc:Text", "integer": "sc:Integer", "number": "sc:Float"}

# The context that the specification recommends (appendix 1), with the prefixes of the RAI properties and Wikidata.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "wd": "https://www.wikidata.org/wiki/",
}

# about.toml → RAI property, and whether it takes a list.
_RAI = {
    "source_of_records": ("rai:dataCollection", False),
    "known_errors": ("rai:dataLimitations", True),
    "biases": ("rai:dataBiases", True),
    "uses": ("rai:dataUseCases", True),
    "personal_data": ("rai:personalSensitiveInformation", True),
    "maintenance": ("rai:dataReleaseMaintenancePlan", False),
    "annotators": ("rai:annotatorDemographics", True),
}


def make_croissant(contents: Contents, facts: ReleaseFile, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The metadata of a release.

    Args:
        contents: of the release.
        facts: about it.
        files: what is written, by path; the described ones are hashed.
    """
    about = contents.settings.about
    tables = [shape for shape in SHAPES.values() if shape.parquet_path in files]
    described = {**DESCRIBED, **{shape.parquet_path: "application/x-parquet" for shape in tables}}
    metadata: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.title,
        "conformsTo": list(CONFORMS_TO),
        "description": about.description or describe_plainly(facts),
        "version": facts.version,
        **_describe_origin(about),
        **_describe_work(contents, facts),
        "distribution": [_describe_file(path, kind, files[path]) for path, kind in described.items() if path in files],
        "recordSet": [_PARTS, *map(_describe_table, tables)],
    }
    return metadata


def describe_plainly(facts: ReleaseFile) -> str:
    """A sentence about a dataset of which nobody has written a description."""
    simulated = "Simulated. " if facts.is_simulated else ""
    return (
        f"{simulated}{facts.counts.sub_actions:,} sub-actions in {facts.counts.actions:,} actions of "
        f"{facts.counts.records:,} records, labelled with codebook {facts.codebook.name} {facts.codebook.version} "
        f"({facts.codebook.num_elements:,} elements; {facts.codebook.sport})."
    )


def _describe_origin(about: About) -> dict[str, Any]:
    creators = [
        {
            "@type": "sc:Organization" if creator.is_organization else "sc:Person",
            "name": creator.name,
            **({"url": creator.url} if creator.url else {}),
        }
        for creator in about.creators
    ]
    given = {
        "url": about.url,
        "license": about.licence,
        "creator": creators,
        "datePublished": about.date_published.isoformat() if about.date_published else None,
        "citeAs": about.citation,
        "keywords": list(about.keywords),
    }
    return {name: value for name, value in given.items() if value}


def _describe_work(contents: Contents, facts: ReleaseFile) -> dict[str, Any]:
    """Properties of responsible AI: what people said in about.toml, and what the data itself says."""
    said = {name: getattr(contents.settings.about, key) for key, (name, _) in _RAI.items()}
    takes_list = dict(_RAI.values())
    work: dict[str, Any] = {name: [text] if takes_list[name] else text for name, text in said.items() if text}
    work["rai:dataAnnotationProtocol"] = [
        "Actions, then sub-actions, then elements by the yes/no queries of decision trees: "
        f"{facts.codebook.num_queries} queries of codebook {facts.codebook.name} {facts.codebook.version}."
    ]
    if facts.votes.votes:
        work["rai:annotationsPerItem"] = (
            f"{facts.votes.votes:,} votes of {facts.votes.annotators} annotators on {facts.counts.sub_actions:,} "
            "sub-actions, in tables/votes."
        )
    if facts.is_simulated:
        work["rai:dataCollectionType"] = ["Simulations"]
    return work


def _describe_file(path: str, kind: str, data: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{len(data)} B",
        "encodingFormat": kind,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


_PARTS: dict[str, Any] = {
    "@type": "cr:RecordSet",
    "@id": "parts",
    "name": "parts",
    "description": "The parts of a split.",
    "dataType": "cr:Split",
    "key": {"@id": "parts/name"},
    "field": [
        {"@type": "cr:Field", "@id": "parts/name", "name": "parts/name", "dataType": "sc:Text"},
        {"@type": "cr:Field", "@id": "parts/url", "name": "parts/url", "dataType": ["sc:URL", "wd:Q3985153"]},
    ],
    "data": [
        {"parts/name": "train", "parts/url": "cr:TrainingSplit"},
        {"parts/name": "val", "parts/url": "cr:ValidationSplit"},
    ],
}


def _describe_table(shape: TableShape) -> dict[str, Any]:
    key = [{"@id": f"{shape.name}/{name}"} for name in shape.key]
    return {
        "@type": "cr:RecordSet",
        "@id": shape.name,
        "name": shape.name,
        "description": shape.about,
        "key": key[0] if len(key) == 1 else key,
        "field": [_describe_column(shape, column) for column in shape.columns],
    }


def _describe_column(shape: TableShape, column: Column) -> dict[str, Any]:
    # Not `references`: mlcroissant 1.1.1 loads no table that refers to one that refers to a third. The text says it.
    points = f"; one of {column.references}" if column.references else ""
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{shape.name}/{column.name}",
        "name": f"{shape.name}/{column.name}",
        "description": f"{column.about}{points}",
        "dataType": _TYPES[column.type],
        "source": {"fileObject": {"@id": shape.parquet_path}, "extract": {"column": column.name}},
    }
    if (shape.name, column.name) == ("split_instances", "part"):
        field["dataType"] = ["sc:Text", "cr:Split"]
    return field
