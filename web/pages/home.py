"""Home: the whole pipeline at a glance, and the one next step. Small queries: a page for 20,000 images and more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import clusters, decisions, images, judgements, plays, queue, rounds, runs
from dataset.labels.holding import Holding
from dataset.labels.players import DISSENT_PRIORITY
from dataset.labels.vocabulary import NOT_CALIBRATED, UNSURE, WITHDRAWN, JudgementOrigin
from dataset.project import Project
from dataset.quarantine import is_whole
from dataset.versions import published
from dataset.versions.published import Version
from labeling.plan_round import judged_in_queue
from training import models
from web.pages.thumbnails import Tile, some_thumbnails, templates

NEXT_ANSWERS = 10
MOST_ROWS = 6  # of sources and reviewers on the page
FEW_PICTURES = 16  # in the strip of the next questions


@dataclass(frozen=True)
class NextStep:
    """What to do now. command: for the terminal; empty where a page does it. href: the page; empty for a command."""

    title: str
    why: str
    command: str = ""
    href: str = ""


@dataclass(frozen=True)
class SourceLine:
    name: str
    status: str
    when: str


@dataclass(frozen=True)
class Home:
    """What the page shows. unsure: images whose answers settle no label.
    queued: images that wait for a first answer. worth: wrong labels among the next ten of them;
    None while nothing calibrates the queue. answers: by reviewer. confirmed: pictures confirmed on walls.
    changed: what the newest version changed. headline: of the default model. n_models: of all versions; is_trained:
    whether one learned from the newest version, also if it did not become the default.
    """

    sources: Sequence[SourceLine]
    n_sources: int
    unhealthy: int
    last_run: str
    images: int
    pictures: int
    labels: dict[str, int]
    unsure: int
    queued: int
    worth: float | None
    front: Sequence[str]
    answers: dict[str, int]
    confirmed: int
    version: Version | None
    n_versions: int
    changed: dict[str, int]
    model: str
    headline: float | None
    n_models: int
    is_trained: bool
    players: int
    plays: int
    is_changed_since: bool
    next_step: NextStep = field(default=NextStep("", ""))


def read_home(project: Project, holding: Holding | None = None) -> Home:
    """Everything that home shows. holding: labels that somebody else reads too."""
    versions = published.names(project.home)
    version = published.load(project.home, versions[-1]) if versions else None
    listed = models.listing(project.home)
    default_id = models.default_model_id(project.home)
    model = next((one for one in listed if one.id == default_id), None)
    with project.catalog.read() as connection:
        sources = _sources(connection)
        queued, worth, front = _queue(connection)
        answers, confirmed = _answers(connection)
        newest_first = select(decisions.c.decided_at).order_by(decisions.c.id.desc())
        newest_decision = connection.execute(newest_first.limit(1)).scalar()
        held = (holding or Holding()).labels(connection)
        home = Home(
            sources=sources[:MOST_ROWS],
            n_sources=len(sources),
            unhealthy=sum(source.status == "unhealthy" for source in sources),
            last_run=max((source.when for source in sources), default=""),
            images=_count(connection, images),
            pictures=int(connection.execute(select(func.count(clusters.c.cluster.distinct()))).scalar_one()),
            labels=_labels(held, project.settings.project.labels),
            unsure=sum(label == UNSURE for label in held.values()),
            queued=queued,
            worth=worth,
            front=front,
            answers=answers,
            confirmed=confirmed,
            version=version,
            n_versions=len(versions),
            changed=_changed(project, version),
            model=model.id if model else "",
            headline=models.score(model) if model else None,
            n_models=len(listed),
            is_trained=bool(version) and any(one.version == versions[-1] for one in listed),
            players=int(connection.execute(select(func.count(rounds.c.player.distinct()))).scalar_one()),
            plays=_count(connection, plays),
            is_changed_since=bool(
                version and newest_decision and newest_decision.isoformat() > version.created.replace("Z", "+00:00")
            ),
        )
    return Home(**{**vars(home), "next_step": next_step(home, has_sources=bool(project.settings.sources))})


def next_step(home: Home, *, has_sources: bool) -> NextStep:
    """The one thing that helps most now."""
    if not home.images:
        if not has_sources:
            return NextStep("Name your sources", "isitcake.toml has no [[sources]] yet: folders, sites or photo APIs.")
        return NextStep("Collect pictures", "The library is empty.", command="isitcake collect")
    if home.pictures == 0:
        return NextStep("Curate", "The new pictures were not compared and judged yet.", command="isitcake curate")
    is_worth_it = home.worth is None or home.worth >= 0.5
    if home.queued and (is_worth_it or not home.answers):
        worth = "" if home.worth is None else f" About {home.worth:.1f} of the next ten labels are wrong."
        why = f"{home.queued:,} pictures wait for somebody to look at them.{worth}"
        return NextStep("Look at the next wall", why, href="/review")
    if home.version is None or home.is_changed_since:
        why = "Labels changed since the newest version." if home.version else "Nothing is published yet."
        return NextStep("Publish a version", why, command="isitcake publish")
    if not home.is_trained:
        return NextStep("Train", f"No model learned from {home.version.name} yet.", command="isitcake train")
    waiting = "No picture waits for a first answer." if home.unsure else "Nothing is waiting."
    return NextStep("Play against the models", f"{waiting} New pictures come with `isitcake collect`.", href="/play")


def home_html(project: Project, *, with_names: bool, holding: Holding | None = None) -> str:
    """The page. with_names: name the reviewers, for the owner; else they have numbers. holding: as in read_home."""
    home = read_home(project, holding)
    answers = home.answers if with_names else {f"reviewer {i}": n for i, n in enumerate(home.answers.values(), 1)}
    return templates.get_template("home.html").render(
        served=True,
        title=project.settings.project.name,
        home=home,
        answers=list(answers.items())[:MOST_ROWS],
        more_answers=max(0, len(answers) - MOST_ROWS),
        strip=_strip(project, home.front),
    )


def _strip(project: Project, front: Sequence[str]) -> list[Tile]:
    thumbnails = some_thumbnails(project, front)
    tiles = [thumbnails.tile(sha256, "", f"picture {sha256[:8]}, which waits for an answer") for sha256 in front]
    return [tile for tile in tiles if tile.source]  # one that may be explicit has none


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _sources(connection: Connection) -> list[SourceLine]:
    """The newest run of each source: unhealthy ones first, then the newest."""
    newest = select(func.max(runs.c.id)).group_by(runs.c.source)
    rows = connection.execute(select(runs).where(runs.c.id.in_(newest)).order_by(runs.c.started_at.desc())).all()
    lines = [SourceLine(row.source, row.status, f"{row.started_at:%Y-%m-%d %H:%M}") for row in rows]
    return sorted(lines, key=lambda line: line.status != "unhealthy")


def _labels(held: Mapping[str, str], labels: Sequence[str]) -> dict[str, int]:
    """How many images have each label now, and how many have none of the project's. held: label by image."""
    counts = Counter(held.values())
    return {label: counts[label] for label in labels} | {
        "left out": sum(n for label, n in counts.items() if label not in labels)
    }


