"""Sentences and tables that both papers have."""

from collections.abc import Mapping

from dataset.papers.facts import Consent, PaperFacts, SourceFacts
from dataset.papers.paper import Table
from foundation.safe_text import counted

KINDS = {
    "site": "web site, crawled",
    "unsplash": "photo service, through its API",
    "openverse": "photo service, through its API",
    "commons": "photo service, through its API",
    "folder": "folder of pictures on disk",
    "other": "no longer in isitcake.toml",
}
ASKED = {  # by kind of signal
    "robots.txt": "robots.txt of a host, also what it says to crawlers for AI training",
    "tdmrep.json": "tdmrep.json of a host (TDM Reservation Protocol)",
    "ai.txt": "ai.txt of a host (what may be used for AI training, by file)",
    "rsl": "licence file of a host (RSL)",
    "page": "pages: noai, meta tags, headers",
    "picture": "addresses of pictures: headers, and what their host says of them",
    "bytes": "bytes of pictures: IPTC, XMP, C2PA and other metadata",
}
VERDICTS = {  # by stored value
    "objects": "objects",
    "partly": "objects in part",
    "noted": "objects, only noted",
    "allows": "allows",
    "silent": "says nothing",
    "unreachable": "not reached",
}


def size(size_bytes: int) -> str:
    """A size for people, in MB or GB."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def period(first: str, last: str) -> str:
    """Two days as a period."""
    return f"on {first}" if first == last else f"from {first} to {last}"


def share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}"


def source_table(facts: PaperFacts, *kinds: str) -> Table | None:
    """The sources of these kinds; all without kinds. None where the version has none of them."""
    chosen = facts.of_kind(*(kinds or KINDS))
    rows = [[s.name, KINDS[s.kind], s.label, s.images, size(s.size_bytes), _collected(s)] for s in chosen]
    return Table(["source", "kind", "claims", "images", "size", "collected"], rows) if rows else None


def _collected(source: SourceFacts) -> str:
    return period(source.first, source.last).removeprefix("on ").removeprefix("from ") if source.first else ""


def consent_table(consent: Consent) -> Table | None:
    """What was asked, and how many addresses gave each answer. None where nobody was asked."""
    verdicts = [name for name in VERDICTS if any(verdict == name for _, verdict in consent.answers)]
    kinds = [kind for kind in ASKED if any(asked == kind for asked, _ in consent.answers)]
    rows = [[ASKED[kind], *(consent.answers.get((kind, verdict), 0) for verdict in verdicts)] for kind in kinds]
    return Table(["asked", *(VERDICTS[verdict] for verdict in verdicts)], rows) if rows else None


def opt_outs(facts: PaperFacts) -> list[str]:
    """How objections to training are heeded, with numbers."""
    consent = facts.consent
    bans = facts.settings.crawl.ai_crawler_bans == "objection"
    said = [
        "Before a picture of a web site is stored, its owner's objections to training are read in every form that the "
        "crawler knows: robots.txt, tdmrep.json, ai.txt, RSL, noai in pages and headers, and the metadata of the "
        "picture itself. A picture whose owner objects is not stored, and one that was stored before is left out of "
        "the next version.",
        "A robots.txt that keeps out crawlers for AI training counts as an objection."
        if bans
        else "A robots.txt that keeps out crawlers for AI training is noted in the rows and is not taken for an "
        "objection.",
    ]
    if consent.first:
        said.append(f"Owners of web sites were asked {period(consent.first, consent.last)}.")
    else:
        said.append("No web site was collected, so nobody was asked.")
    verb = "stays" if consent.left_out == 1 else "stay"
    said.append(
        f"Objections kept out {consent.refused} address{'' if consent.refused == 1 else 'es'}, robots.txt closed "
        f"{consent.closed} more, and {counted(consent.left_out, 'stored picture')} {verb} out because an owner objects "
        "now."
    )
    if consent.unasked:
        said.append(
            f"{counted(consent.unasked, 'image')} of the version came through photo services or from folders: there, "
            "only licences and the pictures' own bytes are read."
        )
    days = facts.settings.publish.recheck_days
    if days:
        said.append(
            f"Before a version is published, owners whose last answer is older than {days:g} days are asked again."
        )
    return said


def kept_out(facts: PaperFacts) -> list[str]:
    """What today's configuration does against pictures that nobody may have or wants to see, with numbers.

    It says nothing of what an older version was compared with: that is not recorded.
    """
    safety, library = facts.settings.safety, facts.library
    said = []
    if safety.hash_lists:
        lists = counted(len(safety.hash_lists), "hash list")
        said.append(
            f"Today's configuration names {lists} (MD5 of the bytes, PDQ of what a picture shows). A picture on one is "
            "not stored or shown. When a list changes, the next curate or publish compares the library again, and "
            f"erases what is on it from every version. Addresses that were refused so far: {library.listed}. Which "
            "pictures of a version were compared with which list when it was published is not recorded."
        )
    else:
        said.append("Today's configuration names no hash list, so nothing is compared with one.")
    said.append(
        "Today's configuration has a network look for explicit pictures. What it suspects is on no page and in no new "
        "version until a person has looked at it. Versions that were published before are not changed by that."
        if safety.nsfw
        else "In today's configuration, no network looks for explicit pictures."
    )
    said.append(
        "A picture that somebody asks to take down is erased from the library and from every version, and is not "
        f"collected again. Images that were erased from this version so far: {library.erased}."
    )
    return said


def label_error(facts: PaperFacts) -> list[str]:
    """How many labels are wrong, as far as it was measured."""
    version, totals, said = facts.version, facts.totals, []
    if audit := version.audit:
        said.append(
            f"People checked a random sample of {audit.images} pictures and found "
            f"{counted(audit.wrong, 'wrong label')}: {audit.wrong / max(1, audit.images):.1%} (95 % interval "
            f"{audit.low:.1%} to {audit.high:.1%})."
        )
    if version.certificate:
        line = version.certificate.certificate.line()
        said.append(f"Certificate: {line[0].upper()}{line[1:]}.")
    if not said:
        said.append("The share of wrong labels was not measured by a random sample.")
    wrong = sum(totals.relabelled.values())
    said.append(f"People or detectors changed the label that the source claimed for {wrong} of {totals.images} images.")
    return said


def by_label(counts: Mapping[str, int]) -> str:
    """Counts in a sentence: "225 cake, 175 not_cake"."""
    return ", ".join(f"{n} {label}" for label, n in counts.items())
