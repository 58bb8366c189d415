"""Game rounds in the catalog: pictures dealt and answers given. Scores are counted here, never taken from a browser."""

import hashlib
import hmac
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import plays, rounds
from dataset.catalog.writes import append, insert_new
from dataset.labels.players import GROUP
from dataset.project import Project
from web.game.deck import Deck, Predictions
from web.game.scores import best_label, models_right

ID_BYTES = 16  # of a round's and a player's random id: nobody can guess one
MAC_DIGITS = 8  # of a player's id: a browser cannot make one up, in some other group


class Refused(Exception):
    """A request that our pages never send: a second answer, a picture that was not dealt, an unknown label."""


class PlayerIds:
    """Ids of players: 32 hex digits. 20 are random, 4 stand for the visitor's address, 8 prove that the id is ours.

    Players of one address share the 4 digits, so that one person with many ids is not taken for many
    (dataset/labels/players.py). 65,536 groups are far too few to find out an address.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key or secrets.token_bytes(32)

    def new(self, address: str) -> str:
        """The id of a new player. address: the visitor's, as limits count it."""
        start = f"{secrets.token_hex(ID_BYTES)[: GROUP.start]}{self._digits(f'group {address}')[:4]}"
        return f"{start}{self._digits(start)[:MAC_DIGITS]}"

    def is_ours(self, player: str) -> bool:
        start, mac = player[: GROUP.stop], player[GROUP.stop :]
        return hmac.compare_digest(self._digits(start)[:MAC_DIGITS].encode(), mac.encode())

    def _digits(self, text: str) -> str:
        return hmac.new(self._key, f"player {text}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class NewRound:
    """A round that was dealt: its id, the player's id, and the number of pictures."""

    id: str
    player: str
    pictures: int


@dataclass(frozen=True)
class Reveal:
    """What a player sees after an answer to a picture."""

    slot: int
    truth: str
    answer: str
    predictions: Predictions
    creator: str
    licence: str
    page_url: str
    site: str

    @property
    def is_right(self) -> bool:
        return self.answer == self.truth

    def as_json(self) -> dict[str, Any]:
        return {
            "slot": self.slot, "truth": self.truth, "answer": self.answer, "is_right": self.is_right,
            "said": {model: dict(probabilities) for model, probabilities in self.predictions.items()},
            "creator": self.creator, "licence": self.licence, "page_url": self.page_url, "site": self.site,
        }  # fmt: skip


def begin_round(project: Project, deck: Deck, nickname: str, player: str = "") -> NewRound:
    """Deal a round and keep it. player: the player's id; empty: a random one."""
    dealt = deck.deal(random.SystemRandom())
    new = NewRound(secrets.token_hex(ID_BYTES), player or secrets.token_hex(ID_BYTES), len(dealt))
    row = {
        "id": new.id, "player": new.player, "nickname": nickname, "version": deck.version.name,
        "pictures": [[picture.sha256, picture.label] for picture in dealt], "begun_at": datetime.now(UTC),
    }  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, rounds, [row])
    return new


def dealt_picture(project: Project, round_id: str, slot: int) -> str:
    """SHA-256 of a round's picture. Raises Refused if it was not dealt."""
    return _picture(project, round_id, slot)[1]


def answer_picture(project: Project, deck: Deck, round_id: str, slot: int, label: str) -> Reveal:
    """Keep the answer to a picture, once, and reveal the truth. Raises Refused.

    The same answer again, as after a reply that got lost, has the same reveal.
    """
    if label not in deck.version.labels:
        raise Refused("no such answer")
    game_round, sha256, _ = _picture(project, round_id, slot)
    truth = deck.today.label_of(sha256)
    if not truth:
        raise Refused("this picture was withdrawn; go on to the next one")
    play = {
        "round": round_id, "slot": slot, "player": game_round.player, "sha256": sha256, "version": game_round.version,
        "answer": label, "label": truth, "model_answer": default_answer(deck, sha256), "played_at": datetime.now(UTC),
    }  # fmt: skip
    if not store_plays(project, [play]) and _answer_of(project, round_id, slot) != label:
        raise Refused("this picture was answered before")
    return _reveal(deck, slot, sha256, truth, label)


def _answer_of(project: Project, round_id: str, slot: int) -> str | None:
    with project.catalog.read() as connection:
        return connection.execute(
            select(plays.c.answer).where(plays.c.round == round_id, plays.c.slot == slot)
        ).scalar_one_or_none()


def default_answer(deck: Deck, sha256: str) -> str:
    """The default model's answer for a picture; empty if it was not asked."""
    return best_label(deck.default_probabilities(sha256))


def store_plays(project: Project, answers: Sequence[Mapping[str, Any]]) -> int:
    """Keep rows of the table `plays`, each player's first answer to a picture only. Returns how many are new."""
    with project.catalog.write() as connection:
        return insert_new(connection, plays, answers)


def round_result(project: Project, deck: Deck, round_id: str) -> dict[str, Any]:
    """The answered pictures of a round as JSON, the player's score, and each model's score on the same pictures.

    The labels that hold now are the truth; pictures that were withdrawn since are left out. Raises Refused if there is
    no such round.
    """
    with project.catalog.read() as connection:
        game_round = connection.execute(select(rounds).where(rounds.c.id == round_id)).first()
        answers = connection.execute(select(plays).where(plays.c.round == round_id).order_by(plays.c.slot)).all()
    if game_round is None:
        raise Refused("no such round")
    truths = [(row, truth) for row in answers if (truth := deck.today.label_of(row.sha256))]
    reveals = [_reveal(deck, row.slot, row.sha256, truth, row.answer) for row, truth in truths]
    return {
        "nickname": game_round.nickname,
        "pictures": len(game_round.pictures),
        "answered": len(reveals),
        "right": sum(reveal.is_right for reveal in reveals),
        "models": models_right([(reveal.truth, reveal.predictions) for reveal in reveals]),
        "reveals": [reveal.as_json() for reveal in reveals],
    }


def _reveal(deck: Deck, slot: int, sha256: str, truth: str, answer: str) -> Reveal:
    row = deck.row(sha256)
    credit = (row.creator, row.licence, row.page_url, row.site) if row else ("", "", "", "")
    return Reveal(slot, truth, answer, deck.predictions_of(sha256), *credit)


def _picture(project: Project, round_id: str, slot: int) -> tuple[Any, str, str]:
    """The round's row, and SHA-256 and label of its picture. Raises Refused."""
    with project.catalog.read() as connection:
        game_round = connection.execute(select(rounds).where(rounds.c.id == round_id)).first()
    if game_round is None or not 0 <= slot < len(game_round.pictures):
        raise Refused("no such picture")
    sha256, label = game_round.pictures[slot]
    return game_round, sha256, label
