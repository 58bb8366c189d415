"""`isitcake search`, as a person and a script read it."""

import json

from commands import here

from dataset.project import Project


def test_the_command_prints_a_table_and_json(collected: Project) -> None:
    folder = collected.settings.config_path.parent
    printed = here(folder, "search", "cake", "--label", "cake", "--limit", "2")
    assert printed.returncode == 0
    assert "cake" in printed.stdout
    assert "2 of " in printed.stderr
    content = json.loads(here(folder, "search", "--finding", "none", "--json").stdout)
    assert content["total"] == content["counts"]["finding"]["none"]
    assert len(content["pictures"][0]["sha256"]) == 64


def test_an_unknown_value_ends_with_one_sentence(collected: Project) -> None:
    folder = collected.settings.config_path.parent
    assert "did you mean 'cake'?" in here(folder, "search", "--label", "cakes").sentence(2)
    nothing = here(folder, "search", "zeppelin", "--label", "cake")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no picture fits" in nothing.stderr
