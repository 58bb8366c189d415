"""What a host allows: its robots.txt (RFC 9309), tdmrep.json, ai.txt and licences, read once, before other requests.

We do not use Scrapy's middleware for robots.txt: it sends the first concurrent requests while robots.txt is still
being read, and takes a 5xx answer as "all allowed".
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from crawlers.ledger.signals import Kind, Signal, Verdict
from crawlers.markup import Document
from crawlers.politeness import optout, rsl
from crawlers.politeness.ai_crawlers import ai_crawlers
from crawlers.politeness.optout import AiTxt, Reservations
from crawlers.politeness.refusals import Disallowed
from crawlers.politeness.robots_signals import RobotsSignals
from crawlers.politeness.rsl import Licences
from crawlers.politeness.statements import Statement, first_of, names_us
from crawlers.source_health import Note, NoteKind, kind_of_status
from foundation.network.addresses import Refused
from foundation.settings import AGENT_NAME

logger = logging.getLogger(__name__)
FILES = {Kind.ROBOTS: "/robots.txt", Kind.TDMREP: "/.well-known/tdmrep.json", Kind.AI_TXT: "/ai.txt"}
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5
MAX_CRAWL_DELAY_S = 60.0  # a longer Crawl-delay is cut to this
MAX_AGE_S = 24 * 3600.0  # RFC 9309, 2.4
ROBOTS_TRIES = 2
AGENT_LINE = re.compile(r"\s*+user(?:-|\s++)?agent\s*+(?:[:\s]\s*+(.*)|\Z)", re.IGNORECASE)  # as Protego reads it
OTHER_AGENT = "another"
UNKNOWN_HOST = "CannotResolveHostError"  # the class of Scrapy's error, by name: this folder does not import Scrapy
NO_SIGNALS = RobotsSignals()


@dataclass(frozen=True)
class Rules:
    """One host's robots.txt. parser: Protego's; None allows everything. refusal: why nothing may be fetched there.

    signals: its objections to training.
    """

    parser: Any = None
    signals: RobotsSignals = NO_SIGNALS
    refusal: str = ""
    read_at: float = 0.0

    @property
    def sitemaps(self) -> list[str]:
        return list(self.parser.sitemaps) if self.parser is not None else []


class Robots:
    """Asks every host of a crawl what it allows: page hosts and image hosts alike. For one event loop.

    fetch: gets an address, in at most so many tries; the answer has a `status` and a `body`. slow_down: applies a
    host's Crawl-delay in seconds. clock: seconds of a monotonic clock. record: keeps what an answer says about
    training. heeds_bans: whether rules for AI crawlers are objections to training.
    """

    def __init__(
        self,
        fetch: Callable[[str, int], Awaitable[Any]],
        slow_down: Callable[[str, float], None],
        clock: Callable[[], float] = time.monotonic,
        record: Callable[[Signal], None] = lambda _: None,
        heeds_bans: bool = True,
    ) -> None:
        self._fetch = fetch
        self._slow_down = slow_down
        self._clock = clock
        self._record = record
        self._heeds_bans = heeds_bans
        self._rules: dict[str, Rules] = {}
        self._reservations: dict[str, Reservations] = {}
        self._ai_txt: dict[str, AiTxt] = {}
        self._licences: dict[str, Licences] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.notes: list[Note] = []

    async def check(self, url: str) -> None:
        """Raise Disallowed unless the host's robots.txt lets us fetch `url`."""
        rules = await self.rules(url)
        if rules.refusal:
            raise Disallowed(f"robots.txt: {rules.refusal}")
        if rules.parser is not None and not rules.parser.can_fetch(url, AGENT_NAME):
            raise Disallowed("robots.txt: disallowed")

    async def rules(self, url: str) -> Rules:
        """The host's robots.txt; read once, and again after MAX_AGE_S."""
        origin = _origin(url)
        async with self._locks.setdefault(origin, asyncio.Lock()):
            known = self._rules.get(origin)
            if known is None or self._clock() - known.read_at > MAX_AGE_S:
                self._rules[origin] = await self._read(origin)
            return self._rules[origin]

    async def objection(self, url: str) -> str:
        """The host's objection to training on `url`: in its robots.txt or its other files; or empty."""
        return (await self.statement(url)).objection

    async def statement(self, url: str) -> Statement:
        """What the host says about training on `url`."""
        signals = (await self.rules(url)).signals
        ban = signals.ban(url)
        own = signals.statement(url)
        if own.objection or (ban and self._heeds_bans):
            return Statement(own.objection or ban)
        origin = _origin(url)
        async with self._locks.setdefault(f"{origin} tdm", asyncio.Lock()):
            if origin not in self._reservations:
                self._reservations[origin] = await self._read_reservations(origin)
                self._ai_txt[origin] = await self._read_ai_txt(origin)
        named = [rsl.absolute(address, f"{origin}/robots.txt") for address in signals.licences]
        licences = [await self.licences(address, origin) for address in named]
        files = [self._reservations[origin].statement(url), self._ai_txt[origin].statement(url)]
        said = first_of([own, *files, *(known.statement(url) for known in licences)])
        return replace(said, noted=ban) if ban else said

    async def page_statement(self, url: str, headers: list[tuple[str, str]], pages: list[Document]) -> Statement:
        """What a page, its headers, its licences and its host say about training on its pictures; it is recorded.

        pages: as it was sent, and as the browser showed it, if it did.
        """
        names = ai_crawlers() if self._heeds_bans else optout.NO_NAMES
        scripts = [script for page in pages for script in page.texts_in("script")]
        own = [optout.of_headers(headers, names), *(optout.of_page(page, names) for page in pages)]
        texts = [text for owner, text in scripts if owner.attributes.get("type") == rsl.MEDIA_TYPE]
        own += [known.statement(url) for known in rsl.inline(texts[: rsl.MAX_LINKS], url)]
        for address in dict.fromkeys(link for page in pages for link in _licence_links(page, url, headers)):
            own.append((await self.licences(address, url)).statement(url))
        said = first_of(own)
        self._record(Signal(url, url, Kind.PAGE, said.said, Verdict(said.verdict)))
        return said if said.objection else first_of([said, await self.statement(url)])

    async def picture_statement(self, url: str, headers: list[tuple[str, str]]) -> Statement:
        """What the headers of a picture and its host say about training on it."""
        own = optout.of_headers(headers, ai_crawlers() if self._heeds_bans else optout.NO_NAMES)
        if own.objection:
            return own
        linked = [await self.licences(address, url) for address in rsl.links_in_headers(headers, url)]
        return first_of([own, *(known.statement(url) for known in linked), await self.statement(url)])

    async def licences(self, address: str, about: str) -> Licences:
        """An RSL document, read once. about: the host or the page that names it."""
        async with self._locks.setdefault(f"{address} rsl", asyncio.Lock()):
            if address not in self._licences:
                self._licences[address] = await self._read_licences(address, about)
            return self._licences[address]

    async def _read(self, origin: str) -> Rules:
        try:
            response = await self._fetch(f"{origin}/robots.txt", ROBOTS_TRIES)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001  whatever went wrong, the host is not crawled
            logger.debug("robots.txt of %s: %s", origin, error)
            name = type(error).__name__
            kind = NoteKind.ROBOTS_DNS if name == UNKNOWN_HOST else NoteKind.ROBOTS_UNREADABLE
            return self._refuse(origin, kind, f"unreachable ({name})")
        if response.status >= 500 or response.status == 429:
            is_blocked = kind_of_status(response.status) == NoteKind.BLOCKED
            kind = NoteKind.ROBOTS_BLOCKED if is_blocked else NoteKind.ROBOTS_UNREADABLE
            return self._refuse(origin, kind, f"answered {response.status}")
        if response.status >= 400:
            self._record_host(origin, Kind.ROBOTS, "", Verdict.SILENT)
            return Rules(read_at=self._clock())
        if response.status >= 300:
            return self._refuse(origin, NoteKind.ROBOTS_UNREADABLE, "redirects without end")
        text = response.body[:MAX_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        if "<html" in text[:1000].lower() or text.lstrip()[:9].lower() == "<!doctype":
            sentence = f"{origin}/robots.txt is an HTML page; it forbids nothing"
            self.notes.append(Note(NoteKind.ROBOTS_IS_HTML, _host(origin), sentence))
            text = ""
        parser = Protego.parse(only_our_agents(text))
        delay = parser.crawl_delay(AGENT_NAME)
        if delay:
            self._slow_down(_host(origin), min(float(delay), MAX_CRAWL_DELAY_S))
        signals = RobotsSignals.parse(text, ai_crawlers())
        verdict = Verdict.of(signals.statement(f"{origin}/").verdict, signals.objects_somewhere)
        if signals.ban(f"{origin}/"):
            verdict = Verdict.OBJECTS if self._heeds_bans else Verdict.NOTED
        self._record_host(origin, Kind.ROBOTS, signals.summary(), verdict)
        return Rules(parser, signals, read_at=self._clock())

    async def _read_reservations(self, origin: str) -> Reservations:
        body, problem = await self._body(origin + FILES[Kind.TDMREP])
        reservations = Reservations.parse(body)
        somewhere = any(reserved for _, reserved in reservations.rules)
        verdict = Verdict.of(reservations.statement(f"{origin}/").verdict, somewhere)
        self._record_host(
            origin, Kind.TDMREP, problem or reservations.summary(), Verdict.UNREACHABLE if problem else verdict
        )
        return reservations

    async def _read_ai_txt(self, origin: str) -> AiTxt:
        body, problem = await self._body(origin + FILES[Kind.AI_TXT])
        rules = AiTxt.parse(body)
        verdict = Verdict.of(rules.statement(f"{origin}/").verdict, rules.objects_somewhere)
        said = problem or rules.summary()
        self._record_host(origin, Kind.AI_TXT, said, Verdict.UNREACHABLE if problem else verdict)
        return rules

    async def _read_licences(self, address: str, about: str) -> Licences:
        body, problem = await self._body(address)
        licences = Licences.parse(body, address)
        said = licences.statement(about)
        summary = said.said or licences.summary()
        somewhere = any(statement.objection for _, _, statement in licences.contents)
        verdict = Verdict.UNREACHABLE if problem else Verdict.of(said.verdict, somewhere)
        self._record(Signal(about, address, Kind.RSL, problem or summary, verdict))
        return licences

    async def _body(self, url: str) -> tuple[bytes, str]:
        """The content at an address that robots.txt lets us fetch, and why it cannot be read; 404 means no content."""
        try:
            await self.check(url)
            response = await self._fetch(url, 1)
        except Exception as error:  # noqa: BLE001  no file, nothing said
            logger.debug("%s: %s", url, error)
            return b"", str(error) if isinstance(error, Disallowed) else type(error).__name__
        if response.status == 200:
            return response.body[:MAX_ROBOTS_BYTES], ""
        return b"", "" if response.status in (404, 410) else f"answered {response.status}"

    def _record_host(self, origin: str, kind: Kind, said: str, verdict: Verdict) -> None:
        self._record(Signal(origin, origin + FILES[kind], kind, said, verdict))

    def _refuse(self, origin: str, kind: NoteKind, reason: str) -> Rules:
        self._record_host(origin, Kind.ROBOTS, reason, Verdict.UNREACHABLE)
        self.notes.append(Note(kind, _host(origin), f"deferred: {origin}/robots.txt {reason}"))
        return Rules(refusal=reason, read_at=self._clock())


def _licence_links(page: Document, url: str, headers: list[tuple[str, str]]) -> list[str]:
    """Addresses of RSL documents that a page and its headers name."""
    found = rsl.links_in_headers(headers, url)
    for link in page.named("link"):
        if link.attributes.get("type", "").strip().lower() == rsl.MEDIA_TYPE and (
            target := link.attributes.get("href")
        ):
            found += rsl.links_in_headers([("link", f'<{target}>; rel="license"; type="{rsl.MEDIA_TYPE}"')], url)
    return list(dict.fromkeys(found))[: rsl.MAX_LINKS]


def only_our_agents(text: str) -> str:
    """A robots.txt where every agent that cannot be ours has one and the same name.

    Protego keeps each rule of a group once for each agent of the group, so a long list of agents before a long list
    of rules would grow with the square. Groups and rules stay as they are. As in Protego, an agent's name may hold
    `*`, and may be a part of ours. A version behind our name, or a whole user agent around it, changes nothing.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if agent := AGENT_LINE.match(line):
            name = (agent[1] or "").partition("#")[0].strip().lower()
            bare = name.replace("*", "")
            ours = name if name == "*" else bare if bare and bare in AGENT_NAME else OTHER_AGENT
            ours = AGENT_NAME if names_us(name) else ours
            lines[number] = f"User-agent: {ours if name else ''}"
    return "\n".join(lines)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(origin: str) -> str:
    return urlsplit(origin).netloc
