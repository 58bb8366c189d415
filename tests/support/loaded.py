"""What a tool read of an export, to compare with the version: split, label and picture of each image."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dataset.versions.published import Version

Images = Counter[tuple[str, str, str]]  # split, label, SHA-256 of the published picture


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
