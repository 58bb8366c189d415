"""The pictures that a game round may show, with each model's predictions.

They are those of the newest version's tests, with the labels that hold now. Training images are never shown, nor images
of the audit sample that still wait for an answer.
"""

import functools
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from dataset.catalog.tables import audit, clusters, judgements
from dataset.labels import decisions
from dataset.labels.vocabulary import JudgementOrigin
from dataset.project import Project
from dataset.splits.assignment import UNSEEN
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.today import Today, revision, today
from foundation.errors import StageError
from training import models
from training.comparison import answers_of, learned_by

ROUND_PICTURES = 9
HARD_SHARE = 0.5  # share of a round's pictures that are hard for the default model
HARD_FRACTION = 3  # the third of a label's pictures with the lowest probability of the truth is hard
LEAST_UNSEEN = 2 * ROUND_PICTURES  # fewer pictures of unseen sites than this, and those of `test` are added

Predictions = Mapping[str, Mapping[str, float]]  # model name → label → probability


@dataclass(frozen=True)
class Deck:
    """Pictures of the newest version that may be played. default_model: its id. predictions: by SHA-256. today: labels
    that hold now.
    """

    version: published.Version
    default_model: str
    rows: Sequence[Row]
    predictions: Mapping[str, Predictions]
    today: Today

    def row(self, sha256: str) -> Row | None:
        return self._rows_by_sha256.get(sha256)

    def has_picture(self, row: Row) -> bool:
        """Whether the picture is still there. An erasure takes it from decks that are in use, in rooms too."""
        return self.version.pictures.has(row)

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
    """The deck of a project. It is read again when a version, a model, a decision, an answer or an erasure is new."""

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
        """The newest version, the size of the audit sample, the newest answer, the newest decision and erasure."""
        with self._project.catalog.read() as connection:
            drawn = connection.execute(select(func.count()).select_from(audit)).scalar_one()
            answered = connection.execute(select(func.max(judgements.c.id))).scalar()
            decided = revision(connection)
        return (*published.names(self._project.home)[-1:], str(drawn), str(answered), *decided)


def load_deck(project: Project) -> Deck:
    """The deck of the newest version. Raises StageError if there is no version, or no picture in its tests."""
    with project.catalog.read() as connection:
        now = today(connection, project.home)
    if now is None:
        raise StageError("nothing to play with: no version is published yet; run `isitcake publish`")
    closed = _open_audit(project)
    playable = [row for row in now.tests if row.split == UNSEEN and row.sha256 not in closed]
    labels = {row.label for row in playable}
    if len(labels) < 2 or len(playable) < LEAST_UNSEEN:
        playable += [row for row in now.tests if row.split == "test" and row.sha256 not in closed]
    if not playable:
        raise StageError(f"nothing to play with: {_why_nothing(now)}")
    predictions: dict[str, dict[str, Mapping[str, float]]] = {}
    for model in _models_to_ask(project, now):
        learned = learned_by(model)
        unknown = [row for row in playable if row.sha256 not in learned]
        for sha256, probabilities in answers_of(model, now.version, unknown).items():
            predictions.setdefault(sha256, {})[model.name] = probabilities
    return Deck(now.version, models.default_model_id(project.home), playable, predictions, now)


def _why_nothing(now: Today) -> str:
    """Why no picture may be played, and what helps."""
    if not now.tests:
        return f"version {now.version.name} has no test images; collect more"
    return (
        f"every test image of version {now.version.name} is in the audit sample and waits for an answer; "
        "answer the pictures of `isitcake review next --audit` first"
    )


def _models_to_ask(project: Project, now: Today) -> list[models.Model]:
    """Models of the newest version, and the default model of any version in place of that of its name."""
    default = models.default_model(project.home)
    others = models.of_version(project.home, now.version.name)
    asked = [model for model in others if default is None or model.name != default.name]
    return [model.renamed(now.new_names) for model in [*asked, *([default] if default else [])]]


def _open_audit(project: Project) -> set[str]:
    """Images of the audit sample without an answer, with their clusters: a player must not learn the answer first."""
    with project.catalog.read() as connection:
        answered = select(judgements.c.sha256).where(
            judgements.c.answer != decisions.WITHDRAWN, judgements.c.origin != JudgementOrigin.CONFIRMED.value
        )
        waiting = select(audit.c.sha256).where(audit.c.sha256.not_in(answered))
        cluster = select(clusters.c.cluster).where(clusters.c.sha256.in_(waiting))
        members = connection.execute(select(clusters.c.sha256).where(clusters.c.cluster.in_(cluster))).scalars()
        return set(members)
