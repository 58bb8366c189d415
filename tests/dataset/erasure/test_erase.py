"""An erased image is gone everywhere, and versions keep their ids. Names from_versions.py and from_catalog.py."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import here
from sqlalchemy import func, select

from dataset.catalog.tables import asked, erasures, fingerprints, judgements, sightings
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.erasure.erase import erase, finish
from dataset.erasure.from_versions import versions_with
from dataset.erasure.selection import Kind, Selection
from dataset.erasure.tombstones import Erased
from dataset.exports.pushed_to import push_begins
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify
from foundation.errors import UsageError
from foundation.safe_text import counted
from web.pages.report import write_report
from web.site.listings import versions_html


def chosen(project: Project) -> tuple[str, str, bytes]:
    """SHA-256, address and bytes of an image in the newest version."""
    version = published.newest(project.home)
    assert version is not None
    row = next(row for row in version.rows() if row.split == "train")
    return row.sha256, row.image_url, project.blobs.path(row.sha256, row.format).read_bytes()


def traces(home: Path, *needles: bytes) -> list[str]:
    """Files whose content or name has any of the needles."""
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() or needle in str(path).encode() for needle in needles)
    ]


def test_nothing_of_an_image_is_left_and_the_version_keeps_its_id(published_project: Project) -> None:
    """No byte, row, thumbnail or address; the version verifies; Hugging Face still loads it."""
    from datasets import load_dataset  # slow to import

    write_report(published_project)
    sha256, url, content = chosen(published_project)
    before = published.newest(published_project.home)
    assert before is not None
    with published_project.catalog.read() as connection:
        looks = connection.execute(select(fingerprints.c.phash16).where(fingerprints.c.sha256 == sha256)).scalar_one()
    assert len(traces(published_project.home, sha256[:16].encode(), url.encode(), content)) > 3
    report = erase(published_project, Selection(Kind.URL, url), "the creator asked")
    assert report.images >= 1
    assert report.versions == [before.name]
    assert report.line() == f"{counted(report.images, 'image')} erased from 1 version"
    assert traces(published_project.home, url.encode(), content[-300:-100]) == []
    left = set(traces(published_project.home, sha256[:16].encode()))
    assert left <= {"catalog.db", "catalog.db-wal"}  # the hash: tombstone and journal
    after = published.load(published_project.home, before.name)
    assert after.id == before.id
    proof = verify(published_project.home, before.name)
    assert proof.problems == []
    assert proof.images == before.images - report.images
    loaded = load_dataset(str(after.path))
    assert sum(len(part) for part in loaded.values()) == proof.images
    with published_project.catalog.read() as connection:
        erased = Erased.read(connection)
        assert erased.has_url(url)
        assert sha256 in erased.bytes_
        assert looks
    curate(published_project)
    publish(published_project)
    assert verify(published_project.home, published.names(published_project.home)[-1]).problems == []


def test_all_counts_agree_after_an_erasure(published_project: Project) -> None:
    """The list, the version, its card and its page count what the manifest has, and say that something was erased."""
    (before,) = published.listing(published_project.home)
    gone = erase(published_project, Selection(Kind.SHA256, chosen(published_project)[0]), "asked").images
    (after,) = published.listing(published_project.home)
    rows, root = after.rows(), published_project.settings.root
    assert after.images == len(rows) == before.images - gone
    assert (after.erased_images, after.published_counts) == (gone, before.counts)
    assert Counter({(s, label): n for s, labels in after.counts.items() for label, n in labels.items()}) == Counter(
        (row.split, row.label) for row in rows
    )
    words = f"{counted(gone, 'image')} erased in 1 erasure"
    commands = (("versions", "list"), ("status",), ("versions", "show", after.name))
    listed, said, shown = (here(root, *command).stdout for command in commands)
    assert all(words in text for text in (listed, shown, said, versions_html(published_project)))
    assert all(f" {len(rows)} " in text for text in (listed, said))
    text = (after.path / "README.md").read_text(encoding="utf-8")
    assert f"\n{len(rows)} images of 2 classes" in text
    assert f"Since then 1 erasure removed {counted(gone, 'image')}." in text
    assert f" of {len(rows)} images. Left out: " in text
    assert str(before.images) not in text.partition("## Images")[2].partition("## Label error")[0]
    train = after.counts["train"]
    assert f"| train | {train['cake']} | {train['not_cake']} |" in text
    assert verify(published_project.home, after.name).problems == []
    again = erase(published_project, Selection(Kind.SHA256, chosen(published_project)[0]), "asked").images
    assert published.load(published_project.home, after.name).images == len(rows) - again
    assert verify(published_project.home, after.name).problems == []


def test_a_site_is_erased_as_the_dry_run_says(published_project: Project) -> None:
    with published_project.catalog.read() as connection:
        counted = select(sightings.c.site).group_by(sightings.c.site).order_by(func.count().desc()).limit(1)
        site = Selection(Kind.SITE, connection.execute(counted).scalar_one())
    planned = erase(published_project, site, "asked", dry_run=True)
    assert planned.images > 5
    assert planned.note == "nothing was done"
    assert "would be erased from" in planned.line()
    with pytest.raises(UsageError, match="give a reason with --reason"):
        erase(published_project, site, " ")
    done = erase(published_project, site, "asked")
    assert (done.images, done.versions) == (planned.images, planned.versions)
    assert "would be" not in done.line()
    (name,) = published.names(published_project.home)
    assert verify(published_project.home, name).problems == []
    assert all(row.site != site.value for row in published.load(published_project.home, name).rows())
    texts = [path for path in (published_project.home / "versions" / name).iterdir() if path.suffix in (".md", ".json")]
    assert [path.name for path in texts if site.value in path.read_text("utf-8")] == []
    assert erase(published_project, site, "asked").images == 0


def test_an_image_that_was_never_collected_is_kept_out(published_project: Project) -> None:
    """By its address or its hash alone."""
    erase(published_project, Selection(Kind.URL, "https://a.example/x.jpg"), "asked")
    erase(published_project, Selection(Kind.SHA256, "ab" * 32), "asked")
    with published_project.catalog.read() as connection:
        erased = Erased.read(connection)
    assert erased.has_url("https://a.example/x.jpg")
    assert "ab" * 32 in erased.bytes_


def test_questions_that_label_studio_has_are_withdrawn_later(published_project: Project) -> None:
    """Questions that were never sent are deleted at once; the others wait for the next push or pull."""
    sha256, _, _ = chosen(published_project)
    with published_project.catalog.write() as connection:
        for ask, task_id in (("a", None), ("b", 17)):
            question = {"ask": ask, "project": "studio/1", "sha256": sha256, "purpose": "risk", "round": 1}
            append(connection, asked, [{**question, "task_id": task_id, "pushed_at": datetime.now(UTC)}])
    assert erase(published_project, Selection(Kind.SHA256, sha256), "asked").tasks == 1
    with published_project.catalog.read() as connection:
        assert [row.task_id for row in connection.execute(select(asked))] == [17]


def test_models_of_a_changed_version_are_tainted_once(published_project: Project) -> None:
    """A second erasure does not change since when; a damaged file is written anew."""
    (name,) = published.names(published_project.home)
    model = published_project.home / "models" / "svm" / name
    model.mkdir(parents=True)
    version = published.load(published_project.home, name)
    first, second, third = (Selection(Kind.SHA256, row.sha256) for row in version.rows()[:3])
    assert erase(published_project, first, "asked").models == [f"svm/{name}"]
    tainted = (model / published.TAINTED).read_text()
    assert "images it was trained on were erased" in tainted
    erase(published_project, second, "asked")
    assert (model / published.TAINTED).read_text() == tainted
    (model / published.TAINTED).write_text("damaged")
    erase(published_project, third, "asked")
    assert "since" in (model / published.TAINTED).read_text()


KILLED_AT_STEP = """
import os, signal, sys
from pathlib import Path
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project

