"""Exports as folders of files: each is loaded by the tool that it is for, or read by that tool's documentation.

torchvision and YOLO (AGPL) are no part of this project's tests, nor is FiftyOne, whose package downloads a database:
the rules of their documentation stand here as code.
"""

import io
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image
from rows import Images, digest, images_in, images_of, other_order

from dataset.exports.export import export
from dataset.versions.published import Version


def test_hugging_face_loads_the_imagefolder(version: Version, tmp_path: Path) -> None:
    """Use 41: test_unseen_sites is a split of its own, and labels have the order of the version."""
    turned = other_order(version)
    assert export(turned, "imagefolder", tmp_path / "x") == version.images
    loaded = load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    assert images_in(loaded, turned.labels) == images_of(version)
    assert "test_unseen_sites" in loaded
    for part in loaded.values():
        for row in part:
            assert row["image"].size == (row["published_width"], row["published_height"])


def image_folder(root: Path) -> dict[str, list[Path]]:
    """Files by label, as torchvision's ImageFolder reads them: labels are the folders, in the order of the alphabet."""
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    return {name: sorted(path for path in (root / name).rglob("*") if path.suffix == ".jpg") for name in folders}


def test_image_folder_reads_each_split(version: Version, tmp_path: Path) -> None:
    """By the rules of torchvision's documentation."""
    export(version, "imagefolder", tmp_path / "x")
    found: Images = Counter(
        (split, label, digest(path.read_bytes()))
        for split in (entry.name for entry in (tmp_path / "x").iterdir() if entry.is_dir())
        for label, paths in image_folder(tmp_path / "x" / split).items()
        for path in paths
    )
    assert found == images_of(version)


def test_yolo_reads_train_val_and_test(version: Version, tmp_path: Path) -> None:
    """By the rules of its documentation: the labels are the folders of train, and every split has all of them."""
    turned = other_order(version)
    export(turned, "yolo", tmp_path / "x")
    splits = {"train": "train", "val": "validation", "test": "test", "test_unseen_sites": "test_unseen_sites"}
    present = {name: split for name, split in splits.items() if version.counts.get(split)}
    names = list(image_folder(tmp_path / "x" / "train"))
    assert names == sorted(version.labels)
    found: Images = Counter()
    for name, split in present.items():
        read = image_folder(tmp_path / "x" / name)
        assert list(read) == names
        found.update((split, label, digest(path.read_bytes())) for label, paths in read.items() for path in paths)
    assert found == images_of(version)
    assert (tmp_path / "x" / "labels.txt").read_text().splitlines() == turned.labels
    assert {entry.name for entry in (tmp_path / "x").iterdir() if entry.is_dir()} == set(present)


def test_fiftyone_reads_a_data_set_for_each_split(version: Version, tmp_path: Path) -> None:
    """By the rules of its importer: labels.json numbers the files of data/ by their names without ending."""
    turned = other_order(version)
    export(turned, "fiftyone", tmp_path / "x")
    found: Images = Counter()
    for folder in (entry for entry in (tmp_path / "x").iterdir() if entry.is_dir()):
        said = json.loads((folder / "labels.json").read_text())
        files = {path.stem: path for path in (folder / "data").iterdir()}
        assert said["classes"] == turned.labels
        assert set(said) == {"classes", "labels"}
        assert set(said["labels"]) == set(files)
        for name, number in said["labels"].items():
            found[folder.name, said["classes"][number], digest(files[name].read_bytes())] += 1
    assert found == images_of(version)


def test_pycocotools_loads_coco(version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Same pictures, labels and splits; categories in the order of the version; width and height of each picture."""
    from pycocotools.coco import COCO

    turned = other_order(version)
    export(turned, "coco", tmp_path / "x")
    found: Images = Counter()
    for path in (tmp_path / "x").glob("[a-z]*.json"):
        coco = COCO(str(path))
        labels = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
        assert [labels[number] for number in sorted(labels)] == turned.labels
        assert coco.dataset["info"]["description"] == f"is-it-cake {version.name}"
        for image in coco.loadImgs(coco.getImgIds()):
            content = (tmp_path / "x" / "images" / image["file_name"]).read_bytes()
            (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            with Image.open(io.BytesIO(content)) as picture:
                assert picture.size == (image["width"], image["height"])
            found[path.stem, labels[annotation["category_id"]], digest(content)] += 1
    assert found == images_of(version)
    assert "Done" in capsys.readouterr().out


def test_a_version_without_published_sizes_is_measured(version: Version, tmp_path: Path) -> None:
    """Of an earlier release: COCO has the size of each picture all the same."""
    path = version.path / "manifest.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["published_width", "published_height"]), path)
    export(version, "coco", tmp_path / "x")
    content = json.loads(next((tmp_path / "x").glob("[a-z]*.json")).read_text())
    assert {max(image["width"], image["height"]) for image in content["images"]} == {1024}
