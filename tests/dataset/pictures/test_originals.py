"""dataset.pictures.originals: a disk and a bucket of an S3-compatible service behave alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import S3Store
from servers.bucket import in_bucket, running_s3

from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.pictures.originals import Blobs, S3Blobs, blobs_of
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published, verify
from foundation.errors import StorageError
from foundation.settings_file import load
from foundation.sharing.bucket import Bucket


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(params=["disk", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    (tmp_path / "isitcake.toml").write_text("[project]\n")
    settings = load(tmp_path / "isitcake.toml", {})
    if request.param == "bucket":
        settings = in_bucket(settings, request.getfixturevalue("s3"), request.node.name)
    return blobs_of(settings)


def test_stored_bytes_are_read_until_they_are_discarded(blobs: Blobs) -> None:
    """As a whole, in part and as a file; storing them twice changes nothing."""
    sha256 = blobs.put(b"not really a photo", "JPEG")
    assert blobs.put(b"not really a photo", "JPEG") == sha256
    other = blobs.put(b"another", "PNG")
    assert blobs.read(sha256, "JPEG") == b"not really a photo"
    assert blobs.start(sha256, "JPEG", 3) == b"not"
    assert blobs.start(sha256, "JPEG", 99) == b"not really a photo"
    assert blobs.path(sha256, "JPEG").read_bytes() == b"not really a photo"
    assert blobs.address(sha256, "JPEG").endswith(f"{sha256[:2]}/{sha256}.jpg")
    blobs.discard(sha256)
    blobs.discard(sha256)
    for read in (blobs.read, lambda name, kind: blobs.start(name, kind, 3)):
        with pytest.raises(StorageError, match=r"is gone; restore it, or erase the image"):
            read(sha256, "JPEG")
    assert blobs.read(other, "PNG") == b"another"


def test_a_project_works_with_originals_in_a_bucket(published_project: Project, s3: str, tmp_path: Path) -> None:
    """It publishes the same version; an erasure also removes the object and its cached copy."""
    before = published.newest(published_project.home)
    assert before is not None
    settings = in_bucket(published_project.settings, s3, "project")
    bucket = blobs_of(settings)
    for path in sorted((published_project.home / "blobs").glob("*/*")):
        kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}[path.suffix[1:]]
        assert bucket.put(path.read_bytes(), kind) == path.stem
        path.unlink()
    for path in (published_project.home / "derived").glob("*/*/*"):
        path.unlink()
    opened = Project(settings, published_project.catalog, bucket)
    curate(opened)
    assert publish(opened).version is None
    row = before.rows()[0]
    assert opened.blobs.path(row.sha256, row.format).is_file()
    erase(opened, Selection(Kind.SHA256, row.sha256), "asked")
    with pytest.raises(StorageError, match="is gone"):
        bucket.read(row.sha256, row.format)
    assert list((published_project.home / "cache").rglob(f"{row.sha256}*")) == []
    assert verify.verify(opened.home, before.name).problems == []


def test_an_error_of_a_bucket_says_what_to_fix(tmp_path: Path, s3: str) -> None:
    """In one sentence, without the secret."""
    store = S3Store(
        "cakes",
        config={"endpoint": "http://127.0.0.1:9", "access_key_id": "k", "secret_access_key": "s3cret"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    nowhere = S3Blobs(Bucket("s3://cakes", store), tmp_path)
    with pytest.raises(StorageError, match=r"s3://cakes cannot be used \(.*\); fix \[blobs\]") as caught:
        nowhere.put(b"x", "JPEG")
    assert "s3cret" not in str(caught.value)
    (tmp_path / "isitcake.toml").write_text("[project]\n")
    settings = in_bucket(load(tmp_path / "isitcake.toml", {}), s3, "x")
    lost = blobs_of(settings.model_copy(update={"blobs": settings.blobs.model_copy(update={"url": "s3://no-bucket"})}))
    with pytest.raises(StorageError, match="s3://no-bucket"):
        lost.put(b"x", "JPEG")
