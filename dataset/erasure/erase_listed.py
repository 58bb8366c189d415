"""Erase pictures that were stored before a hash list named them.

An erasure is the one way out that takes everything along: originals, normalised pictures, rows of every version, pages
and features; a kill in the middle is finished by the next command. Quarantine would keep the bytes, and a decision
would only hide them (docs/decisions/0042).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from more_itertools import chunked
from sqlalchemy import select

from dataset.catalog.tables import cursors, images
from dataset.catalog.writes import upsert
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.pushed_to import outdated, push_again
from dataset.pictures.hash_lists import HashLists, hash_lists, reason_of
from dataset.project import Project
from dataset.quarantine import is_whole
from foundation.errors import StageError, StorageError
from foundation.safe_text import counted

CURSOR = "hash lists"  # in the catalog: digest of the lists that every stored picture was compared with
PICTURES_TOGETHER = 256  # between two lines of progress
MOST_SHARE = 0.05  # of the library; a list of unlawful pictures that has more of it is the wrong file
LEAST_DOUBTED = 10  # pictures from which that is asked

Progress = Callable[[str, int, int], None]  # name of the step, how many are done, how many there are


@dataclass(frozen=True)
class ErasedListed:
    """by_list: erased pictures by the name of the list. contact: whom to tell. pushed_to: repositories that hold erased
    pictures until the next `versions push`.
    """

    by_list: dict[str, int] = field(default_factory=dict)
    contact: str = ""
    pushed_to: list[str] = field(default_factory=list)

    def line(self) -> str:
        """What to say; empty where nothing was erased."""
        said = [push_again(target) for target in self.pushed_to]
        if self.by_list:
            total = sum(self.by_list.values())
            lists = ", ".join(f"{name} {n}" for name, n in sorted(self.by_list.items()))
            verb = "was" if total == 1 else "were"
            said.insert(0, f"{counted(total, 'picture')} on a hash list ({lists}) {verb} erased; tell {self.contact}")
        return "; ".join(said)


def erase_listed(project: Project, tell: Progress) -> ErasedListed:
    """Compare every stored picture with the hash lists, if these changed, and erase those that are on one.

    New pictures are compared when they are collected. Raises ConfigError for a list that cannot be read, StageError if
    the lists have so much of the library that they must be the wrong ones; then nothing is erased.
    """
    lists = hash_lists(project.settings)
    with project.catalog.read() as connection:
        done = connection.execute(select(cursors.c.value).where(cursors.c.name == CURSOR)).scalar()
    if not lists or done == lists.digest:
        return ErasedListed()
    found = _found(project, lists, tell)
    for sha256, name in found.items():
        erase(project, Selection(Kind.SHA256, sha256), reason_of(name))
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": CURSOR, "value": lists.digest}])
    return ErasedListed(dict(Counter(found.values())), project.settings.safety.contact, outdated(project.home))


def _found(project: Project, lists: HashLists, tell: Progress) -> dict[str, str]:
    """Name of the list that has each stored picture, by SHA-256. Raises StageError."""
    with project.catalog.read() as connection:
        columns = select(images.c.sha256, images.c.format).where(is_whole(images.c.sha256))
        stored = connection.execute(columns.order_by(images.c.sha256)).all()
    found: dict[str, str] = {}
    compared = 0
    for part in chunked(stored, PICTURES_TOGETHER):
        for image in part:
            try:
                name = lists.list_of(project.blobs.read(image.sha256, image.format))
            except StorageError:  # its bytes are gone, or out of reach; other stages say so
                continue
            if name:
                found[image.sha256] = name
        compared += len(part)
        tell("hash lists", compared, len(stored))
    if len(found) >= LEAST_DOUBTED and len(found) > MOST_SHARE * len(stored):
        raise StageError(
            f"the hash lists have {len(found)} of {len(stored)} pictures of the library, so many that they are "
            "probably the wrong files; nothing was erased: correct [safety] hash_lists, or, if the lists are right, "
            f"remove the library {project.home} and tell {project.settings.safety.contact}"
        )
    return found