def kill(step):
    if sys.argv[3] in step:
        os.kill(os.getpid(), signal.SIGKILL)

erase(open_project(Path(sys.argv[1])), Selection(Kind.SHA256, sys.argv[2]), "asked", before=kill)
"""
NOTHING_BEGUN = "tombstones and journal"
PUSHED_TO = "hf://ann/cakes"


@pytest.mark.parametrize(
    "step",
    [
        NOTHING_BEGUN, "model svm", "erased.json", "metadata of train", "diff.parquet", "manifest.parquet",
        "README.md", "croissant.json", "version.json", "unfinished versions", "original of", "normalised pictures of",
        "pictures in versions", "reports", "predictions", "catalog", "deleted rows", "end of the journal",
    ],
)  # fmt: skip
def test_an_erasure_killed_before_a_step_is_finished_by_the_next_command(published_project: Project, step: str) -> None:
    """kill -9 before each step in turn; the next command that opens the project finishes what has begun."""
    sha256, url, content = chosen(published_project)
    before = published.newest(published_project.home)
    assert before is not None
    (published_project.home / "models" / "svm" / before.name).mkdir(parents=True)
    push_begins(published_project.home, PUSHED_TO, before)
    config = published_project.settings.config_path
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_STEP, str(config), sha256, step], check=False)
    assert killed.returncode == -signal.SIGKILL
    reopened = open_project(config)
    with reopened.catalog.read() as connection:
        assert connection.execute(select(erasures).where(erasures.c.done_at.is_(None))).first() is None
    assert (versions_with(reopened, [sha256]) == []) == (step != NOTHING_BEGUN)
    if step == NOTHING_BEGUN:
        erase(reopened, Selection(Kind.SHA256, sha256), "asked")
    reopened.close()
    assert traces(published_project.home, url.encode(), content[-300:-100]) == []
    proof = verify(published_project.home, before.name)
    assert (proof.problems, proof.id) == ([], before.id)
    report = finish(published_project)
    assert (report.images, report.pushed_to) == (0, [PUSHED_TO])


def test_a_version_that_names_an_image_in_its_diff_only_still_verifies(published_project: Project) -> None:
    """Somebody says that a picture is unusable, the next version leaves it out and says so; then it is erased."""
    sha256, _, _ = chosen(published_project)
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    answer = {
        "sha256": sha256, "reviewer": "ann", "answer": "unusable", "answered_at": moment, "origin": "import",
        "external_id": "1", "recorded_at": moment,
    }  # fmt: skip
    with published_project.catalog.write() as connection:
        append(connection, judgements, [answer])
    second = publish(published_project).version
    assert second
    diff = published.diff(published_project.home, *published.names(published_project.home))
    assert [row["sha256"] for row in diff.removed] == [sha256]
    assert len(erase(published_project, Selection(Kind.SHA256, sha256), "asked").versions) == 2
    for name in published.names(published_project.home):
        assert verify(published_project.home, name).problems == []
    after = published.load(published_project.home, second)
    assert after.erasure_note == "names of images that it does not have erased in 1 erasure"
    assert after.tag.endswith("-1")
    assert "removed names of images that it does not have" in (after.path / "README.md").read_text(encoding="utf-8")
    assert traces(published_project.home / "versions", sha256[:16].encode()) == []
    assert erase(published_project, Selection(Kind.SHA256, sha256), "asked").versions == []
    assert published.load(published_project.home, second).erasures == 1
