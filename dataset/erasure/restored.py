"""Find erased images that are back in a version, because a backup was restored."""

from sqlalchemy import select

from dataset.catalog.tables import tombstones
from dataset.project import Project
from dataset.versions import published


def restored(project: Project, name: str) -> list[str]:
    """One sentence where a version has erased images again; an empty list where it has none."""
    files = restored_files(project, published.load(project.home, name))
    if not files:
        return []
    return [
        f"{files[0]} was erased and is back ({len(files)} files in all): a backup was restored; erase the images again"
    ]


def restored_files(project: Project, version: published.Version) -> list[str]:
    """Files of a version whose images were erased."""
    with project.catalog.read() as connection:
        gone = set(connection.execute(select(tombstones.c.value).where(tombstones.c.kind == "sha256")).scalars())
    if not gone:
        return []
    return [row.file for row in version.rows() if row.sha256 in gone]
