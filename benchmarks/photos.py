"""The labelled photos of ../shared as arrays: what benchmarks of triage and priors work on."""

import csv
import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.decoding import Undecodable, examine, scaled_rgb
from dataset.detectors import Subject
from dataset.features import Backbone
from dataset.fingerprints import Fingerprint, fingerprint
from dataset.prior import measure_row


@dataclass(frozen=True)
class Photos:
    """n photos: vectors (n, f), measures (n, m), labels, sites and sources (n,)."""

    vectors: NDArray[np.float32]
    measures: NDArray[np.float32]
    labels: NDArray[np.str_]
    sites: NDArray[np.str_]
    names: NDArray[np.str_]
    sha256: NDArray[np.str_]
    prints: NDArray[np.object_]
    sizes: NDArray[np.int64]  # (n, 2) width and height

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, keep: NDArray[np.bool_]) -> "Photos":
        return Photos(*(getattr(self, field.name)[keep] for field in fields(self)))

    def of_known_label(self) -> "Photos":
        return self.subset(self.labels != "unsure")

    def subject(self, i: int, **more: object) -> Subject:
        """As detectors see it, by its own looks; `more` for what others say of it."""
        made: Fingerprint = self.prints[i]
        row = made.row(str(self.sha256[i]))
        label = "not_cake" if self.sites[i] == "objects" else "cake"
        return Subject(
            width=int(self.sizes[i, 0]), height=int(self.sizes[i, 1]), detail=made.detail,
            measures=row["measures"], source_label=label, source_labels=frozenset([label]),
            words=(str(self.names[i]),), other_label="not_cake" if label == "cake" else "cake", **more,
        )  # type: ignore[arg-type]  # fmt: skip


def labelled(shared: Path, net: Backbone) -> Photos:
    """Every photo that decodes, bakers' and objects'."""
    photos = shared / "photos"
    items = [
        (r["site"], r["file"], r["label"], photos / "bakers" / r["site"] / r["file"])
        for r in _rows(photos / "truth.csv")
    ]
    items += [("objects", r["file"], "not_cake", photos / "objects" / r["file"]) for r in _rows(photos / "objects.csv")]
    found = []
    for site, name, label, path in items:
        content = path.read_bytes()
        try:
            header = examine(content)
        except Undecodable:
            continue
        made = fingerprint(content)
        measures = made.row("")["measures"]
        vector = net.vector(scaled_rgb(content)).astype(np.float16).astype(np.float32)
        row = measure_row(header.width, header.height, len(content), made.detail, measures)  # type: ignore[arg-type]
        sha256 = hashlib.sha256(content).hexdigest()
        found.append((vector, row, label, site, name, sha256, made, (header.width, header.height)))
    columns = list(zip(*found, strict=True))
    return Photos(
        np.stack(columns[0]),
        np.array(columns[1], dtype=np.float32),
        *(np.array(columns[k]) for k in (2, 3, 4, 5)),
        np.array(columns[6], dtype=object),
        np.array(columns[7]),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
