"""Open a project, and finish an erasure that was interrupted, or that a restored catalog does not know."""

from pathlib import Path

from sqlalchemy import select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import erasures
from dataset.erasure import erased_file
from dataset.names.agreement import require_agreement
from dataset.pictures.originals import blobs_of
from dataset.project import Project
from foundation.errors import ConfigError, StageError
from foundation.files import may_write, storage_errors
from foundation.settings import Settings
from foundation.settings_file import load
from foundation.sharing.machines import BRING_WAIT_S, bring, is_shared


def open_project(
    config: Path | Settings | None = None, *, reads_only: bool = False, fixes_names: bool = False
) -> Project:
    """Open the project of isitcake.toml. config: the file, its folder, or settings; None: see settings_file.load.

    An interrupted erasure is finished first, and what other machines published is brought here. reads_only: the library
    may be read-only; then nothing is written. fixes_names: isitcake.toml may lack labels or sources of the catalog.
    Raises ConfigError for a wrong isitcake.toml, one that lacks them, or a library that cannot be written, CatalogError
    for a catalog out of reach, StorageError for a bucket out of reach, StageError if the erasure cannot be finished.
    """
    settings = config if isinstance(config, Settings) else load(config)
    can_write = may_write(settings.home)
    if not can_write and not reads_only:
        raise ConfigError(
            f"{settings.config_path}: project.home: {settings.home} is not writable; fix its permissions, "
            "or choose another folder"
        )
    if can_write:
        with storage_errors(settings.home):
            settings.home.mkdir(parents=True, exist_ok=True)
        bring(settings, BRING_WAIT_S)
    catalog = Catalog(settings.catalog.url, settings.home, read_only=not can_write)
    project = Project(settings, catalog, blobs_of(settings))
    try:
        if can_write:
            erased_file.merge(project)
        if can_write and is_shared(settings):
            from dataset.erasure.elsewhere import forget_erased_elsewhere  # slow to import, and seldom needed

            forget_erased_elsewhere(project)
        is_behind = not can_write and not _has_removed_all(project)
        if _is_interrupted(project) or is_behind:
            _finish_erasure(project, can_write)
        if not (reads_only or fixes_names):
            require_agreement(project)
    except BaseException:
        project.close()
        raise
    return project


def _has_removed_all(project: Project) -> bool:
    """Whether no picture is in the library that was erased. For a library that cannot be written."""
    if not is_shared(project.settings):
        return erased_file.is_merged(project)
    from dataset.erasure.elsewhere import knows_all_erasures

    return knows_all_erasures(project)


def _is_interrupted(project: Project) -> bool:
    with project.catalog.read() as connection:
        unfinished = select(erasures.c.sha256).where(erasures.c.done_at.is_(None)).limit(1)
        return connection.execute(unfinished).first() is not None


def _finish_erasure(project: Project, can_write: bool) -> None:
    if not can_write:
        raise StageError(
            f"an erasure was interrupted, and {project.home} is read-only; run any command where it may be written, "
            "so that no erased picture is shown"
        )
    from dataset.erasure.erase import finish  # slow to import, and rarely needed

    try:
        finish(project)
    except OSError as error:
        raise StageError(
            f"an interrupted erasure could not be finished ({error}); fix that and run this again"
        ) from error
