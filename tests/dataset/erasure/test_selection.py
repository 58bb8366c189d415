"""A selection names exactly one thing, and finds its images with all their copies."""

import pytest
from sqlalchemy import func, select

from dataset.catalog.tables import clusters, fetches, images, sightings, tombstones
from dataset.catalog.writes import append
from dataset.erasure.erase import erase, require_found
from dataset.erasure.selection import Kind, Selection, selected, whole_sha256
from dataset.project import Project
from foundation.errors import UnknownImage, UsageError


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


def test_the_first_digits_of_a_hash_do(collected: Project) -> None:
    """Data F7: as file names, `diff` and `why` show; several images, none and other text are refused."""
    with collected.catalog.read() as connection:
        names = sorted(connection.execute(select(images.c.sha256)).scalars())
    whole = whole_sha256(collected, Selection(Kind.SHA256, names[0][:16]))
    assert whole == Selection(Kind.SHA256, names[0])
    with collected.catalog.write() as connection:
        row = connection.execute(select(images).where(images.c.sha256 == names[0])).one()._asdict()
        append(connection, images, [{**row, "sha256": names[0][:63] + ("0" if names[0][63] != "0" else "1")}])
    with pytest.raises(
        UnknownImage, match=f"2 images begin with {names[0][:16]}; write more digits:\n  {names[0][:16]}"
    ):
        whole_sha256(collected, Selection(Kind.SHA256, names[0][:16]))
    for wrong in ("00", "not a hash", "0" * 65):
        with pytest.raises(UnknownImage, match="is not a SHA-256; write its 64 hex digits, or at least the first 4"):
            whole_sha256(collected, Selection(Kind.SHA256, wrong))
    with pytest.raises(UnknownImage, match=r"no image 0123456789abcdef…; nothing was erased"):
        whole_sha256(collected, Selection(Kind.SHA256, "0123456789abcdef"))
    with collected.catalog.read() as connection:
        assert connection.execute(select(tombstones)).all() == []


@pytest.mark.parametrize(
    ("kind", "typed", "said"),
    [
        (Kind.SITE, "{}x", "did you mean '{}'"),
        (Kind.SOURCE, "{}x", "did you mean '{}'"),
        (Kind.CREATOR, "nobody of this name", "no image of creator 'nobody of this name' is in the library"),
        (Kind.URL, "htp:/typo", "no image was collected from 'htp:/typo'"),
        (Kind.URL, "https://a.example/typo.jpg", "; the address is kept out from now on"),
        (Kind.SHA256, "ab" * 32, "its bytes are kept out from now on"),
    ],
)
def test_an_erasure_that_finds_nothing_says_so(collected: Project, kind: Kind, typed: str, said: str) -> None:
    """Use 20: with the names that were meant; only what is an address or a whole hash gets a tombstone."""
    with collected.catalog.read() as connection:
        name = connection.execute(select(sightings.c[kind.value]).limit(1)).scalar_one() if "{}" in typed else ""
    report = erase(collected, Selection(kind, typed.format(name)), "asked")
    assert said.format(name) in report.nothing
    with pytest.raises(UsageError, match="no image"):
        require_found(report)
    with collected.catalog.read() as connection:
        assert len(connection.execute(select(tombstones)).all()) == ("kept out" in said)
