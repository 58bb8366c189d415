"""The leaderboard page: all models of one version, and the mistakes of the best one."""

from pathlib import Path

from dataset.project import Project
from dataset.suspicion.packs import pack
from dataset.versions import published
from dataset.versions.splits import UNSEEN
from foundation.files import replace_file
from foundation.locks import exclusive
from training import models
from training.leaderboard import COLUMNS, board
from training.models import Model
from web.pages.thumbnails import Thumbnails, Tile, all_thumbnails, templates

MOST_MISTAKES = 24
TESTS = (("test", "known sites"), (UNSEEN, "unseen sites"))


def write_leaderboard(project: Project, version: str | None = None) -> Path:
    """Write library/reports/leaderboard-<version>.html: one HTML file. Returns its path.

    version: the newest if None; without models of it, the default model's. An erasure waits until it is written.
    Raises UnknownVersion, UnknownModel.
    """
    with exclusive(project.versions_lock):
        return _write_leaderboard(project, version)


def _write_leaderboard(project: Project, version: str | None) -> Path:
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    trained = models.of_version(project.home, chosen.name) if chosen else []
    if chosen is None or not trained:
        chosen = published.load(project.home, models.find(project.home).version)
        trained = models.of_version(project.home, chosen.name)
    best = trained[0]
    page = templates.get_template("leaderboard.html").render(
        version=chosen.name,
        default_model=models.default_model_id(project.home),
        columns=COLUMNS,
        rows=list(zip(trained, board(trained), strict=True)),
        bars=[(model.name, _bars(model)) for model in trained],
        best=best,
        mistakes=_mistakes(all_thumbnails(project), best),
        subgroups=best.slices,
        talk=_talk(project),
    )
    path = project.home / "reports" / f"leaderboard-{chosen.name}.html"
    replace_file(path, page.encode())
    return path


def _talk(project: Project) -> str:
    """What the project's pack tells about the talk; empty without a pack."""
    chosen = pack(project.settings.project.subject)
    return chosen.talk if chosen else ""


def _bars(model: Model) -> list[tuple[str, float, float, float]]:
    """For each test its name, balanced accuracy, and the ends of its interval, in percent."""
    bars = []
    for split, title in TESTS:
        measured = model.metrics.get(split)
        if measured and measured.balanced_accuracy is not None and measured.interval is not None:
            low, high = measured.interval
            bars.append((title, 100 * measured.balanced_accuracy, 100 * low, 100 * high))
    return bars


def _mistakes(thumbnails: Thumbnails, model: Model) -> list[Tile]:
    """The model's wrong predictions on both tests, the most confident first."""
    wrong = [
        row for row in model.predictions() if row["split"] in ("test", UNSEEN) and row["predicted"] != row["label"]
    ]
    wrong.sort(key=lambda row: (-row[f"p_{row['predicted']}"], row["sha256"]))
    tiles = []
    for row in wrong[:MOST_MISTAKES]:
        probability = row[f"p_{row['predicted']}"]
        text = f"is {row['label']}, predicted {row['predicted']} ({probability:.2f})"
        tiles.append(thumbnails.tile(row["sha256"], text, f"{row['site']}: {row['sha256'][:16]}"))
    return tiles
