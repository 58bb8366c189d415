"""What papers say about a version, read once from its manifest, the catalog and the configuration."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from more_itertools import chunked
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import clusters, consents, images, judgements, outcomes, runs, signals
from dataset.labels import label_ledger
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin
from dataset.pictures.hash_lists import ON_A_LIST
from dataset.project import Project
from dataset.publishing.totals import Totals, totals_of
from dataset.quarantine import in_quarantine
from dataset.versions import manifest, published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.errors import UsageError
from foundation.settings import Settings

ROWS_TOGETHER = 500  # rows of a version whose sizes are read together
OPT_OUT = "opt-out: "  # how the reason of an outcome begins where somebody objects
CLOSED = "robots.txt"  # how it begins where a crawler may not ask
HOSTS = (
    "robots.txt",
    "tdmrep.json",
    "ai.txt",
    "rsl",
    "page",
)  # kinds of signals of web sites; the others are of any picture
CRAWLED = ("site", "other")  # kinds of sources whose pages were read
OTHER = "other"  # kind of a source that isitcake.toml does not name any more
DAY = 10  # characters of an ISO date


@dataclass(frozen=True)
class SourceFacts:
    """One source of a version. kind: as in [[sources]], or OTHER. images, size_bytes: of the originals in the version.

    addresses: start pages, address of a photo API, or the folder. runs, first, last: its collections, in days.
    """

    name: str
    kind: str
    label: str
    licence: str
    permission: str
    addresses: Sequence[str]
    images: int
    size_bytes: int
    runs: int
    first: str
    last: str


@dataclass(frozen=True)
class Domain:
    """A host that pages with pictures of the version came from. size_bytes: of their originals."""

    name: str
    images: int
    size_bytes: int


@dataclass(frozen=True)
class Consent:
    """What owners were asked and said. first, last: days when web sites were asked; empty: none was. answers: by what
    was asked and by what the answer was. refused: addresses that an objection kept out, also one in the bytes of a
    picture of a folder. closed: those that robots.txt kept out.
    left_out: stored pictures that an objection keeps out. unasked: images of the version that no web site showed.
    """

    first: str
    last: str
    answers: Mapping[tuple[str, str], int]
    refused: int
    closed: int
    left_out: int
    unasked: int


@dataclass(frozen=True)
class Library:
    """Everything in the library today, also what the version left out. images: originals. pictures, copies: of those
    that were compared with each other; what was collected since the last curate is neither.

    excluded: pictures excluded automatically. erased: rows that were erased from the version. listed: addresses that
    a hash list kept out.
    """

    images: int
    pictures: int
    copies: int
    excluded: int
    quarantined: int
    reviewers: int
    answers: int
    confirmed: int
    erased: int
    listed: int


@dataclass(frozen=True)
class PaperFacts:
    """domains: the largest first. formats: originals by format. size_bytes: of all originals of the version.

    models: names of those trained on the version. made: today.
    """

    settings: Settings
    version: Version
    totals: Totals
    sources: Sequence[SourceFacts]
    domains: Sequence[Domain]
    formats: Mapping[str, int]
    size_bytes: int
    consent: Consent
    library: Library
    models: Sequence[str]
    made: str

    def of_kind(self, *kinds: str) -> list[SourceFacts]:
        """The sources of these kinds that are in the version."""
        return [source for source in self.sources if source.kind in kinds and source.images]


def read_facts(project: Project, name: str | None = None) -> PaperFacts:
    """Facts about a version, the newest by default. Raises UnknownVersion, UsageError while nothing is published."""
    version = published.load(project.home, name) if name else published.newest(project.home)
    if version is None:
        raise UsageError("nothing is published yet, and a paper is about a version; run `isitcake publish` first")
    tally = _Tally(project.settings)
    with project.catalog.read() as connection:
        totals = totals_of(tally.counted(connection, manifest.each(version.path / manifest.FILE_NAME)))
        sources = _sources(connection, project.settings, tally)
        return PaperFacts(
            settings=project.settings,
            version=version,
            totals=totals,
            sources=sources,
            domains=tally.largest_domains(),
            formats=dict(tally.formats.most_common()),
            size_bytes=tally.size_bytes,
            consent=_consent(connection, tally.unasked),
            library=_library(connection, version),
            models=_models(project, version),
            made=datetime.now(UTC).date().isoformat(),
        )


class _Tally:
    """Counts of a version's rows that need the catalog: sizes by domain and by source."""

    def __init__(self, settings: Settings) -> None:
        self._others = {source.name for source in settings.sources if source.kind not in CRAWLED}
        self.size_bytes = 0
        self.domain_images: Counter[str] = Counter()
        self.domain_bytes: Counter[str] = Counter()
        self.source_images: Counter[str] = Counter()
        self.source_bytes: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.unasked = 0

    def counted(self, connection: Connection, rows: Iterable[Row]) -> Iterable[Row]:
        """The same rows, counted on the way. Only ROWS_TOGETHER of them are in memory."""
        for part in chunked(rows, ROWS_TOGETHER):
            names = [row.sha256 for row in part]
            sizes = select(images.c.sha256, images.c.size_bytes).where(images.c.sha256.in_(names))
            size_of = dict(connection.execute(sizes).all())
            for row in part:
                self._count(row, size_of.get(row.sha256, 0))
            yield from part

    def largest_domains(self) -> list[Domain]:
        found = [Domain(name, n, self.domain_bytes[name]) for name, n in self.domain_images.items()]
        return sorted(found, key=lambda domain: (-domain.size_bytes, domain.name))

    def _count(self, row: Row, size_bytes: int) -> None:
        domain = domain_of(row.page_url)
        is_crawled = not self._others.issuperset(row.sources)
        if domain and is_crawled:
            self.domain_images[domain] += 1
            self.domain_bytes[domain] += size_bytes
        self.unasked += not is_crawled
        self.size_bytes += size_bytes
        self.formats[row.format] += 1
        for source in row.sources:
            self.source_images[source] += 1
            self.source_bytes[source] += size_bytes


