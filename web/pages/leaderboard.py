"""The leaderboard page: all models of one version, and the mistakes of the best one."""

from pathlib import Path

from dataset.project import VERSIONS_LOCK, Project
from dataset.splits.assignment import UNSEEN
from dataset.suspicion.packs import pack
from dataset.versions import published
from dataset.versions.today import Today, today
from foundation.errors import UnknownVersion
from foundation.files import replace_file
from training import models
from training.attempts import THE_TALKS
from training.comparison import COLUMNS, Standing, answers_of, learned_by, standing_board, standings
from training.models import Model
from training.train import untrained
from web.pages.thumbnails import Thumbnails, Tile, all_thumbnails, templates

MOST_MISTAKES = 24
TESTS = (("test", "known sites"), (UNSEEN, "unseen sites"))


def write_leaderboard(project: Project, version: str | None = None) -> Path:
    """Write library/reports/leaderboard-<version>.html: one HTML file. Returns its path.

    version: the newest if None; without models of it, the default model's. An erasure waits until it is written.
    Raises UnknownVersion, UnknownModel.
    """
    with project.alone(VERSIONS_LOCK):
        name, page = leaderboard_html(project, version)
        path = project.home / "reports" / f"leaderboard-{name}.html"
        replace_file(path, page.encode())
    return path


def leaderboard_html(project: Project, version: str | None = None, *, served: bool = False) -> tuple[str, str]:
    """The version whose models are shown, and the page. served: as a page of the service; else as one file."""
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    trained = models.of_version(project.home, chosen.name) if chosen else []
    if chosen is None or not trained:
        chosen = published.load(project.home, models.find(project.home).version)
        trained = models.of_version(project.home, chosen.name)
    default = models.default_model(project.home)
    if default and default.version != chosen.name:
        trained = [*trained, default]
    with project.catalog.read() as connection:
        now = today(connection, project.home)
    if now is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    measured = standings(project.home, now, trained)
    best = measured[0]
    page = templates.get_template("leaderboard.html").render(
        served=served,
        version=chosen.name,
        tests=now.version.name,
        n_labels=len(now.version.labels),
        columns=COLUMNS,
        rows=list(zip(measured, standing_board(measured), strict=True)),
        bars=[(one, _bars(one)) for one in measured],
        best=best.model,
        has_default=any(one.is_default for one in measured),
        mistakes=_mistakes(all_thumbnails(project, linked=served), best.model, now),
        subgroups=best.model.slices,
        talk=_talk(project),
        untrained=untrained(project.settings, chosen),
    )
    return chosen.name, page


def _talk(project: Project) -> str:
    """What the project's pack tells about the talk, and which attempts were the talk's; empty without a pack."""
    chosen = pack(project.settings.project.subject)
    return f"{chosen.talk} The attempts of the talk were {', '.join(THE_TALKS)}." if chosen and chosen.talk else ""


def _bars(standing: Standing) -> list[tuple[str, float, float, float]]:
    """For each test its name, headline, and the ends of its interval, in percent."""
    bars = []
    for split, title in TESTS:
        measured = standing.metrics[split]
        if measured.headline is not None and measured.headline_interval is not None:
            low, high = measured.headline_interval
            bars.append((title, 100 * measured.headline, 100 * low, 100 * high))
    return bars


def _mistakes(thumbnails: Thumbnails, model: Model, now: Today) -> list[Tile]:
    """The model's wrong predictions on the common tests, the most confident first."""
    learned = learned_by(model)
    rows = {row.sha256: row for row in now.tests if row.sha256 not in learned}
    wrong = []
    for sha256, answer in answers_of(model, now.version, list(rows.values())).items():
        predicted = max(answer, key=lambda label: answer[label])
        if predicted != rows[sha256].label:
            wrong.append((answer[predicted], predicted, rows[sha256]))
    wrong.sort(key=lambda one: (-one[0], one[2].sha256))
    return [
        thumbnails.tile(
            row.sha256, f"is {row.label}, predicted {predicted} ({probability:.2f})", f"{row.site}: {row.sha256[:16]}"
        )
        for probability, predicted, row in wrong[:MOST_MISTAKES]
    ]
