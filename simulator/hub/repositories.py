"""What the simulated Hub keeps: repositories with commits, branches, tags and large files.

Commits that no branch or tag reaches stay, as they do on the Hub until it collects them.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

MAIN = "main"
GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
POINTER_BYTES = 134  # of the text that stands for a large file


@dataclass(frozen=True)
class File:
    """A file of a commit. content: None for a large file, whose bytes the repository has. sha256: of a large file."""

    size: int
    content: bytes | None = None
    sha256: str = ""

    @property
    def oid(self) -> str:
        """As git names a file: of its bytes, or of the pointer to a large file."""
        shown = self.content if self.content is not None else f"{self.sha256} {self.size}".encode()
        return hashlib.sha1(b"blob %d\0%s" % (len(shown), shown), usedforsecurity=False).hexdigest()

    @property
    def compared_oid(self) -> str:
        """What an uploader compares its own file with."""
        return self.sha256 or self.oid


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    parent: str | None
    files: Mapping[str, File]


class NotThere(LookupError):
    """code: what the Hub's header X-Error-Code says."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Moved(Exception):
    """The branch is not at the commit that the client saw."""


@dataclass
class Repository:
    """kind: dataset, model or space. refs: commit by full name of a branch or tag. large: bytes by SHA-256."""

    kind: str
    name: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of large files, by SHA-256
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        attributes = File(len(GITATTRIBUTES), GITATTRIBUTES)
        self.commit(MAIN, "initial commit", {".gitattributes": attributes}, set())

    def at(self, revision: str) -> Commit:
        """The commit of a branch, a tag or a commit's own name. Raises NotThere."""
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if name in self.refs:
                return self.commits[self.refs[name]]
        if revision in self.commits:
            return self.commits[revision]
        raise NotThere("RevisionNotFound")

    def history(self, revision: str) -> list[Commit]:
        """The commits of a revision, the newest first."""
        found = [self.at(revision)]
        while found[-1].parent:
            found.append(self.commits[found[-1].parent])
        return found

    def commit(
        self, branch: str, title: str, added: Mapping[str, File], gone: set[str], parent: str | None = None
    ) -> Commit:
        """Add a commit. gone: paths of files. parent: the commit that the client saw. Raises Moved."""
        ref = f"refs/heads/{branch}"
        before = self.refs.get(ref)
        if parent and parent != before:
            raise Moved
        files = dict(self.commits[before].files) if before else {}
        for path in gone:
            if path not in files:
                raise NotThere("EntryNotFound")
            del files[path]
        return self._add(ref, title, before, {**files, **added})

    def squash(self, branch: str, title: str) -> None:
        """Make the branch one commit without a history. Raises NotThere."""
        ref = f"refs/heads/{branch}"
        if ref not in self.refs:
            raise NotThere("RevisionNotFound")
        self._add(ref, title, None, self.at(branch).files)

    def content(self, revision: str, path: str) -> tuple[File, bytes]:
        """A file and its bytes. Raises NotThere, also for a large file that was deleted for good."""
        file = self.at(revision).files.get(path)
        body = file.content if file and file.content is not None else self.large.get(file.sha256) if file else None
        if file is None or body is None:
            raise NotThere("EntryNotFound")
        return file, body

    def _add(self, ref: str, title: str, parent: str | None, files: Mapping[str, File]) -> Commit:
        oid = hashlib.sha1(f"{self.name} {next(self._numbers)}".encode(), usedforsecurity=False).hexdigest()
        self.commits[oid] = Commit(oid, title, parent, files)
        self.refs[ref] = oid
        return self.commits[oid]
