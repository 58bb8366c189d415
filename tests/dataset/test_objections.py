"""A picture whose owner objects is out of the next version, with all its copies."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from dataset.catalog.tables import clusters, consents
from dataset.catalog.writes import upsert
from dataset.objections import OBJECTS, Said, reasons, said_in
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.published import Version

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def says(project: Project, sha256: str, address: str, objection: str = "", preference: str = "", days: int = 0) -> None:
    row = {"sha256": sha256, "image_url": address, "checked_at": NOW - timedelta(days=days)}
    with project.catalog.write() as connection:
        upsert(connection, consents, [{**row, "objection": objection, "usage_preference": preference}])


def test_copies_of_a_picture_leave_with_it(published_project: Project, version: Version) -> None:
    """Somebody else may show the same picture, and say nothing."""
    rows = [row for row in version.rows() if row.split == "train" and row.label == "cake"][:2]
    one, other = (row.sha256 for row in rows)
    with published_project.catalog.write() as connection:  # they show one picture
        cluster = connection.execute(select(clusters.c.cluster).where(clusters.c.sha256 == one)).scalar_one()
        joined = update(clusters).where(clusters.c.sha256 == other)
        connection.execute(joined.values(cluster=cluster, representative=one))
    says(published_project, other, "https://b.example/2.jpg", "X-Robots-Tag: noai")
    with published_project.catalog.read() as connection:
        assert reasons(connection) == dict.fromkeys((one, other), f"{OBJECTS}: X-Robots-Tag: noai")
    report = publish(published_project)
    assert (report.removed, report.added) == (2, 0)
    assert report.version is not None
    gone = published.diff(published_project.home, version.name, report.version).removed
    assert {row["sha256"] for row in gone} == {one, other}
    assert {row["reason"] for row in gone} == {f"{OBJECTS}: X-Robots-Tag: noai"}
    card = (published_project.home / "versions" / report.version / "README.md").read_text()
    assert "1 whose owner objects to training" in card


def test_the_strictest_and_the_oldest_stand_for_all_addresses(published_project: Project, version: Version) -> None:
    sha256 = version.rows()[0].sha256
    with published_project.catalog.write() as connection:
        connection.execute(consents.delete())
    says(published_project, sha256, "https://a.example/1.jpg", preference="train-ai=y")
    says(published_project, sha256, "https://b.example/1.jpg", preference="train-ai=n", days=3)
    says(published_project, sha256, "https://c.example/1.jpg", days=1)
    with published_project.catalog.read() as connection:
        said, objecting = said_in(connection, clusters.c.cluster >= "")
    assert said == {sha256: Said("train-ai=n", NOW - timedelta(days=3))}
    assert objecting == set()
