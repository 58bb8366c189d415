"""`versions push` against a Hub of our own, which follows the Hub's documentation; the Hub itself was never asked.

Large files go by Git LFS here; the Hub's newer Xet transfer is the library's own, and is not tested.
"""

import contextlib
import copy
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from exports.pushes import PRIVATE, TARGET, changed, held, kept, repository, send
from projects import LAYOUTS
from rows import images_of, other_order

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.push import push
from dataset.exports.pushed_to import outdated
from dataset.project import Project
from dataset.versions import manifest, published
from dataset.versions.published import Version
from foundation.errors import HubError, UsageError
from simulator.hub.api import WRITER
from simulator.hub.repositories import Repository
from simulator.hub.requests import Reply, Request
from simulator.hub.server import HubServer

# The library sends files to Git LFS in a way that its own HTTP client calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


LOAD = """
import hashlib, json, sys
import datasets

read = []
for revision in sys.argv[2:]:
    loaded = datasets.load_dataset(sys.argv[1], revision=revision or None)
    images = [[split, row["label"], hashlib.sha256(row["image"]["bytes"]).hexdigest()]
              for split, part in loaded.items()
              for row in part.cast_column("image", datasets.Image(decode=False))]
    names = {split: part.features["label"].names for split, part in loaded.items()}
    sizes = {max(image.size) for part in loaded.values() for image in part["image"]}
    read.append([images, names, sorted(sizes)])
print(json.dumps(read))
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_load_dataset_gets_what_was_pushed(
    hub: HubServer, published_project: Project, version: Version, layout: str, tmp_path: Path
) -> None:
    """Same pictures, labels, splits and order of labels; without a revision, and with the tag."""
    assert version.layout == layout
    turned = other_order(version)
    report = send(published_project, turned)
    assert (report.images, report.private, report.changed) == (version.images, True, True)
    assert repository(hub).private
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": WRITER}
    command = [sys.executable, "-c", LOAD, "ann/cakes", "", version.name]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    for images, names, sizes in json.loads(ran.stdout.splitlines()[-1]):
        assert all(order == turned.labels for order in names.values())
        assert sizes == [1024]
        found = Counter((split, turned.labels[number], digest_) for split, number, digest_ in images)
        assert found == images_of(version)
    head = repository(hub).at("main")
    _, table = repository(hub).content("main", "manifest.parquet")
    assert table == (version.path / manifest.FILE_NAME).read_bytes()
    assert {"README.md", "version.json", "diff.parquet"} < set(head.files)
    card = repository(hub).content("main", "README.md")[1].decode()
    assert f'revision="{version.name}"' in card
    assert "path/to/this/folder" not in card


def test_a_second_push_uploads_nothing(hub: HubServer, published_project: Project, version: Version) -> None:
    send(published_project, version)
    uploads, refs = list(hub.hub.uploads), dict(repository(hub).refs)
    hub.log.clear()
    report = send(published_project, version)
    assert not report.changed
    assert "nothing was uploaded" in report.line()
    assert hub.hub.uploads == uploads
    assert repository(hub).refs == refs
    assert {line.partition(" ")[0] for line in hub.log} == {"GET"}


def test_a_dry_run_changes_nothing(hub: HubServer, published_project: Project, version: Version) -> None:
    report = send(published_project, version, replace(PRIVATE, dry_run=True))
    assert report.line().startswith(f"would push {version.name} ({version.images} images) to {hub.url}/datasets/ann")
    assert hub.hub.repositories == {}
    assert sum(report.licences.values()) == version.images


@pytest.mark.parametrize("stop_at", [1, 3])
def test_an_interrupted_push_goes_on(
    hub: HubServer, published_project: Project, version: Version, stop_at: int
) -> None:
    """What was uploaded is not sent again, and nothing of it stays in the library."""
    steps = 0

    def stop(what: str, done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(published_project.home, version, TARGET, PRIVATE, stop)
    assert repository(hub).at("main").title == "initial commit"
    assert list((published_project.home / "cache" / "hub").iterdir()) == []
    send(published_project, version)
    assert len(hub.hub.uploads) == len(set(hub.hub.uploads))
    assert repository(hub).at(version.name).files == repository(hub).at("main").files
    assert not send(published_project, version).changed


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_erasure_reaches_every_revision(
    hub: HubServer, published_project: Project, version: Version, layout: str
) -> None:
    """Two versions with a tag: no branch, no tag and no large file has the picture afterwards."""
    assert version.layout == layout
    send(published_project, version)
    newer = changed(published_project)
    send(published_project, newer)
    assert [commit.title.partition(" ")[0] for commit in repository(hub).history("main")[:2]] == [
        newer.name, version.name,
    ]  # fmt: skip
    gone = version.rows()[0]
    picture = version.pictures.content(gone)
    assert held(hub, picture)
    killed = published_project.home / "cache" / "hub" / "killed" / "train.parquet"  # of a push that was killed
    killed.parent.mkdir()
    killed.write_bytes(picture)
    chosen = Selection(Kind.SHA256, gone.sha256)
    assert erase(published_project, chosen, "asked", dry_run=True).pushed_to == [TARGET]
    assert erase(published_project, chosen, "asked").pushed_to == [TARGET]
    assert not killed.exists()
    after = {one.name: one for one in published.listing(published_project.home)}
    report = send(published_project, after[newer.name])
    assert report.again == [version.name]
    assert not held(hub, picture)
    for revision in ("main", version.name, newer.name):
        assert len(repository(hub).history(revision)) == 1
        assert gone.sha256.encode() not in repository(hub).content(revision, "version.json")[1]
    for revision, name in (("main", newer.name), (newer.name, newer.name), (version.name, version.name)):
        assert kept(hub, version.labels, revision) == images_of(after[name])
    assert outdated(published_project.home) == []
    assert not send(published_project, after[newer.name]).changed


CHANGES = ("/tag/", "/commit/", "/super-squash/", "/lfs-files/batch")  # in paths of requests that change revisions


@contextlib.contextmanager
def refusing(hub: HubServer, done: int, parts: Collection[str] = CHANGES) -> Iterator[None]:
    """The Hub refuses requests with one of these parts, after it did as many."""
    answer, number = hub.hub.answer, count()

    def refuse(request: Request) -> Reply:
        is_change = request.method != "GET" and any(part in request.path for part in parts)
        return answer(replace(request, path="/nowhere") if is_change and next(number) >= done else request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub.hub, "answer", refuse)
        yield


@pytest.mark.parametrize("is_next", [False, True])
def test_a_push_that_stops_anywhere_after_an_erasure_goes_on(
    hub: HubServer, published_project: Project, version: Version, is_next: bool
) -> None:
    """Whatever request fails: the next push, of this version or the next one, ends with every tag and no trace."""
    send(published_project, version)
    newer = changed(published_project)
    send(published_project, newer)
    gone = version.rows()[0]
    picture = (version.path / gone.file).read_bytes()
    erase(published_project, Selection(Kind.SHA256, gone.sha256), "asked")
    last = changed(published_project, closed=[version.rows()[1].sha256]).name if is_next else newer.name
    after = {one.name: one for one in published.listing(published_project.home)}
    before, stopped = copy.deepcopy(hub.hub.repositories), 0
    for done in count():
        hub.hub.repositories = copy.deepcopy(before)
        with refusing(hub, done):
            try:
                send(published_project, after[newer.name])
                break
            except HubError:
                stopped += 1
        assert outdated(published_project.home) == ([] if done else [TARGET])  # in later rounds the library has pushed
        send(published_project, after[last])
        assert not held(hub, picture)
        for name in (version.name, newer.name, last):
            files = [file for commit in repository(hub).history(name) for file in commit.files.values()]
            assert all(file.content is not None or file.sha256 in repository(hub).large for file in files)
            assert kept(hub, version.labels, name) == images_of(after[name])
        assert kept(hub, version.labels, "main") == images_of(after[last])
        assert not send(published_project, after[last]).changed
    assert stopped == 12


def test_a_version_whose_tag_was_refused_gets_it_with_the_next_version(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    with refusing(hub, 0, ["/tag/"]), pytest.raises(HubError):
        send(published_project, version)
    newer = changed(published_project)
    send(published_project, newer)
    for one in (version, newer):
        assert kept(hub, version.labels, one.name) == images_of(one)


def test_a_tag_of_a_version_that_is_not_here_goes_with_an_erasure(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    """Its history holds the picture, and nobody can push it anew."""
    send(published_project, version)
    repository(hub).refs["refs/tags/v1"] = repository(hub).refs["refs/heads/main"]
    repository(hub).refs["refs/heads/mine"] = repository(hub).refs["refs/heads/main"]
    repository(hub).refs["refs/convert/parquet"] = repository(hub).refs["refs/heads/main"]
    repository(hub).commit("mine", "by hand", {}, set())
    repository(hub).refs["refs/tags/mine"] = repository(hub).refs["refs/heads/mine"]
    erase(published_project, Selection(Kind.SHA256, version.rows()[0].sha256), "asked")
    report = send(published_project, published.load(published_project.home, version.name))
    assert "mine" in report.dropped
    assert "refs/tags/mine" not in repository(hub).refs
    assert "these branches hold such images: mine, refs/convert/parquet" in report.line()


def test_a_version_of_another_project_with_the_same_name_is_not_overwritten(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    send(published_project, version)
    other = replace(version, id="0" * 64)
    with pytest.raises(UsageError, match=f"has another {version.name}"):
        send(published_project, other)


def test_a_repository_with_something_else_is_refused(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    """Also a public one, where a private one was meant."""
    other = hub.hub.repositories["dataset", "ann/cakes"] = Repository("dataset", "ann/cakes")
    with pytest.raises(UsageError, match="is public; make it private there"):
        send(published_project, version)
    other.private = True
    other.commit("main", "mine", {"data.csv": other.at("main").files[".gitattributes"]}, set())
    with pytest.raises(UsageError, match="holds something else"):
        send(published_project, version)
