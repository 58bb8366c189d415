"""The loop as Prefect flows: order, retries, artifacts, events. No logic: every stage also runs without Prefect."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_image_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.runtime import deployment

import crawlers.collect
import crawlers.recheck
import dataset.curate
import dataset.publish
import labeling.pull
import labeling.push
import labeling.queue
import labeling.reviewers
import training.retraining
import training.train
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions.published import VERSION_NAME
from flows.events import Event
from foundation.environment import served_config
from foundation.errors import UnknownVersion, UsageError
from training.comparison import COLUMNS, board
from web.pages.access import owner_link
from web.pages.leaderboard import write_leaderboard
from web.pages.version_pages import write_pages, write_report_to

NO_STUDIO = "Label Studio is left out: ISITCAKE_LABEL_STUDIO_API_KEY is not set. Reviewers answer on the wall."


@task(retries=2, retry_delay_seconds=60, cache_policy=NO_CACHE)  # sites and networks fail now and then
def collect_sources(project: Project) -> str:
    report = crawlers.collect.collect(project)
    _table("collected", report.rows(), report.line())
    report.raise_for_failures()
    return report.line()


@task(cache_policy=NO_CACHE)  # no retry: it would hide a bug of ours
def curate_images(project: Project) -> str:
    report = dataset.curate.curate(project)
    _table("curated", [{"detector": name, "findings": n} for name, n in report.findings.items()], report.line())
    return report.line()


@task(retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def push_questions(project: Project) -> str:
    if not project.settings.has_label_studio:
        _table("asked", [], NO_STUDIO)
        return NO_STUDIO
    report = labeling.push.push(project, another_round=False)
    _table(
        "asked", [{"new tasks": report.pushed, "waiting": report.waiting, "project": report.project_url}], report.line()
    )
    return report.line()


@task(retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def pull_answers(project: Project) -> str:
    report = labeling.pull.pull(project) if project.settings.has_label_studio else None
    if report:
        _table("answered", [{"new": report.new, "in all": report.total}], report.line())
    week = labeling.reviewers.last_week(project, datetime.now(UTC))
    header, rows = labeling.reviewers.table_rows(week)
    _table("reviewers", [dict(zip(header, row, strict=True)) for row in rows], f"In the last seven days: {week.line()}")
    if report and report.new and labeling.queue.status(project).waiting == 0:
        _emit(Event.ROUND_FINISHED, _resource("review", project), {"answers": report.new})
    return report.line() if report else NO_STUDIO


@task(cache_policy=NO_CACHE)
def ask_owners_again(project: Project) -> list[str]:
    return crawlers.recheck.recheck(project).notes()


@task(cache_policy=NO_CACHE)
def publish_version(project: Project, notes: list[str]) -> str | None:
    report = dataset.publish.publish(project).with_notes(notes)
    rows = [{"split": split, **counts} for split, counts in report.counts.items()]
    _table("published", rows, report.line())
    write_pages(project, report.newest)
    if report.version:
        base_url, path = project.settings.review.pictures_url.rstrip("/"), f"/reports/{report.version}.jpg"
        address = owner_link(project.settings, base_url, path) or f"{base_url}{path}"
        create_image_artifact(address, key="contact-sheet", description=report.line())
        _emit(Event.PUBLISHED, _resource("dataset", project), {"version": report.version})
    return report.version


@task(cache_policy=NO_CACHE)
def train_model(project: Project, version: str | None, by_event: bool = False) -> str:
    stage = training.retraining.retrain if by_event else training.train.train
    report = stage(project.settings, version)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in board(report.trained)]
    _table("leaderboard", rows, report.line())
    write_report_to(project, None, None)
    write_leaderboard(project, report.version)
    if report.new:
        _emit(Event.TRAINED, _resource("model", project), {"model": report.best.id, "version": report.version})
    return report.line()


@flow(name="collect", validate_parameters=False)
def collect(config: Path | None = None) -> None:
    """Collect every source, curate, ask reviewers."""
    project = _project(config)
    collect_sources(project)
    curate_images(project)
    push_questions(project)


@flow(name="curate", validate_parameters=False)
def curate(config: Path | None = None) -> None:
    """Compute fingerprints, clusters, findings and the review queue."""
    curate_images(_project(config))


@flow(name="review-push", validate_parameters=False)
def review_push(config: Path | None = None) -> None:
    """Send this round's questions to Label Studio."""
    push_questions(_project(config))


@flow(name="review-pull", validate_parameters=False)
def review_pull(config: Path | None = None) -> None:
    """Fetch answers from Label Studio."""
    pull_answers(_project(config))


@flow(name="publish", validate_parameters=False)
def publish(config: Path | None = None) -> str | None:
    """Curate with people's answers, ask owners again, publish. Returns the version's name; None if nothing changed."""
    project = _project(config)
    curate_images(project)
    return publish_version(project, ask_owners_again(project))


@flow(name="train", validate_parameters=False)
def train(config: Path | None = None, version: str | None = None, by_event: bool = False) -> str:
    """Train on a version; without a name, on the newest. by_event: only if enough images changed."""
    return train_model(_project(config), _version_name(version), by_event)


@flow(name="refresh", validate_parameters=False)
def refresh(config: Path | None = None) -> str | None:
    """Collect, curate, ask, fetch answers, publish, train. Returns the new version's name; None if nothing changed."""
    project = _project(config)
    collect_sources(project)
    curate_images(project)
    push_questions(project)
    pull_answers(project)
    curate_images(project)
    version = publish_version(project, ask_owners_again(project))
    train_model(project, version)
    return version


def _project(config: Path | str | None) -> Project:
    """The project of a run. config: of a run in this process. A run that the Prefect server started opens the project
    that ISITCAKE_CONFIG names and no other: whoever can start a run must not choose a file. Raises UsageError.
    """
    if deployment.id:
        served = served_config()
        if config and (served is None or Path(config).absolute() != served.absolute()):
            raise UsageError(
                f"this worker serves {served or 'no project'}, not {str(config)[:200]!r}; start one for it"
            )
        return open_project(served)
    return open_project(Path(config) if config else None)


def _version_name(version: str | None) -> str | None:
    """A version's name as it came from an event: never a path. Raises UnknownVersion."""
    if version is not None and not VERSION_NAME.fullmatch(version):
        raise UnknownVersion(f"{version[:100]!r} is not the name of a version; see `isitcake versions list`")
    return version


def _table(key: str, rows: list[dict[str, Any]], line: str) -> None:
    create_table_artifact(rows or [{"nothing": ""}], key=key, description=line)


def _emit(event: Event, resource: dict[str, str], payload: dict[str, Any]) -> None:
    emit_event(event.value, resource=resource, payload=payload)


def _resource(kind: str, project: Project) -> dict[str, str]:
    return {"prefect.resource.id": f"isitcake.{kind}.{project.settings.project.name}"}
