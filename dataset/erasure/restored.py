"""Pictures that were erased and are there again: somebody restored a backup."""

from sqlalchemy import select

from dataset.catalog.tables import tombstones
from dataset.project import Project
from dataset.versions import published


def restored(project: Project, name: str) -> list[str]:
    """One sentence where files of a version were erased and are back; nothing where none are."""
    back = still_here(project, published.load(project.home, name))
    if not back:
        return []
    return [
        f"{back[0]} was erased and is there again ({len(back)} in all): a backup was restored; erase them once more"
    ]


def still_here(project: Project, version: published.Version) -> list[str]:
    """Files of a version whose images were erased: somebody restored a backup."""
    with project.catalog.read() as connection:
        gone = set(connection.execute(select(tombstones.c.value).where(tombstones.c.kind == "sha256")).scalars())
    if not gone:
        return []
    return [row.file for row in version.rows() if row.sha256 in gone]
