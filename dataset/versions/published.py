"""Published versions, read from their files alone: list, load, compare.

A damaged version (a file of it is missing or cut) is in no list; `damaged` names it, and `load` refuses it.
"""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from dataset.versions import certificate_file, facts, identity, manifest, merkle
from dataset.versions.certificate_file import Published
from dataset.versions.facts import Audit, ErasedRow, Gate, Shortcut
from dataset.versions.identity import FACTS as FACTS
from dataset.versions.identity import file_digest as file_digest
from dataset.versions.manifest import Row
from dataset.versions.stored.pictures import Layout, Pictures, pictures_of
from foundation.errors import DamagedVersion, UnknownVersion
from foundation.safe_text import counted

LEAVES = "leaves.bin"  # 32 bytes for each row, in the order of the manifest: the id is the root over them
LEAF_BYTES = 32
TAINTED = "tainted.json"  # in the folder of a model that was trained on images that were erased later
REPLACED = ".replaced-"  # before the name of a model's folder that another one takes the place of
ERASED = "erased.json"  # beside version.json, once rows were erased
LATEST = "latest"  # stands for the newest version where a version is asked for
VERSION_NAME = re.compile(r"\d{4}\.\d{1,2}\.\d+")
PATTERN_CHARACTERS = frozenset("*?[]")  # in a path that Hugging Face's datasets reads
PARQUET_MARK = b"PAR1"  # the first and the last bytes of a whole Parquet file
VERSIONS_REMEMBERED = 1024  # whose version.json is not read again while it does not change


@dataclass(frozen=True)
class Version:
    """One version directory. id: as identity.py computes it. counts: images by split and label that are left; erased:
    images by split and label that erasures removed. The id is over both together.

    shortcuts: "before" the recipe (of originals) and "after" it (of published pictures). audit: None without answers.
    certificate: None where no design was looked through.
    texts: digests of card, croissant.json and diff as published, without times; none in a version of an earlier
    release, whose id covers rows and pictures only. erasures: how many erasures removed rows. layout: how it keeps its
    pictures.
    """

    path: Path
    name: str
    id: str
    salt: str
    parent: str | None
    created: str
    labels: list[str]
    counts: dict[str, dict[str, int]]
    content: str
    gates: list[Gate]
    shortcuts: dict[str, list[Shortcut]] = field(default_factory=dict)
    audit: Audit | None = None
    certificate: Published | None = None
    texts: dict[str, str] = field(default_factory=dict)
    erasures: int = 0
    layout: Layout = Layout.FOLDER
    erased: dict[str, dict[str, int]] = field(default_factory=dict)

    @cached_property
    def pictures(self) -> Pictures:
        """Its pictures, whatever its layout is."""
        return pictures_of(self.path, self.layout)

    @property
    def tag(self) -> str:
        """Short name of the version's present state."""
        return identity.tag(self.id, self.erasures)

    def leaf(self, row: Row, file_sha256: str) -> str:
        """Digest of a row and its picture, as the id has it."""
        return merkle.leaf(self.salt, row.timeless() if self.texts else row.canonical(), file_sha256)

    @property
    def images(self) -> int:
        return facts.total(self.counts)

    @property
    def erased_images(self) -> int:
        return facts.total(self.erased)

    @property
    def erasure_note(self) -> str:
        """What erasures removed, in a few words; empty without one."""
        what = counted(self.erased_images, "image") if self.erased_images else "names of images that it does not have"
        return f"{what} erased in {counted(self.erasures, 'erasure')}" if self.erasures else ""

    @property
    def published_counts(self) -> dict[str, dict[str, int]]:
        """As published: version.json keeps these, because the id is over them."""
        return facts.together(self.counts, self.erased)

    def rows(self) -> list[Row]:
        """Raises DamagedVersion if the manifest cannot be read."""
        return manifest.read(self.path / manifest.FILE_NAME)

    def write(self, recipe: str) -> None:
        """Write version.json. recipe: how the pictures were normalised."""
        identity.write_facts(self.path, self.facts(recipe))

    def facts(self, recipe: str) -> dict[str, Any]:
        """Content of version.json, without files and seal."""
        content: dict[str, Any] = {
            "name": self.name,
            "id": self.id,
            "parent": self.parent,
            "created": self.created,
            "labels": self.labels,
            "recipe": recipe,
            "counts": self.published_counts,
            "gates": [asdict(gate) for gate in self.gates],
            "audit": asdict(self.audit) if self.audit else None,
            "shortcuts": {when: [asdict(shortcut) for shortcut in board] for when, board in self.shortcuts.items()},
            "salt": self.salt,
            "content": self.content,
        }
        if self.certificate:
            content["certificate"] = self.certificate.record()
        if self.layout is not Layout.FOLDER:  # earlier releases had no other
            content["layout"] = self.layout.value
        return {**content, "erasures": self.erasures, "texts": self.texts} if self.texts else content


