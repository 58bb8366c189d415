"""An open project: its settings, its catalog and its files. Every stage gets one."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from dataset.catalog.engine import Catalog
from dataset.pictures.normalised import NormalisedPictures
from dataset.pictures.originals import Blobs
from foundation.locks import exclusive
from foundation.settings import Settings
from foundation.sharing.machines import VERSIONS_LOCK as VERSIONS_LOCK
from foundation.sharing.machines import held


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

    def alone(self, lock: str, wait_s: float = -1) -> AbstractContextManager[None]:
        """Hold a lock alone among all processes that work on this project, on every machine.

        Under the lock of the versions they are as the other machines left them. Raises as
        `foundation.sharing.machines.held`.
        """
        hold = held if lock == VERSIONS_LOCK else exclusive
        return hold(self.settings, lock, wait_s)

    def remove_reports(self) -> None:
        """Remove the files in library/reports: they show pictures. The next publish, or `report`, writes them again."""
        for path in (self.home / "reports").glob("*"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self.catalog.close()
