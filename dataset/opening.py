"""Open a project, and finish an erasure that was interrupted."""

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
    """Open the project of isitcake.toml. config: the file, its folder, or settings; None: see settings_file.load.

    An interrupted erasure is finished first. Raises ConfigError for a wrong isitcake.toml, CatalogError for a catalog
    out of reach, StageError if the erasure cannot be finished.
    """
    settings = config if isinstance(config, Settings) else load(config)
    with storage_errors(settings.home):
        settings.home.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(settings.catalog.url, settings.home)
    project = Project(settings, catalog, blobs_of(settings))
    with catalog.read() as connection:
        unfinished = select(erasures.c.sha256).where(erasures.c.done_at.is_(None)).limit(1)
        is_interrupted = connection.execute(unfinished).first() is not None
    if is_interrupted:
        _finish_erasure(project)
    return project


def _finish_erasure(project: Project) -> None:
    from dataset.erasure.erase import finish  # slow to import, and rarely needed

    try:
        finish(project)
    except OSError as error:
        raise StageError(
            f"an interrupted erasure could not be finished ({error}); fix that and run this again"
        ) from error
