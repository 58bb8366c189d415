"""dataset.history: everything known about one image, in a project with one version."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from dataset.catalog.tables import clusters, judgements, sightings, tombstones
from dataset.catalog.writes import append
from dataset.history import Why, why
from dataset.project import Project
from dataset.versions import published
from dataset.versions.manifest import Row
from foundation.errors import UnknownImage

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def first_row(project: Project) -> Row:
    version = published.newest(project.home)
    assert version is not None
    return version.rows()[0]


def judge(project: Project, sha256: str, answer: str, number: int) -> None:
    row = {"sha256": sha256, "reviewer": "ann", "answer": answer, "answered_at": NOW, "origin": "import",
           "external_id": str(number), "recorded_at": NOW, "seconds": 2.5, "why": "a vase"}  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, judgements, [row])


def test_the_history_of_a_published_image(published_project: Project) -> None:
    """Source, cluster, decision, split and version, as the catalog and the manifest have them."""
    row = first_row(published_project)
    history = why(published_project, row.sha256)
    with published_project.catalog.read() as connection:
        seen = connection.execute(select(sightings).where(sightings.c.sha256 == row.sha256)).all()
    assert [record["image_url"] for record in history.sightings] == [sighting.image_url for sighting in seen]
    size_bytes = len(published_project.blobs.read(row.sha256, row.format))
    assert history.facts == {"format": row.format, "width": row.width, "height": row.height, "bytes": size_bytes}
    assert history.path == str(published_project.blobs.path(row.sha256, row.format))
    assert history.decisions[-1]["label"] == row.label
    assert history.split == row.split
    assert [record["file"] for record in history.versions if record["file"] == row.file] == [row.file]
    assert history.line() == f"{row.label}, by source: every source says so"


def test_the_first_digits_are_enough(published_project: Project) -> None:
    sha256 = first_row(published_project).sha256
    assert why(published_project, sha256[:12].upper()).sha256 == sha256


def test_judgements_of_the_whole_cluster_are_listed(published_project: Project) -> None:
    """A withdrawn answer is written as such."""
    with published_project.catalog.read() as connection:
        member = connection.execute(select(clusters).where(clusters.c.sha256 != clusters.c.cluster)).first()
    assert member is not None
    judge(published_project, member.cluster, "not_cake", 1)
    judge(published_project, member.sha256, "", 2)
    history = why(published_project, member.sha256)
    assert member.cluster in history.cluster
    assert member.sha256 not in history.cluster
    assert [(j["sha256"], j["answer"]) for j in history.judgements] == [
        (member.cluster, "not_cake"),
        (member.sha256, "(taken back)"),
    ]


@pytest.mark.parametrize(
    ("start", "message"),
    [("abc", "is not a SHA-256"), ("xyz" * 5, "is not a SHA-256"), ("0" * 64, r"no image 0{16}… in the catalog")],
)
def test_an_unknown_image_is_one_sentence(published_project: Project, start: str, message: str) -> None:
    with pytest.raises(UnknownImage, match=message):
        why(published_project, start)


def test_an_erased_image_is_said_to_be_erased(published_project: Project) -> None:
    with published_project.catalog.write() as connection:
        append(connection, tombstones, [{"kind": "sha256", "value": "0" * 64, "reason": "asked", "erased_at": NOW}])
    with pytest.raises(UnknownImage, match="was erased"):
        why(published_project, "0" * 64)


def test_an_image_without_a_decision_names_the_next_command() -> None:
    history = Why("ab" * 32, "", {}, [], [], "", [], None, [], [], [], None, None, [], [])
    assert history.line() == "nothing is decided yet; run `isitcake curate`"
