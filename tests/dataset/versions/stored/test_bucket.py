"""A version in shards, copied into a bucket, is read from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from servers.bucket import BUCKET, running_s3

from dataset.versions.published import Version


@pytest.fixture
def s3(version: Version) -> Iterator[str]:
    """Address of a service that speaks S3, with a bucket that has the files of the version."""
    with running_s3() as url:
        for path in version.path.rglob("*"):
            if path.is_file():
                name = path.relative_to(version.path.parent).as_posix()
                requests.put(f"{url}/{BUCKET}/{name}", data=path.read_bytes(), timeout=10).raise_for_status()
        yield url


@pytest.mark.parametrize("layout", ["shards"])
@pytest.mark.filterwarnings("ignore")
def test_hugging_face_reads_the_bucket(version: Version, s3: str, tmp_path: Path) -> None:
    """As docs/versions.md says, with the package that the program has for buckets: all rows and pictures, labels by
    name.
    """
    from datasets import load_dataset  # slow to import
    from obstore.fsspec import register

    register("s3")
    options = {
        "config": {"endpoint": s3, "access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"},
        "client_options": {"allow_http": True},
    }
    splits = [split for split, labels in version.counts.items() if labels]
    files = {split: f"s3://{BUCKET}/{version.name}/data/{split}/*.parquet" for split in splits}
    loaded = load_dataset("parquet", data_files=files, storage_options=options, cache_dir=str(tmp_path / "cache"))
    rows = {row.sha256: row for row in version.rows()}
    seen = set()
    for split, part in loaded.items():
        for record in part:
            row = rows[record["sha256"]]
            assert (row.split, row.label) == (split, version.labels[record["label"]])
            record["image"].load()
            seen.add(row.sha256)
    assert seen == set(rows)
