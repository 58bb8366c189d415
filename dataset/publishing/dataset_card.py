"""The dataset card and croissant.json of a version: generated, never edited."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dataset.publishing.balance import balance
from dataset.publishing.totals import Census
from dataset.versions.splits import SHARES, SPLITS, UNSEEN

_CREDITS = re.compile(r"\n\n### Credits\n\n.*?(?=\n\n## )", re.DOTALL)
CREDITED = 200  # makers named on the card; all of them stand in the manifest

EXPLAINED = {
    "train": "to learn from",
    "validation": "to choose with",
    "test": "images never seen, sites that were",
    UNSEEN: "sites never seen: what to expect elsewhere",
}


def card(
    project: str,
    labels: Sequence[str],
    found: Census,
    facts: Mapping[str, Any],
    left_out: Mapping[str, int],
) -> str:
    """README.md with Hugging Face's YAML. facts: version.json; left_out: images not published, by why."""
    present = [split for split in SPLITS if facts["counts"].get(split)]
    yaml = ["---", f"pretty_name: {json.dumps(project)}", "task_categories:", "- image-classification"]
    yaml += [f"size_categories:\n- {_size(found.images)}", "configs:", "- config_name: default", "  data_files:"]
    for split in present:
        yaml += [f"  - split: {split}", f'    path: "data/{split}/**"']
    yaml.append("---")
    per_split = [
        [
            split,
            *(str(facts["counts"][split].get(label, 0)) for label in labels),
            f"{sum(facts['counts'][split].values()) / max(1, found.images):.1%}",
            EXPLAINED[split],
        ]
        for split in SPLITS
    ]
    sources = [
        [site, label, str(count), str(found.relabelled[site]), licence or "not stated"]
        for (site, label, licence), count in sorted(found.by_place.items())
    ]
    doubt = found.doubt / max(1, found.images)
    parts = [
        "\n".join(yaml),
        f"# {project} {facts['name']}",
        f"{found.images} images of {len(labels)} classes, collected from {len(found.relabelled)} places "
        f"({_days(found.first_seen)}), "
        f"cleaned, and split so that no picture and no held-out site is on both sides. "
        f"Id `{facts['id']}`, published {facts['created']}"
        + (f", after {facts['parent']}." if facts["parent"] else ", the first version."),
        *_forced(facts.get("gates", [])),
        "## Images\n\n"
        + _table(["split", *labels, "share", ""], per_split)
        + f"\n\n{_aimed(facts['counts'])}"
        + (f"\n\n{told}" if (told := balance({label: found.labels[label] for label in labels})) else ""),
        "## How the labels came about\n\n"
        + _table(["label from", "images"], [[name, str(count)] for name, count in sorted(found.origins.items())])
        + f"\n\nEvery image starts with the label of its source. People looked at {found.reviewed} of {found.images}. "
        "Left out: " + (", ".join(f"{n} {why}" for why, n in sorted(left_out.items())) or "none") + ".",
        "## How wrong it still is\n\n" + _error(facts.get("audit"), doubt),
        "## Bias to know about\n\nEach class comes from places of its own kind, so a model can learn the place "
        f"instead of the subject. Compare `test` with `{UNSEEN}`, whose sites no training image comes from. All "
        "images went through one recipe (upright, sRGB, white ground, longest side 1024, JPEG), so that size, "
        "format and compression do not give the class away.\n\n" + _shortcuts(facts.get("shortcuts", {}), len(labels)),
        "## Sources and licences\n\n"
        + _table(["place", "its label", "images", "of them relabelled", "licence"], sources)
        + "\n\nPage, address and creator of every image stand in `manifest.parquet`. The pictures belong to their "
        "makers; the licence column says what the source allows." + _credits(found.credits),
        "## How to load\n\n```python\nfrom datasets import load_dataset\n\n"
        'dataset = load_dataset("path/to/this/folder")\n```\n\nOr `torchvision.datasets.ImageFolder("data/train")`, '
        "`croissant.json` with mlcroissant, or `manifest.parquet` with pandas or DuckDB.",
        "## Have a picture removed\n\nWrite to the contact in the crawler's user agent with the picture's address; it "
        "is erased from every version and not collected again.",
    ]
    return "\n\n".join(parts) + "\n"


