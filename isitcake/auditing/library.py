"""A project of its own around a folder of pictures: in a temporary folder, or in one that is kept and continued.

What a project does is done here by the same stages: folders are sources, collecting and curating are the stages.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tomli_w
from PIL import Image
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.ledger.reports import last_reports
from dataset.catalog.claims import standing
from dataset.catalog.folder_addresses import folder_address
from dataset.catalog.tables import images, outcomes
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import StageError, UsageError
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.settings import CONFIG_NAME, RESERVED_LABELS, SUBJECTS
from foundation.settings_file import load
from isitcake.auditing.layout import Part
from web.pages.thumbnails import small_jpeg

MARK = "audited.json"  # what the folder of --work was made for
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEPT_VARIABLES = ("ISITCAKE_MODELS_NETWORK", "ISITCAKE_MODELS")  # others belong to the user's own project
FILLERS = ("other", "another")  # a project has two labels at least
SHOWN_LABELS = 5  # in a message
COMPARED_PX = 96
MAX_SLUG = 40  # characters of a folder's name in the name of its source

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class File:
    """A picture of the data set. path, label_folder: relative to it, with `/`. width, height: pixels."""

    path: str
    label: str
    label_folder: str
    split: str
    sha256: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True)
class Library:
    """The project around a data set. label_of: the data set's label, by the project's, which is plain ASCII."""

    project: Project
    root: Path
    parts: Sequence[Part]

    @property
    def label_of(self) -> dict[str, str]:
        return {plain: label for label, plain in plain_labels(self.parts).items()}

    def collect(self, tell: Progress) -> None:
        """Read every file of the data set. Raises StageError."""
        done: dict[str, int] = defaultdict(int)
        expected: dict[str, int] = defaultdict(int)

        def count(source: str, images: int, _activity: str, total: int = 0) -> None:
            done[source] = images
            expected[source] = max(total, images, expected[source])
            if total:
                tell("reading", sum(done.values()), sum(expected.values()))

        report = collect(self.project, progress=count)
        if report.failed:
            raise StageError(next(iter(report.failed.values())))

    def files(self) -> list[File]:
        """The pictures that were read, by path."""
        with self.project.catalog.read() as connection:
            sizes = {row.sha256: row for row in connection.execute(select(images))}
            shown = {row.image_url: row.sha256 for row in connection.execute(select(standing).order_by(standing.c.id))}
        found = []
        for part in self.parts:
            for path, address in self._addresses(part):
                if row := sizes.get(shown.get(address, "")):
                    size = row.width, row.height, row.size_bytes
                    found.append(File(path, part.label, part.folder, part.split, row.sha256, *size))
        return sorted(found, key=lambda file: file.path)

    def small_picture(self, sha256: str) -> Image.Image:
        """A picture that was measured, RGB, COMPARED_PX at most. Raises StorageError where it is gone."""
        with self.project.catalog.read() as connection:
            image_format = connection.execute(select(images.c.format).where(images.c.sha256 == sha256)).scalar_one()
        content = small_jpeg(self.project, sha256, image_format, COMPARED_PX)
        return Image.open(io.BytesIO(content)).convert("RGB")

    def unread(self) -> dict[str, str]:
        """Why files were not read, by path."""
        runs = [report.run_id for report in last_reports(self.project)]
        with self.project.catalog.read() as connection:
            rows = connection.execute(
                select(outcomes.c.image_url, outcomes.c.reason).where(
                    outcomes.c.run_id.in_(runs), outcomes.c.sha256.is_(None)
                )
            )
            reasons = {row.image_url: row.reason for row in rows}
        paths = {address: path for part in self.parts for path, address in self._addresses(part)}
        return dict(sorted((paths.get(address, address), why) for address, why in reasons.items()))

    def _addresses(self, part: Part) -> Iterator[tuple[str, str]]:
        """Path, relative to the data set, and address in the catalog of everything in a part."""
        base = self.root / part.folder
        for place, folders, files in os.walk(base):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in [*files, *folders]:
                inside = Path(place, name).relative_to(base)
                yield (Path(part.folder) / inside).as_posix(), folder_address(source_name(part), os.fsencode(inside))


@contextlib.contextmanager
def library(root: Path, parts: Sequence[Part], work: Path | None, subject: str | None = None) -> Iterator[Library]:
    """An open project around the parts of a data set. work: a folder that keeps it; None: a temporary one.

    subject: the name of a subject pack, or "" for none; None: the pack that speaks of exactly these labels. Raises
    UsageError if `work` lies in the data set, or holds the audit of another one, or if the pack speaks of other labels.
    """
    with contextlib.ExitStack() as stack:
        home = _kept(root, parts, work) if work else Path(stack.enter_context(_temporary()))
        _write_settings(home, root, parts, _subject(parts) if subject is None else _known(subject, parts))
        environ = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        project = open_project(load(home, environ=environ))
        stack.callback(project.close)
        yield Library(project, root, parts)


def source_name(part: Part) -> str:
    """The name of the source that reads a part: the same in every run, whatever other folders there are."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", part.folder).strip("-")[:MAX_SLUG]
    digest = hashlib.sha256(part.folder.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def plain_labels(parts: Sequence[Part]) -> dict[str, str]:
    """The label in the project, by the data set's label: the same where the project allows it."""
    return {label: _plain(label) for label in sorted({part.label for part in parts})}


def _plain(label: str) -> str:
    if NAME.fullmatch(label) and label.casefold() not in (*RESERVED_LABELS, *FILLERS):
        return label
    return f"label-{hashlib.sha256(label.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _temporary() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="isitcake-audit-", ignore_cleanup_errors=True)


def _kept(root: Path, parts: Sequence[Part], work: Path) -> Path:
    """The folder of --work, made for this data set or found again. Raises UsageError."""
    home = work.absolute().resolve()
    if home.is_relative_to(root):
        raise UsageError(f"--work {work} lies in the data set, whose files stay as they are; choose a folder elsewhere")
    made_for = {"root": str(root), "parts": [asdict(part) for part in parts]}
    mark = home / MARK
    if not mark.exists():
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise UsageError(f"--work {work} holds something else; choose a new or empty folder")
        home.mkdir(parents=True, exist_ok=True)
        replace_file(mark, json.dumps(made_for).encode())
    elif read_json(mark, {}) != made_for:
        raise UsageError(f"--work {work} holds the audit of another data set or of other labels; choose another folder")
    return home


def _subject(parts: Sequence[Part]) -> str:
    """The subject pack that speaks of these labels, and of no other; "" where there is none."""
    labels = {part.label for part in parts}
    return next((name for name, known in SUBJECTS.items() if set(known) == labels), "")


def _known(subject: str, parts: Sequence[Part]) -> str:
    """The name of a pack that speaks of labels of the data set; "" stays. Raises UsageError."""
    if subject and subject not in SUBJECTS:
        raise UsageError(f"no subject pack {subject!r}; --subject takes {', '.join(SUBJECTS)} or none")
    if subject and not set(SUBJECTS[subject]) <= (labels := {part.label for part in parts}):
        raise UsageError(
            f"the subject pack {subject} speaks of the labels {', '.join(SUBJECTS[subject])}; the data set has "
            f"{', '.join(sorted(labels)[:SHOWN_LABELS])}; leave --subject out"
        )
    return subject


def _write_settings(home: Path, root: Path, parts: Sequence[Part], subject: str) -> None:
    """isitcake.toml: a source per part. Nobody is asked, so that no contact is needed. subject: a pack, or ""."""
    labels = plain_labels(parts)
    names = [*labels.values(), *FILLERS][: max(2, len(labels))]
    sources = [
        {
            "name": source_name(part),
            "kind": "folder",
            "label": labels[part.label],
            "path": str(root / part.folder),
            "min_side": 1,
        }
        for part in parts
    ]
    content = {"project": {"name": "audit", "labels": names, "subject": subject}, "sources": sources}
    replace_file(home / CONFIG_NAME, tomli_w.dumps(content).encode())
