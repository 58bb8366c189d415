"""croissant.json of a pushed version: the same facts, about Parquet files with the pictures inside."""

import json
import re
from collections.abc import Mapping
from typing import Any

from dataset.exports.hub_copy import Copy
from dataset.exports.job import FACTS
from dataset.splits.assignment import SPLITS
from dataset.versions.manifest import FILE_NAME
from dataset.versions.published import Version

TEXT = "croissant.json"
FILES = "parquet-files"  # id of the files with the pictures


def pushed_croissant(copy: Copy, manifest_sha256: str) -> str:
    """The version's croissant.json with the files of the repository, the licences of the images there, and a note
    where images were left out. manifest_sha256: of the manifest there.

    Record sets: `rows`, the manifest as before, and `images`, each with its picture, label and split.
    """
    content: dict[str, Any] = json.loads((copy.version.path / TEXT).read_text(encoding="utf-8"))
    manifest = next(one for one in content["distribution"] if one.get("contentUrl") == FILE_NAME)
    files = {
        "@type": "cr:FileSet",
        "@id": FILES,
        "name": FILES,
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }
    rows = next(one for one in content["recordSet"] if one["@id"] == "rows")
    content["distribution"] = [{**manifest, "sha256": manifest_sha256}, files]
    content["recordSet"] = [rows, _labels(copy.version), _images()]
    content["license"] = list(copy.licences)
    if not copy.is_whole:
        note = f"{copy.absent}, because no licence is known that permits sharing."
        content["description"] += f". {note} Other numbers here are about the whole version."
        missing = content.get("rai:dataCollectionMissingData", "")
        content["rai:dataCollectionMissingData"] = f"{missing} {note}".lstrip()
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _labels(version: Version) -> dict[str, Any]:
    """The labels by their numbers."""
    return {
        "@type": "cr:RecordSet",
        "@id": "labels",
        "name": "labels",
        "dataType": "sc:Enumeration",
        "key": {"@id": "labels/number"},
        "field": [
            {"@type": "cr:Field", "@id": "labels/number", "name": "number", "dataType": "sc:Integer"},
            {"@type": "cr:Field", "@id": "labels/name", "name": "name", "dataType": "sc:Text"},
        ],
        "data": [{"labels/number": number, "labels/name": label} for number, label in enumerate(version.labels)],
    }


def _images() -> dict[str, Any]:
    path = {"fileSet": {"@id": FILES}, "extract": {"fileProperty": "fullpath"}}
    split = {**path, "transform": {"regex": rf"data/({'|'.join(map(re.escape, SPLITS))})-\d+-of-\d+\.parquet$"}}
    fields = [
        _field("image", "sc:ImageObject", {**_column("image"), "transform": {"jsonPath": "bytes"}}),
        {**_field("label", "sc:Integer", _column("label")), "references": {"field": {"@id": "labels/number"}}},
        _field("split", "sc:Text", split),
        *(_field(name, "sc:Text", _column(name)) for name in FACTS),
    ]
    return {"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": fields}


def _column(name: str) -> dict[str, Any]:
    return {"fileSet": {"@id": FILES}, "extract": {"column": name}}


def _field(name: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"images/{name}", "name": name, "dataType": kind, "source": source}
