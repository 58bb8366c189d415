"""A kind of site that a crawler may get wrong: a small site, and what its server must see afterwards."""

import hashlib
import random
import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache

from simulator import drawings
from simulator.server import Answer, Server

Written = str | Answer | Callable[[dict[str, str]], Answer]


@dataclass(frozen=True)
class Kind:
    """row: of the list of kinds, such as F7, or a word. name: in a few words.

    answers: by path, or by path with query; text is HTML, where {host}, {other} and {silent} stand for the address of
    this site, of another site, and of a host that never answers. photos: paths that must be collected, and nothing
    else; each has a drawn photo. start: the path that the source names. settings: further lines of the source.
    not_asked: no path with query that this matches may be asked for. at_most: requests for pages; 0 for any number.
    note: what a note of the run must say. status: of the run.
    """

    row: str
    name: str
    answers: dict[str, Written]
    photos: Sequence[str] = ()
    start: str = "/"
    settings: str = ""
    not_asked: str = ""
    at_most: int = 0
    note: str = ""
    status: str = "done"

    @property
    def source(self) -> str:
        """As a source of a project is called."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.row} {self.name}".lower()).strip("-")


@cache
def photo(name: str) -> bytes:
    """A drawn photo, another one for each name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return drawings.thing(random.Random(seed), "cup")


def picture(name: str) -> Answer:
    return Answer(body=photo(name), content_type="image/jpeg")


def script(text: str) -> Answer:
    return Answer(body=text.encode(), content_type="text/javascript")


class Silent:
    """A port that accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self._socket.close()


class KindSite:
    """The site of a kind, as a Host of simulator.server."""

    def __init__(self, kind: Kind, other: str, silent: str) -> None:
        self.kind = kind
        self.other = other
        self.silent = silent
        self.address = ""  # its own, once it is served

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        kind = self.kind
        named = f"{path}?{query}"
        known = kind.answers.get(named) or kind.answers.get(path)
        if named in kind.photos or path in kind.photos:
            return picture(f"{kind.source} {named if named in kind.photos else path}")
        if known is None:
            known = kind.answers.get("*") or Answer(404, b"<h1>Not found</h1>")
        if callable(known):
            return known(headers)
        if isinstance(known, str):
            return Answer(body=self._filled(known).encode())
        filled = {name: self._filled(value) for name, value in known.headers.items()}
        return Answer(known.status, known.body, known.content_type, filled)

    def _filled(self, text: str) -> str:
        for name, address in (("host", self.address), ("other", self.other), ("silent", self.silent)):
            text = text.replace(f"{{{name}}}", f"http://{address}")
        return text


@dataclass
class KindServers:
    """The sites of many kinds, each on a port of its own."""

    kinds: Sequence[Kind]
    sites: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.silent = Silent()
        self.other = Server(KindSite(Kind("", "other", {"/": OTHER_PAGE, "*": OTHER_PAGE}, ["/theirs.jpg"]), "", ""))
        for kind in self.kinds:
            site = KindSite(kind, self.other.address, self.silent.address)
            server = Server(site)
            site.address = server.address
            self.sites.append(server)

    @property
    def addresses(self) -> list[str]:
        return [self.silent.address, self.other.address, *(server.address for server in self.sites)]

    def config(self) -> str:
        """isitcake.toml of a project that collects them all."""
        hosts = ", ".join(f'"{address}"' for address in self.addresses)
        lines = ["[project]", 'contact = "https://example.org/c"', "[crawl]", f"allow_private_hosts = [{hosts}]"]
        for kind, server in zip(self.kinds, self.sites, strict=True):
            lines += ["[[sources]]", f'name = "{kind.source}"', 'kind = "site"', 'label = "cake"']
            lines += [f'start_urls = ["{server.url}{kind.start}"]', *([kind.settings] if kind.settings else [])]
        return "\n".join(lines) + "\n"

    def stop(self) -> None:
        for server in [*self.sites, self.other]:
            server.stop()
        self.silent.stop()


OTHER_PAGE = '<h1>Another shop</h1><img src="/theirs.jpg"><a href="/more">more</a>'


def faults(
    kind: Kind, server: Server, other: Server, stored: Collection[str], notes: Sequence[str], status: str
) -> list[str]:
    """What a crawl of the kind got wrong, as phrases; empty if nothing. stored: SHA-256 of the source's images."""
    found = []
    wanted = {hashlib.sha256(photo(f"{kind.source} {path}")).hexdigest(): path for path in kind.photos}
    if missing := sorted(path for sha256, path in wanted.items() if sha256 not in stored):
        found.append(f"missing {len(missing)} of {len(wanted)}: {', '.join(missing[:5])}")
    if more := set(stored) - set(wanted):
        found.append(f"{len(more)} pictures that are none of its photos")
    asked = [hit.path for hit in server.log]
    if kind.not_asked and (wrong := [path for path in asked if re.search(kind.not_asked, path)]):
        found.append(f"asked for {', '.join(wrong[:5])}")
    pages = [hit.path for hit in server.log if not hit.is_image and "robots.txt" not in hit.path]
    pages = [path for path in pages if not re.search(r"sitemap|tdmrep|ai\.txt|\.js\b", path)]
    if kind.at_most and len(pages) > kind.at_most:
        found.append(f"{len(pages)} requests for pages, {kind.at_most} are enough")
    if kind.note and not any(kind.note in note for note in notes):
        found.append(f"no note says {kind.note!r}: {list(notes)}")
    if status != kind.status:
        found.append(f"the run is {status}, not {kind.status}: {list(notes)[:1]}")
    if other.log and "{other}" in str(kind.answers):
        found.append(f"another host was asked for {other.log[0].path}")
    return found
