"""make bench-projects: small projects by users who configured nothing. Is the expected number of wrong labels true?

The photos of ../shared are put into seven projects: few and many pictures, two to eleven labels, even and uneven. In
each, a share of the claims is made wrong at random, several times. A person answers a fifth of the queue from the
truth, in rounds, and then the audit sample until the estimate is calibrated. What curate does between the rounds is
done by its own functions, without a catalog.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from photo_kinds import KINDS
from photos import Photos, labelled
from table import figures, out, table

from dataset.labels.audit import MIN_SAMPLED, ticket
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.derive import derive
from dataset.suspicion.evidence import Evidence, FactsOfImages, Pictures
from dataset.suspicion.meanings import meanings
from foundation.environment import shared_folder
from foundation.settings import ProjectSection, Settings
from networks.backbone import Backbone, backbone

RATES = (0.02, 0.05, 0.1, 0.2)  # share of the claims that are wrong
DRAWS = 3  # of wrong claims, for each project and rate
ROUND = 0.05  # share of the pictures that is asked about between two times of `curate`
LOOKED_AT = 0.2  # share of the pictures that the queue is asked for
ANIMALS, HOUSE, OUTSIDE = ("bird", "dog", "mammal", "cold-blooded"), ("kitchen", "thing"), ("vehicle", "building")


@dataclass(frozen=True)
class Things:
    """A project: which of the photos, and the true label of each."""

    name: str
    photos: Photos
    truth: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """found: share of the wrong labels that the queue's questions found; None if there were none. expected: wrong
    labels that are left, by the queue; None if it is not calibrated. left: how many are.
    """

    found: float | None
    expected: float | None
    left: int


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("this benchmark needs real photos in ../shared, or in the folder that ISITCAKE_SHARED names")
        return
    net = backbone()
    rows, results = [], []
    for things in projects(shared / "photos", labelled(shared, net, with_objects=False)):
        for rate in RATES:
            some = [play(things, rate, net, draw) for draw in range(DRAWS)]
            rows.append(row_of(things, rate, some))
            results += some
    table("wrong labels that are left, as the queue expects them", HEAD, rows)
    figures(summary(results))


HEAD = ["project", "pictures", "labels", "wrong", "found at 20 %", "expected", "left", "expected / left"]


def row_of(things: Things, rate: float, some: Sequence[Result]) -> tuple[object, ...]:
    """Means over the draws of one project and rate."""
    found = [result.found for result in some if result.found is not None]
    expected = [result.expected for result in some if result.expected is not None]
    left = [result.left for result in some if result.expected is not None]
    ratio = f"{sum(expected) / sum(left):.2f}" if sum(left) else "–"
    return (
        things.name, len(things.truth), len(set(things.truth)), f"{rate:.0%}", f"{np.mean(found):.2f}",
        f"{np.mean(expected):.1f}", f"{np.mean(left):.1f}", ratio,
    )  # fmt: skip


def summary(results: Sequence[Result]) -> Mapping[str, float | None]:
    """Over all draws. bias: mean of expected minus left. error: mean of its absolute value, in wrong labels."""
    known = [(result.expected, result.left) for result in results if result.expected is not None]
    found = [result.found for result in results if result.found is not None]
    expected, left = np.array(known).T
    return {
        "found_at_20": float(np.mean(found)),
        "expected_wrong": float(expected.mean()),
        "true_wrong": float(left.mean()),
        "expected_by_true": float(expected.sum() / left.sum()),
        "mean_error": float(np.abs(expected - left).mean()),
    }


def projects(photos: Path, data: Photos) -> Iterator[Things]:
    """Seven projects of the same photos. Of near-duplicates and copies, one is left."""
    with (photos / "objects.csv").open(newline="", encoding="utf-8") as file:
        kind_of = {row["file"]: KINDS[row["query"]] for row in csv.DictReader(file)}
    with (photos / "near_duplicates.csv").open(newline="", encoding="utf-8") as file:
        second = {(row["site_b"], row["file_b"]) for row in csv.DictReader(file)}
    at = [(str(site), str(name)) for site, name in zip(data.sites, data.names, strict=True)]
    is_first = {sha256: i for i, sha256 in reversed(list(enumerate(data.sha256.tolist())))}
    one = np.array([where not in second and is_first[data.sha256[i]] == i for i, where in enumerate(at)])
    kinds = np.array([kind_of[name] if site == "objects" else f"baker's {data.labels[i]}"
                      for i, (site, name) in enumerate(at)])  # fmt: skip
    cake, other, objects = "baker's cake", "baker's not_cake", tuple(sorted(set(KINDS.values())))

    def of(name: str, groups: Mapping[str, Sequence[str]], most: int = 1000) -> Things:
        keep, truth = [], []
        for label, members in groups.items():
            places = np.flatnonzero(np.isin(kinds, members) & one)[:most]
            keep += places.tolist()
            truth += [label] * len(places)
        order = np.argsort(data.sha256[keep])
        chosen = np.array(keep)[order]
        part = Photos(*(getattr(data, field)[chosen] for field in Photos.__dataclass_fields__))
        return Things(name, part, tuple(np.array(truth)[order].tolist()))

    yield of("two of animals", {"dog": ["dog"], "mammal": ["mammal"]})
    yield of("three kinds", {kind: [kind] for kind in ("dog", "kitchen", "vehicle")}, 20)
    yield of("three groups", {"animal": ANIMALS, "house": HOUSE, "outside": OUTSIDE})
    yield of("ten kinds", {kind: [kind] for kind in objects})
    yield of("cakes and biscuits", {"cake": [cake], "not_cake": [other]}, 80)
    yield of("cakes and things", {"cake": [cake], "thing": objects})
    yield of("cakes and ten kinds", {"cake": [cake], **{kind: [kind] for kind in objects}})


def play(things: Things, rate: float, net: Backbone, draw: int) -> Result:
    """Make some claims wrong, and answer like a person who was asked."""
    truth = np.array(things.truth)
    claimed = _claims(truth, rate, np.random.default_rng([draw, round(1000 * rate), len(truth)]))
    names = things.photos.sha256.tolist()
    settings = Settings(project=ProjectSection(labels=sorted(set(things.truth)), subject=""))
    answered: dict[str, str] = {}
    asked_as_sample: set[str] = set()
    found = 0
    in_sample = sorted(names, key=ticket)
    true_of = dict(zip(names, things.truth, strict=True))
    is_wrong = dict(zip(names, (claimed != truth).tolist(), strict=True))

    def queue() -> list[dict[str, object]]:
        evidence = _evidence(things.photos, claimed, answered, in_sample, asked_as_sample)
        return sorted(derive(evidence, meanings(settings), net).queue, key=lambda row: -float(row["priority"]))

    looks = round(LOOKED_AT * len(names))
    while len(answered) < looks:
        rows = queue()[: min(looks - len(answered), max(1, round(ROUND * len(names))))]
        found += sum(is_wrong[str(row["sha256"])] for row in rows)
        answered |= {str(row["sha256"]): true_of[str(row["sha256"])] for row in rows}
    for name in in_sample[:MIN_SAMPLED]:
        if name not in answered:
            answered[name] = true_of[name]
            asked_as_sample.add(name)
    rows = queue()
    expected = sum(float(str(row["error_probability"])) for row in rows)
    is_calibrated = all(row["calibrated_by"] for row in rows)
    left = sum(is_wrong[str(row["sha256"])] for row in rows)
    n_wrong = sum(is_wrong.values())
    return Result(found / n_wrong if n_wrong else None, expected if is_calibrated else None, left)


def _claims(truth: NDArray[np.str_], rate: float, rng: np.random.Generator) -> NDArray[np.str_]:
    """What the sources claim: the truth, but another label for a share of the pictures."""
    claimed, labels = truth.copy(), np.unique(truth)
    for i in rng.choice(len(truth), round(rate * len(truth)), replace=False):
        claimed[i] = rng.choice(labels[labels != truth[i]])
    return claimed


def _evidence(
    photos: Photos, claimed: NDArray[np.str_], answered: Mapping[str, str], in_sample: Sequence[str],
    asked_as_sample: set[str],
) -> Evidence:  # fmt: skip
    """What `curate` would read from the catalog. No picture has a copy."""
    names = tuple(photos.sha256.tolist())
    images = FactsOfImages()
    images.add([
        SimpleNamespace(
            format="JPEG", size_bytes=0, width=int(width), height=int(height), detail=made.detail,
            measures=made.row(name)["measures"], objects=None, text_lines=seen.text_lines, text_share=seen.text_share,
        )
        for name, (width, height), made, seen in zip(names, photos.sizes, photos.prints, photos.seen, strict=True)
    ])  # fmt: skip
    claims = {name: {str(label)} for name, label in zip(names, claimed, strict=True)}
    clustering = Clustering.of(names, np.arange(len(names)), [0] * len(names), claims, answered)
    counted = {name for i, name in enumerate(in_sample) if all(n in answered for n in in_sample[: i + 1])}
    return Evidence(
        Pictures(names, frozenset()), images, photos.vectors.astype(np.float16).astype(np.float32), clustering, {}, {},
        frozenset(counted), frozenset(counted & asked_as_sample),
    )  # fmt: skip


if __name__ == "__main__":
    main()
