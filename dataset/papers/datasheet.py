"""The datasheet of a version: the questions of "Datasheets for Datasets" (Gebru et al., 2021). Pure functions.

Questions that the catalog can answer are answered with its numbers; what only a person knows is a gap, with its key.
"""

from dataset.papers.facts import PaperFacts
from dataset.papers.paper import Entry, Paper, Section, Table, asked_of_person, own_words
from dataset.papers.wording import (
    by_label,
    consent_table,
    kept_out,
    label_error,
    opt_outs,
    period,
    share,
    size,
    source_table,
)
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.publishing.totals import why_none_unseen
from dataset.splits.assignment import SPLITS, UNSEEN
from foundation.safe_text import counted

KIND = "datasheet"
ABOUT = (
    'It answers the questions of "Datasheets for Datasets" (Gebru and others, Communications of the ACM, 2021), in '
    "their seven parts. Numbers come from the catalog of the project and from this version. What only a person knows "
    "is marked, with the key of isitcake.toml that fills it.",
    "The dataset card of the version (README.md) has the details: sites, licences, credits, shortcuts.",
)
SPLIT_WORDS = {
    "train": "to learn from",
    "validation": "to choose with",
    "test": "new images, from sites that are in train",
    UNSEEN: "new images, from sites that are in no other split",
}


def datasheet(facts: PaperFacts) -> Paper:
    """The datasheet of a version."""
    sections = [
        _motivation(facts),
        _composition(facts),
        _collection(facts),
        _preprocessing(facts),
        _uses(facts),
        _distribution(facts),
        _maintenance(facts),
    ]
    project, version = facts.settings.project.name, facts.version
    return Paper(KIND, f"Datasheet of {project}", project, version.name, version.id, facts.made, ABOUT, sections)


def _motivation(facts: PaperFacts) -> Section:
    papers = facts.settings.papers
    return Section(
        "1. Motivation",
        [
            asked_of_person(papers, "For what purpose was the dataset created?", "purpose", _task(facts)),
            asked_of_person(papers, "Who created the dataset, and on behalf of whom?", "creators"),
            asked_of_person(papers, "Who funded it?", "funding"),
        ],
    )


def _task(facts: PaperFacts) -> str:
    labels = facts.version.labels
    return f"Its task is to classify whole pictures: each has one of the {len(labels)} labels {', '.join(labels)}."


def _composition(facts: PaperFacts) -> Section:
    totals, version, papers = facts.totals, facts.version, facts.settings.papers
    definitions = [
        f"{label}: {table.definition.strip()}"
        for label, table in facts.settings.labels.items()
        if table.definition.strip()
    ]
    people, people_gap = own_words(papers, "people")
    return Section(
        "2. Composition",
        [
            Entry("What do the instances represent?", ["Single still pictures, most of them photos from the web."]),
            Entry(
                "How many instances are there?",
                [f"{counted(totals.images, 'image')}: {by_label(totals.labels)}."],
            ),
            Entry("Is it a sample of a larger set?", _sample(facts)),
            Entry("What does each instance consist of?", _instance(facts)),
            Entry(
                "Is there a label for each instance?",
                [
                    f"Yes, one of {', '.join(version.labels)}. Labels come from: "
                    f"{', '.join(f'{name} ({n})' for name, n in sorted(totals.origins.items()))}.",
                    *definitions,
                ],
            ),
            Entry("Is information missing from instances?", _missing(facts)),
            Entry(
                "Are relations between instances made explicit?",
                ["Yes. The column cluster names images that show the same picture, and site and page_url where an "
                 "image was seen. Of each cluster, one image is published."],
            ),
            *_splits_and_errors(facts),
            Entry(
                "Is the dataset self-contained?",
                ["Yes: the pictures are in it. Each row also names the page and the address that it came from; these "
                 "may change or vanish, and nothing depends on them."],
            ),
            asked_of_person(
                papers, "Does it contain confidential, offensive or sensitive data?", "sensitive", *kept_out(facts)
            ),
            Entry(
                "Does it relate to people, and can they be identified?",
                people or ["Pictures from the web may show people. Nothing searches for faces, and nobody was asked."],
                gap=people_gap,
            ),
        ],
    )  # fmt: skip


