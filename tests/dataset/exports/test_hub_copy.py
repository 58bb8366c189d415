"""What of a version is pushed, by licence: against a Hub of our own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from exports.pushes import CLOSED, changed, held, kept, repository, send
from rows import digest, images_of

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.hub_copy import Copy, Wish, copy_again, copy_of
from dataset.project import Project
from dataset.versions import manifest, published
from dataset.versions.published import Version
from foundation.errors import UsageError
from simulator.hub.server import HubServer

# The library sends files to Git LFS in a way that its own HTTP client calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_pictures_that_may_not_be_shared_are_not_made_public(
    hub: HubServer, published_project: Project, version: Version, tmp_path: Path
) -> None:
    """A public push names their licences; one with --only-open leaves them out, in the manifest and on the card too."""
    with pytest.raises(UsageError, match="have a licence that is not known to permit sharing"):
        send(published_project, version, Wish())
    assert hub.hub.repositories == {}
    rows = version.rows()
    part = {row.sha256 for row in rows[: len(rows) // 2]}
    manifest.write(
        version.path / manifest.FILE_NAME,
        [replace(row, licence="CC BY-SA 4.0" if row.sha256 in part else "all rights reserved") for row in rows],
    )
    report = send(published_project, version, Wish(only_open=True))
    assert (report.images, report.left_out, report.private) == (len(part), len(rows) - len(part), False)
    (tmp_path / "m.parquet").write_bytes(repository(hub).content("main", "manifest.parquet")[1])
    assert {row.sha256 for row in manifest.read(tmp_path / "m.parquet")} == part
    left_out = f"**{len(rows) - len(part)} images of the version are not in this copy**"
    assert left_out in repository(hub).content("main", "README.md")[1].decode()
    croissant = json.loads(repository(hub).content("main", "croissant.json")[1])
    assert croissant["license"] == ["CC BY-SA 4.0"]
    for said in (croissant["description"], croissant["rai:dataCollectionMissingData"]):
        assert f"{len(rows) - len(part)} images of the version are not in this copy, because" in said
    assert not send(published_project, version, Wish(only_open=True)).changed
    whole = send(published_project, version, Wish(allowed=["all rights reserved"]))
    assert whole.images == len(rows)
    closed = next(row for row in rows if row.sha256 not in part)
    picture = (version.path / closed.file).read_bytes()
    assert held(hub, picture)
    send(published_project, version, Wish(only_open=True))
    assert not held(hub, picture)


@pytest.mark.parametrize("wish", [Wish(only_open=True), Wish(allowed=[CLOSED])])
def test_a_push_after_an_erasure_makes_no_closed_picture_public(
    hub: HubServer, published_project: Project, version: Version, wish: Wish
) -> None:
    """Of an older version: left out before, they stay out; allowed before, they have to be allowed again."""
    rows = version.rows()
    closed = {row.sha256 for row in rows[: len(rows) // 2]}
    older = changed(published_project, closed)
    send(published_project, older, wish)
    newer = changed(published_project)
    send(published_project, newer, Wish())
    erase(published_project, Selection(Kind.SHA256, rows[-1].sha256), "asked")
    after = {one.name: one for one in published.listing(published_project.home)}
    refs = dict(repository(hub).refs)
    if wish.allowed:
        with pytest.raises(UsageError, match=rf"images of {older.name} have a licence .*all rights reserved"):
            send(published_project, after[newer.name], Wish())
        assert repository(hub).refs == refs
    report = send(published_project, after[newer.name], Wish(allowed=wish.allowed))
    assert report.again == [older.name]
    left = {digest(after[older.name].pictures.content(row)) for row in after[older.name].rows() if row.sha256 in closed}
    there = {picture for _, _, picture in kept(hub, version.labels, older.name)}
    assert there & left == (left if wish.allowed else set())
    assert len(there) == len(rows) - 1 - (0 if wish.allowed else len(closed))
    assert kept(hub, version.labels, "main") == images_of(after[newer.name])
    assert not send(published_project, after[newer.name], Wish(allowed=wish.allowed)).changed


def test_a_licence_that_is_allowed_for_one_version_opens_no_other(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    """Two versions with pictures of one closed licence: left out of the first, allowed in the second."""
    rows = version.rows()
    closed = {row.sha256 for row in rows[:3]}
    first = changed(published_project, closed)
    send(published_project, first, Wish(only_open=True))
    second = changed(published_project, {row.sha256 for row in rows[3:5]})
    send(published_project, second, Wish(only_open=True, allowed=[CLOSED]))
    newest = changed(published_project)
    send(published_project, newest, Wish())
    erase(published_project, Selection(Kind.SHA256, rows[-1].sha256), "asked")
    after = {one.name: one for one in published.listing(published_project.home)}
    report = send(published_project, after[newest.name], Wish(allowed=[CLOSED]))
    assert report.again == [first.name, second.name]
    assert f"3 images of {first.name} left out" in report.line()
    assert kept(hub, version.labels, second.name) == images_of(after[second.name])
    there = {picture for _, _, picture in kept(hub, version.labels, first.name)}
    left = after[first.name]
    assert len(there) == len(rows) - 4
    assert not there & {digest(left.pictures.content(row)) for row in left.rows() if row.sha256 in closed}


def test_what_was_left_out_stays_out_and_what_was_allowed_is_allowed_again(version: Version) -> None:
    rows = version.rows()
    licences = ["CC0", "a", "b", ""]
    kinds = {row.sha256: licences[number % 4] for number, row in enumerate(rows)}
    manifest.write(version.path / manifest.FILE_NAME, [replace(row, licence=kinds[row.sha256]) for row in rows])

    def stated(copy: Copy) -> set[str]:
        return {row.licence for row in copy.rows}

    pushed = copy_of(version, Wish(only_open=True, allowed=["a"]))
    part = pushed.config.removeprefix(version.tag)
    assert stated(pushed) == {"CC0", "a"}
    assert copy_again(version, part, Wish(allowed=["b", "a", "not stated"])) == pushed
    assert stated(copy_again(version, part, Wish(allowed=["b"]))) == {"CC0"}
    assert stated(copy_again(version, "", Wish())) == set(licences)
    assert stated(copy_again(version, "", Wish(only_open=True, allowed=["not stated"]))) == {"CC0", ""}


def test_a_tag_without_a_picture_that_may_be_shared_goes(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    """The only open picture of an older version was erased. Before, the other licence alone rewrote nothing."""
    rows = version.rows()
    older = changed(published_project, {row.sha256 for row in rows[1:]})
    send(published_project, older, Wish(only_open=True))
    newer = changed(published_project, {row.sha256 for row in rows[2:]})
    report = send(published_project, newer, Wish(only_open=True, allowed=[CLOSED]))
    assert (report.again, report.images) == ([], len(rows))
    erase(published_project, Selection(Kind.SHA256, rows[0].sha256), "asked")
    report = send(published_project, published.load(published_project.home, newer.name), Wish(only_open=True))
    assert (report.dropped, report.images) == ([older.name], 1)
    assert f"because no image of theirs may be shared: {older.name}" in report.line()
    assert f"refs/tags/{older.name}" not in repository(hub).refs