@dataclass(frozen=True)
class Diff:
    """Images added, removed and relabelled, each with its SHA-256, labels and reason.

    renamed: labels that have another name: was, label, images. renumbered: a sentence where a label has another number
    than before; tools that train go by the numbers. renamed_sources: sources that have another name: was, source,
    images.
    """

    old: str
    new: str
    added: list[dict[str, str]]
    removed: list[dict[str, str]]
    relabelled: list[dict[str, str]]
    renamed: list[dict[str, str | int]] = field(default_factory=list)
    renumbered: str = ""
    renamed_sources: list[dict[str, str | int]] = field(default_factory=list)


def order(name: str) -> tuple[int, ...]:
    """Sort key of a version's name: 2026.9.0 comes before 2026.10.0."""
    return tuple(int(part) for part in name.split("."))


def folders(home: Path) -> list[Path]:
    """Folders of all versions, oldest first, damaged ones too."""
    folder = home / "versions"
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if VERSION_NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: order(path.name))


def names(home: Path) -> list[str]:
    """Names of all versions that can be read, oldest first."""
    return [path.name for path in folders(home) if not damage(path)]


def state(home: Path, names_: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Sizes and times of the files that these versions are read from; changes when one of them does."""
    files = [home / "versions" / name / file for name in names_ for file in (FACTS, manifest.FILE_NAME, ERASED)]
    found = [path.stat() if path.is_file() else None for path in files]
    return tuple((one.st_mtime_ns, one.st_size) if one else (0, 0) for one in found)


def damaged(home: Path) -> dict[str, str]:
    """Name → what is wrong, of the versions that cannot be read."""
    return {path.name: reason for path in folders(home) if (reason := damage(path))}


def damage(path: Path) -> str:
    """Why the version at `path` cannot be read; empty where it can. Reads version.json and the manifest's ends."""
    return _facts_damage(path) or _manifest_damage(path)


def _facts_damage(path: Path) -> str:
    try:
        state = (path / FACTS).stat()
    except OSError:
        return f"{FACTS} is missing"
    return _damage_of_content(path, state.st_mtime_ns, state.st_size)


@lru_cache(VERSIONS_REMEMBERED)
def _damage_of_content(path: Path, _modified_ns: int, _size: int) -> str:
    try:
        _load(path)
    except DamagedVersion as error:
        return str(error)
    return ""


def _manifest_damage(path: Path) -> str:
    try:
        with (path / manifest.FILE_NAME).open("rb") as file:
            first = file.read(len(PARQUET_MARK))
            file.seek(-len(PARQUET_MARK), 2)
            is_whole = first == file.read() == PARQUET_MARK
    except FileNotFoundError:
        return f"{manifest.FILE_NAME} is missing"
    except OSError as error:
        return f"{manifest.FILE_NAME} cannot be read ({error.strerror})"
    return "" if is_whole else f"{manifest.FILE_NAME} is cut or damaged"


def clear_unfinished(home: Path) -> None:
    """Remove the directories of publishes that were killed or refused."""
    for leftover in (home / "versions").glob(".building-*"):
        shutil.rmtree(leftover)


def listing(home: Path) -> list[Version]:
    return [load(home, name) for name in names(home)]


def newest(home: Path) -> Version | None:
    known = names(home)
    return load(home, known[-1]) if known else None


def load(home: Path, name: str) -> Version:
    """Load a version by its name, by its path, or as `latest`, from version.json.

    Raises UnknownVersion, DamagedVersion.
    """
    name = (names(home) or [name])[-1] if name == LATEST else name
    path = home / "versions" / name
    if not VERSION_NAME.fullmatch(name):
        path = Path(name)
    if not (path / FACTS).is_file() and (path == Path(name) or not path.is_dir()):
        known = names(home)
        hint = f"newest is {known[-1]!r}, see `isitcake versions list`" if known else "none is published yet"
        raise UnknownVersion(f"no version {name!r}; {hint}")
    if reason := _facts_damage(path):
        raise DamagedVersion(f"version {name!r} is damaged: {reason}; restore {path} from a backup, or remove it")
    return _load(path)


def _load(path: Path) -> Version:
    """The version at `path`. Raises DamagedVersion with the reason alone."""
    content = identity.read_facts(path)
    try:
        return _version(path, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedVersion(f"{FACTS} is not what a version has ({type(error).__name__}: {error})") from None


def _version(path: Path, content: Any) -> Version:
    texts = ("name", "id", "salt", "created", "content")
    if wrong := [key for key in texts if not isinstance(content[key], str)]:
        raise TypeError(f"{wrong[0]} is no text")
    datetime.fromisoformat(content["created"])
    if facts.total(content["counts"]) < 0:
        raise ValueError("counts")
    counts, gone = facts.left_of(content["counts"], erased(path))
    version = Version(
        path,
        **{key: content[key] for key in (*texts, "parent", "labels")},
        counts=counts,
        erased=gone,
        gates=[facts.gate(record) for record in content["gates"]],
        # Older versions have neither shortcuts nor an audit.
        shortcuts={
            when: [facts.shortcut(record) for record in board] for when, board in content.get("shortcuts", {}).items()
        },
        audit=facts.audit(content["audit"]) if content.get("audit") else None,
        certificate=certificate_file.published(content["certificate"]) if content.get("certificate") else None,
        texts=dict(content.get("texts", {})),
        erasures=int(content.get("erasures", (path / ERASED).exists())),
        layout=Layout(content.get("layout", Layout.FOLDER)),
    )
    if not VERSION_NAME.fullmatch(version.name) or not all(isinstance(label, str) for label in version.labels):
        raise ValueError("name or labels")
    return version


def diff(home: Path, old: str, new: str) -> Diff:
    """What changed from version `old` to `new`, in the order of SHA-256."""
    from dataset.versions import changes as of  # needs Arrow, slow to import

    before, after = load(home, old), load(home, new)
    between = [path for path in folders(home) if order(before.name) < order(path.name) <= order(after.name)]
    manifests = before.path / manifest.FILE_NAME, after.path / manifest.FILE_NAME
    gone = f"not in {after.name}, which is older" if order(after.name) < order(before.name) else of.GONE
    table = of.changes(*manifests, of.told(between), gone)
    renames = of.renames_in(table)
    kinds: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "relabelled": []}
    for change in table.to_pylist():
        kinds.setdefault(change.pop("change"), []).append(change)
    return Diff(
        old, new, kinds["added"], kinds["removed"], kinds["relabelled"],
        renamed=of.as_rows(renames, "label"),
        renumbered=of.other_numbers(before.labels, after.labels, renames),
        renamed_sources=of.as_rows(of.renamed_sources(*manifests), "source"),
    )  # fmt: skip


def end_of_links_ns(version: Version) -> int:
    """When the last file was linked into a version: its leaves are written right after that, and never again."""
    try:
        return (version.path / LEAVES).stat().st_mtime_ns
    except OSError:
        return 0


def path_note(path: Path) -> str:
    """A sentence where `load_dataset` cannot read a folder because it takes the path for a pattern; else empty."""
    special = sorted(PATTERN_CHARACTERS.intersection(str(path.resolve())))
    return (
        f"datasets.load_dataset cannot read {path}, because it takes {' '.join(special)} in a path for a pattern: "
        "copy the folder to another path to load it"
        if special
        else ""
    )


def erased(path: Path) -> list[ErasedRow]:
    """Rows that were erased from the version at `path`, in the order of their positions.

    Empty where erased.json is missing or damaged; then `verify` cannot rebuild the id and reports it.
    """
    try:
        return read_erased(path)
    except DamagedVersion:
        return []


def read_erased(path: Path) -> list[ErasedRow]:
    """The same. Raises DamagedVersion, with the reason alone, where erased.json is damaged."""
    try:
        records = json.loads((path / ERASED).read_bytes())
        rows = sorted((facts.erased_row(record) for record in records), key=lambda row: row.position)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedVersion(f"{ERASED} is not what an erasure writes") from None
    if len({row.position for row in rows}) < len(rows):
        raise DamagedVersion(f"{ERASED} names a row twice")
    return rows
