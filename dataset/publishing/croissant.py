"""croissant.json of a version: metadata for machine learning tools, by the Croissant standard 1.1 of MLCommons."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.publishing.totals import Totals, why_none_unseen
from dataset.versions.manifest import COLUMNS, FILE_NAME, Url
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout

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
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
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


SITES = 200  # with the most images, that are named; the manifest has all

# Where the pictures are, what names them, and the manifest's column that has this name.
_FILES = {
    Layout.FOLDER: {"encodingFormat": "image/jpeg", "includes": "data/*/*/*.jpg"},
    Layout.SHARDS: {"encodingFormat": "application/x-parquet", "includes": "data/*/*.parquet"},
}
_EXTRACTED: dict[Layout, dict[str, dict[str, Any]]] = {
    Layout.FOLDER: {
        "name": {"extract": {"fileProperty": "fullpath"}},
        "image": {"extract": {"fileProperty": "content"}},
    },
    Layout.SHARDS: {
        "name": {"extract": {"column": "sha256"}},
        "image": {"extract": {"column": "image"}, "transform": {"jsonPath": "bytes"}},
    },
}
_JOINED_BY = {Layout.FOLDER: "file", Layout.SHARDS: "sha256"}

# Croissant's type by the type of a column; columns of other types (lists, times) are not described.
TYPES = {str: "sc:Text", Url: "sc:URL", int: "sc:Integer", float: "sc:Float"}


def croissant(project: str, version: Version, manifest_sha256: str, url: str, totals: Totals) -> str:
    """croissant.json: the manifest, joined to the image files by their names. url: the project's contact."""
    columns = {name: TYPES[kind] for name, kind in COLUMNS.items() if kind in TYPES}
    content = {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "name": project,
        "description": f"{project}, version {version.name}: see README.md",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "version": version.name,
        "datePublished": version.created,
        "citeAs": f"{project} {version.name}, id {version.id}",
        "url": url,
        **_of_rows(version, totals),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "manifest",
                "name": "manifest",
                "contentUrl": FILE_NAME,
                "encodingFormat": "application/x-parquet",
                "sha256": manifest_sha256,
            },
            {"@type": "cr:FileSet", "@id": "image-files", "name": "image-files", **_FILES[version.layout]},
        ],
        "recordSet": [
            _record_set("rows", _row_fields(columns)),
            _record_set("images", _image_fields(version.layout), {"key": {"@id": "images/name"}}),
            _record_set("examples", _example_fields(columns, _JOINED_BY[version.layout])),
        ],
    }
    return _text(content)


def _responsible(version: Version, totals: Totals) -> dict[str, Any]:
    """What the RAI vocabulary asks about a dataset, as far as the catalog knows it. Sentences of the card, not of a
    person: what nobody recorded (who the reviewers are, what the dataset is fit for) is not stated.
    """
    shortcuts = [
        f"{row.feature} alone predicts the label with balanced accuracy {row.score:.2f}"
        for row in version.shortcuts.get("after", ())
        if row.score is not None
    ]
    first, last = totals.first_seen
    return {
        "rai:dataCollection": "Pictures were collected from web sites, photo services and folders; each starts with "
        "the label of its source. Exact and near-duplicates are published once.",
        "rai:dataCollectionType": ["Web Scraping", "Web API"],
        "rai:dataCollectionTimeFrame": [first, last],
        "rai:dataCollectionMissingData": "Pictures whose owners object to training, that were erased, that reviewers "
        "called unusable or unsure, and that could not be decoded are left out.",
        "rai:dataPreprocessingProtocol": [
            f"Every picture went through the recipe {DERIVED_RECIPE}: upright, sRGB, on a white ground, longest side "
            "1024 pixels, JPEG.",
            "Splits are by picture and by site: test_unseen_sites has whole sites that no other split has.",
        ],
        "rai:dataAnnotationProtocol": "Detectors order the pictures by the probability that their label is wrong; "
        f"people answered {totals.reviewed} of {totals.images}. Several answers are weighed by how reliable each "
        "reviewer was.",
        "rai:dataAnnotationAnalysis": _label_error(version),
        "rai:dataBiases": shortcuts or ["No trivial feature was measured."],
        "rai:dataLimitations": "Whole pictures with one label each. Sites of one kind show one class: "
        + (why_none_unseen(version.counts) or "compare test with test_unseen_sites")
        + ".",
        "rai:personalSensitiveInformation": "Pictures from the web may show people; nobody was asked whether they do.",
        "rai:dataReleaseMaintenancePlan": "A version never changes, but for erasures: a picture that is taken down "
        "leaves every version, and is not collected again.",
    }


