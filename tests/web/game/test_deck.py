"""Which pictures a round shows."""

import random
from datetime import UTC, datetime

import pytest

from dataset.catalog.tables import audit, judgements
from dataset.catalog.writes import append
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from foundation.errors import StageError
from training.train import train
from web.game.deck import CurrentDeck, load_deck

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_round_shows_test_images_with_labels_in_balance(bakery: Project) -> None:
    """Training images are never shown."""
    train(bakery.settings, names=["svm"])
    deck = load_deck(bakery)
    assert {row.split for row in deck.rows} <= {"test", "test_unseen_sites"}
    for seed in range(20):
        dealt = deck.deal(random.Random(seed))
        assert len({row.sha256 for row in dealt}) == 9
        counts = [sum(row.label == label for row in dealt) for label in deck.version.labels]
        assert sorted(counts) == [4, 5]


def test_half_of_a_round_is_hard(bakery: Project) -> None:
    """Over many rounds, about half of the pictures come from the third with the lowest probability of the truth."""
    train(bakery.settings, names=["svm"])
    deck = load_deck(bakery)
    hard: set[str] = set()
    for label in deck.version.labels:
        rows = [row for row in deck.rows if row.label == label]
        rows.sort(key=lambda row: deck.default_probabilities(row.sha256)[row.label])
        hard |= {row.sha256 for row in rows[: len(rows) // 3]}
    dealt = [row for seed in range(100) for row in deck.deal(random.Random(seed))]
    assert 0.4 < sum(row.sha256 in hard for row in dealt) / len(dealt) < 0.6


def test_an_open_audit_picture_is_not_shown(bakery: Project) -> None:
    """Its answer must not be known before it is given. The current deck notices that the audit sample is new."""
    current = CurrentDeck(bakery)
    deck = current.get()
    assert current.get() is deck
    sha256 = deck.rows[0].sha256
    with bakery.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(judgements.delete().where(judgements.c.sha256 == sha256))
        append(connection, audit, [{"sha256": sha256, "ticket": "0" * 16, "label": "cake", "drawn_at": NOW}])
    assert sha256 not in {row.sha256 for row in load_deck(bakery).rows}
    assert sha256 not in {row.sha256 for row in current.get().rows}


def test_an_erased_picture_leaves_the_deck_that_is_in_use(bakery: Project) -> None:
    """Security 16: also one that nobody answered about, while the version keeps its name."""
    current = CurrentDeck(bakery)
    row = current.get().rows[0]
    with bakery.catalog.write() as connection:
        for table in (judgements, audit):
            connection.execute(table.delete().where(table.c.sha256 == row.sha256))
    assert current.get().row(row.sha256)
    erase(bakery, Selection(Kind.SHA256, row.sha256), "asked")
    assert current.get().row(row.sha256) is None


def test_without_models_the_newest_version_is_played(bakery: Project) -> None:
    deck = load_deck(bakery)
    assert deck.default_model == ""
    assert deck.predictions_of(deck.rows[0].sha256) == {}
    assert len(deck.deal(random.Random(1))) == 9


def test_without_a_version_there_is_nothing_to_play(collected: Project) -> None:
    """The message names the command to run."""
    with pytest.raises(StageError, match="isitcake publish"):
        load_deck(collected)
