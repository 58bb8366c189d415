"""Pages that list: versions with their cards, models, probes."""

import re
from collections import defaultdict
from pathlib import Path

from dataset.project import Project
from dataset.versions import manifest, published
from dataset.versions.published import Version
from training import models
from web.pages.thumbnails import Tile, some_thumbnails, templates
from web.site.markdown import as_html

EXAMPLES = 12  # pictures of each label on the page of a version
PROBE_NAME = re.compile(r"probe-([\w.-]{1,64})\.html")
NO_NAVIGATION = "<!-- navigation -->"


def versions_html(project: Project) -> str:
    """All versions, the newest first."""
    versions = published.listing(project.home)[::-1]
    damaged = published.damaged(project.home)
    return templates.get_template("versions.html").render(served=True, versions=versions, damaged=damaged)


def version_html(project: Project, name: str) -> str:
    """A version: its facts, some of its pictures and its card. Raises UnknownVersion, DamagedVersion."""
    version = published.load(project.home, name)
    readme = version.path / "README.md"
    return templates.get_template("version.html").render(
        served=True,
        version=version,
        examples=_examples(project, version),
        card=as_html(readme.read_text(encoding="utf-8")) if readme.is_file() else "",
        boards=[model.name for model in models.of_version(project.home, version.name)],
    )


def models_html(project: Project) -> str:
    """All models with the scores of their own versions; each version's leaderboard is a page."""
    listed = models.listing(project.home)
    default = models.default_model_id(project.home)
    versions = list(dict.fromkeys(model.version for model in sorted(listed, key=_newest_first)))
    rows = [(model, models.score(model), model.id == default) for model in sorted(listed, key=_newest_first)]
    newest = models.find(project.home).id if listed else ""
    return templates.get_template("models.html").render(
        served=True, rows=rows, versions=versions, default=default, newest=newest
    )


def probes_html(project: Project) -> str:
    """Probes of sites that were written to the library."""
    names = [match[1] for path in _reports(project) if (match := PROBE_NAME.fullmatch(path.name))]
    return templates.get_template("probes.html").render(served=True, names=names)


def probe_html(project: Project, name: str) -> str | None:
    """A probe as it was written, with the navigation of the service; None where there is none."""
    path = project.home / "reports" / f"probe-{name}.html"
    if not PROBE_NAME.fullmatch(path.name) or not path.is_file():
        return None
    navigation = templates.get_template("nav.html").render()
    return path.read_text(encoding="utf-8").replace(NO_NAVIGATION, navigation, 1)


def _reports(project: Project) -> list[Path]:
    folder = project.home / "reports"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _examples(project: Project, version: Version) -> list[tuple[str, int, list[Tile]]]:
    """For each label its name, the number of images, and some of them."""
    by_label: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for label, *shown in manifest.columns(version.path / manifest.FILE_NAME, ("label", "sha256", "split", "site")):
        by_label[label].append(tuple(shown))
    chosen = {label: rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES] for label, rows in by_label.items()}
    thumbnails = some_thumbnails(project, [sha256 for rows in chosen.values() for sha256, _, _ in rows])
    return [
        (label, len(by_label[label]), [
            thumbnails.tile(sha256, split.replace("_", " "), f"{label}, {site}: {sha256[:16]}")
            for sha256, split, site in chosen.get(label, [])
        ])
        for label in version.labels
    ]  # fmt: skip


def _newest_first(model: models.Model) -> tuple[tuple[int, ...], float, str]:
    return tuple(-part for part in published.order(model.version)), -models.score(model), model.name
