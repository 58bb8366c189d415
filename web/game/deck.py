"""Which pictures a round shows, and what the models say of them: never training images, nor those of an open audit."""

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dataset.catalog.tables import audit, clusters, judgements
from dataset.labels import decisions
from dataset.project import Project
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.splits import UNSEEN
from foundation.errors import StageError
from training import models

PICTURES = 9
HARD_SHARE = 0.5  # of a round: what the champion is unsure of, or wrong about


@dataclass(frozen=True)
class Deck:
    """Pictures that may be played, and what each model says of each: sha256 → model → label → probability."""

    version: published.Version
    champion: str
    rows: Sequence[Row]
    said: Mapping[str, Mapping[str, Mapping[str, float]]]

    def row(self, sha256: str) -> Row | None:
        return self._by_name.get(sha256)

    @functools.cached_property
    def _by_name(self) -> dict[str, Row]:
        return {row.sha256: row for row in self.rows}

    def deal(self, rng: random.Random, count: int = PICTURES) -> list[Row]:
        """A round: labels in turn, about half of it hard. Fewer where there are not as many."""
        piles = []
        for label in rng.sample(self.version.labels, len(self.version.labels)):
            there = [row for row in self.rows if row.label == label]
            rng.shuffle(there)
            hard = sorted(there, key=self._ease)[: max(1, len(there) // 3)]
            rng.shuffle(hard)
            names = {row.sha256 for row in hard}
            piles.append((hard, [row for row in there if row.sha256 not in names]))
        dealt: list[Row] = []
        while len(dealt) < count and any(hard or easy for hard, easy in piles):
            for hard, easy in piles:
                pile = hard if hard and (not easy or rng.random() < HARD_SHARE) else easy
                if pile and len(dealt) < count:
                    dealt.append(pile.pop())
        rng.shuffle(dealt)
        return dealt

    def _ease(self, row: Row) -> float:
        """The champion's probability of the truth; where it says nothing, what the label is doubted."""
        answers = self.said.get(row.sha256, {}).get(self.champion.partition("/")[0])
        return answers.get(row.label, 0.5) if answers else 1 - row.error_probability


def deck(project: Project) -> Deck:
    """Of the champion's version, or the newest without a champion. Raises StageError where none can be played."""
    home = project.home
    known = published.names(home)
    champion = models.default_model_id(home)
    name = champion.partition("/")[2] if champion.partition("/")[2] in known else (known[-1] if known else "")
    if not name:
        raise StageError("nothing to play with: no version is published yet; run `isitcake publish`")
    version = published.load(home, name)
    closed = _open_audit(project)
    rows = version.rows()
    playable = [row for row in rows if row.split == UNSEEN and row.sha256 not in closed]
    labels = {row.label for row in playable}
    if len(labels) < 2 or len(playable) < PICTURES * 2:  # too few sites to play with those alone
        playable += [row for row in rows if row.split == "test" and row.sha256 not in closed]
    if not playable:
        raise StageError(f"nothing to play with: version {name} has no test images; collect more")
    said: dict[str, dict[str, dict[str, float]]] = {}
    for model in models.of_version(home, name):
        for row in model.predictions():
            said.setdefault(row["sha256"], {})[model.name] = {label: row[f"p_{label}"] for label in model.labels}
    return Deck(version, champion, playable, said)


def _open_audit(project: Project) -> set[str]:
    """Pictures of the random sample that wait for their answer: who plays must not learn it first."""
    with project.catalog.read() as connection:
        answered = select(judgements.c.sha256).where(judgements.c.answer != decisions.WITHDRAWN)
        waiting = select(audit.c.sha256).where(audit.c.sha256.not_in(answered))
        cluster = select(clusters.c.cluster).where(clusters.c.sha256.in_(waiting))
        found = connection.execute(select(clusters.c.sha256).where(clusters.c.cluster.in_(cluster))).scalars()
        return set(found)
