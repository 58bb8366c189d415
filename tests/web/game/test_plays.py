"""Rounds in the catalog."""

import json

import pytest
from sqlalchemy import select

from dataset.catalog.tables import plays, rounds
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from training.train import train
from web.game.deck import load_deck
from web.game.plays import Refused, answer_picture, begin_round, dealt_picture, round_result


def test_a_round_is_kept_with_its_score(bakery: Project) -> None:
    """One right and one wrong answer: score, truth, and what the model said then."""
    train(bakery.settings, names=["svm"])
    deck = load_deck(bakery)
    new = begin_round(bakery, deck, "Ann")
    for slot, is_right in enumerate((True, False)):
        row = deck.row(dealt_picture(bakery, new.id, slot))
        assert row is not None
        other = next(label for label in deck.version.labels if label != row.label)
        reveal = answer_picture(bakery, deck, new.id, slot, row.label if is_right else other)
        assert (reveal.is_right, reveal.truth, reveal.site) == (is_right, row.label, row.site)
    result = round_result(bakery, deck, new.id)
    assert (result["nickname"], result["pictures"], result["answered"], result["right"]) == ("Ann", 9, 2, 1)
    assert set(result["models"]) == {"svm"}
    assert set(result["reveals"][0]) == {
        "slot", "truth", "answer", "is_right", "said", "creator", "licence", "page_url", "site"
    }  # fmt: skip
    with bakery.catalog.read() as connection:
        kept = connection.execute(select(plays)).all()
    assert {row.model_answer for row in kept} <= set(deck.version.labels)
    assert {row.player for row in kept} == {new.player}


def test_a_player_keeps_the_same_id(bakery: Project) -> None:
    deck = load_deck(bakery)
    first = begin_round(bakery, deck, "Ann")
    assert begin_round(bakery, deck, "Ann", first.player).player == first.player
    assert begin_round(bakery, deck, "Ann").player != first.player


def test_unknown_rounds_slots_and_labels_are_refused(bakery: Project) -> None:
    deck = load_deck(bakery)
    new = begin_round(bakery, deck, "Ann")
    for round_id, slot in ((new.id, -1), (new.id, 9), ("unknown", 0)):
        with pytest.raises(Refused, match="no such picture"):
            dealt_picture(bakery, round_id, slot)
    with pytest.raises(Refused, match="no such answer"):
        answer_picture(bakery, deck, new.id, 0, "unusable")
    with pytest.raises(Refused, match="no such round"):
        round_result(bakery, deck, "unknown")


def test_an_erased_picture_is_in_no_round(bakery: Project) -> None:
    new = begin_round(bakery, load_deck(bakery), "Ann")
    erase(bakery, Selection(Kind.SHA256, dealt_picture(bakery, new.id, 0)), "asked")
    with pytest.raises(Refused):
        dealt_picture(bakery, new.id, 0)
    with bakery.catalog.read() as connection:
        left = [json.dumps(row.pictures) for row in connection.execute(select(rounds))]
    assert left == []