def _queue(connection: Connection) -> tuple[int, float | None, list[str]]:
    """How many images wait, the wrong labels among the next ten, and the first few images.

    The same as `may_be_asked` says, but it looks at the answered images alone: of 20,000, few are answered at a time.
    """
    is_answered = queue.c.sha256.in_(judged_in_queue()), queue.c.priority < DISSENT_PRIORITY
    answered = set(connection.execute(select(queue.c.sha256).where(*is_answered)).scalars())
    whole = connection.execute(select(func.count()).select_from(queue).where(is_whole(queue.c.sha256))).scalar_one()
    columns = queue.c.sha256, queue.c.error_probability, queue.c.calibrated_by
    in_order = connection.execute(select(*columns).order_by(queue.c.priority.desc(), queue.c.sha256))
    rows = list(islice((row for row in in_order if row.sha256 not in answered), FEW_PICTURES))
    in_order.close()
    first = rows[:NEXT_ANSWERS]
    is_calibrated = bool(first) and all(row.calibrated_by != NOT_CALIBRATED for row in first)
    worth = sum(row.error_probability for row in first) if is_calibrated else None
    return whole - len(answered), worth, [row.sha256 for row in rows]


def _answers(connection: Connection) -> tuple[dict[str, int], int]:
    """Pictures with an answer by reviewer, the most first; and pictures that were confirmed on walls."""
    n_pictures = func.count(judgements.c.sha256.distinct())
    is_given = judgements.c.answer != WITHDRAWN
    rows = connection.execute(
        select(judgements.c.reviewer, n_pictures)
        .where(is_given, judgements.c.origin != JudgementOrigin.CONFIRMED)
        .group_by(judgements.c.reviewer)
        .order_by(n_pictures.desc(), judgements.c.reviewer)
    ).all()
    confirmed = connection.execute(
        select(n_pictures).where(is_given, judgements.c.origin == JudgementOrigin.CONFIRMED)
    ).scalar_one()
    return {row[0]: row[1] for row in rows}, confirmed


def _changed(project: Project, version: Version | None) -> dict[str, int]:
    """How many images the newest version added, removed and relabelled; empty for a first version."""
    if version is None or version.parent is None:
        return {}
    import pyarrow.parquet as pq

    try:
        column = pq.read_table(project.home / "versions" / version.name / "diff.parquet", columns=["change"])["change"]
    except OSError:
        return {}
    return {entry["values"]: entry["counts"] for entry in column.value_counts().to_pylist()}
