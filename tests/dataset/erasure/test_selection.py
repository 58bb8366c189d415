"""A selection names exactly one thing, and finds its images with all their copies."""

import pytest
from sqlalchemy import func, select

from dataset.catalog.tables import clusters, fetches, sightings
from dataset.erasure.selection import Kind, Selection, selected
from dataset.project import Project
from foundation.errors import UsageError


@pytest.mark.parametrize("options", [{}, {"site": "", "url": ""}, {"site": "a.example", "url": "https://a.example/"}])
def test_nothing_or_two_things_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="name what to erase: one of --sha256"):
        Selection.of(options)


def test_one_option_is_a_selection() -> None:
    """A SHA-256 may be in capitals; a name of a creator stays as it is."""
    assert Selection.of({"sha256": "ABCD", "site": ""}) == Selection(Kind.SHA256, "abcd")
    assert Selection.of({"creator": "Ann"}) == Selection(Kind.CREATOR, "Ann")


@pytest.mark.parametrize("kind", [Kind.SHA256, Kind.SOURCE, Kind.SITE, Kind.CREATOR])
def test_images_of_a_kind(collected: Project, kind: Kind) -> None:
    column = sightings.c[kind.value]
    with collected.catalog.read() as connection:
        value = connection.execute(select(column).where(column != "").limit(1)).scalar_one()
        direct = set(connection.execute(select(sightings.c.sha256).where(column == value)).scalars())
        names = selected(connection, Selection(kind, value))
        assert direct <= set(names)
        assert names == sorted(names)
        assert selected(connection, Selection(kind, "nothing has this name")) == []


def test_copies_of_an_image_are_selected_too(collected: Project) -> None:
    with collected.catalog.read() as connection:
        largest = select(clusters.c.cluster).group_by(clusters.c.cluster).order_by(func.count().desc()).limit(1)
        cluster = connection.execute(largest).scalar_one()
        members = set(connection.execute(select(clusters.c.sha256).where(clusters.c.cluster == cluster)).scalars())
        assert len(members) > 1
        assert set(selected(connection, Selection(Kind.SHA256, min(members)))) == members


def test_an_address_is_that_of_an_image_or_of_a_page(collected: Project) -> None:
    with collected.catalog.read() as connection:
        row = connection.execute(select(sightings).where(sightings.c.page_url != "").limit(1)).one()
        assert row.sha256 in selected(connection, Selection(Kind.URL, row.image_url))
        assert row.sha256 in selected(connection, Selection(Kind.URL, row.page_url))
        fetched = connection.execute(select(fetches).where(fetches.c.sha256.is_not(None)).limit(1)).one()
        assert fetched.sha256 in selected(connection, Selection(Kind.URL, fetched.image_url))
