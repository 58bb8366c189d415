"""An open project: its settings, its catalog and its files. Every stage gets one."""

from dataclasses import dataclass
from pathlib import Path

from dataset.catalog.engine import Catalog
from dataset.pictures.normalised import NormalisedPictures
from dataset.pictures.originals import Blobs
from foundation.settings import Settings


@dataclass(frozen=True)
class Project:
    """An open project; dataset.opening.open_project makes it. blobs: the store of originals."""

    settings: Settings
    catalog: Catalog
    blobs: Blobs

    @property
    def home(self) -> Path:
        """The library."""
        return self.settings.home

    @property
    def normalised(self) -> NormalisedPictures:
        return NormalisedPictures(self.home, self.blobs)

    @property
    def erased_file(self) -> Path:
        """Tombstones as a file: a catalog that is restored from a backup gets them back."""
        return self.home / "erased.jsonl"

    @property
    def versions_lock(self) -> Path:
        """Lock file that publishing and erasing hold while they change versions."""
        return self.home / "locks" / "publish.lock"

    def close(self) -> None:
        self.catalog.close()
