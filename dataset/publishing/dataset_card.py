"""The dataset card (README.md) of a version: generated, never edited by hand."""

import json
import re
from collections.abc import Mapping, Sequence

from dataset.certificates.certificate import LEAST_SITE_IMAGES
from dataset.labels.audit import MIN_SAMPLED
from dataset.publishing.totals import Totals, balance, one_sided, why_none_unseen
from dataset.splits.assignment import SHARES, SPLITS, UNSEEN
from dataset.versions.facts import Audit, ForcedGate, Gate, Shortcut
from dataset.versions.manifest import NOT_STATED
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout
from foundation.safe_text import counted, markdown

_CREDITS = re.compile(r"\n\n### Credits\n\n.*?(?=\n\n## )", re.DOTALL)
_CONFIG = re.compile(r"^- config_name: .*$", re.MULTILINE)
_SIZE = re.compile(r"(?<=^size_categories:\n- ).*$", re.MULTILINE)
_SUMMARY = re.compile(r"^\d+ images of \d+ classes, .*$", re.MULTILINE)
_IMAGES = re.compile(r"^## Images\n\n.*?(?=\n\n## )", re.MULTILINE | re.DOTALL)
_ORIGINS = re.compile(r"^## Where the labels come from\n\n.*?(?= Left out: )", re.MULTILINE | re.DOTALL)
_SITES = re.compile(r"^## Sources and licences\n\n.*?(?=\n\n`manifest\.parquet` has )", re.MULTILINE | re.DOTALL)
_CONSENT = re.compile(r"^## Consent\n\n.*?(?=\n\n## )", re.MULTILINE | re.DOTALL)
SITES_SHOWN = 100  # on the card, those with the most images; a query of a photo service is a site
CREDITED = 200  # creators named on the card; the manifest names all
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

SPLIT_USES = {
    "train": "to learn from",
    "validation": "to choose with",
    "test": "new images, from sites that are in train",
    UNSEEN: "new images, from sites that are nowhere else: the score to expect elsewhere",
}
_COMPARE = f" Compare `test` with `{UNSEEN}`: no training image comes from its sites."
_BIAS = """## Bias to know about

Each class comes from sites of its own kind, so a model can learn the site instead of the subject.{compare} All images \
went through one recipe (upright, sRGB, white ground, longest side 1024, JPEG), so that size, format and compression \
do not reveal the class.

"""
_LOAD = """## How to load

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder")
```

Or {others}`croissant.json` with mlcroissant, or `manifest.parquet` with \
pandas or DuckDB. The manifest's `width`, `height` and `format` are those of the original; `published_width` and \
`published_height` are those of the picture here, whose longest side is 1024 pixels.{shards}"""
_LOAD_OTHERWISE = {
    Layout.FOLDER: {"others": '`torchvision.datasets.ImageFolder("data/train")`, ', "shards": ""},
    Layout.SHARDS: {
        "others": "",
        "shards": " The pictures are inside the files `data/<split>/*.parquet`, in the column `image`; the manifest's "
        "`file` names a picture of them: its last part is `image.path`.",
    },
}
_REMOVE = """## Have a picture removed

Write to the publisher of this dataset, or to the contact in the crawler's user agent, with the picture's address. The \
picture is then erased from every version and not collected again."""


def card(project: str, version: Version, totals: Totals, left_out: Mapping[str, int]) -> str:
    """README.md with Hugging Face's YAML. left_out: clusters that were not published, by reason."""
    parts = [
        _yaml(project, version, totals),
        f"# {project} {version.name}",
        _summary(version, totals),
        *_forced(version.gates),
        _images(version, totals),
        _labels(totals, left_out),
        "## Label error\n\n" + _label_error(version.audit, totals),
        *_certificate(version),
        _BIAS.format(compare="" if why_none_unseen(version.counts) else _COMPARE)
        + _shortcuts(version.shortcuts, len(version.labels)),
        _sources(totals),
        _consent(totals),
        _LOAD.format(**_LOAD_OTHERWISE[version.layout]),
        _REMOVE,
    ]
    return "\n\n".join(parts) + "\n"


def with_credits(text: str, credits: Mapping[tuple[str, str], int]) -> str:
    """The card with new credits, after an erasure. credits: images by creator and licence."""
    return _CREDITS.sub(lambda _: _credits(credits), text)


def with_counts(text: str, version: Version, totals: Totals, erasures: int) -> str:
    """The card with the numbers of the images that are left, after erasures. version: with its new counts.

    What was measured on the day of publishing stays: audit, certificate, shortcuts.
    """
    what = counted(version.erased_images, "image") if version.erased_images else "names of images that it does not have"
    gone = f" Since then {counted(erasures, 'erasure')} removed {what}."
    parts = (
        (_SIZE, _size(totals)),
        (_SUMMARY, _summary(version, totals) + gone),
        (_IMAGES, _images(version, totals)),
        (_ORIGINS, _origins(totals)),
        (_SITES, _sites(totals)),
        (_CONSENT, _consent(totals)),
    )
    for pattern, part in parts:
        text = pattern.sub(lambda _, part=part: part, text, count=1)  # type: ignore[misc]
    return text


