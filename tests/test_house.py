"""Folders, modules and functions stay small, and no module is outside the layers."""

import ast
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE_LINES = 350
FUNCTION_LINES = 60
PARAMETERS = 6
FOLDER_MODULES = 12
PLUG_INS = ("dataset/suspicion/detectors", "dataset/catalog/migrations/versions")  # a file per detector, per migration


def tracked() -> list[str]:
    """Every Python file of the project, migrations apart: they are history."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in names if (ROOT / name).is_file()]


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many there are, self and cls apart."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    stars = [star for star in (given.vararg, given.kwarg) if star]
    return len(named) + len(stars) - (bool(named) and named[0].arg in ("self", "cls"))


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in tracked()}


def test_no_module_is_too_long(modules: dict[str, str]) -> None:
    assert [name for name, text in modules.items() if text.count("\n") > MODULE_LINES] == []


def test_no_function_is_too_long_or_takes_too_much(modules: dict[str, str]) -> None:
    found = []
    for name, text in modules.items():
        if name.startswith(PLUG_INS[1]):
            continue
        for function in functions(ast.parse(text)):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > FUNCTION_LINES or parameters(function) > PARAMETERS:
                found.append(f"{name}: {function.name} has {lines} lines, {parameters(function)} parameters")
    assert found == []


def test_no_folder_is_too_full(modules: dict[str, str]) -> None:
    own = (path for name in modules if (path := Path(name)).name not in ("__init__.py", "conftest.py"))
    held = Counter(str(path.parent) for path in own)
    assert {folder: n for folder, n in held.items() if n > FOLDER_MODULES and folder not in PLUG_INS} == {}


def test_every_folder_of_code_is_a_layer(modules: dict[str, str]) -> None:
    """A new folder at the top is in import-linter's list and in the wheel."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    there = {name.split("/")[0] for name in modules if "/" in name} - {"tests", "benchmarks", "scripts"}
    assert set(settings["importlinter"]["root_packages"]) == there
    assert {name.rstrip("*") for name in settings["setuptools"]["packages"]["find"]["include"]} == there
    inside = [contract for contract in settings["importlinter"]["contracts"] if contract.get("containers")]
    assert all(contract["exhaustive"] for contract in inside)
