"""The summary of training content, in the parts of the European Commission's template of July 2025. Pure functions.

The template is for providers of general-purpose AI models (Regulation (EU) 2024/1689, Article 53(1)(d)). A dataset
is no model: what only the provider can say stays open.
"""

import math

from dataset.papers.facts import PaperFacts
from dataset.papers.paper import PROVIDER, Entry, Paper, Section, Table, asked_of_person
from dataset.papers.wording import (
    KINDS,
    consent_table,
    kept_out,
    label_error,
    opt_outs,
    period,
    share,
    size,
    source_table,
)
from foundation.safe_text import counted

KIND = "ai-act"
ABOUT = (
    "This summary follows the parts of the European Commission's template for the public summary of training content "
    "(July 2025; AI Act, Article 53(1)(d)). It speaks of this dataset only: a provider who trains a general-purpose "
    "model on it may copy the answers into the summary of that model, beside those about other data.",
    "It is not legal advice, and nobody has checked whether the answers are enough for your case. Fields that only the "
    "provider of a model can fill are marked.",
)
TOP_SHARE, SMALL_SHARE, SMALL_MOST = 0.10, 0.05, 1000  # domains that the template asks for; of small providers
ALSO_SHOWN = 10  # domains are shown in any case, if there are as many
SIZES = ((1_000_000, "less than 1 million images"), (1_000_000_000, "1 million to 1 billion images"))
OFFERED = "more than 1 billion images"


def ai_act_summary(facts: PaperFacts) -> Paper:
    """The summary of the training content of a version."""
    sections = [_general(facts), _sources(facts), _processing(facts)]
    project, version = facts.settings.project.name, facts.version
    title = f"Summary of training content of {project}"
    return Paper(KIND, title, project, version.name, version.id, facts.made, ABOUT, sections)


def asked_domains(domains: int, *, is_small: bool) -> int:
    """How many of the largest domains the template asks for: a tenth; of small providers a twentieth, 1,000 at most."""
    return min(SMALL_MOST, math.ceil(domains * SMALL_SHARE)) if is_small else math.ceil(domains * TOP_SHARE)


def _general(facts: PaperFacts) -> Section:
    totals, papers, contact = facts.totals, facts.settings.papers, facts.settings.project.contact
    magnitude = next((text for limit, text in SIZES if totals.images < limit), OFFERED)
    return Section(
        "1. General information",
        [
            Entry("1.1 Provider, and authorised representative", gap=PROVIDER),
            asked_of_person(papers, "Publisher of the dataset", "creators", *filter(None, [contact])),
            Entry("1.2 Model: versioned name, models it depends on, date on the market of the Union", gap=PROVIDER),
            Entry(
                "1.3 Modality and size of this dataset",
                [f"Images only: {counted(totals.images, 'image')}, which is in the range \"{magnitude}\". The "
                 f"originals have {size(facts.size_bytes)}. {PROVIDER[0].upper()}{PROVIDER[1:]} adds other data."],
            ),
            Entry("1.3 Types of content", _content(facts)),
            Entry(
                "1.3 Latest date of acquisition",
                [f"{totals.first_seen[1]}. The dataset does not change after its version was published, on "
                 f"{facts.version.created[:10]}."],
            ),
            Entry(
                "1.3 Languages and other characteristics",
                ["No text is collected for training. Pages were read to find pictures, in whatever language they are.",
                 *label_error(facts)],
            ),
        ],
    )  # fmt: skip


def _content(facts: PaperFacts) -> list[str]:
    texts = [f"Pictures with the labels {', '.join(f'{label} ({n})' for label, n in facts.totals.labels.items())}."]
    texts += [
        f"{label}: {table.definition.strip()}"
        for label, table in facts.settings.labels.items()
        if table.definition.strip()
    ]
    if facts.settings.papers.purpose.strip():
        texts.append(facts.settings.papers.purpose.strip())
    return texts


