"""The pictures that a game round may show, with each model's predictions.

Training images are never shown, nor images of the audit sample that still wait for an answer.
"""

import functools
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from dataset.catalog.tables import audit, clusters, erasures, judgements
from dataset.labels import decisions
from dataset.project import Project
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.splits import UNSEEN
from foundation.errors import StageError
from training import models

ROUND_PICTURES = 9
HARD_SHARE = 0.5  # share of a round's pictures that are hard for the default model
HARD_FRACTION = 3  # the third of a label's pictures with the lowest probability of the truth is hard
LEAST_UNSEEN = 2 * ROUND_PICTURES  # fewer pictures of unseen sites than this, and those of `test` are added

Predictions = Mapping[str, Mapping[str, float]]  # model name → label → probability


@dataclass(frozen=True)
class Deck:
    """Pictures of one version that may be played. default_model: its id. predictions: by SHA-256."""

    version: published.Version
    default_model: str
    rows: Sequence[Row]
    predictions: Mapping[str, Predictions]

    def row(self, sha256: str) -> Row | None:
        return self._rows_by_sha256.get(sha256)

    def has_picture(self, row: Row) -> bool:
        """Whether the picture is still there. An erasure takes it from decks that are in use, in rooms too."""
        return (self.version.path / row.file).is_file()

    def predictions_of(self, sha256: str) -> Predictions:
        """Every model's probabilities for one picture; empty if no model was asked."""
        return self.predictions.get(sha256, {})

    def default_probabilities(self, sha256: str) -> Mapping[str, float]:
        """The default model's probability of each label; empty if it was not asked."""
        return self.predictions_of(sha256).get(self.default_model.partition("/")[0], {})

    def deal(self, rng: random.Random, count: int = ROUND_PICTURES) -> list[Row]:
        """Pictures of one round: the labels in turn, about half of the pictures hard. May be fewer than `count`."""
        piles = []
        for label in rng.sample(self.version.labels, len(self.version.labels)):
            rows = [row for row in self.rows if row.label == label]
            rng.shuffle(rows)
            hard = sorted(rows, key=self._ease)[: max(1, len(rows) // HARD_FRACTION)]
            rng.shuffle(hard)
            names = {row.sha256 for row in hard}
            piles.append((hard, [row for row in rows if row.sha256 not in names]))
        dealt: list[Row] = []
        while len(dealt) < count and any(hard or easy for hard, easy in piles):
            for hard, easy in piles:
                pile = hard if hard and (not easy or rng.random() < HARD_SHARE) else easy
                if pile and len(dealt) < count:
                    dealt.append(pile.pop())
        rng.shuffle(dealt)
        return dealt

    @functools.cached_property
    def _rows_by_sha256(self) -> dict[str, Row]:
        return {row.sha256: row for row in self.rows}

    def _ease(self, row: Row) -> float:
        """The default model's probability of the true label; without it, the probability that the label is right."""
        probabilities = self.default_probabilities(row.sha256)
        return probabilities.get(row.label, 0.5) if probabilities else 1 - row.error_probability


class CurrentDeck:
    """The deck of a project. It is read again when a version, a model, an answer or an erasure is new."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._decks: dict[tuple[str, ...], Deck] = {}
        self._loading = threading.Lock()  # one request reads the deck, the others wait

    def get(self) -> Deck:
        """Raises StageError if there is nothing to play with."""
        home = self._project.home
        ids = [model.id for model in models.listing(home)]
        key = (models.default_model_id(home), *ids, *self._dataset_state())
        with self._loading:
            if key not in self._decks:
                self._decks.clear()
                self._decks[key] = load_deck(self._project)
            return self._decks[key]

    def _dataset_state(self) -> tuple[str, ...]:
        """The newest version, the size of the audit sample, the newest answer, and the erasures begun and done."""
        with self._project.catalog.read() as connection:
            drawn = connection.execute(select(func.count()).select_from(audit)).scalar_one()
            answered = connection.execute(select(func.max(judgements.c.id))).scalar()
            erased = connection.execute(select(func.count(), func.max(erasures.c.done_at)).select_from(erasures)).one()
        return (*published.names(self._project.home)[-1:], str(drawn), str(answered), *map(str, erased))


def load_deck(project: Project) -> Deck:
    """The deck of the default model's version, or of the newest version if there is no default model.

    Raises StageError if there is no version, or no picture in its tests.
    """
    home = project.home
    default_model = models.default_model_id(home)
    name = _version_to_play(default_model, published.names(home))
    version = published.load(home, name)
    closed = _open_audit(project)
    rows = version.rows()
    playable = [row for row in rows if row.split == UNSEEN and row.sha256 not in closed]
    labels = {row.label for row in playable}
    if len(labels) < 2 or len(playable) < LEAST_UNSEEN:
        playable += [row for row in rows if row.split == "test" and row.sha256 not in closed]
    if not playable:
        raise StageError(f"nothing to play with: version {name} has no test images; collect more")
    predictions: dict[str, dict[str, dict[str, float]]] = {}
    for model in models.of_version(home, name):
        for row in model.predictions():
            probabilities = {label: row[f"p_{label}"] for label in model.labels}
            predictions.setdefault(row["sha256"], {})[model.name] = probabilities
    return Deck(version, default_model, playable, predictions)


def _version_to_play(default_model: str, names: Sequence[str]) -> str:
    """default_model: name/version, or empty. names: of all versions, the newest last."""
    version = default_model.partition("/")[2]
    if version in names:
        return version
    if not names:
        raise StageError("nothing to play with: no version is published yet; run `isitcake publish`")
    return names[-1]


def _open_audit(project: Project) -> set[str]:
    """Images of the audit sample without an answer, with their clusters: a player must not learn the answer first."""
    with project.catalog.read() as connection:
        answered = select(judgements.c.sha256).where(judgements.c.answer != decisions.WITHDRAWN)
        waiting = select(audit.c.sha256).where(audit.c.sha256.not_in(answered))
        cluster = select(clusters.c.cluster).where(clusters.c.sha256.in_(waiting))
        members = connection.execute(select(clusters.c.sha256).where(clusters.c.cluster.in_(cluster))).scalars()
        return set(members)
