"""labeling.queue: the review queue, read without Label Studio."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_projects import SmallProject

from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import child_environment
from labeling import queue
from labeling.answer_files import import_answers


def answer(project: Project, path: Path, *lines: str) -> None:
    path.write_text("\n".join(["sha256,label,reviewer", *lines]) + "\n")
    import_answers(project, path)


def test_the_next_images_come_with_path_and_reasons(collected: Project) -> None:
    items = queue.next_items(collected, 3)
    assert len(items) == 3
    for item in items:
        assert set(item) == {
            "sha256", "path", "file", "source_label", "suggested_label", "reasons", "error_probability",
        }  # fmt: skip
        assert Path(item["path"]).is_file()
        assert item["file"] == item["path"]  # the sources are sites
        assert item["source_label"] in collected.settings.project.labels


def test_a_picture_of_a_folder_is_named_by_its_file(tmp_path: Path) -> None:
    """While the file is there; then by the original in the library."""
    small = SmallProject(tmp_path)
    small.configure("things n not_cake CC0", "cakes c cake CC0")
    small.run("collect", "curate")
    project = open_project(tmp_path / "isitcake.toml")
    named = {item["file"] for item in queue.next_items(project, 100)}
    assert named == {str(file) for folder in ("n", "c") for file in (tmp_path / folder).iterdir()}
    for file in named:
        Path(file).unlink()
    assert all(item["file"] == item["path"] for item in queue.next_items(project, 100))
    project.close()


def test_an_answer_restores_an_excluded_picture(collected: Project, tmp_path: Path) -> None:
    """Logos and banners are listed with a reason; after an answer `cake`, one is a cake again."""
    items = queue.excluded(collected)
    assert items
    assert all(item["reason"] and Path(item["path"]).is_file() for item in items)
    restored = items[0]["sha256"]
    answer(collected, tmp_path / "answers.csv", f"{restored},cake,ann")
    curate(collected)
    assert restored not in {item["sha256"] for item in queue.excluded(collected)}


def test_status_counts_questions_and_answers(collected: Project, tmp_path: Path) -> None:
    """Answers by reviewer and by answer; a disagreement is open; the queue gets shorter."""
    before = queue.status(collected)
    assert before.queued > 10
    assert (before.judgements, before.disputed, before.audit_error) == (0, 0, None)
    assert "no audited image yet" in before.line()
    first, second = (item["sha256"] for item in queue.next_items(collected, 2))
    answer(
        collected, tmp_path / "answers.csv", f"{first},cake,ann", f"{second},cake,ann", f"{second},not_cake,bob"
    )  # fmt: skip
    after = queue.status(collected)
    assert after.queued == before.queued - 2
    assert after.reviewers == {"ann": 2, "bob": 1}
    assert after.answers == {"cake": 2, "not_cake": 1}
    assert after.disputed == 1
    assert after.expected_errors is not None
    assert before.expected_errors is not None
    assert after.expected_errors < before.expected_errors


def test_status_tells_which_pictures_are_done(collected: Project, tmp_path: Path) -> None:
    """Settled by one answer, open after two, stopped after five; `unsettled_items` lists the open one."""
    settled, undecided, stopped = (item["sha256"] for item in queue.next_items(collected, 3))
    five = zip(("ann", "bob", "eve", "zoe", "kim"), ("cake", "not_cake", "cake", "not_cake", "unsure"), strict=True)
    answer(
        collected, tmp_path / "answers.csv",
        f"{settled},cake,ann", f"{undecided},cake,ann", f"{undecided},unusable,bob",
        *(f"{stopped},{label},{reviewer}" for reviewer, label in five),
    )  # fmt: skip
    state = queue.status(collected)
    assert (state.settled, state.one_more, state.stopped, state.disputed) == (1, 1, 1, 2)
    (item,) = queue.unsettled_items(collected, 10)
    assert (item["sha256"], item["suggested_label"], item["error_probability"]) == (undecided, "", None)
    assert Path(item["file"]).is_file()
    assert item["source_label"] in collected.settings.project.labels
    answer(collected, tmp_path / "answers.csv", f"{undecided},cake,eve")
    assert queue.unsettled_items(collected, 10) == []
    assert queue.status(collected).settled == 2


def test_status_knows_the_label_error_after_an_audit(collected: Project, tmp_path: Path) -> None:
    item = queue.next_items(collected, 1, of_audit=True)[0]
    answer(collected, tmp_path / "answers.csv", f"{item['sha256']},unusable,ann")
    state = queue.status(collected)
    if state.audited:  # only the sample's first pictures without a gap count
        assert state.audit_error is not None
        assert "of labels are wrong" in state.line()


@pytest.mark.parametrize("arguments", [["status"], ["next"], ["reviewers"], ["aside"], ["import", "answers.csv"]])
def test_reading_commands_work_without_slow_packages(collected: Project, arguments: list[str]) -> None:
    """They run where Label Studio's SDK and Prefect are missing, and load no scipy.stats and no sklearn."""
    (collected.settings.root / "answers.csv").write_text("sha256,label,reviewer\n")
    program = """
import sys
for name in ("label_studio_sdk", "prefect", "scipy.stats", "sklearn"):
    sys.modules[name] = None  # as if it was not installed
from isitcake.cli import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, "review", *arguments],
        cwd=collected.settings.root, env=child_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(("next_ten", "is_over"), [(0.4, True), (3.0, False)])
def test_status_says_when_to_stop(next_ten: float, is_over: bool) -> None:
    state = queue.ReviewStatus(
        90, 0, 60, {}, {}, expected_errors=9.0, next_ten=next_ten, settled=60, one_more=0, stopped=0
    )
    assert ("stop here, and publish" in state.line()) is is_over
