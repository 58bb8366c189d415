"""croissant.json describes the manifest's columns and joins them to the pictures. Tools read it in test_publish.py."""

import json
from dataclasses import replace
from pathlib import Path

from rows import made_row

from dataset.publishing.croissant import after_erasure, croissant
from dataset.publishing.totals import totals_of
from dataset.versions.facts import Audit
from dataset.versions.published import Version

VERSION = Version(
    Path("2026.11.0"), "2026.11.0", "ab", "salt", None, "2026-11-24T12:00:00+00:00", ["cake", "not_cake"],
    {"train": {"cake": 1}}, "content", [],
)  # fmt: skip


TOTALS = totals_of([made_row(0), made_row(1, licence="CC BY 4.0", site="other.example")])


def test_what_is_said_about_licences_labels_and_sites() -> None:
    """Use 45: the licences that sources state, not a sentence in their place; nothing that nobody recorded."""
    content = json.loads(croissant("is-it-cake", VERSION, "00ff", "https://example.org", TOTALS))
    assert content["license"] == ["CC BY 4.0", "research use"]
    assert {entity["name"] for entity in content["prov:wasDerivedFrom"]} == {"baker.example", "other.example"}
    assert content["rai:dataAnnotationAnalysis"] == "The share of wrong labels was not measured."
    audited = replace(VERSION, audit=Audit(100, 2, 0.002, 0.07))
    said = json.loads(croissant("is-it-cake", audited, "00ff", "https://example.org", TOTALS))
    assert said["rai:dataAnnotationAnalysis"].startswith("2 of 100 random pictures had a wrong label")
    assert "annotatorDemographics" not in "".join(content)


def test_columns_and_their_types() -> None:
    content = json.loads(croissant("is-it-cake", VERSION, "00ff", "https://example.org", TOTALS))
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


def test_after_an_erasure_nothing_names_or_counts_what_is_gone() -> None:
    text = croissant("is-it-cake", VERSION, "00ff", "https://example.org/ä", TOTALS)
    assert after_erasure(text, "11ee", VERSION, TOTALS) == text.replace("00ff", "11ee")
    left = totals_of([made_row(0)])
    assert after_erasure(text, "11ee", VERSION, left) == croissant(
        "is-it-cake", VERSION, "11ee", "https://example.org/ä", left
    )
    assert "other.example" not in after_erasure(text, "11ee", VERSION, left)


def test_an_erasure_adds_nothing_to_a_file_of_an_earlier_release() -> None:
    content = json.loads(croissant("is-it-cake", VERSION, "00ff", "https://example.org", TOTALS))
    del content["odrl:hasPolicy"]
    assert "odrl:hasPolicy" not in json.loads(after_erasure(json.dumps(content), "11ee", VERSION, TOTALS))


def test_without_facts_only_the_digest_changes() -> None:
    text = croissant("is-it-cake", VERSION, "00ff", "https://example.org", TOTALS)
    assert after_erasure(text, "11ee", None, totals_of([made_row(0)])) == text.replace("00ff", "11ee")
