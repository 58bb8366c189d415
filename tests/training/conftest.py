"""A project with two trained models, trained once; and later versions of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from dataset.catalog.tables import judgements, sightings
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import Version, newest

OPPOSITE = {"cake": "not_cake", "not_cake": "cake"}


@pytest.fixture
def version(trained: Project) -> Version:
    """The version that the models were trained on."""
    newest_version = newest(trained.home)
    assert newest_version is not None
    return newest_version


@pytest.fixture
def publish_answers(trained: Project) -> Callable[[Mapping[str, str]], Version]:
    """A function that records answers by SHA-256 and publishes the next version."""

    def publish_next(answers: Mapping[str, str]) -> Version:
        now = datetime.now(UTC)
        with trained.catalog.write() as connection:
            append(connection, judgements, [
                {"sha256": sha256, "reviewer": "ann", "answer": answer, "answered_at": now, "origin": "import",
                 "external_id": f"{sha256} is {answer}", "recorded_at": now}
                for sha256, answer in answers.items()])  # fmt: skip
        curate(trained)
        publish(trained)
        published = newest(trained.home)
        assert published is not None
        return published

    return publish_next


@pytest.fixture
def publish_wrong_labels(
    trained: Project, version: Version, publish_answers: Callable[[Mapping[str, str]], Version]
) -> Callable[[int], Version]:
    """A function that gives the opposite answer for all images of some bakers, and publishes the next version."""

    def publish_next(bakers: int) -> Version:
        sites = {row.site for row in version.rows() if row.split == "train" and row.source_label == "cake"}
        with trained.catalog.read() as connection:
            rows = connection.execute(
                select(judgements.c.sha256, judgements.c.answer)
                .join(sightings, sightings.c.sha256 == judgements.c.sha256)
                .where(sightings.c.source.in_(sorted(sites)[:bakers]))
            ).all()
        return publish_answers({row.sha256: OPPOSITE[row.answer] for row in rows if row.answer in OPPOSITE})

    return publish_next
