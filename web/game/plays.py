"""Rounds in the catalog: what was dealt, what was answered, who is ahead. Scores are counted here, never believed."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from scipy.stats import beta
from sqlalchemy import select

from dataset.catalog.tables import plays, rounds
from dataset.catalog.writes import append, insert_new
from dataset.project import Project
from web.game.deck import PICTURES, Deck

LEVEL = 0.95
SHOWN = 20  # versions in the all-time table


class Refused(Exception):
    """A request that no page of ours makes: an answer twice, to what was not dealt, of no label."""


@dataclass(frozen=True)
class Reveal:
    """What is shown once a picture is answered. said: model → label → probability."""

    slot: int
    truth: str
    answer: str
    is_right: bool
    said: Mapping[str, Mapping[str, float]]
    creator: str
    licence: str
    page_url: str
    site: str


def begin(project: Project, deck: Deck, nickname: str, player: str = "") -> tuple[str, str, int]:
    """Deal a round. Returns its id, which nobody can guess, the player's and how many pictures it has."""
    dealt = deck.deal(random.SystemRandom(), PICTURES)
    name, player = secrets.token_hex(16), player or secrets.token_hex(16)
    row = {
        "id": name, "player": player, "nickname": nickname, "version": deck.version.name,
        "pictures": [[row.sha256, row.label] for row in dealt], "begun_at": datetime.now(UTC),
    }  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, rounds, [row])
    return name, player, len(dealt)


def dealt(project: Project, round_id: str, slot: int) -> str:
    """SHA-256 of a round's picture. Raises Refused for what was not dealt."""
    return _pictures(project, round_id, slot)[1]


def answer(project: Project, deck: Deck, round_id: str, slot: int, label: str) -> Reveal:
    """Take an answer, once, and tell the truth. Raises Refused."""
    if label not in deck.version.labels:
        raise Refused("no such answer")
    found, sha256, truth = _pictures(project, round_id, slot)
    play = {
        "round": round_id, "slot": slot, "player": found.player, "sha256": sha256, "version": found.version,
        "answer": label, "label": truth, "model_answer": champion_says(deck, sha256), "played_at": datetime.now(UTC),
    }  # fmt: skip
    if not store(project, [play]):
        raise Refused("this picture was answered before")
    return reveal(deck, slot, sha256, truth, label)


def reveal(deck: Deck, slot: int, sha256: str, truth: str, label: str) -> Reveal:
    row = deck.row(sha256)
    credit = (row.creator, row.licence, row.page_url, row.site) if row else ("", "", "", "")
    return Reveal(slot, truth, label, label == truth, deck.said.get(sha256, {}), *credit)


def champion_says(deck: Deck, sha256: str) -> str:
    """The champion's answer; empty where it said nothing."""
    return _says(deck.said.get(sha256, {}).get(deck.champion.partition("/")[0], {}))


def store(project: Project, played: Sequence[Mapping[str, Any]]) -> int:
    """Keep answers, each player's first to a picture of a round only. Returns how many were new."""
    with project.catalog.write() as connection:
        return insert_new(connection, plays, played)


def standing(project: Project, deck: Deck, round_id: str) -> dict[str, Any]:
    """The round's table: each answered picture, the player's score and every model's on the same pictures."""
    with project.catalog.read() as connection:
        found = connection.execute(select(rounds).where(rounds.c.id == round_id)).first()
        given = connection.execute(select(plays).where(plays.c.round == round_id).order_by(plays.c.slot)).all()
    if found is None:
        raise Refused("no such round")
    reveals = [reveal(deck, row.slot, row.sha256, row.label, row.answer) for row in given]
    return {
        "nickname": found.nickname,
        "pictures": len(found.pictures),
        "answered": len(reveals),
        "right": sum(one.is_right for one in reveals),
        "models": models_right([(one.truth, one.said) for one in reveals]),
        "reveals": [asdict(one) for one in reveals],
    }


def models_right(shown: Sequence[tuple[str, Mapping[str, Mapping[str, float]]]]) -> dict[str, int]:
    """How many of these pictures each model gets right. shown: truth and what models say, of each."""
    names = dict.fromkeys(name for _, said in shown for name in said)
    return {name: sum(_says(said.get(name, {})) == truth for truth, said in shown) for name in names}


def _says(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=lambda label: probabilities[label]) if probabilities else ""


@dataclass(frozen=True)
class Side:
    """Players, or one model, on the answers of one version. low, high: 95 % interval of the share."""

    name: str
    answers: int
    right: int
    share: float
    low: float
    high: float


def all_time(project: Project, deck: Deck) -> list[tuple[str, list[Side]]]:
    """Of each version, the newest first: players together, and each model on the pictures they were shown."""
    with project.catalog.read() as connection:
        given = connection.execute(select(plays)).all()
    found = []
    names = dict.fromkeys(row.version for row in sorted(given, key=lambda row: row.id, reverse=True))
    for name in list(names)[:SHOWN]:
        rows = [row for row in given if row.version == name]
        sides = [_side("people", len(rows), sum(row.answer == row.label for row in rows))]
        if name == deck.version.name:
            shown = [(row.label, deck.said.get(row.sha256, {})) for row in rows]
            right = models_right(shown)
            sides += [_side(model, len(rows), n) for model, n in sorted(right.items(), key=lambda e: (-e[1], e[0]))]
        found.append((name, sides))
    return found


def _side(name: str, answers: int, right: int) -> Side:
    low = beta.ppf((1 - LEVEL) / 2, right, answers - right + 1) if right else 0.0
    high = beta.ppf((1 + LEVEL) / 2, right + 1, answers - right) if right < answers else 1.0
    return Side(name, answers, right, right / max(1, answers), float(low), float(high))


def _pictures(project: Project, round_id: str, slot: int) -> tuple[Any, str, str]:
    with project.catalog.read() as connection:
        found = connection.execute(select(rounds).where(rounds.c.id == round_id)).first()
    if found is None or not 0 <= slot < len(found.pictures):
        raise Refused("no such picture")
    sha256, label = found.pictures[slot]
    return found, sha256, label
