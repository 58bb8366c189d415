"""croissant.json describes the manifest's columns and joins them to the pictures. Tools read it in test_publish.py."""

import json
from pathlib import Path

from dataset.publishing.croissant import croissant, with_manifest_digest
from dataset.versions.published import Version

VERSION = Version(
    Path("2026.11.0"), "2026.11.0", "ab", "salt", None, "2026-11-24T12:00:00+00:00", ["cake", "not_cake"],
    {"train": {"cake": 1}}, "content", [],
)  # fmt: skip


def test_columns_and_their_types() -> None:
    content = json.loads(croissant("is-it-cake", VERSION, "00ff", "https://example.org"))
    rows, images, examples = content["recordSet"]
    types = {field["name"]: field["dataType"] for field in rows["field"]}
    assert types["page_url"] == types["image_url"] == "sc:URL"
    assert (types["sha256"], types["width"], types["error_probability"]) == ("sc:Text", "sc:Integer", "sc:Float")
    assert {"sources", "first_seen"}.isdisjoint(types)
    assert [field["name"] for field in examples["field"]] == [*types, "image"]
    assert images["key"] == {"@id": "images/name"}
    (join,) = (field for field in examples["field"] if "references" in field)
    assert (join["name"], join["references"]) == ("file", {"field": {"@id": "images/name"}})
    assert content["distribution"][0]["sha256"] == "00ff"


def test_only_the_digest_of_the_manifest_changes() -> None:
    text = croissant("is-it-cake", VERSION, "00ff", "https://example.org/ä")
    assert with_manifest_digest(text, "11ee") == text.replace("00ff", "11ee")
