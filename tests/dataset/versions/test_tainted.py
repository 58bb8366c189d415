"""A model whose training began before an erasure is marked, and its files name no erased image."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.reader import forget_erased
from dataset.versions import published


def test_an_erasure_during_a_training(published_project: Project) -> None:
    """The model and the cached features appear after the erasure looked for them."""
    version = published.newest(published_project.home)
    assert version is not None
    rows = version.rows()
    erase(published_project, Selection(Kind.SHA256, rows[0].sha256), "asked")
    model = published_project.home / "models" / "svm" / version.name
    model.mkdir(parents=True)
    cached = published_project.home / "cache" / "features" / "net.npz"
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(rows[0].sha256.encode())
    predictions = pa.table({"sha256": [row.sha256 for row in rows]})
    pq.write_table(predictions, model / "predictions.parquet")
    forget_erased(published_project.settings, version, rows, [model])
    assert not cached.exists()
    left = pq.read_table(model / "predictions.parquet")["sha256"].to_pylist()
    assert left == [row.sha256 for row in version.rows()]
    assert "since" in json.loads((model / published.TAINTED).read_text())


def test_without_an_erasure_nothing_changes(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    model = published_project.home / "models" / "svm" / version.name
    model.mkdir(parents=True)
    forget_erased(published_project.settings, version, version.rows(), [model])
    assert list(model.iterdir()) == []
