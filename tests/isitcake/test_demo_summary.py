"""What the demo says about the talk's attempts."""

from pathlib import Path

import pytest

from dataset.project import Project
from dataset.versions import published
from isitcake.demo_summary import untrained_lines


def test_attempts_without_a_model_come_with_the_command(trained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The talk's four only: `repaired-cnn` is not among them."""
    monkeypatch.chdir(trained.settings.root.parent)
    newest = published.newest(trained.home)
    assert newest is not None
    lines = untrained_lines(trained, newest)
    folder = Path(trained.settings.root).name
    assert (
        f"not trained: coco-zero-shot needs a COCO detector's weights; run `isitcake models fetch --config {folder}`"
        in lines
    )
    assert "not trained: transfer is not trained yet; run `isitcake train`" in lines
    assert {line.split()[2] for line in lines[:-1]} <= {"mobilenet-zero-shot", "coco-zero-shot", "talk-cnn", "transfer"}
    assert "run the demo again" in lines[-1]
