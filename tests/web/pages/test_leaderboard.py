"""The page with all models of a version."""

from dataclasses import replace

import pytest

from dataset.project import Project
from foundation.errors import UnknownModel, UnknownVersion
from training import models
from training.attempts import THE_TALKS
from training.train import train
from web.pages.leaderboard import write_leaderboard


def test_the_page_shows_models_mistakes_and_subgroups(bakery: Project) -> None:
    """The default model has a star. Without a name, the newest version is shown."""
    report = train(bakery.settings, names=["linear", "svm"])
    path = write_leaderboard(bakery)
    assert path.name == f"leaderboard-{report.version}.html"
    page = path.read_text(encoding="utf-8")
    for model in models.of_version(bakery.home, report.version):
        assert f"<b>{model.name}</b>" in page
    default = models.find(bakery.home).name
    assert f"<td>{default} ★</td>" in page
    assert page.count("★") == 2  # in the table, and in the sentence that explains it
    best = models.of_version(bakery.home, report.version)[0]
    assert f"Mistakes of {best.name}" in page
    assert all(f"<td>{name}</td>" in page for name in best.slices)


def test_without_a_model_the_message_names_the_command(bakery: Project) -> None:
    with pytest.raises(UnknownModel, match="isitcake train"):
        write_leaderboard(bakery)
    with pytest.raises(UnknownVersion):
        write_leaderboard(bakery, "2020.1.0")


def test_the_talk_is_told_with_the_pack_of_cakes_only(bakery: Project) -> None:
    """Use A3: a project of other things does not hear what the talk's network called "not cake"."""
    train(bakery.settings, names=["linear"])
    assert "In the talk" in write_leaderboard(bakery).read_text(encoding="utf-8")
    section = bakery.settings.project.model_copy(update={"subject": ""})
    other = replace(bakery, settings=bakery.settings.model_copy(update={"project": section}))
    assert "In the talk" not in write_leaderboard(other).read_text(encoding="utf-8")


def test_attempts_that_were_not_trained_are_named_with_the_command(trained: Project) -> None:
    """The talk's four are among them, or among the rows."""
    page = write_leaderboard(trained).read_text(encoding="utf-8")
    needs = "Not trained: <b>coco-zero-shot</b> needs a COCO detector&#39;s weights; run"
    assert f"{needs} <code>isitcake models fetch</code>." in page
    assert "Not trained: <b>transfer</b> is not trained yet; run <code>isitcake train</code>." in page
    assert all(f"<b>{name}</b>" in page for name in THE_TALKS)
    assert "Not trained: <b>linear</b>" not in page
