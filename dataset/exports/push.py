"""Push a version to a dataset repository of the Hugging Face Hub.

main holds the version that was pushed last: Parquet files with the pictures inside, card, manifest, and what else the
version has beside its pictures. A tag with the version's name stays. The title of each commit names the state of the
version (its id and how many erasures it had), so a second push finds out that there is nothing to do.

After an erasure, every version that has a tag is pushed anew and main is squashed after each, so that no branch and no
tag reaches the erased picture; then the old large files are deleted on the Hub. Stopped at any moment, the next push
goes on: until all is done, the title of the newest commit says so.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataset.exports.hub_card import pushed_card
from dataset.exports.hub_copy import TITLE, UNFINISHED, Copy, Wish, closed_note, copy_again, copy_of, open_configs
from dataset.exports.hub_croissant import pushed_croissant
from dataset.exports.hub_repository import HubRepository, Remote, is_uploaded, name_in
from dataset.exports.job import STAGING, by_split
from dataset.exports.licences import may_be_shared
from dataset.exports.pushed_to import push_begins, push_ended
from dataset.exports.shards import parquet_files, write_parquet
from dataset.splits.assignment import SPLITS
from dataset.versions import manifest, published
from dataset.versions.identity import FACTS, file_digest
from dataset.versions.published import Version
from foundation.errors import UsageError
from foundation.files import storage_errors
from foundation.safe_text import counted

OURS = re.compile(rf"data/({'|'.join(SPLITS)})-\d+-of-\d+\.parquet|[\w.-]+\.parquet|{re.escape(FACTS)}")
NOT_SEEN = "the Hub was not asked what it has, because there is no token: set HF_TOKEN, or run `hf auth login`, to push"
ANYBODYS = {".gitattributes", "README.md"}  # files of a repository that may be ours
NOT_PUSHED = {  # beside the pictures: written anew, or about the folder
    "README.md", "croissant.json", manifest.FILE_NAME, published.LEAVES, published.ERASED,
}  # fmt: skip

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Pushed:
    """What a push did, or would do. licences: images by licence. may_be_shared: of them. again: versions that were
    pushed anew because of an erasure. dropped: tags that were removed. changed: whether the Hub was changed at all.
    """

    repository: str
    url: str
    version: str
    id: str
    images: int
    left_out: int
    private: bool
    licences: dict[str, int]
    may_be_shared: list[str]
    again: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    changed: bool = True
    dry_run: bool = False
    notes: list[str] = field(default_factory=list)

    def line(self) -> str:
        visibility = "private" if self.private else "public"
        what = f"{self.version} ({counted(self.images, 'image')}) to {self.url} ({visibility})"
        if not self.changed:
            first = f"{self.url} has {self.version} already; nothing was uploaded"
        else:
            first = f"would push {what}" if self.dry_run else f"pushed {what}"
        return "\n".join([first, *self.notes])


def push(
    home: Path,
    version: Version,
    target: str,
    wish: Wish,
    progress: Progress,
    alone: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Pushed:
    """Push a version. home: the library, for other versions that erasures changed. target: hf://OWNER/NAME. alone:
    held while a note is written of where versions are.

    Run again after an interruption, it goes on. Raises UsageError for a wrong target, without a token (but in a dry
    run), for a repository that holds something else, and for pictures that may not be shared in public; HubError where
    the Hub refuses.
    """
    repository = HubRepository(name_in(target))
    copy = copy_of(version, wish)
    if not copy.rows:
        raise UsageError(f"no image of {version.name} has a licence that is known to permit sharing")
    is_seen = repository.has_token or not wish.dry_run
    remote = repository.look() if is_seen else None
    lost = _lost_tag(remote) if remote else ""
    if remote and lost:
        remote = replace(remote, tags={**remote.tags, lost: remote.titles})
    _refuse_other_content(remote, version, repository)
    report = _report(repository, remote, copy, wish)
    anew = _anew(home, remote, version, wish) if remote else None
    is_current = bool(remote and anew is None and not lost and _has(remote, copy))
    if remote and anew:
        report = replace(
            report, again=[one.version.name for one in anew.copies], dropped=[*anew.unknown, *anew.empty],
            notes=[*report.notes, *_notes(anew, remote, wish)],
        )  # fmt: skip
    report = replace(report, changed=not is_current)
    if not is_seen:
        report = replace(report, notes=[*report.notes, NOT_SEEN])
    if wish.dry_run:
        return report
    with alone():
        known = push_begins(home, f"hf://{repository.name}", version)
    if remote is None:
        repository.create(private=wish.private)
    if lost:
        repository.tag(lost)
    job = _Push(repository, home, progress)
    if remote and anew:
        job.rewrite([*anew.copies, copy], list(remote.tags), report.dropped)
    elif not is_current:
        job.add(copy, remote)
    with alone():
        push_ended(home, f"hf://{repository.name}", known)
    return report


def _refuse_other_content(remote: Remote | None, version: Version, repository: HubRepository) -> None:
    """Raises UsageError where the repository holds what no push wrote, or versions of another project."""
    if remote is None:
        return
    titles = [title for titles in (remote.titles, *remote.tags.values()) for title in titles]
    if not any(TITLE.fullmatch(title) for title in titles) and set(remote.files) - ANYBODYS:
        raise UsageError(f"{repository.url} holds something else; name another repository, or empty it first")
    pushed = next((found for title in remote.tags.get(version.name, ()) if (found := TITLE.fullmatch(title))), None)
    if version.name in remote.tags and (pushed is None or not version.tag.startswith(f"{pushed['id']}-")):
        raise UsageError(f"{repository.url} has another {version.name}; name another repository")


def _report(repository: HubRepository, remote: Remote | None, copy: Copy, wish: Wish) -> Pushed:
    """What would be pushed. Raises UsageError where it may not be."""
    private = remote.private if remote else wish.private
    if wish.private and not private:
        raise UsageError(f"{repository.url} is public; make it private there, or push without --private")
    shared = [licence for licence in copy.licences if may_be_shared(licence, wish.allowed)]
    notes = [note for note in (closed_note(copy, wish, private=private), copy.left_out_note) if note]
    return Pushed(
        repository.name, repository.url, copy.version.name, copy.version.id, len(copy.rows), copy.left_out, private,
        copy.licences, shared, dry_run=wish.dry_run, notes=notes,
    )  # fmt: skip


@dataclass(frozen=True)
class _Anew:
    """copies: of versions with a tag, to be pushed anew, the oldest first, without the one that is pushed.

    Tags to remove: unknown, which are no version of this library; empty, of which no image may be there.
    """

    copies: list[Copy]
    unknown: list[str]
    empty: list[str]


def _anew(home: Path, remote: Remote, version: Version, wish: Wish) -> _Anew | None:
    """What has to be pushed anew, because a branch or a tag reaches a commit with images that must not be there.

    That is one that images were erased from since; with only_open, also one with images whose licence is not open.
    """
    here = {_id(one): one for one in published.listing(home)} | {_id(version): version}
    reached = {title for titles in (remote.titles, *remote.tags.values()) for title in titles}
    found = [one for title in reached if (one := TITLE.fullmatch(title)) and one["id"] in here]
    is_stale = any(int(one["erasures"]) < here[one["id"]].erasures for one in found)
    if wish.only_open and not is_stale:
        versions = [here[id_] for id_ in {one["id"] for one in found}]
        permitted = {config for one in versions for config in open_configs(one, wish)}
        is_stale = any(f"{one['id']}-{one['erasures']}{one['part'] or ''}" not in permitted for one in found)
    if not is_stale and not any(title.endswith(UNFINISHED) for title in remote.titles):
        return None
    tagged = {name: one for name, titles in remote.tags.items() if titles and (one := TITLE.fullmatch(titles[0]))}
    copies = [
        copy_again(here[one["id"]], one["part"] or "", wish)
        for name, one in tagged.items()
        if one["id"] in here and name == here[one["id"]].name != version.name
    ]
    known = {version.name, *(copy.version.name for copy in copies)}
    return _Anew(
        sorted([copy for copy in copies if copy.rows], key=lambda copy: published.order(copy.version.name)),
        [name for name in remote.tags if name not in known],
        [copy.version.name for copy in copies if not copy.rows],
    )


def _id(version: Version) -> str:
    return version.tag.partition("-")[0]


def _lost_tag(remote: Remote) -> str:
    """The version at main whose tag is missing or at an older commit, because a push was interrupted; or nothing."""
    head = TITLE.fullmatch(remote.titles[0]) if remote.titles else None
    if head is None or remote.titles[0] in remote.tags.get(head["version"], ())[:1]:
        return ""
    return head["version"]


def _has(remote: Remote, copy: Copy) -> bool:
    """Whether main and the version's tag are at this copy."""
    tagged = remote.tags.get(copy.version.name, ())
    return copy.title in remote.titles[:1] and copy.title in tagged[:1]


