"""Rows of a manifest, made up; and what a version and tools say of its images, to compare the two."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dataset.versions.manifest import Row
from dataset.versions.published import Version

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
    return Counter((row.split, row.label, digest((version.path / row.file).read_bytes())) for row in version.rows())


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
