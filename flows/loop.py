"""The loop as Prefect flows: order, retries, artifacts, events. No logic: every stage runs without this."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_image_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

import crawlers.collect
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
from training.leaderboard import COLUMNS, board
from web.pages.access import owner_link
from web.pages.contact_sheet import write_contact_sheet
from web.pages.leaderboard import write_leaderboard
from web.pages.report import write_report

PUBLISHED = "dataset.version.published"
TRAINED = "model.trained"
ROUND_FINISHED = "review.round.finished"


@task(retries=2, retry_delay_seconds=60, cache_policy=NO_CACHE)  # the world may fail
def collect_sources(project: Project) -> str:
    report = crawlers.collect.collect(project)
    _table("collected", report.rows(), report.line())
    report.raise_for_failures()
    return report.line()


@task(cache_policy=NO_CACHE)  # our code may not: no retry hides a bug
def curate_images(project: Project) -> str:
    report = dataset.curate.curate(project)
    _table("curated", [{"detector": name, "findings": n} for name, n in report.findings.items()], report.line())
    return report.line()


@task(retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def push_questions(project: Project) -> str:
    report = labeling.push.push(project, another_round=False)
    _table(
        "asked", [{"new tasks": report.pushed, "waiting": report.waiting, "project": report.project_url}], report.line()
    )
    return report.line()


@task(retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def pull_answers(project: Project) -> str:
    report = labeling.pull.pull(project)
    _table("answered", [{"new": report.new, "in all": report.total}], report.line())
    week = labeling.reviewers.last_week(project, datetime.now(UTC))
    head, rows = labeling.reviewers.table_rows(week)
    _table("reviewers", [dict(zip(head, row, strict=True)) for row in rows], f"Of the last seven days: {week.line()}")
    if report.new and labeling.queue.status(project).waiting == 0:
        emit_event(ROUND_FINISHED, resource=_resource("review", project), payload={"answers": report.new})
    return report.line()


@task(cache_policy=NO_CACHE)
def publish_version(project: Project) -> str | None:
    report = dataset.publish.publish(project)
    rows = [{"split": split, **found} for split, found in report.counts.items()]
    _table("published", rows, report.line())
    if report.version:
        write_report(project, report.version)
        sheet = write_contact_sheet(project.home, report.version)
        base_url = project.settings.review.pictures_url.rstrip("/")
        path = f"/reports/{sheet.name}"
        address = owner_link(project.settings, base_url, path) or f"{base_url}{path}"
        create_image_artifact(address, key="contact-sheet", description=report.line())
        emit_event(PUBLISHED, resource=_resource("dataset", project), payload={"version": report.version})
    return report.version


@task(cache_policy=NO_CACHE)
def train_model(project: Project, version: str | None, by_event: bool = False) -> str:
    asked = training.retraining.retrain if by_event else training.train.train
    report = asked(project.settings, version)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in board(report.trained)]
    _table("leaderboard", rows, report.line())
    write_report(project)
    write_leaderboard(project, report.version)
    if report.new:
        payload = {"model": report.best.id, "version": report.version}
        emit_event(TRAINED, resource=_resource("model", project), payload=payload)
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
    """Fingerprints, clusters, findings, the review queue."""
    curate_images(_project(config))


@flow(name="review-push", validate_parameters=False)
def review_push(config: Path | None = None) -> None:
    """Send this round's questions to Label Studio."""
    push_questions(_project(config))


@flow(name="review-pull", validate_parameters=False)
def review_pull(config: Path | None = None) -> None:
    """Bring answers into the ledger."""
    pull_answers(_project(config))


@flow(name="publish", validate_parameters=False)
def publish(config: Path | None = None) -> str | None:
    """Curate with what people said and publish. Returns the new version's name; None if nothing changed."""
    project = _project(config)
    curate_images(project)
    return publish_version(project)


@flow(name="train", validate_parameters=False)
def train(config: Path | None = None, version: str | None = None, by_event: bool = False) -> str:
    """Train on a version; the newest where none is named. by_event: only where it is worth it."""
    return train_model(_project(config), version, by_event)


@flow(name="refresh", validate_parameters=False)
def refresh(config: Path | None = None) -> str | None:
    """Collect, curate, take answers, ask, publish, train. Returns the new version's name; None if nothing changed."""
    project = _project(config)
    collect_sources(project)
    curate_images(project)
    push_questions(project)
    pull_answers(project)
    curate_images(project)
    version = publish_version(project)
    train_model(project, version)
    return version


def _project(config: Path | str | None) -> Project:
    """Parameters of a deployment come as text; without one, the project is the one ISITCAKE_CONFIG names."""
    return open_project(Path(config) if config else None)


def _table(key: str, rows: list[dict[str, Any]], line: str) -> None:
    create_table_artifact(rows or [{"nothing": ""}], key=key, description=line)


def _resource(kind: str, project: Project) -> dict[str, str]:
    return {"prefect.resource.id": f"isitcake.{kind}.{project.settings.project.name}"}
