"""How wrong the labels still are: a simple random sample that people answer, whatever anybody suspects.

Every picture has a permanent random number, its ticket; the sample is the pictures with the lowest tickets,
so it is reused from version to version and nobody can choose it. What it says is of labels as they stood when a
picture was drawn: those that review had settled by then count as they were settled.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from scipy.stats import beta
from sqlalchemy import Connection, select

from dataset.catalog.tables import audit, clusters, sightings
from dataset.catalog.writes import insert_new
from dataset.labels import label_ledger

LEVEL = 0.95


@dataclass(frozen=True)
class Residual:
    """images: answered in the sample, those nobody could tell left out. low, high: 95 % interval of the error.

    by_label, by_source: (images, wrong) of each.
    """

    images: int
    wrong: int
    low: float
    high: float
    by_label: dict[str, tuple[int, int]] = field(default_factory=dict)
    by_source: dict[str, tuple[int, int]] = field(default_factory=dict)


def ticket(sha256: str) -> str:
    """The permanent random number of a picture, 16 hex digits."""
    return hashlib.sha256(b"isitcake audit\0" + bytes.fromhex(sha256)).hexdigest()[:16]


def interval(wrong: int, images: int) -> tuple[float, float]:
    """Clopper-Pearson interval of an error rate: exact, so never narrower than it says."""
    if not 0 <= wrong <= images:
        raise ValueError(f"{wrong} wrong of {images}")
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, wrong, images - wrong + 1)) if wrong else 0.0
    high = float(beta.ppf(1 - tail, wrong + 1, images - wrong)) if wrong < images else 1.0
    return low, high


def draw(connection: Connection, labels: list[str], waiting: int, now: datetime) -> int:
    """Draw pictures into the sample until `waiting` of them are unanswered. Returns how many were drawn.

    Only what would be published is drawn. A picture that somebody judged before is drawn with the label that
    settled.
    """
    decided = label_ledger.latest(connection)
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    judged = set(label_ledger.newest_answers(connection))
    drawn = set(connection.execute(select(audit.c.sha256)).scalars())
    known = {cluster_of[sha] for sha in drawn if sha in cluster_of}
    best = connection.execute(select(clusters.c.representative).distinct()).scalars()
    publishable = [sha for sha in best if sha in decided and decided[sha].label in labels]
    open_ = sum(cluster not in judged for cluster in known)
    rows = []
    for sha256 in sorted(publishable, key=ticket):
        cluster = cluster_of[sha256]
        if cluster in known:
            continue
        if cluster not in judged:
            if open_ >= waiting:
                break
            open_ += 1
        rows.append({"sha256": sha256, "ticket": ticket(sha256), "label": decided[sha256].label, "drawn_at": now})
    return insert_new(connection, audit, rows) if rows else 0


def residual(connection: Connection) -> Residual | None:
    """What the sample says; None while its first picture waits for an answer.

    Counted is the sample as far as it is answered without a gap: who is answered first must not matter.
    """
    opinions = label_ledger.opinions_of(connection)
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    sources = {row.sha256: row.source for row in connection.execute(select(sightings).order_by(sightings.c.id.desc()))}
    counts: Counter[tuple[str, str, bool]] = Counter()
    for row in connection.execute(select(audit).order_by(audit.c.ticket)):
        opinion = opinions.get(cluster_of.get(row.sha256, row.sha256))
        if opinion is None or opinion.is_open:
            break
        said = opinion.label
        if said != "unsure":
            counts[row.label, sources.get(row.sha256, ""), said != row.label] += 1
    images, wrong = sum(counts.values()), sum(n for (_, _, is_wrong), n in counts.items() if is_wrong)
    if not images:
        return None

    def by(part: int) -> dict[str, tuple[int, int]]:
        names = sorted({key[part] for key in counts})
        return {
            str(name): (
                sum(n for key, n in counts.items() if key[part] == name),
                sum(n for key, n in counts.items() if key[part] == name and key[2]),
            )
            for name in names
        }

    return Residual(images, wrong, *interval(wrong, images), by(0), by(1))
