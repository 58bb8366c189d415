"""Home: what it shows, and the next step. web/pages/home.py."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import func, select

from dataset.catalog.tables import queue
from dataset.opening import open_project
from dataset.project import Project
from isitcake.cli import cli
from labeling.answer_files import import_answers
from labeling.plan_round import may_be_asked
from labeling.queue import next_items
from training import models
from web.pages.home import home_html, next_step, read_home


def test_an_empty_project_is_told_to_begin(tmp_path: Path) -> None:
    (tmp_path / "isitcake.toml").write_text("")
    project = open_project(tmp_path / "isitcake.toml")
    home = read_home(project)
    project.close()
    assert home.next_step.title == "Name your sources"
    assert next_step(home, has_sources=True).command == "isitcake collect"


def test_the_next_step_follows_the_pipeline(trained: Project) -> None:
    """Curate, look, publish, train, play: the first that helps."""
    home = read_home(trained)
    assert home.version is not None
    steps = [
        replace(home, pictures=0),
        replace(home, queued=9, worth=3.0),
        replace(home, queued=0, is_changed_since=True),
        replace(home, queued=0, is_changed_since=False, is_trained=False),
        replace(home, queued=0, is_changed_since=False, model=f"svm/{home.version.name}"),
    ]
    titles = [next_step(one, has_sources=True).title for one in steps]
    assert titles == ["Curate", "Look at the next wall", "Publish a version", "Train", "Play against the models"]


def test_nobody_is_told_to_train_again_because_no_model_was_promoted(trained: Project) -> None:
    """The same version would give the same models, and the same refusal."""
    (trained.home / "models" / models.DEFAULT_MODEL_FILE).unlink()
    home = read_home(trained)
    assert (home.model, home.n_models, home.is_trained) == ("", 2, True)
    step = next_step(replace(home, queued=0, is_changed_since=False), has_sources=True)
    assert step.title == "Play against the models"
    assert "2 models were trained, and none was promoted" in home_html(trained, with_names=True)


def test_pictures_that_need_one_more_answer_are_not_passed_over(published_project: Project, tmp_path: Path) -> None:
    """Two reviewers disagree about the only picture of the queue: it waits for no first answer, but for another."""
    sha256 = next_items(published_project, 1)[0]["sha256"]
    with published_project.catalog.write() as connection:
        connection.execute(queue.delete().where(queue.c.sha256 != sha256))
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{sha256},cake,ann\n{sha256},not_cake,bob\n")
    import_answers(published_project, path)
    home = read_home(published_project)
    assert (home.queued, home.unsure) == (0, 1)
    step = next_step(replace(home, is_changed_since=False, is_trained=True), has_sources=True)
    assert step.why.startswith("No picture waits for a first answer.")
    assert "1 is unsure" in home_html(published_project, with_names=True)
    listed = CliRunner().invoke(cli, ["review", "next", "--config", str(published_project.settings.root)])
    assert "some need one more answer" in listed.output


def test_the_queue_is_counted_as_the_commands_count_it(collected: Project, tmp_path: Path) -> None:
    """Also after answers, of which one was withdrawn or not."""
    path = tmp_path / "answers.csv"
    lines = [f"{item['sha256']},cake,ann@example.org" for item in next_items(collected, 3)]
    path.write_text("\n".join(["sha256,label,reviewer", *lines]) + "\n")
    import_answers(collected, path)
    with collected.catalog.read() as connection:
        waiting = connection.execute(select(func.count()).select_from(queue).where(may_be_asked())).scalar_one()
    home = read_home(collected)
    assert home.queued == waiting
    assert home.answers == {"ann@example.org": 3}


def test_reviewers_are_named_for_the_owner_only(collected: Project, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{next_items(collected, 1)[0]['sha256']},cake,ann@example.org\n")
    import_answers(collected, path)
    assert "ann@example.org" in home_html(collected, with_names=True)
    page = home_html(collected, with_names=False)
    assert "ann@example.org" not in page
    assert "reviewer 1" in page
