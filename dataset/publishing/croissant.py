"""croissant.json of a version: metadata for machine learning tools, by the Croissant standard 1.1 of MLCommons."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dataset.versions.manifest import COLUMNS, FILE_NAME, Url
from dataset.versions.published import Version

CROISSANT_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "jsonPath": "cr:jsonPath",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "samplingRate": "cr:samplingRate",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "key": "cr:key",
    "md5": "cr:md5",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


# Croissant's type by the type of a column; columns of other types (lists, times) are not described.
TYPES = {str: "sc:Text", Url: "sc:URL", int: "sc:Integer", float: "sc:Float"}


def croissant(project: str, version: Version, manifest_sha256: str, url: str) -> str:
    """croissant.json: the manifest, joined to the image files by their names. url: the project's contact."""
    columns = {name: TYPES[kind] for name, kind in COLUMNS.items() if kind in TYPES}
    content = {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "name": project,
        "description": f"{project}, version {version.name}: see README.md",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "version": version.name,
        "datePublished": version.created,
        "license": "see the column licence",
        "citeAs": f"{project} {version.name}, id {version.id}",
        "url": url,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "manifest",
                "name": "manifest",
                "contentUrl": FILE_NAME,
                "encodingFormat": "application/x-parquet",
                "sha256": manifest_sha256,
            },
            {
                "@type": "cr:FileSet",
                "@id": "image-files",
                "name": "image-files",
                "encodingFormat": "image/jpeg",
                "includes": "data/*/*/*.jpg",
            },
        ],
        "recordSet": [
            _record_set("rows", _row_fields(columns)),
            _record_set("images", _image_fields(), {"key": {"@id": "images/name"}}),
            _record_set("examples", _example_fields(columns)),
        ],
    }
    return _text(content)


def with_manifest_digest(text: str, manifest_sha256: str) -> str:
    """croissant.json with a new digest of the manifest, after an erasure."""
    content = json.loads(text)
    content["distribution"][0]["sha256"] = manifest_sha256
    return _text(content)


def _row_fields(columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _field("rows", name, kind, {"fileObject": {"@id": "manifest"}, "extract": {"column": name}})
        for name, kind in columns.items()
    ]


def _image_fields() -> list[dict[str, Any]]:
    return [
        _field("images", name, kind, {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": property_}})
        for name, kind, property_ in (("name", "sc:Text", "fullpath"), ("image", "sc:ImageObject", "content"))
    ]


def _example_fields(columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The manifest's columns with the picture; the column `file` joins the two."""
    joined = [
        _field("examples", name, kind, {"field": {"@id": f"rows/{name}"}})
        | ({"references": {"field": {"@id": "images/name"}}} if name == "file" else {})
        for name, kind in columns.items()
    ]
    return [*joined, _field("examples", "image", "sc:ImageObject", {"field": {"@id": "images/image"}})]


def _field(record_set: str, name: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "dataType": kind, "source": source}


def _record_set(
    name: str, fields: Sequence[Mapping[str, Any]], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"@type": "cr:RecordSet", "@id": name, "name": name, **(extra or {}), "field": fields}


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
