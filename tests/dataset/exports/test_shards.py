"""Exports as larger files with the pictures inside: the tool that each is for loads the same images."""

import gc
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from rows import Images, digest, images_in, images_of, other_order

from dataset.exports.export import export
from dataset.versions.published import Version


def test_webdataset_is_tar_shards(version: Version, tmp_path: Path) -> None:
    """Each sample has picture, class and facts; the same version gives the same bytes."""
    for folder in ("x", "y"):
        export(version, "webdataset", tmp_path / folder, images_per_shard=20)
    shards = sorted((tmp_path / "x").glob("*.tar"))
    assert len(shards) > 4
    for shard in shards:
        assert shard.read_bytes() == (tmp_path / "y" / shard.name).read_bytes()
        with tarfile.open(shard) as tar:
            assert {name.partition(".")[2] for name in tar.getnames()} == {"jpg", "cls", "json"}


@pytest.mark.filterwarnings("ignore")  # it leaves its files open
def test_the_webdataset_package_reads_the_shards(version: Version, tmp_path: Path) -> None:
    import webdataset

    turned = other_order(version)
    export(turned, "webdataset", tmp_path / "x", images_per_shard=20)
    found: Images = Counter()
    for shard in sorted((tmp_path / "x").glob("*.tar")):
        samples = webdataset.WebDataset(str(shard), shardshuffle=False)
        for content, number, facts in samples.to_tuple("jpg", "cls", "json"):
            label = turned.labels[int(number)]
            assert f'"label": "{label}"' in facts.decode()
            found[shard.name.rpartition("-")[0], label, digest(content)] += 1
    assert found == images_of(version)
    gc.collect()


def test_hugging_face_loads_parquet(version: Version, tmp_path: Path) -> None:
    turned = other_order(version)
    export(turned, "parquet", tmp_path / "x")
    loaded = load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    assert images_in(loaded, turned.labels) == images_of(version)
    assert pq.ParquetFile(next((tmp_path / "x" / "data").glob("train*"))).num_row_groups >= 1
