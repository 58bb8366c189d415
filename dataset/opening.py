"""Open a project: its settings, catalog and files, with nothing left half erased."""

from pathlib import Path

from sqlalchemy import select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import erasures
from dataset.pictures.originals import blobs_of
from dataset.project import Project
from foundation.errors import StageError
from foundation.files import storage_errors
from foundation.settings import Settings
from foundation.settings_file import load


def open_project(config: Path | Settings | None = None) -> Project:
    """Raises ConfigError for a wrong isitcake.toml, CatalogError for a catalog out of reach.

    An erasure that was begun and not ended is finished first.
    """
    settings = config if isinstance(config, Settings) else load(config)
    with storage_errors(settings.home):
        settings.home.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(settings.catalog.url, settings.home)
    project = Project(settings, catalog, blobs_of(settings))
    with catalog.read() as connection:
        begun = connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_(None)).limit(1)).first()
    if begun:
        _finish_erasure(project)
    return project


def _finish_erasure(project: Project) -> None:
    """Finish what a crash left. Raises StageError where it cannot be."""
    from dataset.erasure.erase import finish  # slow to import, and seldom needed

    try:
        finish(project)
    except OSError as error:
        raise StageError(f"an erasure could not be finished ({error}); fix that and run this again") from error