def _splits_and_errors(facts: PaperFacts) -> list[Entry]:
    version = facts.version
    by_split = [
        [split, *(version.counts.get(split, {}).get(label, 0) for label in version.labels), SPLIT_WORDS[split]]
        for split in SPLITS
    ]
    why = why_none_unseen(version.counts)
    held_out = f", and whole sites are held out for {UNSEEN}: its score is the one to expect elsewhere"
    held_out = f"; {why}" if why else held_out
    return [
        Entry(
            "Are there recommended splits?",
            [f"Yes. No picture is in two splits{held_out}. An image never moves to another split in a later version."],
            Table(["split", *version.labels, "use"], by_split),
        ),
        Entry("Are there errors, noise or redundancies?", [*label_error(facts), _redundancies(facts)]),
    ]  # fmt: skip


def _sample(facts: PaperFacts) -> list[str]:
    library, count = facts.library, len([s for s in facts.sources if s.images])
    return [
        f"Yes, and not a random one: it has what {counted(count, 'source')} offered when they were collected. "
        f"Pages of {counted(len(facts.domains), 'web host')} are among them.",
        f"The library behind it holds {counted(library.images, 'image')} today. Copies of another: "
        f"{library.copies}. Excluded until a person has looked: {library.excluded}. With a damaged original: "
        f"{library.quarantined}. Kept out because an owner objects: {facts.consent.left_out}.",
    ]


def _instance(facts: PaperFacts) -> list[str]:
    formats = ", ".join(f"{n} {name}" for name, n in facts.formats.items())
    return [
        "A JPEG picture and a row of manifest.parquet: its SHA-256, label, split, source and what the source claims, "
        "site, page, address, licence, creator, day, size and format of the original, cluster, number of answers, and "
        "what its owner says about training.",
        f"The originals were {formats}, {size(facts.size_bytes)} together.",
    ]


def _missing(facts: PaperFacts) -> list[str]:
    totals = facts.totals
    no_licence = sum(n for (_, _, licence), n in totals.by_site.items() if not licence)
    named = sum(totals.credits.values())
    return [
        f"No licence is stated for {no_licence} of {totals.images} images, and no creator for {totals.images - named}: "
        "their sources do not say.",
        f"{totals.images - totals.reviewed} images have no person's answer; their label is what the source claims.",
    ]


def _redundancies(facts: PaperFacts) -> str:
    library = facts.library
    return (
        f"Pictures that show the same are published once. Images of the library that were compared: "
        f"{library.pictures + library.copies}; copies among them: {library.copies}."
    )


def _collection(facts: PaperFacts) -> Section:
    papers, totals, settings = facts.settings.papers, facts.totals, facts.settings
    mechanisms = ["Program: `isitcake collect`. Originals are kept byte by byte, and each has its page and its time."]
    if facts.of_kind("site"):
        mechanisms.append(
            f"Web sites are crawled under the name {settings.user_agent or 'isitcakebot'}. The crawler obeys "
            "robots.txt, waits between requests, solves no CAPTCHA, logs in nowhere and passes no paywall."
        )
    people, people_gap = own_words(papers, "people")
    return Section(
        "3. Collection process",
        [
            Entry(
                "How was the data acquired?",
                ["Pictures were seen on web pages, returned by photo services or found in folders. The first label of "
                 "each is what its source claims; it is not a property that was observed."],
                source_table(facts),
            ),
            Entry("With what mechanisms?", mechanisms),
            Entry(
                "What was the sampling strategy?",
                ["Everything that a source offers within its limits of depth, pages and results per query, if it is "
                 "a picture of accepted size. No random sample was drawn."],
            ),
            asked_of_person(
                papers, "Who was involved, and how were they paid?", "workers",
                f"{counted(facts.library.reviewers, 'reviewer')} gave {counted(facts.library.answers, 'answer')} about "
                f"single pictures and confirmed {facts.library.confirmed} pictures on walls.",
            ),
            Entry(
                "Over what time was the data collected?",
                [f"The images of this version were seen first {period(*totals.first_seen)}. Pictures may be older than "
                 "that."] if totals.images else ["The version has no image."],
            ),
            asked_of_person(papers, "Was there an ethical review?", "ethics"),
            Entry(
                "Did people who are shown know and consent?",
                [*people, "Owners of web sites and pictures were asked by what they publish for machines, not in "
                 "person; people who are shown were not asked."],
                gap=people_gap,
            ),
            Entry("How are objections to training heeded, and how is consent revoked?", opt_outs(facts),
                  consent_table(facts.consent)),
        ],
    )  # fmt: skip


