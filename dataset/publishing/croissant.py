"""Croissant metadata of a version."""

import json
from collections.abc import Mapping
from typing import Any

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


def croissant(project: str, facts: Mapping[str, Any], manifest_sha256: str, url: str) -> str:
    """croissant.json: the manifest joined to the image files through their names."""
    columns = {
        "sha256": "sc:Text", "file": "sc:Text", "label": "sc:Text", "split": "sc:Text", "source_label": "sc:Text",
        "label_origin": "sc:Text", "site": "sc:Text", "page_url": "sc:URL", "image_url": "sc:URL", "licence": "sc:Text",
        "creator": "sc:Text", "width": "sc:Integer", "height": "sc:Integer", "format": "sc:Text", "phash": "sc:Text",
        "cluster": "sc:Text", "judgements": "sc:Integer", "error_probability": "sc:Float",
    }  # fmt: skip
    fields: list[dict[str, Any]] = [
        {
            "@type": "cr:Field",
            "@id": f"rows/{name}",
            "name": name,
            "dataType": kind,
            "source": {"fileObject": {"@id": "manifest"}, "extract": {"column": name}},
        }
        for name, kind in columns.items()
    ]
    files = [
        {
            "@type": "cr:Field",
            "@id": "images/name",
            "name": "name",
            "dataType": "sc:Text",
            "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "fullpath"}},
        },
        {
            "@type": "cr:Field",
            "@id": "images/image",
            "name": "image",
            "dataType": "sc:ImageObject",
            "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "content"}},
        },
    ]
    joined = []
    for name, kind in columns.items():
        field = {
            "@type": "cr:Field",
            "@id": f"examples/{name}",
            "name": name,
            "dataType": kind,
            "source": {"field": {"@id": f"rows/{name}"}},
        }
        if name == "file":
            field["references"] = {"field": {"@id": "images/name"}}
        joined.append(field)
    joined.append(
        {
            "@type": "cr:Field",
            "@id": "examples/image",
            "name": "image",
            "dataType": "sc:ImageObject",
            "source": {"field": {"@id": "images/image"}},
        }
    )
    content = {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "name": project,
        "description": f"{project}, version {facts['name']}: see README.md",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "version": facts["name"],
        "datePublished": facts["created"],
        "license": "see the column licence",
        "citeAs": f"{project} {facts['name']}, id {facts['id']}",
        "url": url,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "manifest",
                "name": "manifest",
                "contentUrl": "manifest.parquet",
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
            {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields},
            {"@type": "cr:RecordSet", "@id": "images", "name": "images", "key": {"@id": "images/name"}, "field": files},
            {"@type": "cr:RecordSet", "@id": "examples", "name": "examples", "field": joined},
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
