"""Find every copy of the pictures that are erased, and their imprints, from the bytes before these go.

Copies that `curate` compared are known as pairs. This also finds those that were collected since, and parts that no
pair was proposed for: images whose hashes are near those of a part of an erased picture are read, and all images that
were not compared yet.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, exists, select

from dataset.catalog.tables import compared, fingerprints, images
from dataset.duplicates.crop_hashes import view_hashes
from dataset.duplicates.fingerprints import RECIPE, luminance
from dataset.duplicates.hamming import cross_join
from dataset.duplicates.imprints import Imprints, imprints_of, part_hashes
from dataset.duplicates.pairs import VIEW_BITS, view_words
from dataset.pictures.decoding import Undecodable
from dataset.project import Project
from dataset.versions import published
from dataset.versions.stored.pictures import pictures_at
from foundation.errors import DamagedVersion, StorageError

PICTURES_PER_JOIN = 200
PART_BITS = 10  # most bits between a whole picture and the nearest of the many parts of an erased one


class Copies:
    """Chosen images with all their copies. Each `update` looks at what is new since the one before.

    choose: the SHA-256s of the images and of their known copies, as the catalog is now. names: SHA-256s.
    prints: by SHA-256, what tombstones keep of each picture: kinds and values.
    """

    def __init__(self, project: Project, choose: Callable[[Connection], Iterable[str]]) -> None:
        self._project = project
        self._choose = choose
        self._compared: set[str] = set()
        self.names: set[str] = set()
        self.prints: dict[str, list[tuple[str, str]]] = {}

    def update(self, connection: Connection) -> None:
        """Choose anew, and compare the images that were not compared with it before."""
        new = set(self._choose(connection)) - self.names
        if new:
            self._compared = set()
        self.names |= new
        if not self.names:
            return
        is_compared = exists().where(compared.c.sha256 == images.c.sha256)  # else no pair of it is known
        current = and_(fingerprints.c.sha256 == images.c.sha256, fingerprints.c.recipe == RECIPE, is_compared)
        columns = (images.c.sha256, images.c.format, fingerprints.c.views, fingerprints.c.mirrored)
        rows = connection.execute(select(*columns).select_from(images.outerjoin(fingerprints, current)))
        others: dict[str, Any] = {row.sha256: row for row in rows}
        formats = {name: row.format for name, row in others.items()}
        new_pictures = {name: self._picture(name, formats.get(name)) for name in sorted(new)}
        for name, picture in new_pictures.items():
            self.prints[name] = self._kept(connection, name, picture)
        left = [row for name, row in sorted(others.items()) if name not in self._compared | self.names]
        self._compared |= {row.sha256 for row in left}
        erased = Imprints.of([value for kept in self.prints.values() for kind, value in kept if kind == "imprint"])
        pictures = [picture for picture in new_pictures.values() if picture is not None]
        # Without new pictures only few images are left: those that were collected since the update before.
        for row in self._alike(pictures, left) if pictures else left if len(erased) and not new else ():
            picture = self._picture(row.sha256, row.format)
            if picture is not None and erased.shown_in(picture):
                self.names.add(row.sha256)
                self.prints[row.sha256] = self._kept(connection, row.sha256, picture)

    def _alike(self, pictures: Sequence[NDArray[np.uint8]], rows: Sequence[Any]) -> list[Any]:
        """Images that may show a part of one of the pictures, or one of them as a part; all that were not
        compared."""
        known = [row for row in rows if row.views is not None]
        found = {row.sha256 for row in rows if row.views is None}
        if not known:
            return list(rows)
        views, turned = view_words([row.views for row in known], [row.mirrored for row in known])
        for some in chunked(pictures, PICTURES_PER_JOIN):
            parts = np.concatenate([part_hashes(picture) for picture in some])
            turns = np.concatenate([view_hashes(picture)[1] for picture in some])
            in_part, _ = cross_join(parts, turned.reshape(-1), PART_BITS)
            as_part, _ = cross_join(turns, views.reshape(-1), VIEW_BITS)
            found |= {known[i // turned.shape[1]].sha256 for i in np.unique(in_part[:, 1]).tolist()}
            found |= {known[i // views.shape[1]].sha256 for i in np.unique(as_part[:, 1]).tolist()}
        return [row for row in rows if row.sha256 in found]

    def _kept(self, connection: Connection, name: str, picture: NDArray[np.uint8] | None) -> list[tuple[str, str]]:
        """What a tombstone keeps of a picture: its imprints, or without its pixels the hash that the catalog has."""
        if picture is not None:
            return [("imprint", value) for value in imprints_of(picture)]
        phash16 = connection.execute(select(fingerprints.c.phash16).where(fingerprints.c.sha256 == name)).scalar()
        return [("phash16", phash16)] if phash16 else []

    def _picture(self, name: str, image_format: str | None) -> NDArray[np.uint8] | None:
        """Luminance of an image, of its original or else of a file in a version; None if there is none."""
        try:
            if image_format:
                return luminance(self._project.blobs.read(name, image_format))
        except (StorageError, OSError, Undecodable):
            pass
        for folder in published.folders(self._project.home):
            with contextlib.suppress(OSError, Undecodable, DamagedVersion):
                for content in pictures_at(folder).copies(name):
                    return luminance(content)
        return None