def _notes(anew: _Anew, remote: Remote, wish: Wish) -> list[str]:
    """Raises UsageError where an image of an older version may not be in public."""
    notes = ["the history there is squashed, because it holds images that must not be there any more"]
    if anew.copies:
        notes.append(f"pushed anew without a history: {', '.join(copy.version.name for copy in anew.copies)}")
    for copy in anew.copies:
        notes += [note for note in (closed_note(copy, wish, private=remote.private), copy.left_out_note) if note]
    if anew.unknown:
        notes.append(f"tags removed there, because they are no version of this library: {', '.join(anew.unknown)}")
    if anew.empty:
        notes.append(f"tags removed there, because no image of theirs may be shared: {', '.join(anew.empty)}")
    if remote.branches:
        notes.append(f"look yourself whether these branches hold such images: {', '.join(remote.branches)}")
    return notes


@dataclass(frozen=True)
class _Push:
    repository: HubRepository
    home: Path
    progress: Progress

    def add(self, copy: Copy, remote: Remote | None) -> None:
        """Make main this copy, with a tag."""
        if remote is None or copy.title not in remote.titles[:1]:
            self._commit(copy, copy.title)
            self.repository.tag(copy.version.name)

    def rewrite(self, copies: Sequence[Copy], tags: Sequence[str], dropped: Sequence[str]) -> None:
        """Push these copies, each as one commit without a history, the last one for main. tags: that are there."""
        kept = [tag for tag in tags if tag not in dropped]
        for tag in dropped:
            self.repository.drop_tag(tag)
        for copy in copies:
            self._commit(copy, copy.title + UNFINISHED)
            self.repository.squash(copy.title + UNFINISHED)
            self.repository.tag(copy.version.name)
        self.repository.drop_large([*kept, copies[-1].version.name])
        self.repository.squash(copies[-1].title)
        self.repository.tag(copies[-1].version.name)

    def _commit(self, copy: Copy, title: str) -> None:
        """Upload the files of a copy, and make them the files of main."""
        base = self.home / STAGING
        with storage_errors(base):
            base.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(dir=base))
            try:
                additions = self._upload(copy, staging)
                head, files = self.repository.head()
                wanted = {addition.path_in_repo for addition in additions}
                gone = [path for path in files if path not in wanted and OURS.fullmatch(path)]
                self.repository.commit(title, additions, gone, head)
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    def _upload(self, copy: Copy, staging: Path) -> list[Any]:
        """Upload all files, one Parquet file after the other. Returns the operations of the commit."""
        version, parts = copy.version, by_split(copy.rows)
        additions, done = [], 0
        for split, rows in parts.items():
            for name, part in parquet_files(split, rows):
                path = staging / Path(name).name
                write_parquet(path, version, part)
                additions.append(self.repository.add(name, path))
                if is_uploaded(additions[-1]):
                    path.unlink()
                done += len(part)
                self.progress(f"pushing {version.name}", done, len(copy.rows))
        table = version.path / manifest.FILE_NAME
        if not copy.is_whole:
            table = staging / manifest.FILE_NAME
            manifest.write(table, copy.rows)
        additions.append(self.repository.add(manifest.FILE_NAME, table))
        for path in _others(copy):
            additions.append(self.repository.add(path.name, path))
        texts = {
            "README.md": pushed_card(copy, list(parts), self.repository.name),
            "croissant.json": pushed_croissant(copy, file_digest(table)),
        }
        return [*additions, *(self.repository.add(name, text.encode()) for name, text in texts.items())]


def _others(copy: Copy) -> list[Path]:
    """Files of the version beside its pictures that go along: facts, certificate, diff, terms. Tables of a part do not,
    because they are about all images.
    """
    files = [path for path in sorted(copy.version.path.iterdir()) if path.is_file() and not path.name.startswith(".")]
    return [path for path in files if path.name not in NOT_PUSHED and (copy.is_whole or path.suffix != ".parquet")]