def with_tag(text: str, tag: str) -> str:
    """The card with another name of its configuration, by which Hugging Face's cache goes."""
    return _CONFIG.sub(f"- config_name: {tag}", text, count=1)


def _yaml(project: str, version: Version, totals: Totals) -> str:
    lines = ["---", f"pretty_name: {json.dumps(project)}", "task_categories:", "- image-classification"]
    lines += [f"size_categories:\n- {_size(totals)}", "configs:", f"- config_name: {version.tag}"]
    lines += ["  data_files:"]
    for split in SPLITS:
        if version.counts.get(split):
            lines += [f"  - split: {split}", f'    path: "data/{split}/**"']
    return "\n".join([*lines, "---"])


def _size(totals: Totals) -> str:
    return next((name for limit, name in _SIZES if totals.images < limit), "n>1M")


def _summary(version: Version, totals: Totals) -> str:
    first, last = totals.first_seen
    days = f"on {first}" if first == last else f"{first} to {last}"
    return (
        f"{totals.images} images of {len(version.labels)} classes, collected from {len(totals.relabelled)} sites "
        f"({days}), cleaned, and split so that no picture and no held-out site is in two splits. "
        f"Id `{version.id}`, published {version.created}"
        + (f", after {version.parent}." if version.parent else ", the first version.")
    )


def _forced(gates: Sequence[Gate]) -> list[str]:
    """The failed checks of a version that was published by force."""
    failed = [f"- {gate.forced}" for gate in gates if isinstance(gate, ForcedGate)]
    return ["## Published by force\n\n" + "\n".join(failed)] if failed else []


def _images(version: Version, totals: Totals) -> str:
    rows = [
        [
            split,
            *(str(labels.get(label, 0)) for label in version.labels),
            f"{sum(labels.values()) / max(1, totals.images):.1%}",
            SPLIT_USES[split],
        ]
        for split in SPLITS
        for labels in [version.counts.get(split, {})]
    ]
    warnings = [balance({label: totals.labels[label] for label in version.labels}), *one_sided(version.counts)]
    text = f"## Images\n\n{_table(['split', *version.labels, 'share', ''], rows)}\n\n{_shares(version.counts)}"
    return "\n\n".join([text, *(f"{warning[0].upper()}{warning[1:]}" for warning in warnings if warning)])


