"""The models of one version side by side, and the worst mistakes of the best: one page, whole in itself."""

from pathlib import Path

from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.project import Project
from dataset.versions import published
from dataset.versions.splits import UNSEEN
from foundation.files import replace_file
from training import models
from training.leaderboard import COLUMNS, board
from training.models import Model
from web.pages.thumbnails import Tile, templates, tile

MISTAKES = 24
BAR_PX = 320


def write_leaderboard(project: Project, version: str | None = None) -> Path:
    """Write library/reports/leaderboard-<version>.html. Returns its path. Raises UnknownVersion, UnknownModel."""
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    found = models.of_version(project.home, chosen.name) if chosen else []
    if chosen is None or not found:
        models.find(project.home)  # says what is missing
        chosen = published.load(project.home, models.find(project.home).version)
        found = models.of_version(project.home, chosen.name)
    page = templates.get_template("leaderboard.html").render(
        version=chosen.name,
        champion=models.default_model_id(project.home),
        columns=COLUMNS,
        rows=list(zip(found, board(found), strict=True)),
        bars=[(model.name, _bars(model)) for model in found],
        best=found[0],
        mistakes=_mistakes(project, found[0]),
        slices=found[0].slices,
    )
    path = project.home / "reports" / f"leaderboard-{chosen.name}.html"
    replace_file(path, page.encode())
    return path


def _bars(model: Model) -> list[tuple[str, float, float, float]]:
    """For each test its name, and balanced accuracy with its interval in percent of the bar."""
    found = []
    for split, title in (("test", "known sites"), (UNSEEN, "unseen sites")):
        measured = model.metrics.get(split)
        if measured and measured.balanced_accuracy is not None and measured.interval is not None:
            low, high = measured.interval
            found.append((title, 100 * measured.balanced_accuracy, 100 * low, 100 * high))
    return found


def _mistakes(project: Project, model: Model) -> list[Tile]:
    """What it was surest of and wrong about, on both tests."""
    wrong = [
        row for row in model.predictions() if row["split"] in ("test", UNSEEN) and row["predicted"] != row["label"]
    ]
    wrong.sort(key=lambda row: (-row[f"p_{row['predicted']}"], row["sha256"]))
    with project.catalog.read() as connection:
        formats = {row.sha256: row.format for row in connection.execute(select(images.c.sha256, images.c.format))}
    return [
        tile(project, formats, row["sha256"], f"{row['label']}, taken for {row['predicted']} "
             f"({row['p_' + row['predicted']]:.2f})", f"{row['site']}: {row['sha256'][:16]}")
        for row in wrong[:MISTAKES]
    ]  # fmt: skip
