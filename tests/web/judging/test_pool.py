"""web/judging/: photos of visitors, judged by a process that may die."""

import contextlib
import io
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from projects import copied

from dataset.project import Project
from dataset.reader import decode
from dataset.versions import published
from foundation.errors import StageError
from simulator.web_service import until
from training import models
from web.judging.pool import MOST_WAITING, WORKERS, Busy, Judges, TooCostly, Unreadable

LARGE = (16_000, 4_900)  # 78 MP, just below the limit of collected pictures
GROWTH_MB = 30  # that a bomb may cost this process
BOMBS: dict[str, dict[str, Any]] = {
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "group4"},
    "PNG": {"compress_level": 9},
    "AVIF": {"speed": 10},
    "GIF": {},
    "BMP": {},
}


@pytest.fixture(scope="module")
def project(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with models. Nothing here changes it."""
    with copied(trained_home, tmp_path_factory.mktemp("judged") / "project") as project:
        yield project


@pytest.fixture
def judges(project: Project) -> Iterator[Judges]:
    pool = Judges(project.home)
    yield pool
    pool.close()


def a_picture(project: Project) -> Path:
    version = published.newest(project.home)
    assert version is not None
    return version.path / version.rows()[0].file


def bomb(kind: str) -> bytes:
    """A few kilobytes that decode to hundreds of megabytes."""
    out = io.BytesIO()
    mode = "1" if kind in ("TIFF", "BMP") else "RGB"
    size = LARGE if kind != "AVIF" else (8_000, 8_000)
    Image.new(mode, size).save(out, kind, **BOMBS[kind])
    return out.getvalue()


def children(project: Project) -> list[psutil.Process]:
    """The processes that judge for this project: other tests of this process may have some for theirs."""
    ours = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
            words = child.cmdline()
            if "web.judging.worker" in words and str(project.home) in words:
                ours.append(child)
    return ours


def test_the_process_answers_as_the_model_does(project: Project, judges: Judges) -> None:
    """Twice by the same process, whose environment has no secret of the project."""
    model, path = models.find(project.home), a_picture(project)
    for _ in range(2):
        answer = judges.probabilities(model.id, path.read_bytes())
        assert answer == pytest.approx(model.probabilities(decode(path)), abs=1e-5)
    (process,) = children(project)
    assert not [name for name in process.environ() if name.startswith("ISITCAKE")]


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "AVIF", "PNG"])
def test_a_bomb_costs_nothing_lasting(project: Project, judges: Judges, kind: str) -> None:
    """Security 9: this process does not grow, the other one is gone or small, and the next photo is judged."""
    model, content = models.find(project.home), bomb(kind)
    judges.probabilities(model.id, a_picture(project).read_bytes())
    before = psutil.Process().memory_info().rss
    for _ in range(4):
        with pytest.raises((TooCostly, Unreadable)):
            judges.probabilities(model.id, content)
    assert psutil.Process().memory_info().rss - before < GROWTH_MB * 1e6
    assert all(child.memory_info().rss < 400e6 for child in children(project))
    assert judges.probabilities(model.id, a_picture(project).read_bytes())


@pytest.mark.parametrize("content", [b"", b"x", b"<svg/>", b"\xff\xd8\xff" + bytes(1000), b"GIF89a" + b"\xff" * 20])
def test_what_is_no_picture_is_unreadable(project: Project, judges: Judges, content: bytes) -> None:
    """The process goes on."""
    for _ in range(2):
        with pytest.raises(Unreadable):
            judges.probabilities(models.find(project.home).id, content)
    assert len(children(project)) == 1


def test_a_process_that_is_killed_is_replaced(project: Project, judges: Judges) -> None:
    """Security 9."""
    model, content = models.find(project.home), a_picture(project).read_bytes()
    judges.probabilities(model.id, content)
    (process,) = children(project)
    process.kill()
    process.wait(10)
    assert judges.probabilities(model.id, content)


def test_few_work_and_few_wait(project: Project, judges: Judges) -> None:
    """Security 9: of many photos at once, some are refused; never are there more processes than that."""
    model, content = models.find(project.home), a_picture(project).read_bytes()
    most, is_over = [0], threading.Event()

    def count() -> None:
        while not is_over.wait(0.05):
            most[0] = max(most[0], len(children(project)))

    def judge() -> bool:
        try:
            return bool(judges.probabilities(model.id, content))
        except Busy:
            return False

    counting = threading.Thread(target=count)
    counting.start()
    with ThreadPoolExecutor(30) as pool:
        are_judged = [done.result() for done in [pool.submit(judge) for _ in range(30)]]
    is_over.set()
    counting.join()
    assert sum(are_judged) >= WORKERS + MOST_WAITING
    assert most[0] <= WORKERS


def test_a_model_that_is_gone_is_an_error_with_a_sentence(project: Project, judges: Judges) -> None:
    with pytest.raises(StageError, match="no model"):
        judges.probabilities("unknown/1", a_picture(project).read_bytes())
    until(lambda: not children(project))


def test_an_answer_is_read_from_a_process_that_has_ended(
    project: Project, judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with much to do, a process without a model may end before it gets the picture."""

    def slow(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        process = start(*args, **options)
        process.wait()
        return process

    start = subprocess.Popen
    monkeypatch.setattr("web.judging.pool.subprocess.Popen", slow)
    with pytest.raises(StageError, match="no model"):
        judges.probabilities("unknown/1", a_picture(project).read_bytes())
