"""What a person asked to audit: a folder, hf:NAME, or a version of the project around."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from dataset.exports.export import export
from dataset.versions.published import VERSION_NAME, load
from dataset.versions.stored.shard_file import shards_in
from foundation.errors import NoProject, UsageError
from isitcake.auditing import hub
from isitcake.auditing.audit import Audit, examine
from isitcake.auditing.layout import Dataset, read_layout
from isitcake.auditing.library import Library, Progress, library

HUB = "hf:"
PICTURES, LIBRARY = "pictures", "audit"  # folders in --work, with a folder for each data set of the Hub


@contextlib.contextmanager
def audited(
    target: str,
    work: Path | None,
    home: Callable[[], Path],
    tell: Progress,
    outputs: Sequence[Path] = (),
    subject: str | None = None,
) -> Iterator[tuple[Audit, Library]]:
    """The audit of a target, and the library that has its pictures. home: of the project around; may raise ConfigError.

    work: a folder that keeps the library; None: a temporary one. outputs: files that will be written.
    subject: a subject pack, "" for none; None: the one of these labels. Raises UsageError, also if an output would lie
    in the data set, and StageError.
    """
    with contextlib.ExitStack() as stack:
        dataset, kept = _dataset(target, work, home, tell, stack)
        for output in outputs:
            _refuse_inside(dataset.root, output)
        opened = stack.enter_context(library(dataset.root, dataset.parts, kept, subject))
        yield examine(dataset, opened, tell), opened


def _refuse_inside(root: Path, output: Path) -> None:
    if output.absolute().resolve().is_relative_to(root):
        raise UsageError(
            f"{output} lies in the data set, whose files stay as they are; give --report and --fixes another place"
        )


def _dataset(
    target: str, work: Path | None, home: Callable[[], Path], tell: Progress, stack: contextlib.ExitStack
) -> tuple[Dataset, Path | None]:
    """The data set, and where its library is kept."""
    folder = Path(target).expanduser()
    if target.startswith(HUB) or hub.is_saved(folder):
        name = target.removeprefix(HUB)
        if not name:
            raise UsageError("hf: needs a name, like hf:beans, or a folder that `save_to_disk` wrote")
        written = hub.write_folder(name, _pictures(work, stack), tell)
        found = read_layout(written.folder, name)
        kept = work / LIBRARY / written.folder.name if work else None
        return replace(found, others={**found.others, **written.missing}), kept
    is_named = not folder.exists() and VERSION_NAME.fullmatch(target)
    root = _version(target, home) if is_named else folder
    if shards_in(root):
        dataset, kept = _unpacked(root, _pictures(work, stack), work, tell)
    else:
        dataset, kept = read_layout(root), work
    return replace(dataset, name=target) if is_named else dataset, kept


def _pictures(work: Path | None, stack: contextlib.ExitStack) -> Path:
    """The folder for pictures that are inside other files."""
    if work:
        return work / PICTURES
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isitcake-audit-", ignore_cleanup_errors=True)))


def _unpacked(folder: Path, pictures: Path, work: Path | None, tell: Progress) -> tuple[Dataset, Path | None]:
    """A version in shards as folders of labels, and where its library is kept."""
    version = load(folder.parent, str(folder.absolute()))  # a name alone would be looked for in the library
    target = pictures / version.tag
    export(version, "imagefolder", target, tell)
    return replace(read_layout(target), name=folder.name), work / LIBRARY / version.tag if work else None


def _version(name: str, home: Callable[[], Path]) -> Path:
    try:
        path = home() / "versions" / name
    except NoProject:
        raise UsageError(
            f"no folder {name}, and no project here that could have a version {name}; give the path of its folder"
        ) from None
    if not path.is_dir():
        raise UsageError(f"no version {name!r}; `isitcake versions list` lists them")
    return path
