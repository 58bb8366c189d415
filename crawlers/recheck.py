"""Ask owners again before a publish: consent may have ended since a picture was collected.

Asked are the sites' own words: robots.txt, tdmrep.json, ai.txt, licences, pages and pictures. Photo APIs give licences,
and folders are the user's own; they are not asked. Replies are stored as they come: a publish that is stopped goes on
where it stopped.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, and_, func, select

from crawlers.ledger.run_consent import RunConsent
from crawlers.ledger.signals import Consent, Kind, Signal, Verdict, keep, record
from dataset.catalog.claims import standing
from dataset.catalog.tables import consents, fetches, images
from dataset.pictures.decoding import Undecodable, examine_rights
from dataset.project import Project
from dataset.quarantine import is_whole
from foundation.errors import StorageError

if TYPE_CHECKING:
    from crawlers.asking import Question, Reply

MAX_S = 1800.0  # of one re-check: at ten requests a second, 18,000 pictures of one host
REPLIES_TOGETHER = 50  # that are stored in one transaction
SHOWN_HOSTS = 3  # in a note

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RecheckReport:
    """pictures: whose owners were asked again. objections: of them, with an objection. unreached: why, by host.

    left: not asked, because of the limit of time or because something is missing. why_left: what.
    """

    pictures: int = 0
    objections: int = 0
    unreached: dict[str, str] = field(default_factory=dict)
    left: int = 0
    why_left: str = ""

    def notes(self) -> list[str]:
        """Sentences for the report of a publish."""
        notes = []
        if self.pictures:
            notes.append(f"owners of {self.pictures} pictures were asked again, {self.objections} object to training")
        if self.unreached:
            shown = ", ".join(f"{host} ({why})" for host, why in list(self.unreached.items())[:SHOWN_HOSTS])
            more = f" and {len(self.unreached) - SHOWN_HOSTS} more" if len(self.unreached) > SHOWN_HOSTS else ""
            notes.append(f"could not be asked again, and is no objection: {shown}{more}; the next publish asks again")
        if self.left:
            notes.append(f"owners of {self.left} pictures were not asked again: {self.why_left}")
        return notes


def recheck(
    project: Project, now: datetime | None = None, progress: Progress | None = None, max_s: float = MAX_S
) -> RecheckReport:
    """Ask the owners of pictures whose last answer is older than [publish] recheck_days. 0 days: nobody is asked.

    A host that cannot be reached is a note, not an objection.
    """
    days = project.settings.publish.recheck_days
    if not days:
        return RecheckReport()
    now = now or datetime.now(UTC)
    with project.catalog.read() as connection:
        due = _due(connection, now - timedelta(days=days))
        if not due:
            return RecheckReport()
        if not project.settings.project.contact:
            return RecheckReport(left=len(due), why_left="[project] contact is empty; site owners must see who asks")
        try:
            import crawlers.asking  # noqa: F401
        except ModuleNotFoundError as error:
            why = f'this needs the crawl extra ({error.name} is not installed); pip install "isitcake[crawl]"'
            return RecheckReport(left=len(due), why_left=why)
        permitted = {source.name for source in project.settings.sources if source.permission}
        questions = [_as_due(connection, seen, permitted) for seen in due]
    return _Recheck(project, now, progress or _silent).run(questions, max_s)


class _Recheck:
    """One re-check: stores replies as they come."""

    def __init__(self, project: Project, now: datetime, progress: Progress) -> None:
        from crawlers.asking import Asker

        self._project, self._now, self._progress = project, now, progress
        self._asker = Asker(project.settings)
        self._waiting: list[Reply] = []
        self._unreached: dict[str, str] = {}
        self._asked = self._objections = self._told = 0

    def run(self, due: "Sequence[_Due]", max_s: float) -> RecheckReport:
        self._total = len(due)
        try:
            questions = [one.question for one in due if not self._objects_in_bytes(one)]
            _run(self._asker.ask_all(questions, self._tell, time.monotonic() + max_s))
        finally:
            self._store()
            self._asker.close()
        left = self._total - self._told
        why = f"it took more than {max_s / 60:.0f} minutes; the next publish goes on" if left else ""
        return RecheckReport(self._asked, self._objections, self._unreached, left, why)

    def _objects_in_bytes(self, due: "_Due") -> bool:
        """Whether the bytes of a picture object that a program collected which did not read them for rights."""
        from crawlers.asking import Reply
        from crawlers.politeness.statements import Statement

        question = due.question
        if not due.is_unread:
            return False
        try:
            rights = examine_rights(self._project.blobs.read(question.sha256, due.image_format))
            if rights.is_stated:  # its normalised picture does not carry them yet
                self._project.normalised.make_again(question.sha256, due.image_format)
        except (StorageError, Undecodable):  # publishing finds out what is wrong with the original
            return False
        with self._project.catalog.write() as connection:
            RunConsent(self._project, self._now).read(connection, question.image_url, question.sha256, rights)
        objects = bool(rights.objection) and not question.permitted
        if objects:
            self._tell(Reply(question, Statement(rights.objection)))
        return objects

    def _tell(self, reply: "Reply") -> None:
        self._told += 1
        self._waiting.append(reply)
        if len(self._waiting) >= REPLIES_TOGETHER:
            self._store()
        self._progress("consent", self._told, self._total)

    def _store(self) -> None:
        replies, self._waiting = self._waiting, []
        signals = list(self._asker.signals)
        self._asker.signals.clear()
        settled = []
        for reply in replies:
            question = reply.question
            if reply.unreached:
                self._unreached.setdefault(urlsplit(question.fetched_url).netloc, reply.unreached)
                verdict, said = Verdict.UNREACHABLE, reply.unreached
            else:
                statement = reply.statement
                verdict, said = Verdict(statement.verdict), statement.said
                self._asked += 1
                self._objections += bool(statement.objection)
                settled.append(Consent(question.sha256, question.image_url, statement.objection, statement.preference))
            signals.append(
                Signal(question.image_url, question.fetched_url, Kind.PICTURE, said, verdict, question.sha256)
            )
        with self._project.catalog.write() as connection:
            record(connection, signals, self._now)
            keep(connection, settled, self._now)


@dataclass(frozen=True)
class _Due:
    """is_unread: an older program collected it; nobody has read what its bytes say about rights."""

    question: "Question"
    image_format: str
    is_unread: bool


def _due(connection: Connection, cutoff: datetime) -> list[list[Any]]:
    """Pictures of sites whose owners were asked before `cutoff`, the oldest first: sightings of each at one address."""
    here = and_(consents.c.sha256 == standing.c.sha256, consents.c.image_url == standing.c.image_url)
    asked_at = func.coalesce(consents.c.checked_at, standing.c.seen_at)
    rows = connection.execute(
        select(
            standing.c.sha256, standing.c.image_url, standing.c.page_url, standing.c.site, standing.c.source,
            consents.c.checked_at, images.c.size_bytes, images.c.format,
        )
        .outerjoin(consents, here)
        .join(images, images.c.sha256 == standing.c.sha256)
        .where(asked_at < cutoff, standing.c.image_url.startswith("http"), is_whole(standing.c.sha256))
        .order_by(asked_at, standing.c.image_url, standing.c.page_url)
    ).all()  # fmt: skip
    of_picture: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        if urlsplit(row.page_url).netloc == row.site:  # a photo API names itself and its query there
            of_picture[row.sha256, row.image_url].append(row)
    return list(of_picture.values())


def _as_due(connection: Connection, seen: Sequence[Any], permitted: Set[str]) -> _Due:
    """seen: sightings of one picture at one address. permitted: sources with a permission in writing."""
    from crawlers.asking import Question

    first = seen[0]
    here = (fetches.c.source == first.source) & (fetches.c.image_url == first.image_url)
    fetch = connection.execute(select(fetches).where(here)).first()
    question = Question(
        sha256=first.sha256,
        image_url=first.image_url,
        pages=tuple(dict.fromkeys(row.page_url for row in seen)),
        fetched_url=fetch.fetched_url if fetch else first.image_url,
        etag=fetch.etag if fetch else "",
        last_modified=fetch.last_modified if fetch else "",
        size_bytes=first.size_bytes,
        is_same=fetch is None or fetch.sha256 == first.sha256,
        permitted=first.source in permitted,
    )
    return _Due(question, first.format, first.checked_at is None)


def _run(asking: Coroutine[Any, Any, None]) -> None:
    """Run to the end; in a thread of its own where this one runs an event loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(asking)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asking).result()


def _silent(_what: str, _done: int, _total: int) -> None: ...