def _shares(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Actual and planned share of each split, among the sites that are not held out."""
    images = {split: sum(counts.get(split, {}).values()) for split in SHARES}
    total = max(1, sum(images.values()))
    shares = ", ".join(f"{split} {images[split] / total:.1%} (planned {share:.0%})" for split, share in SHARES.items())
    rest = why_none_unseen(counts) or f"whole sites make up `{UNSEEN}`"
    return f"Of the images from sites that are trained on: {shares}; {rest}."


def _labels(totals: Totals, left_out: Mapping[str, int]) -> str:
    reasons = ", ".join(
        counted(n, "near-duplicate") if reason == "near-duplicates" else f"{n} {reason}"
        for reason, n in sorted(left_out.items())
    )
    return f"{_origins(totals)} Left out: {reasons or 'none'}."


def _origins(totals: Totals) -> str:
    return (
        "## Where the labels come from\n\n"
        + _table(["label from", "images"], [[name, str(count)] for name, count in sorted(totals.origins.items())])
        + "\n\nEvery image starts with the label of its source. "
        f"People answered {totals.reviewed} of {totals.images} images."
    )


def _label_error(audit: Audit | None, totals: Totals) -> str:
    """The audited label error with its interval; without an audit, the detectors' estimate."""
    if audit is None:
        return "Not audited: nobody has answered the audit sample yet. " + _estimate(totals)
    rows = [
        [name, str(n), str(k), f"{k / n:.1%}"]
        for part in (audit.by_label, audit.by_source)
        for name, (n, k) in part.items()
    ]
    return (
        f"**{audit.wrong / audit.images:.1%}** of the labels are wrong (95 % interval {audit.low:.1%} to "
        f"{audit.high:.1%}): {audit.images} pictures were drawn at random, and {audit.wrong} of them had a wrong label "
        "when they were drawn. Those labels are fixed, so this version is a little better. The error rate in the "
        "review queue is not used, because the queue asks about the most suspicious pictures.\n\n"
        + _table(["of the audit", "images", "wrong", "error"], rows)
    )


def _certificate(version: Version) -> list[str]:
    """What the certificate says, with the numbers that it rests on."""
    if version.certificate is None:
        return []
    shown = version.certificate.certificate
    parts = [("label", shown.by_label), ("held-out site", shown.larger_sites)]
    rows = [
        [kind, markdown(name), str(images), str(wrong), f"{wrong / images:.1%}"]
        for kind, part in parts
        for name, (images, wrong) in part.items()
    ]
    verdict = "It holds" if shown.holds else f"It was made to show {shown.error:.2%}, and does not show that yet"
    text = (
        f"**With {shown.confidence:.0%} confidence, at most {shown.share:.2%} of the labels are wrong** "
        f"({shown.wrong_at_most} of {shown.images} images). {verdict}. People looked at {shown.looks} pictures that a "
        f"fixed random order chose, riskier ones more often, and corrected {shown.found} labels; "
        f"{shown.known} images have a label that people settled. {counted(shown.uncovered, 'image')} came or changed "
        "after the order was fixed and count as wrong. It takes for granted that answers of people who look at one "
        f"picture alone are right. This is design {version.certificate.number} of the project. "
        "`certificate.parquet` has the order and the answers, and `isitcake versions verify` "
        "recomputes the numbers."
    )
    head = ["of", "", "images", "wrong at most", "share"]
    small = len(shown.by_site) - len(shown.larger_sites)
    rest = f"\n\n`version.json` has {small} more, of fewer than {LEAST_SITE_IMAGES} images each." if small else ""
    return ["## Certificate\n\n" + text + ("\n\nEach by itself:\n\n" + _table(head, rows) + rest if rows else "")]


def _estimate(totals: Totals) -> str:
    """The detectors' own estimate, where something calibrates it."""
    if totals.expected_wrong is None:
        return (
            "How many labels are wrong is not known: too few answers calibrate the detectors' estimate "
            f"({totals.sampled} of {MIN_SAMPLED} about the audit sample; `isitcake review next --audit` lists it)."
        )
    share = totals.expected_wrong / max(1, totals.images)
    return (
        f"The detectors estimate that {share:.1%} of the labels are wrong. They are built to order images for review, "
        "so this is a rough guide."
    )


def _shortcuts(boards: Mapping[str, Sequence[Shortcut]], labels: int) -> str:
    """How well each trivial feature alone predicts the label, before the recipe and after it."""
    before, after = ({row.feature: row for row in boards.get(when, ())} for when in ("before", "after"))
    rows = [
        [name, _score(before.get(name)), _score(after.get(name)), after[name].advice if name in after else ""]
        for name in dict.fromkeys([*before, *after])
    ]
    return (
        "How well one trivial feature alone predicts the class: balanced accuracy "
        f"(chance: {1 / max(2, labels):.2f}), cross-validated by site where sites have several labels:\n\n"
        + _table(["feature", "originals", "published", "how to fix it"], rows)
    )


def _score(row: Shortcut | None) -> str:
    return "–" if row is None or row.score is None else f"{row.score:.2f}"


def _sources(totals: Totals) -> str:
    return (
        _sites(totals)
        + "\n\n`manifest.parquet` has the page, address and creator of every image. The pictures belong to "
        "their creators; the licence column says what the source allows." + _credits(totals.credits)
    )


def _sites(totals: Totals) -> str:
    rows = [
        [markdown(site), label, str(count), str(totals.relabelled[site]), markdown(licence) or NOT_STATED]
        for (site, label, licence), count in sorted(totals.by_site.items(), key=_largest)[:SITES_SHOWN]
    ]
    more = len(totals.by_site) - len(rows)
    rest = f"\n\nThese have the most images; the manifest has {more} more." if more > 0 else ""
    return (
        "## Sources and licences\n\n"
        + _table(["site", "its label", "images", "of them relabelled", "licence"], rows)
        + rest
    )


def _largest(entry: tuple[tuple[str, str, str], int]) -> tuple[int, tuple[str, str, str]]:
    return -entry[1], entry[0]


def _consent(totals: Totals) -> str:
    """What owners say, and how to see what they were asked."""
    counts = (
        ("Images with a permission to train", totals.preferences["train-ai=y"]),
        ("Images whose owner keeps AI crawlers out, which this project only notes", totals.preferences["train-ai=n"]),
        ("Images with a copyright notice, which the published picture carries too", totals.notices),
    )
    said = [f"{what}: {n}." for what, n in counts if n]
    return "\n\n".join(
        [
            "## Consent",
            "Pictures whose owners object to training are left out: by robots.txt, tdmrep.json, ai.txt, RSL, headers, "
            "pages or metadata. The columns `usage_preference`, `copyright_notice` and `checked_at` of the manifest "
            "say what the owner of each picture says, and when that was asked last.",
            *said,
        ]
    )


def _credits(credits: Mapping[tuple[str, str], int]) -> str:
    """The creators that the sources name, those of most images first."""
    if not credits:
        return ""
    most = sorted(credits.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [
        [markdown(creator), markdown(licence) or NOT_STATED, str(count)]
        for (creator, licence), count in most[:CREDITED]
    ]
    rest = f"\n\nThe manifest names {len(most) - CREDITED} more." if len(most) > CREDITED else ""
    return "\n\n### Credits\n\n" + _table(["creator", "licence", "images"], rows) + rest


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("\n", " ") for cell in row) + " |" for row in body])
