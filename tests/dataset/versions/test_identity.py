"""A version's id is the same on every machine, and a seal proves what the id leaves out."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tampering import as_earlier_release, problems, reseal

from crawlers.collect import collect
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.published import Version
from dataset.versions.verify import PROVES_LESS, verify
from simulator.world import drawn_world


def photos(folder: Path) -> list[str]:
    """isitcake.toml and four folders of photos; one photo is in two of them. Returns the names of the sources."""
    names = ["baker", "patisserie", "shelf", "attic"]
    world = drawn_world(("wix",) * 9, cakes=8)
    pictures = [*world.bakers[0].gallery, *(picture for found in world.photos.values() for picture in found)]
    lines = ["[project]", 'contact = "https://example.org"']
    for number, name in enumerate(names):
        label = "cake" if number < 2 else "not_cake"
        place = folder / "photos" / name
        place.mkdir(parents=True)
        chosen = [picture for picture in pictures if picture.label == label][number % 2 * 4 :][
            :5
        ]  # the fifth is in both
        for picture in chosen:
            (place / f"{name}-{picture.slug}{picture.suffix}").write_bytes(picture.content)
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'label = "{label}"']
        lines.append(f'path = "photos/{name}"')
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    return names


@pytest.mark.slow  # publishes twice
def test_two_machines_give_the_same_id(tmp_path: Path) -> None:
    """Data F14: other folders, other months, and sources that are collected in the opposite order."""
    names = photos(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "deeper")
    made = []
    for folder, order, month in ((tmp_path / "a", names, 3), (tmp_path / "b" / "deeper", names[::-1], 11)):
        project = open_project(folder / "isitcake.toml")
        for name in order:
            collect(project, [name]).raise_for_failures()
        curate(project)
        publish(project, datetime(2026, month, 7, tzinfo=UTC))
        newest = published.newest(project.home)
        assert newest is not None
        assert verify(project.home, newest.name).problems == []
        made.append(newest)
        project.close()
    one, other = made
    assert one.name != other.name
    assert one.id == other.id
    assert any(len(row.sources) > 1 for row in one.rows())
    assert [row.timeless() for row in one.rows()] == [row.timeless() for row in other.rows()]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("README.md", "images of 2 classes", "images, all CC0, of 2 classes"),
        ("croissant.json", "Web Scraping", "MIT"),
        ("version.json", '"max_label_error"', '"max"'),
        ("version.json", '"labels": [\n  "cake"', '"labels": [\n  "pie"'),
    ],
)
def test_a_seal_that_somebody_made_does_not_fit_the_id(version: Version, name: str, old: str, new: str) -> None:
    """Data F6: who changes a text or a fact and seals it again still has another id."""
    path = version.path / name
    text = path.read_text()
    path.write_text(text.replace(old, new) if old in text else text.replace('"content": "', '"content": "0'))
    reseal(version.path)
    assert problems(version.path) != []


def test_an_erasure_does_not_seal_what_somebody_changed(published_project: Project, version: Version) -> None:
    """Data F6: a card that was changed by hand before an erasure is still named after it."""
    card = version.path / "README.md"
    card.write_text(card.read_text().replace("## How to load", "## All CC0"))
    erase(published_project, Selection(Kind.SHA256, version.rows()[0].sha256), "asked")
    assert problems(version.path) == ["README.md was changed"]


def test_an_erasure_gives_the_version_a_new_state(published_project: Project, version: Version) -> None:
    """Data F1: the id stays; the count and the name by which Hugging Face's cache goes change with each erasure."""
    seen = [version.tag]
    for count in (1, 2):
        erase(published_project, Selection(Kind.SHA256, version.rows()[0].sha256), "asked")
        after = published.load(published_project.home, version.name)
        assert (after.id, after.erasures) == (version.id, count)
        assert f"- config_name: {after.tag}\n" in (version.path / "README.md").read_text()
        proof = verify(published_project.home, version.name)
        assert (proof.problems, proof.erasures) == ([], count)
        seen.append(after.tag)
    assert len(set(seen)) == 3


def test_a_version_of_an_earlier_release_verifies_and_says_that_it_proves_less(
    published_project: Project, version: Version
) -> None:
    """Its rows and pictures are checked as before; an erasure renames its state, too, and the next version is new."""
    id_ = as_earlier_release(version.path)
    proof = verify(published_project.home, version.name)
    assert (proof.id, proof.problems, proof.note) == (id_, [], PROVES_LESS)
    gone, changed = version.rows()[:2]
    erase(published_project, Selection(Kind.SHA256, gone.sha256), "asked")
    proof = verify(published_project.home, version.name)
    assert (proof.id, proof.problems, proof.erasures) == (id_, [], 1)
    assert f"- config_name: v{id_[:12]}-1\n" in (version.path / "README.md").read_text()
    publish(published_project)
    newest = published.newest(published_project.home)
    assert newest is not None
    assert newest.parent == version.name
    assert verify(published_project.home, newest.name).note == ""
    (version.path / changed.file).unlink()
    (version.path / changed.file).write_bytes(b"other")
    assert f"{changed.file} or its row was changed" in problems(version.path)


def test_other_numbers_of_labels_are_published_and_said(published_project: Project, version: Version) -> None:
    """Data F14: 1 means another label from then on, so it is a new version, and its diff says so."""
    config = published_project.settings.config_path
    text = config.read_text().replace("[project]\n", '[project]\nlabels = ["cake", "pie", "not_cake"]\n', 1)
    config.write_text(text)
    published_project.close()
    project = open_project(config)
    report = publish(project)
    assert report.version is not None
    assert any("the numbers of the labels changed: not_cake was 1 and is 2" in note for note in report.notes)
    diff = published.diff(project.home, version.name, report.version)
    assert "not_cake was 1 and is 2" in diff.renumbered
    facts = json.loads((project.home / "versions" / report.version / "version.json").read_text())
    assert facts["labels"] == ["cake", "pie", "not_cake"]
    project.close()
