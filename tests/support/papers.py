"""Made-up facts for papers about a version."""

from collections.abc import Sequence
from pathlib import Path

from rows import made_row

from dataset.papers.facts import Consent, Domain, Library, PaperFacts, SourceFacts
from dataset.publishing.totals import totals_of
from dataset.versions.published import Version
from foundation.settings import ProjectSection, Settings

VERSION = Version(
    Path("2026.11.0"), "2026.11.0", "ab" * 32, "salt", None, "2026-11-24T12:00:00+00:00", ["cake", "not_cake"],
    {"train": {"cake": 2, "not_cake": 1}}, "content", [],
)  # fmt: skip
ROWS = [made_row(0), made_row(1, licence="CC BY 4.0"), made_row(2, label="not_cake", licence="", site="other.example")]


def made_source(name: str, kind: str, images: int) -> SourceFacts:
    return SourceFacts(
        name, kind, "cake", "research use", "", [f"https://{name}.example"], images, images * 1_000_000, 2,
        "2026-11-01", "2026-11-03",
    )  # fmt: skip


TWO_SITES = [made_source("baker", "site", 2), made_source("other", "site", 1)]
CONSENT = Consent(
    first="2026-11-01", last="2026-11-20", answers={("robots.txt", "silent"): 2, ("page", "objects"): 1},
    refused=4, closed=1, left_out=1, unasked=0,
)  # fmt: skip
LIBRARY = Library(
    images=5, pictures=4, excluded=1, quarantined=0, reviewers=2, answers=7, confirmed=3, erased=1, listed=0
)


def made_facts(sources: Sequence[SourceFacts] = TWO_SITES, domains: int = 2) -> PaperFacts:
    """Facts about three images of two sites."""
    return PaperFacts(
        settings=Settings(project=ProjectSection(contact="https://example.org/us")),
        version=VERSION,
        totals=totals_of(ROWS),
        sources=sources,
        domains=[Domain(f"site{n}.example", 1, 1_000_000 * (domains - n)) for n in range(domains)],
        formats={"JPEG": 2, "PNG": 1},
        size_bytes=3_000_000,
        consent=CONSENT,
        library=LIBRARY,
        models=["balanced"],
        made="2026-11-25",
    )
