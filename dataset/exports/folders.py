"""Formats whose pictures are files in folders: ImageFolder, YOLO, FiftyOne and COCO."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset.exports.job import PARTIAL, Export, link, readme, size_of, title
from dataset.exports.tables import csv_of
from dataset.versions.manifest import Writer, metadata_row, metadata_schema
from foundation.files import replace_file

YOLO_NAMES = {"validation": "val"}  # of splits, where YOLO has another


def imagefolder(job: Export) -> Iterator[int]:
    """<split>/<label>/<name>.jpg, the folders that torchvision's ImageFolder reads, and what Hugging Face's reads.

    metadata.parquet has the labels in their order; by the folders' names alone they would be in that of the alphabet.
    README.md names the splits: by the folders' names alone, test_unseen_sites would be a part of test.
    """
    numbers = {label: number for number, label in enumerate(job.version.labels)}
    is_sized = any(row.published_width for rows in job.parts.values() for row in rows)
    for split, rows in job.parts.items():
        for row in rows:
            link(job.version, row, job.to / split / row.label / Path(row.file).name)
            yield 1
        path = job.to / split / "metadata.parquet"
        partial = path.with_suffix(PARTIAL)
        with Writer(partial, metadata_schema(job.version.labels, sized=is_sized)) as metadata:
            for row in rows:
                metadata.add(metadata_row(row, numbers))
        partial.replace(path)
        files = [f"{split}/{row.label}/{Path(row.file).name}" for row in rows]
        replace_file(job.to / f"{split}.csv", csv_of(rows, files))
    replace_file(job.to / "README.md", readme(job.version, list(job.parts), "{}/**").encode())


def yolo(job: Export) -> Iterator[int]:
    """<split>/<label>/<name>.jpg with the splits train, val and test, which YOLO's classification reads.

    Every split has a folder for every label, also an empty one: labels are numbered by the folders of each split.
    test_unseen_sites stands beside them: YOLO knows no fourth split. Labels are numbered by the alphabet, whatever
    labels.txt says, which has the order of the version.
    """
    for split, rows in job.parts.items():
        folder = job.to / YOLO_NAMES.get(split, split)
        for label in job.version.labels:
            (folder / label).mkdir(parents=True, exist_ok=True)
        for row in rows:
            link(job.version, row, folder / row.label / Path(row.file).name)
            yield 1
    replace_file(job.to / "labels.txt", "".join(f"{label}\n" for label in job.version.labels).encode())


def fiftyone(job: Export) -> Iterator[int]:
    """<split>/data/<name>.jpg and <split>/labels.json: a FiftyOneImageClassificationDataset for each split."""
    numbers = {label: number for number, label in enumerate(job.version.labels)}
    for split, rows in job.parts.items():
        for row in rows:
            link(job.version, row, job.to / split / "data" / Path(row.file).name)
            yield 1
        labels = {Path(row.file).stem: numbers[row.label] for row in rows}
        _write(job.to / split / "labels.json", {"classes": job.version.labels, "labels": labels})


def coco(job: Export) -> Iterator[int]:
    """images/ and one <split>.json each, in the form of COCO, with a category for each whole image."""
    number = 0
    category_of = {label: category for category, label in enumerate(job.version.labels, 1)}
    for split, rows in job.parts.items():
        images, annotations = [], []
        for row in rows:
            number += 1
            name = Path(row.file).name
            link(job.version, row, job.to / "images" / name)
            width, height = size_of(row, job.to / "images" / name)
            images.append({"id": number, "file_name": name, "width": width, "height": height,
                           "license": row.licence, "coco_url": row.image_url, "sha256": row.sha256,
                           "site": row.site})  # fmt: skip
            annotations.append({"id": number, "image_id": number, "category_id": category_of[row.label]})
            yield 1
        content = {
            "info": {"description": title(job.version), "version": job.version.id},
            "categories": [{"id": category, "name": label} for label, category in category_of.items()],
            "images": images,
            "annotations": annotations,
        }
        _write(job.to / f"{split}.json", content)


def _write(path: Path, content: dict[str, Any]) -> None:
    replace_file(path, (json.dumps(content, ensure_ascii=False) + "\n").encode())
