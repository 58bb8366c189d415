"""Small pictures for pages of the service, made once and kept in memory for a while. Nothing is written to the disk."""

import threading
from collections import OrderedDict

from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.labels.withheld import is_withheld
from dataset.project import Project
from foundation.errors import UnknownImage
from web.pages.thumbnails import small_jpeg
from web.pictures import neutral_card

SIDE_PX = 288  # the longest side; a wall on a wide screen shows pictures about that large
KEPT = 3000  # small pictures in memory, of about 12 KB each


class Thumbs:
    """The small pictures of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._changing = threading.Lock()

    def content(self, sha256: str, *, opened: bool = False) -> bytes:
        """A JPEG. The catalog is asked each time: an erased picture is gone at once.

        opened: a person wants to see it, though it may be explicit; otherwise such a picture is a neutral card.

        Raises UnknownImage where there is none, StorageError where its file is gone.
        """
        with self._project.catalog.read() as connection:
            image = connection.execute(select(images.c.format).where(images.c.sha256 == sha256)).first()
            kept_back = not opened and is_withheld(connection, self._project.settings, sha256)
        if image is None:
            with self._changing:
                self._kept.pop(sha256, None)
            raise UnknownImage(f"no image {sha256}")
        if kept_back:
            return neutral_card()
        with self._changing:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        content = small_jpeg(self._project, sha256, image.format, SIDE_PX)
        with self._changing:
            self._kept[sha256] = content
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return content
