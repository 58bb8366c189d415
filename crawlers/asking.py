"""Ask owners again what they say about training: hosts, pages, pictures. Through the same door as a crawl.

Each host is asked by one connection, in its own pace, after its robots.txt; several hosts are asked at once.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crawlers import markup
from crawlers.ledger.signals import Kind, Signal, Verdict
from crawlers.politeness.pacing import MIN_DELAY_S, TRIES, Pacing
from crawlers.politeness.refusals import Disallowed, HostPaused, NotAsked
from crawlers.politeness.robots import Robots
from crawlers.politeness.statements import SILENT, Statement, first_of
from dataset.pictures.decoding import Undecodable, examine_rights
from foundation.network.addresses import Refused
from foundation.network.outgoing import MAX_REDIRECTS, Answer, Failures, Limits, Outgoing
from foundation.settings import Settings

HOSTS_AT_ONCE = 8
RULES_LIMITS = Limits(max_bytes=4 << 20, max_s=20, timeout_s=10)
PAGE_LIMITS = Limits(max_bytes=20 << 20, max_s=45, timeout_s=20)
PICTURE_LIMITS = Limits(max_bytes=50 << 20, max_s=60, timeout_s=20)
PICTURES = "image/avif,image/webp,image/*;q=0.8"
GONE = (404, 410)  # an answer: the owner says nothing there any more
UNNAMED = ("", "application/octet-stream", "binary/octet-stream")  # servers say this of pictures, too
NO_HEAD = (400, 403, 405, 501)  # of servers that do not know HEAD, or refuse it


def look_at(settings: Settings, urls: Sequence[str], tell: Callable[[str, int, int], None]) -> "list[Look]":
    """What each address answers, one after the other, politely. Nothing is stored."""

    async def look_at_all() -> list[Look]:
        asker = Asker(settings)
        looks = []
        try:
            for number, url in enumerate(urls, 1):
                looks.append(await asker.look(url))
                tell("asking", number, len(urls))
        finally:
            asker.close()
        return looks

    return asyncio.run(look_at_all())


class NotReached(Exception):
    """Nobody answered; the message says why."""


@dataclass(frozen=True)
class Question:
    """A picture at an address, and what was downloaded from there. pages: that show it. is_same: whether the last
    download was this picture. permitted: the owner has given permission in writing, whatever the bytes say.
    """

    sha256: str
    image_url: str
    pages: tuple[str, ...]
    fetched_url: str
    etag: str = ""
    last_modified: str = ""
    size_bytes: int = 0
    is_same: bool = True
    permitted: bool = False


@dataclass(frozen=True)
class Reply:
    """What the owner says now. unreached: why nobody could be asked; empty where somebody answered."""

    question: Question
    statement: Statement = SILENT
    unreached: str = ""


@dataclass(frozen=True)
class Look:
    """What an address answered. size_bytes: as the server says it; None where it does not. why_not: why there is no
    picture; empty where there is one.
    """

    url: str
    status: int = 0
    content_type: str = ""
    size_bytes: int | None = None
    why_not: str = ""


@dataclass
class Asker:
    """Asks; for one event loop. signals: what was answered and is not stored yet."""

    settings: Settings
    min_delay_s: float = MIN_DELAY_S
    signals: list[Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pacing = Pacing(self.min_delay_s, connections=1)
        self.robots = Robots(
            self._fetch_rules,
            self.pacing.slow_down,
            record=self.signals.append,
            heeds_bans=self.settings.crawl.ai_crawler_bans == "objection",
        )
        self._outgoing: dict[str, Outgoing] = {}
        self._pages: dict[str, Statement | NotReached] = {}
        self._down: dict[str, NotReached] = {}  # hosts that have no address, or a private one

    def close(self) -> None:
        for outgoing in self._outgoing.values():
            outgoing.close()

    async def look(self, url: str) -> "Look":
        """What an address answers: whether a picture is there. The host's robots.txt is read first."""
        try:
            answer = await self._answer(url, PICTURE_LIMITS, {"Accept": PICTURES}, "HEAD")
            if answer.status in NO_HEAD:
                answer = await self._answer(url, PICTURE_LIMITS, {"Accept": PICTURES})
        except NotReached as error:
            return Look(url, why_not=str(error))
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        length = answer.headers.get("Content-Length", "")
        size = int(length) if length.isascii() and length.isdecimal() else len(answer.body) or None
        if answer.status != 200:
            return Look(url, answer.status, kind, why_not=f"answered {answer.status}")
        is_picture = kind.startswith("image/") or kind in UNNAMED
        return Look(url, 200, kind, size, "" if is_picture else f"is no picture: {kind}")

    async def ask_all(self, questions: Sequence[Question], told: Callable[[Reply], None], ends_at: float) -> None:
        """Ask about each picture: first all pages, then the pictures, host by host. told: gets each reply at once.

        ends_at: seconds of the monotonic clock, after which nothing more is asked.
        """
        pages = list(dict.fromkeys(page for question in questions for page in question.pages))
        await self._by_host(pages, lambda page: page, self._ask_page, ends_at)

        async def ask(question: Question) -> None:
            told(await self._reply(question))

        await self._by_host(questions, lambda question: question.fetched_url, ask, ends_at)

    async def _by_host(self, things: Sequence, address: Callable, ask: Callable, ends_at: float) -> None:
        of_host = defaultdict(list)
        for thing in things:
            of_host[_host(address(thing))].append(thing)
        free = asyncio.Semaphore(HOSTS_AT_ONCE)

        async def in_turn(those: Sequence) -> None:
            async with free:
                for thing in those:
                    if time.monotonic() >= ends_at:
                        return
                    await ask(thing)

        await asyncio.gather(*(in_turn(those) for those in of_host.values()))

    async def _ask_page(self, url: str) -> None:
        try:
            self._pages[url] = await self._page(url)
        except NotReached as error:
            self._pages[url] = error
            self.signals.append(Signal(url, url, Kind.PAGE, str(error), Verdict.UNREACHABLE))

    async def _page(self, url: str) -> Statement:
        """What a page says. Raises NotReached."""
        host = await self._host_statement(url)
        if host.objection:
            return host
        answer = await self._answer(url, PAGE_LIMITS)
        if answer.status != 200:
            if answer.status in GONE:
                self.signals.append(Signal(url, url, Kind.PAGE, f"answered {answer.status}", Verdict.SILENT))
                return host
            raise NotReached(f"answered {answer.status}")
        page = await asyncio.to_thread(markup.read, _text(answer))
        said = await self.robots.page_statement(url, list(answer.headers.items()), [page])
        return first_of([said, await self._where_it_went(url, answer)])

    async def _reply(self, question: Question) -> Reply:
        known = [self._pages.get(page, NotReached("not asked in time")) for page in question.pages]
        said = first_of(page for page in known if isinstance(page, Statement))
        if said.objection:
            return Reply(question, said)
        try:
            said = first_of([await self._picture(question), said])
        except NotReached as error:
            return Reply(question, said, str(error))
        unreached = next((str(page) for page in known if isinstance(page, NotReached)), "")
        return Reply(question, said, "" if said.objection else unreached)

    async def _picture(self, question: Question) -> Statement:
        """What a picture's host, its headers and, if it was changed, its bytes say. Raises NotReached."""
        url = question.fetched_url
        host = await self._host_statement(url)
        if host.objection:
            return host
        headers = {"Accept": PICTURES, "Referer": question.pages[0]}  # some hosts answer nothing else
        answer = await self._answer(url, PICTURE_LIMITS, headers, "HEAD")
        if answer.status in NO_HEAD or (answer.status == 200 and _is_changed(question, answer)):
            answer = await self._answer(url, PICTURE_LIMITS, headers)
        if answer.status in GONE:
            return host
        if answer.status != 200:
            raise NotReached(f"answered {answer.status}")
        said = await self.robots.picture_statement(url, list(answer.headers.items()))
        said = first_of([said, await self._where_it_went(url, answer)])
        if said.objection or not answer.body or question.permitted:
            return said
        try:
            rights = await asyncio.to_thread(examine_rights, answer.body)
        except Undecodable:
            return said
        return first_of([Statement(rights.objection, rights.permission), said])

    async def _where_it_went(self, url: str, answer: Answer) -> Statement:
        """What the host says that a redirect led to. Raises NotReached."""
        return await self._host_statement(answer.url) if _host(answer.url) != _host(url) else SILENT

    async def _host_statement(self, url: str) -> Statement:
        """What a host says; that it lets us fetch nothing any more is an objection. Raises NotReached."""
        if down := self._down.get(_host(url)):
            raise down
        try:
            rules = await self.robots.rules(url)
            if rules.refusal:
                raise NotReached(f"robots.txt {rules.refusal}")
            await self.robots.check(url)
            return await self.robots.statement(url)
        except Disallowed as error:
            return Statement(str(error))
        except Refused as error:
            self._down[_host(url)] = NotReached(str(error))
            raise self._down[_host(url)] from error
        except NotAsked as error:
            raise NotReached(str(error)) from error

    async def _answer(
        self, url: str, limits: Limits, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        """The answer after redirects, each of which its host's robots.txt allows. Raises NotReached."""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                await self.robots.check(url)
                answer, url = await self._hop(url, limits, headers, method)
                if answer is not None:
                    return answer
        except (NotAsked, *Failures) as error:
            raise NotReached(str(error) if isinstance(error, NotAsked | Refused) else type(error).__name__) from error
        raise NotReached("redirects without end")

    async def _hop(
        self,
        url: str,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        tries: int = TRIES,
    ) -> tuple[Answer | None, str]:
        """One request, repeated while its host is busy. Raises what Failures lists, and HostPaused."""
        host = _host(url)
        outgoing = self._outgoing.get(host)
        if outgoing is None:
            allowed = frozenset(self.settings.crawl.allow_private_hosts)
            outgoing = self._outgoing[host] = Outgoing(self.settings.user_agent, allowed)
        for _ in range(tries):
            async with self.pacing.turn(host):
                try:
                    answer, target = await asyncio.to_thread(outgoing.hop, url, limits, headers, method)
                except Failures as error:
                    self.pacing.failed(host, type(error).__name__)
                    raise
            if answer is None or not self.pacing.answered(host, answer.status, answer.headers.get("Retry-After", "")):
                return answer, target
        raise HostPaused(f"answered {answer.status if answer else 0}")

    async def _fetch_rules(self, url: str, tries: int) -> Answer:
        """robots.txt, tdmrep.json and ai.txt: whatever they redirect to is asked."""
        for _ in range(MAX_REDIRECTS + 1):
            answer, target = await self._hop(url, RULES_LIMITS, tries=tries)
            if answer is not None:
                return answer
            url = target
        return Answer(url, 310, {}, b"")  # redirects without end


def _is_changed(question: Question, answer: Answer) -> bool:
    """Whether something else lies at the address than what was downloaded, as far as headers tell."""
    etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
    if not question.is_same:
        return True
    if question.etag and etag:
        return etag.removeprefix("W/") != question.etag.removeprefix("W/")
    if question.last_modified and modified:
        return modified != question.last_modified
    length = answer.headers.get("Content-Length", "")
    return length.isascii() and length.isdecimal() and length != str(question.size_bytes)


def _text(answer: Answer) -> str:
    """A page's text. What is read of it is written in ASCII, whatever the encoding."""
    wide = answer.body[:2] in (b"\xff\xfe", b"\xfe\xff")
    return answer.body.decode("utf-16" if wide else "utf-8", "replace")


def _host(url: str) -> str:
    return urlsplit(url).netloc
