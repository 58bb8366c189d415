"""One project, opened: its settings, its catalog and its files. What every stage is handed."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dataset.atomic import storage_errors
from dataset.blobs import Blobs, blobs_of
from dataset.catalog import Catalog
from dataset.tables import erasures
from isitcake.settings import Settings, load


@dataclass(frozen=True)
class Project:
    settings: Settings
    catalog: Catalog
    blobs: Blobs

    @classmethod
    def open(cls, config: Path | Settings | None = None) -> "Project":
        """Raises ConfigError for a wrong isitcake.toml, CatalogError for a catalog out of reach.

        An erasure that was begun and not ended is finished first.
        """
        settings = config if isinstance(config, Settings) else load(config)
        with storage_errors(settings.home):
            settings.home.mkdir(parents=True, exist_ok=True)
        catalog = Catalog(settings.catalog.url, settings.home)
        project = cls(settings, catalog, blobs_of(settings))
        with catalog.read() as connection:
            begun = connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_(None)).limit(1)).first()
        if begun:
            from dataset import erase  # which is handed projects, and slow to import

            erase.require_finished(project)
        return project

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def versions_lock(self) -> Path:
        """Held by who changes versions: publishing, erasing."""
        return self.home / "locks" / "publish.lock"

    def close(self) -> None:
        self.catalog.close()