def _preprocessing(facts: PaperFacts) -> Section:
    totals, library = facts.totals, facts.library
    return Section(
        "4. Preprocessing, cleaning, labelling",
        [
            Entry(
                "Was the data preprocessed, cleaned or labelled?",
                [
                    f"Every picture went through one recipe ({DERIVED_RECIPE}): upright, sRGB, transparency on white, "
                    "longest side 1024 pixels, JPEG. So size, format and compression do not reveal the label.",
                    "Pictures that show the same are found by perceptual hashes and confirmed by alignment.",
                    f"Detectors put the pictures in an order of suspicion, and people answered about {totals.reviewed} "
                    f"of {totals.images} ({share(totals.reviewed, totals.images)}). Several answers about a picture "
                    "are weighed by how reliable each reviewer is.",
                    f"{library.excluded} pictures of the library are excluded automatically until somebody answers.",
                ],
            ),
            Entry("Was the raw data kept?", ["Yes, the publisher keeps the originals. They are not in the version."]),
            Entry(
                "Is the software available?",
                ["Yes: the program isitcake, under the Apache licence 2.0. version.json names the recipe."],
            ),
        ],
    )  # fmt: skip


def _uses(facts: PaperFacts) -> Section:
    papers = facts.settings.papers
    models = [f"Models were trained on this version: {', '.join(facts.models)}."] if facts.models else []
    bias = [
        "Each label comes mostly from sites of its own kind, so a model can learn the site instead of the subject: "
        f"compare test with {UNSEEN}.",
    ]
    shortcuts = [s for s in facts.version.shortcuts.get("after", ()) if s.score is not None and s.advice]
    if shortcuts:
        found = ", ".join(f"{s.feature} {s.score:.2f}" for s in shortcuts)
        bias.append(f"Trivial features that predict the label better than chance (balanced accuracy): {found}.")
    return Section(
        "5. Uses",
        [
            asked_of_person(papers, "What has the dataset been used for?", "uses", *models),
            Entry("What might affect future uses?", bias),
            asked_of_person(
                papers, "What should it not be used for?", "unfit",
                "It says nothing about who or where a picture shows: it is not made to recognise people, or to decide "
                "about them.",
            ),
        ],
    )  # fmt: skip


def _distribution(facts: PaperFacts) -> Section:
    papers, totals = facts.settings.papers, facts.totals
    return Section(
        "6. Distribution",
        [
            asked_of_person(
                papers, "To whom is it given, how and when?", "distribution",
                f"A version is a folder that never changes. This one was published on {facts.version.created[:10]} and "
                f"has the id {facts.version.id}.",
            ),
            asked_of_person(
                papers, "Under what licence or terms?", "licence",
                "The pictures belong to their creators, and each row names its licence; the program grants none.",
            ),
            Entry("Do third parties restrict the pictures?", ["Yes, by these licences, as the sources state them."],
                  Table(["licence", "images"], list(totals.licences().items()))),
        ],
    )  # fmt: skip


def _maintenance(facts: PaperFacts) -> Section:
    papers, project = facts.settings.papers, facts.settings.project
    parent = f"It follows version {facts.version.parent}." if facts.version.parent else "It is the first version."
    contact = project.contact
    return Section(
        "7. Maintenance",
        [
            asked_of_person(papers, "Who maintains and hosts it?", "maintainer"),
            Entry(
                "How can they be reached?",
                [contact] if contact else [],
                gap="" if contact else "[project] contact in isitcake.toml",
            ),
            Entry(
                "Is there an erratum?",
                [f"A later version replaces wrong labels and says why in diff.parquet. {parent}",
                 f"From this version, {facts.library.erased} images were erased since it was published."],
            ),
            asked_of_person(papers, "Will it be updated?", "updates"),
            Entry(
                "How is a picture taken down?",
                ["Write to the contact with the picture's address. It is erased from every version and from the "
                 "library, and is not collected again; models that learned from it are marked."],
            ),
            Entry(
                "Do older versions stay, and can others contribute?",
                ["Versions stay until the publisher removes them, and `isitcake versions verify` checks a copy. "
                 "Answers of others come in as a file (`isitcake review import`), fixes as a signed file."],
            ),
        ],
    )  # fmt: skip
