"""Erased images that come back with a backup are found."""

from dataset.erasure.erase import erase
from dataset.erasure.restored import restored, restored_files
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.versions import published


def test_a_restored_backup_is_found(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    row = version.rows()[0]
    backup = {file: file.read_bytes() for file in version.path.rglob("*") if file.is_file()}
    assert restored_files(published_project, version) == []
    erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert restored(published_project, version.name) == []
    for file, content in backup.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content)
    (version.path / published.ERASED).unlink()
    assert restored_files(published_project, version) == [row.file]
    (problem,) = restored(published_project, version.name)
    assert problem.startswith(f"{row.file} was erased and is back (1 files in all)")
