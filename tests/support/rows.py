"""Rows of a manifest, made up."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from dataset.versions.manifest import Row


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
