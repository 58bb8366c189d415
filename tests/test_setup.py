"""scripts/setup.sh says what an installation took. pip, uv and venv are stand-ins that write files."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAND_IN = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$0" "$3/bin/uv"
    head -c 3000000 /dev/zero > "$3/package"
fi
"""


def test_the_last_line_has_time_and_sizes_if_something_was_installed(tmp_path: Path) -> None:
    """A second run installs nothing and prints nothing."""
    script = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    libraries = re.findall(r"^library (\S+) \S+ (\S+)", script, re.MULTILINE)
    assert [folder for folder, _ in libraries] == ["ort", "twgl"]
    for folder, version in libraries:
        (tmp_path / "web" / "vendor" / folder).mkdir(parents=True)
        (tmp_path / "web" / "vendor" / folder / version).touch()  # it would be downloaded
    for name in ("scripts", "locks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    said = [_setup(tmp_path, python) for _ in range(2)]
    last = said[0].splitlines()[-1]
    assert re.search(r"installed in \d+ s: \.venv 3 MB, \.venv-label-studio 3 MB \(sizes on disk", last), said[0]
    assert said[1] == ""


def _setup(folder: Path, python: Path) -> str:
    """What the script prints."""
    ran = subprocess.run(
        ["bash", "scripts/setup.sh", "runtime"],
        cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHON": str(python)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr
