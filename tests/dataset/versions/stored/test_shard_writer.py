"""A version in shards: the same dataset as in folders, and it shares with the version before what did not change."""

import shutil
from pathlib import Path

import pytest
from projects import SMALL_SHARDS

from dataset import publish as publish_module
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.published import LEAVES, Version
from dataset.versions.stored import shard_file
from dataset.versions.stored.pictures import Layout
from dataset.versions.verify import verify
from labeling.answer_files import import_answers

shards = pytest.mark.parametrize("layout", ["shards"])


def answered(project: Project, sha256: str, answer: str) -> Version:
    """The version after one more answer."""
    answers = project.home / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{sha256},{answer},ann\n")
    import_answers(project, answers)
    name = publish(project, blocks=SMALL_SHARDS).version
    assert name
    return published.load(project.home, name)


def inside(version: Version) -> dict[str, Path]:
    """Shards by their path in the version."""
    return {path.relative_to(version.path).as_posix(): path for path in shard_file.shards_in(version.path)}


def configured(project: Project, layout: str) -> Project:
    changed = project.settings.publish.model_copy(update={"layout": layout})
    return Project(project.settings.model_copy(update={"publish": changed}), project.catalog, project.blobs)


@pytest.mark.filterwarnings("ignore")
def test_both_layouts_are_one_dataset(published_project: Project, tmp_path: Path) -> None:
    """Rows, leaves, splits, labels and the bytes of every picture are the same; only the id says which it is.

    The layout that is configured makes a version though nothing else changed; without one, nothing does.
    """
    from datasets import load_dataset  # slow to import

    folder = published.newest(published_project.home)
    assert folder is not None
    assert publish(configured(published_project, "folder")).version is None
    publish(configured(published_project, "shards"), blocks=SMALL_SHARDS)
    assert publish(published_project).version is None
    other = published.newest(published_project.home)
    assert other is not None
    assert (folder.layout, other.layout) == (Layout.FOLDER, Layout.SHARDS)
    assert folder.rows() == other.rows()
    for one in (folder, other):
        assert all(one.pictures.holds(row.sha256) for row in one.rows())
        assert not one.pictures.holds("0" * 64)
    assert folder.counts == other.counts
    assert folder.id != other.id
    assert len(inside(other)) > len([split for split, labels in other.counts.items() if labels])
    assert not list(other.path.rglob("*.jpg"))
    diff = published.diff(published_project.home, folder.name, other.name)
    assert (diff.added, diff.removed, diff.relabelled) == ([], [], [])
    seen = []
    for version in (folder, other):
        assert verify(published_project.home, version.name).problems == []
        loaded = load_dataset(str(version.path), cache_dir=str(tmp_path / version.name))
        columns = [name for name in loaded["train"].column_names if name not in ("image", "error_probability")]
        seen.append(
            {
                record["sha256"]: (split, {name: record[name] for name in columns}, record["image"].tobytes())
                for split, part in loaded.items()
                for record in part
            }
        )
        assert loaded["train"].features["label"].names == version.labels
    assert seen[0] == seen[1]


@shards
def test_the_next_version_writes_the_changed_shards_only(published_project: Project, version: Version) -> None:
    """One picture less: one shard is another. One picture back: again one."""
    gone = version.rows()[0]
    second = answered(published_project, gone.sha256, "unusable")
    one, two = inside(version), inside(second)
    (lost,) = one.keys() - two.keys()
    assert one[lost] == version.pictures.where(gone)
    assert len(two.keys() - one.keys()) <= 1
    assert all(one[name].samefile(two[name]) for name in one.keys() & two.keys())
    third = answered(published_project, gone.sha256, gone.label)
    three = inside(third)
    assert len(two.keys() - three.keys()) <= 1
    assert all(two[name].samefile(three[name]) for name in two.keys() & three.keys())
    for each in (version, second, third):
        assert verify(published_project.home, each.name).problems == []


@shards
def test_a_damaged_shard_is_written_again(published_project: Project, version: Version) -> None:
    """And given back to the version that it was shared with; a missing one, too."""
    gone, *others = version.rows()
    left = [row for row in others if version.pictures.where(row) != version.pictures.where(gone)]
    damaged, missing, *_ = dict.fromkeys(version.pictures.where(row) for row in left)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    missing.unlink()
    assert verify(published_project.home, version.name).problems != []
    second = answered(published_project, gone.sha256, "unusable")
    for each in (version, second):
        assert verify(published_project.home, each.name).problems == []


@shards
def test_versions_do_not_need_each_other(published_project: Project, version: Version) -> None:
    """The older version's folder is removed; the newer one is whole."""
    second = answered(published_project, version.rows()[0].sha256, "unusable")
    shutil.rmtree(version.path)
    assert verify(published_project.home, second.name).problems == []


def test_many_images_are_in_shards_by_themselves(
    collected: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the limit on, unless folders are configured."""
    monkeypatch.setattr(publish_module, "IMAGES_FOR_SHARDS", 10)
    publish(configured(collected, "folder"))
    first = published.newest(collected.home)
    assert first is not None
    assert first.layout is Layout.FOLDER
    second = answered(collected, first.rows()[0].sha256, "unusable")
    assert second.layout is Layout.SHARDS
    assert (second.path / LEAVES).stat().st_size == 32 * second.images