def _sources(facts: PaperFacts) -> Section:
    services = facts.of_kind("unsplash", "openverse", "commons")
    folders, unknown = facts.of_kind("folder"), facts.of_kind("other")
    listed = ", ".join(source.name for source in unknown)
    return Section(
        "2. List of data sources",
        [
            Entry(
                "2.1 Publicly available datasets",
                ["None is used by the program. Folders (2.6) may hold parts of one: the publisher knows."]
                if folders else ["None."],
            ),
            Entry("2.2 Private datasets of third parties, licensed or not", _private(facts)),
            *_scraped(facts),
            Entry(
                "2.3 Pictures from photo services",
                ["These were asked for through the services' own interfaces, by search words; their pages were not "
                 "scraped."] if services else ["None."],
                source_table(facts, "unsplash", "openverse", "commons"),
            ),
            Entry("2.4 Data of users of the model or of the provider's services",
                  ["None in this dataset. The game's players only answer about pictures that are in it."]),
            Entry("2.5 Synthetic data",
                  ["None was made for this dataset. Pictures on the web may be made by a machine; that is not searched "
                   "for."]),
            Entry(
                "2.6 Other sources",
                [*([f"{counted(sum(s.images for s in folders), 'image')} came from folders on the publisher's disk."]
                   if folders else []),
                 *([f"Sources that the configuration does not name any more: {listed}."] if unknown else []),
                 f"{counted(facts.library.reviewers, 'reviewer')} answered what pictures show."],
                source_table(facts, "folder", "other"),
                gap="the publisher: where the pictures of these folders come from" if folders or unknown else "",
            ),
        ],
    )  # fmt: skip


def _private(facts: PaperFacts) -> list[str]:
    permitted = [source for source in facts.sources if source.permission and source.images]
    if not permitted:
        return ["None that the configuration names."]
    return [
        f"Permission for {source.name} ({KINDS[source.kind]}, {counted(source.images, 'image')}): {source.permission}."
        for source in permitted
    ]


def _scraped(facts: PaperFacts) -> list[Entry]:
    sites, settings = facts.of_kind("site"), facts.settings
    if not sites:
        return [Entry("2.3 Data crawled and scraped from online sources", ["None: no web site was crawled."])]
    first, last = min(s.first for s in sites), max(s.last for s in sites)
    return [
        Entry(
            "2.3 Crawlers: names",
            [f"isitcakebot, which names itself {settings.user_agent}. It is run by the publisher of the dataset."],
        ),
        Entry(
            "2.3 Crawlers: purposes",
            ["To collect pictures for this dataset, and to ask owners again whether they object. Pages are read to "
             "find pictures, and are not kept."],
        ),
        Entry(
            "2.3 Crawlers: behaviour",
            ["It obeys robots.txt under its own name before every request; a robots.txt that cannot be read closes the "
             "host. It waits between requests to a host, and pauses where a host says that it is busy.",
             "It solves no CAPTCHA, logs in nowhere, fills in no form and passes no paywall. It asks for nothing on "
             "private networks. It renders a page in a browser only where the page shows nothing without one."],
        ),
        Entry("2.3 Period of collection", [f"{period(first, last)[0].upper()}{period(first, last)[1:]}."]),
        Entry(
            "2.3 Content and online sources",
            [f"{counted(sum(s.images for s in sites), 'image')} from {counted(len(sites), 'web site')}, chosen by the "
             "publisher because their pages show pictures of one label."],
            source_table(facts, "site"),
        ),
        _domains(facts),
    ]  # fmt: skip


def _domains(facts: PaperFacts) -> Entry:
    """The largest domains, as many as the template asks for, and some more where there are few."""
    is_small = facts.settings.papers.small_provider
    asked = asked_domains(len(facts.domains), is_small=is_small)
    rule = "5 %, 1,000 at most, for small and medium-sized providers" if is_small else "10 %"
    shown = facts.domains[: max(asked, ALSO_SHOWN)]
    total = sum(domain.size_bytes for domain in facts.domains)
    text = (
        f"The template asks for the largest domains by size of content ({rule}): {asked} of {len(facts.domains)}. "
        f"Sizes are those of the originals in this version; a domain is the host of the page, without www."
    )
    return Entry("2.3 Largest domains", [text], Table(
        ["", "domain", "images", "size", "share"],
        [[n, d.name, d.images, size(d.size_bytes), share(d.size_bytes, total)] for n, d in enumerate(shown, 1)],
    ))  # fmt: skip


def _processing(facts: PaperFacts) -> Section:
    return Section(
        "3. Aspects of data processing",
        [
            Entry(
                "3.1 Reservations of rights from text and data mining",
                [*opt_outs(facts), "`isitcake consent --csv` writes a receipt for each image: what was asked, when, "
                 "and what the answer was."],
                consent_table(facts.consent),
            ),
            Entry("3.1 Code of practice: whether the provider signed it", gap=PROVIDER),
            Entry("3.2 Removal of unlawful content", kept_out(facts)),
            Entry("3.3 Other information", [f"Dataset: {facts.settings.project.name}, version {facts.version.name}, id "
                                            f"{facts.version.id}."]),
        ],
    )  # fmt: skip
