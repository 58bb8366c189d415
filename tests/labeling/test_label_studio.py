"""labeling.label_studio without a server; test_review.py tests it with one."""

import subprocess
import sys

import pytest

from dataset.project import Project
from foundation.environment import child_environment
from foundation.errors import LabelStudioError
from labeling.label_studio import LabelStudio


def test_a_missing_key_is_one_sentence() -> None:
    with pytest.raises(LabelStudioError, match="needs a key; set ISITCAKE_LABEL_STUDIO_API_KEY"):
        LabelStudio("http://127.0.0.1:1", "")


def test_a_missing_sdk_is_one_sentence(collected: Project) -> None:
    """The message names the extra to install."""
    program = "import sys; sys.modules['label_studio_sdk'] = None; from isitcake.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "review", "push"],
        cwd=collected.settings.root, env=child_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert ended.stderr.strip() == 'error: this needs the review extra: pip install "isitcake[review]"'
