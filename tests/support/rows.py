"""Rows of a manifest and facts for papers, made up; and what a version and tools say of its images, to compare them."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataset.papers.facts import Consent, Domain, Library, PaperFacts, SourceFacts
from dataset.publishing.totals import totals_of
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.settings import ProjectSection, Settings

Images = Counter[tuple[str, str, str]]  # split, label, SHA-256 of the published picture


def made_row(number: int, **changes: Any) -> Row:
    """A row that differs from others by its number."""
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    label, split = changes.get("label", "cake"), changes.get("split", "train")
    values: dict[str, Any] = {
        "sha256": sha256,
        "file": f"data/{split}/{label}/{sha256[:16]}.jpg",
        "label": label,
        "split": split,
        "source_label": "cake",
        "label_origin": "source",
        "sources": ["baker"],
        "site": "baker.example",
        "page_url": "https://baker.example/gallery",
        "image_url": f"https://baker.example/{number}.jpg",
        "licence": "research use",
        "creator": "",
        "first_seen": datetime(2026, 11, 1, 12, 30, 0, 123456, tzinfo=UTC) + timedelta(days=number),
        "width": 640,
        "height": 480,
        "format": "JPEG",
        "phash": sha256[:16],
        "cluster": sha256,
        "judgements": 0,
        "error_probability": 0.25,
    }
    return Row(**(values | changes))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def images_of(version: Version) -> Images:
    """What the version says."""
    return Counter((row.split, row.label, digest(version.pictures.content(row))) for row in version.rows())


def other_order(version: Version) -> Version:
    """The version with its labels in an order that is not the alphabet's."""
    turned = replace(version, labels=sorted(version.labels, reverse=True))
    assert turned.labels != sorted(turned.labels)
    return turned


def images_in(loaded: Mapping[str, Any], labels: list[str]) -> Images:
    """What Hugging Face's `load_dataset` read. Asserts that its labels are these, in this order."""
    import datasets

    found: Images = Counter()
    for split, part in loaded.items():
        assert part.features["label"].names == labels
        for row in part.cast_column("image", datasets.Image(decode=False)):
            content = row["image"]["bytes"]
            if content is None:
                with open(row["image"]["path"], "rb") as file:  # noqa: PTH123  # datasets gives a path as text
                    content = file.read()
            found[split, labels[row["label"]], digest(content)] += 1
    return found


VERSION = Version(
    Path("2026.11.0"), "2026.11.0", "ab" * 32, "salt", None, "2026-11-24T12:00:00+00:00", ["cake", "not_cake"],
    {"train": {"cake": 2, "not_cake": 1}}, "content", [],
)  # fmt: skip
ROWS = [made_row(0), made_row(1, licence="CC BY 4.0"), made_row(2, label="not_cake", licence="", site="other.example")]


def made_source(name: str, kind: str, images: int) -> SourceFacts:
    return SourceFacts(
        name, kind, "cake", "research use", "", [f"https://{name}.example"], images, images * 1_000_000, 2,
        "2026-11-01", "2026-11-03",
    )  # fmt: skip


TWO_SITES = [made_source("baker", "site", 2), made_source("other", "site", 1)]
CONSENT = Consent(
    first="2026-11-01", last="2026-11-20", answers={("robots.txt", "silent"): 2, ("page", "objects"): 1},
    refused=4, closed=1, left_out=1, unasked=0,
)  # fmt: skip
LIBRARY = Library(
    images=6, pictures=4, copies=1, excluded=1, quarantined=0, reviewers=2, answers=7, confirmed=3, erased=1, listed=0
)


def made_facts(sources: Sequence[SourceFacts] = TWO_SITES, domains: int = 2) -> PaperFacts:
    """Facts about three images of two sites."""
    return PaperFacts(
        settings=Settings(project=ProjectSection(contact="https://example.org/us")),
        version=VERSION,
        totals=totals_of(ROWS),
        sources=sources,
        domains=[Domain(f"site{n}.example", 1, 1_000_000 * (domains - n)) for n in range(domains)],
        formats={"JPEG": 2, "PNG": 1},
        size_bytes=3_000_000,
        consent=CONSENT,
        library=LIBRARY,
        models=["balanced"],
        made="2026-11-25",
    )