def domain_of(url: str) -> str:
    """The host of a web address without `www.`, with its port if it names one; empty for a folder."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.")
    return f"{host}{port}" if parts.scheme in ("http", "https") else ""


def _sources(connection: Connection, settings: Settings, tally: _Tally) -> list[SourceFacts]:
    """The sources of isitcake.toml, then those that are in the version and not in isitcake.toml any more."""
    columns = runs.c.source, func.count(), func.min(runs.c.started_at), func.max(runs.c.started_at)
    collected = {row[0]: row[1:] for row in connection.execute(select(*columns).group_by(runs.c.source))}
    known = {source.name: source for source in settings.sources}
    found = []
    for name in [*known, *sorted(set(tally.source_images) - set(known))]:
        source = known.get(name)
        count, first, last = collected.get(name, (0, None, None))
        addresses: list[str] = []
        if source:
            is_api = source.kind not in ("site", "folder")
            addresses = [source.api_url] if is_api else list(source.start_urls) or [f"folder {name}"]
        found.append(
            SourceFacts(
                name=name,
                kind=source.kind if source else OTHER,
                label=source.label if source else "",
                licence=source.licence if source else "",
                permission=source.permission if source else "",
                addresses=addresses,
                images=tally.source_images[name],
                size_bytes=tally.source_bytes[name],
                runs=count,
                first=_day(first),
                last=_day(last),
            )
        )
    return found


def _consent(connection: Connection, unasked: int) -> Consent:
    days = select(func.min(signals.c.asked_at), func.max(signals.c.asked_at)).where(signals.c.kind.in_(HOSTS))
    first, last = connection.execute(days).one()
    counted = select(signals.c.kind, signals.c.verdict, func.count(signals.c.address.distinct()))
    rows = connection.execute(counted.group_by(signals.c.kind, signals.c.verdict)).all()
    objecting = select(consents.c.sha256).where(consents.c.objection != "").distinct().subquery()
    return Consent(
        first=_day(first),
        last=_day(last),
        answers={(kind, verdict): n for kind, verdict, n in rows},
        refused=_addresses(connection, OPT_OUT),
        closed=_addresses(connection, CLOSED),
        left_out=int(connection.execute(select(func.count()).select_from(objecting)).scalar_one()),
        unasked=unasked,
    )


def _addresses(connection: Connection, reason: str) -> int:
    """Addresses whose outcome has a reason that begins like this, in any run."""
    is_refused = outcomes.c.reason.startswith(reason, autoescape=True)
    return int(connection.execute(select(func.count(outcomes.c.image_url.distinct())).where(is_refused)).scalar_one())


def _library(connection: Connection, version: Version) -> Library:
    given = judgements.c.answer != WITHDRAWN
    is_confirmed = judgements.c.origin == JudgementOrigin.CONFIRMED
    reviewers = connection.execute(select(func.count(judgements.c.reviewer.distinct())).where(given)).scalar_one()
    by_way: dict[bool, int] = defaultdict(int)
    for way, n in connection.execute(select(is_confirmed, func.count()).where(given).group_by(is_confirmed)):
        by_way[bool(way)] = n
    compared, pictures = connection.execute(select(func.count(), func.count(clusters.c.cluster.distinct()))).one()
    return Library(
        images=int(connection.execute(select(func.count()).select_from(images)).scalar_one()),
        pictures=int(pictures),
        copies=int(compared) - int(pictures),
        excluded=len(label_ledger.excluded(connection)),
        quarantined=len(in_quarantine(connection)),
        reviewers=int(reviewers),
        answers=by_way[False],
        confirmed=by_way[True],
        erased=len(published.erased(version.path)),
        listed=_addresses(connection, ON_A_LIST),
    )


def _models(project: Project, version: Version) -> list[str]:
    folder = project.home / "models"
    return sorted(path.parent.name for path in folder.glob(f"*/{version.name}") if path.is_dir())


def _day(moment: datetime | None) -> str:
    return moment.isoformat()[:DAY] if moment else ""
