"""Behaviour 24 of docs/crawling.md: a run can be killed; and what the ledger keeps of text from outside."""

import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from crawling import command, crawled, gallery, site, stored, wait_until
from sqlalchemy import select

from crawlers.ledger.ledger import MAX_TEXT_CHARS, clean_text
from dataset.catalog.tables import outcomes
from dataset.project import Project
from simulator.server import Scripted, Server


def facts(project: Project) -> dict[str, tuple[str, str, str]]:
    """What the ledger says of every candidate, whatever the run."""
    with project.catalog.read() as connection:
        return {
            row.image_url.rpartition("/")[2]: (row.outcome, row.reason, row.sha256)
            for row in connection.execute(select(outcomes))
        }


def test_24_killed_three_times_and_run_again_is_as_undisturbed(tmp_path: Path) -> None:
    """The same catalog, and no image that was stored is asked for again."""
    calm = Server(Scripted(gallery(40)))
    undisturbed = site(tmp_path / "calm", f"{calm.url}/gallery", allowed=[calm.address])
    crawled(undisturbed)
    calm.stop()
    server = Server(Scripted(gallery(40)))
    project = site(tmp_path / "killed", f"{server.url}/gallery", allowed=[server.address])
    rng = random.Random(24)
    for _ in range(3):
        before = len(server.log)
        process = command(project, "collect")
        enough = before + rng.randrange(6, 16)
        wait_until(lambda n=enough, p=process: len(server.log) >= n or p.poll() is not None)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
    crawled(project)
    server.stop()
    assert facts(project) == facts(undisturbed)
    assert stored(project) == stored(undisturbed)
    asked = Counter(hit.path for hit in server.log if hit.is_image and hit.status == 200)
    # An answer may be under way when the process dies, at most two at a time: those alone are asked for again.
    assert sum(count - 1 for count in asked.values()) <= 3 * 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00b", "ab"),
        ("x" * 10_000, "x" * MAX_TEXT_CHARS),
    ],
)
def test_text_from_outside_is_made_harmless(text: str, kept: str) -> None:
    assert clean_text(text) == kept