def _days(seen: tuple[str, str]) -> str:
    first, last = seen
    return f"on {first}" if first == last else f"{first} to {last}"


def _aimed(counts: Mapping[str, Mapping[str, int]]) -> str:
    """What the shares were meant to be, and what they are where sites were not held out."""
    seen = {split: sum(counts.get(split, {}).values()) for split in SHARES}
    whole = max(1, sum(seen.values()))
    told = ", ".join(f"{split} {seen[split] / whole:.1%} of {share:.0%} meant" for split, share in SHARES.items())
    return f"Of the images from sites that are trained on: {told}. Whole sites make up `{UNSEEN}`."


def with_credits(text: str, found: Mapping[tuple[str, str], int]) -> str:
    """The card with other credits: of what is left after an erasure."""
    return _CREDITS.sub(lambda _: _credits(found), text)


def _credits(found: Mapping[tuple[str, str], int]) -> str:
    """Who made the pictures, as far as the sources say."""
    if not found:
        return ""
    most = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [[creator, licence or "not stated", str(count)] for (creator, licence), count in most[:CREDITED]]
    rest = f"\n\nAnd {len(most) - CREDITED} more, in the manifest." if len(most) > CREDITED else ""
    return "\n\n### Credits\n\n" + _table(["made by", "licence", "images"], rows) + rest


def _forced(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was refused and published all the same."""
    refused = [gate["forced"] for gate in gates if gate.get("forced")]
    if not refused:
        return []
    return ["## Published by force\n\n" + "\n".join(f"- {why}" for why in refused)]


def _error(audited: Mapping[str, Any] | None, doubt: float) -> str:
    """The audited label error with its interval; without an audit, what there is instead."""
    if audited is None:
        return (
            "Not audited: nobody answered the random sample yet. The detectors' own estimate is "
            f"{doubt:.1%} of the labels; they are built to order images for review, so take it as a rough guide."
        )
    wrong, images = audited["wrong"], audited["images"]
    rows = [
        [name, str(n), str(k), f"{k / n:.1%}"]
        for part in ("by_label", "by_source")
        for name, (n, k) in audited[part].items()
    ]
    return (
        f"**{wrong / images:.1%}** of the labels (95 % interval {audited['low']:.1%} to {audited['high']:.1%}): of "
        f"{images} pictures drawn at random, whatever anybody suspected, {wrong} had a wrong label when they were "
        "drawn. Those are mended, so this version is a little better. The review queue's own rate is not used: it "
        "asks about the worst.\n\n" + _table(["of the audit", "images", "wrong", "error"], rows)
    )


def _shortcuts(found: Mapping[str, Any], labels: int) -> str:
    """How well one trivial thing at a time predicts the label, before the recipe and after it."""
    scores = {when: {row["feature"]: row for row in rows} for when, rows in found.items()}
    names = dict.fromkeys([row["feature"] for rows in found.values() for row in rows])

    def told(when: str, name: str) -> str:
        row = scores.get(when, {}).get(name)
        return "–" if row is None or row["score"] is None else f"{row['score']:.2f}"

    rows = [
        [name, told("before", name), told("after", name), scores.get("after", {}).get(name, {}).get("advice", "")]
        for name in names
    ]
    return (
        "Balanced accuracy of telling the classes apart by one trivial thing alone "
        f"(chance: {1 / max(2, labels):.2f}), cross-validated by site where sites have several labels:\n\n"
        + _table(["by", "originals", "published", "to mend it"], rows)
    )


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body])


def _size(count: int) -> str:
    for limit, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if count < limit:
            return name
    return "n>1M"
