"""Erase pictures that were stored before a hash list named them.

An erasure is the one way out that takes everything along: originals, normalised pictures, rows of every version, pages
and features; a kill in the middle is finished by the next command. Quarantine would keep the bytes, and a decision
would only hide them (docs/decisions/0042).
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from more_itertools import chunked
from sqlalchemy import func, select, update

from dataset.catalog.tables import images
from dataset.erasure.erase import erase_all
from dataset.exports.pushed_to import outdated, push_again
from dataset.pictures.hash_lists import HashLists, hash_lists, reason_of
from dataset.project import Project
from foundation.errors import StageError, StorageError
from foundation.safe_text import counted
from foundation.threads import ahead, cores, pool

PICTURES_TOGETHER = 256  # between two lines of progress
AHEAD = 4  # pictures for each core that are read and compared while others are counted
MOST_SHARE = 0.05  # of the library; a list that has more of it is probably the wrong file
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
    """Erase the stored pictures that are on a hash list, after comparing those that these lists were not compared with.

    A picture carries the digest of the lists that it was compared with: when it was collected, or here. One that cannot
    be read is compared when it is whole again. Raises ConfigError for a list that cannot be read, StageError if the
    lists have so much of the library that they must be the wrong ones; then nothing is erased.
    """
    lists = hash_lists(project.settings)
    if not lists:
        return ErasedListed()
    with project.catalog.read() as connection:
        total = connection.execute(select(func.count()).select_from(images)).scalar_one()
        left = connection.execute(
            select(images.c.sha256, images.c.format).where(images.c.lists != lists.digest).order_by(images.c.sha256)
        ).all()
    found: dict[str, str] = {}
    looked = ahead(pool(), partial(_list_of, project, lists), left, AHEAD * cores())
    compared = 0
    for part in chunked(looked, PICTURES_TOGETHER):
        found |= {image.sha256: name for image, name in part if name}
        with project.catalog.write() as connection:
            on_none = [image.sha256 for image, name in part if name == ""]
            connection.execute(update(images).where(images.c.sha256.in_(on_none)).values(lists=lists.digest))
        compared += len(part)
        tell("hash lists", compared, len(left))
    if len(found) >= LEAST_DOUBTED and len(found) > MOST_SHARE * total:
        raise StageError(
            f"the hash lists have {len(found)} of {total} pictures of the library, so many that they are "
            "probably the wrong files; nothing was erased: correct [safety] hash_lists, or, if the lists are right, "
            f"remove the library {project.home} and tell {project.settings.safety.contact}"
        )
    if found:
        erase_all(project, {sha256: reason_of(name) for sha256, name in found.items()})
    return ErasedListed(dict(Counter(found.values())), project.settings.safety.contact, outdated(project.home))


def _list_of(project: Project, lists: HashLists, image: Any) -> str | None:
    """Name of the list that has an image; empty where none has. None where its bytes are gone, damaged or out of reach;
    other stages say so.
    """
    try:
        content = project.blobs.read(image.sha256, image.format)
    except StorageError:
        return None
    return lists.list_of(content) if hashlib.sha256(content).hexdigest() == image.sha256 else None