def _label_error(version: Version) -> str:
    """What is known about wrong labels."""
    parts = []
    if audit := version.audit:
        parts.append(
            f"{audit.wrong} of {audit.images} random pictures had a wrong label (95 % interval {audit.low:.4f} to "
            f"{audit.high:.4f})."
        )
    if version.certificate:
        line = version.certificate.certificate.line()
        parts.append(f"{line[0].upper()}{line[1:]}.")
    return " ".join(parts) or "The share of wrong labels was not measured."


def _provenance(version: Version, totals: Totals) -> dict[str, Any]:
    """Where the pictures come from, as PROV-O: sites with their images, and the version before."""
    counts: Counter[str] = Counter()
    for (site, _, _), count in totals.by_site.items():
        counts[site] += count
    most = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:SITES]
    sources = [{"@type": "prov:Entity", "name": site or "folders", "size": f"{count} images"} for site, count in most]
    return {
        "prov:wasDerivedFrom": sources,
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "name": "collected, deduplicated, reviewed and published",
            "description": f"labels: {', '.join(f'{n} from {name}' for name, n in sorted(totals.origins.items()))}",
        },
        **({"isBasedOn": version.parent} if version.parent else {}),
    }


def _policy(totals: Totals) -> dict[str, Any]:
    """What may be done with the pictures, as ODRL: nothing is granted that owners did not say."""
    allowed = totals.preferences.get("train-ai=y", 0)
    return {
        "@type": "odrl:Set",
        "description": "No licence is granted beyond those of the pictures: see the columns licence and "
        f"usage_preference. Owners of {allowed} of {totals.images} pictures permit training in so many words; pictures "
        "whose owners object are not in the dataset.",
        "odrl:duty": {"odrl:action": "odrl:attribute", "description": "Name creator and licence of a picture."},
        "odrl:prohibition": {"description": "Do not use a picture that was erased since: the publisher keeps a list."},
    }


def _of_rows(version: Version, totals: Totals) -> dict[str, Any]:
    """What depends on the rows, and changes with an erasure."""
    return {
        "license": list(totals.licences()),  # each row of the manifest has its own
        **_responsible(version, totals),
        **_provenance(version, totals),
        "odrl:hasPolicy": _policy(totals),
    }


def after_erasure(text: str, manifest_sha256: str, version: Version | None, totals: Totals) -> str:
    """croissant.json of the images that are left. What it did not say before, it does not say now.

    version: None where its version.json cannot be read; then only the digest of the manifest is new.
    """
    content = json.loads(text)
    content["distribution"][0]["sha256"] = manifest_sha256
    said = _of_rows(version, totals) if version else {}
    return _text(content | {name: value for name, value in said.items() if name in content})


def _row_fields(columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _field("rows", name, kind, {"fileObject": {"@id": "manifest"}, "extract": {"column": name}})
        for name, kind in columns.items()
    ]


def _image_fields(layout: Layout) -> list[dict[str, Any]]:
    return [
        _field("images", name, kind, {"fileSet": {"@id": "image-files"}, **_EXTRACTED[layout][name]})
        for name, kind in (("name", "sc:Text"), ("image", "sc:ImageObject"))
    ]


def _example_fields(columns: Mapping[str, str], joined_by: str) -> list[dict[str, Any]]:
    """The manifest's columns with the picture. joined_by: the column that joins the two."""
    joined = [
        _field("examples", name, kind, {"field": {"@id": f"rows/{name}"}})
        | ({"references": {"field": {"@id": "images/name"}}} if name == joined_by else {})
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
