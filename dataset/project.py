"""One project, opened: its settings, its catalog and its files. What every stage is handed."""

from dataclasses import dataclass
from pathlib import Path

from dataset.catalog.engine import Catalog
from dataset.pictures.normalised import NormalisedPictures
from dataset.pictures.originals import Blobs
from foundation.settings import Settings


@dataclass(frozen=True)
class Project:
    """Made by dataset.opening.open_project."""

    settings: Settings
    catalog: Catalog
    blobs: Blobs

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def normalised(self) -> NormalisedPictures:
        return NormalisedPictures(self.home, self.blobs)

    @property
    def versions_lock(self) -> Path:
        """Held by who changes versions: publishing, erasing."""
        return self.home / "locks" / "publish.lock"

    def close(self) -> None:
        self.catalog.close()
