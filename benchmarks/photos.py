"""The labelled photos of ../shared as arrays, for the benchmarks of triage and priors."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.fingerprints import Fingerprint, fingerprint
from dataset.pictures.decoding import Undecodable, examine, scaled_rgb
from dataset.pictures.seen import recognise
from dataset.pictures.text_lines import SEARCHED_SIDE_PX
from dataset.suspicion.detectors import Subject
from dataset.suspicion.fitted.novelty import fit_novelty, novelty_of
from dataset.suspicion.meanings import meanings
from dataset.suspicion.packs import Pack, pack
from dataset.suspicion.shipped_prior import measure_row, object_measures
from foundation.settings import DETECTOR_NAME, Settings
from networks.backbone import Backbone
from networks.objects import detector

CAKE = pack("cake") or Pack("", ())
MEANINGS = meanings(Settings())


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
    seen: NDArray[np.object_]
    classes: NDArray[np.object_]
    novel: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, keep: NDArray[np.bool_]) -> "Photos":
        return Photos(*(getattr(self, field.name)[keep] for field in fields(self)))

    def of_known_label(self) -> "Photos":
        return self.subset(self.labels != "unsure")

    def subject(self, i: int, **more: object) -> Subject:
        """One photo as detectors see it. more: fields that do not come from the photo itself."""
        made: Fingerprint = self.prints[i]
        row = made.row(str(self.sha256[i]))
        label = "not_cake" if self.sites[i] == "objects" else "cake"
        return Subject(
            width=int(self.sizes[i, 0]), height=int(self.sizes[i, 1]), detail=made.detail,
            measures=row["measures"], source_label=label, source_labels=frozenset([label]),
            objects=self.seen[i].objects or {}, text_lines=self.seen[i].text_lines, text_share=self.seen[i].text_share,
            classes=self.classes[i], novelty=float(self.novel[i]),
            words=(str(self.names[i]),), **{"meanings": MEANINGS, **more},
        )  # type: ignore[arg-type]  # fmt: skip


def labelled(shared: Path, net: Backbone, *, with_objects: bool = True) -> Photos:
    """Read every photo of bakers and objects that decodes. with_objects: run a COCO detector on them."""
    object_detector = detector(shared / "models" / DETECTOR_NAME) if with_objects else None
    photos = shared / "photos"
    items = [
        (r["site"], r["file"], r["label"], photos / "bakers" / r["site"] / r["file"])
        for r in _rows(photos / "truth.csv")
    ]
    items += [("objects", r["file"], "not_cake", photos / "objects" / r["file"]) for r in _rows(photos / "objects.csv")]
    rows = []
    for site, name, label, path in items:
        content = path.read_bytes()
        try:
            header = examine(content)
        except Undecodable:
            continue
        made = fingerprint(content)
        measures = made.row("")["measures"]
        vector = net.vector(scaled_rgb(content)).astype(np.float16).astype(np.float32)
        there = recognise(scaled_rgb(content, SEARCHED_SIDE_PX), object_detector)
        objects = object_measures(CAKE, there.objects)
        row = measure_row(header.width, header.height, len(content), made.detail, measures, objects)  # type: ignore[arg-type]
        sha256 = hashlib.sha256(content).hexdigest()
        rows.append((vector, row, label, site, name, sha256, made, (header.width, header.height), there))
    columns = list(zip(*rows, strict=True))
    vectors = np.stack(columns[0])
    source_labels = ["not_cake" if site == "objects" else "cake" for site in columns[3]]
    copies = np.unique(np.array(columns[5]), return_inverse=True)[1]
    return Photos(
        vectors,
        np.array(columns[1], dtype=np.float32),
        *(np.array(columns[k]) for k in (2, 3, 4, 5)),
        np.array(columns[6], dtype=object),
        np.array(columns[7]),
        _objects(columns[8]),
        _objects(net.classes(vectors)),
        novelty_of(fit_novelty(vectors, source_labels, copies), vectors, source_labels, copies),
    )


def _objects(values: Sequence[object]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
