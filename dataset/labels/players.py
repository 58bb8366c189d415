"""Combine the answers of the game's players about a picture. They never decide a label by themselves.

The vote of a player weighs as much as the share of right answers that the player gives about pictures with a known
label. A player without enough right answers about such pictures has no say at all: anybody can invent players. For the
same reason, many players of one network do not count as many.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import judgements, plays
from dataset.labels.label_ledger import clusters_by_image
from dataset.names.renamed import LABEL, renamed

MIN_PLAYERS = 3  # with fewer players, a picture has no agreement
AGREEMENT_SHARE = 0.6  # share of the vote weight that counts as agreement
PRIOR_RIGHT, PRIOR_WRONG = 3.0, 2.0  # answers that every player starts with: right three times in five
MAX_VOTE_WEIGHT = 1.5  # log-odds of being right; about 82 %
MIN_KNOWN = 8  # pictures with a known label that a player has answered, before the player has a say
MAX_CHANCE = 0.05  # probability that guesses between two labels give as many right answers
GROUP = slice(20, 24)  # digits of a player's id that players of one network share (web/game/plays.py)
ID_CHARACTERS = 32  # of a player's id
MAX_VOICES = 2  # players of one network that count for a picture; fewer than MIN_PLAYERS, so that none decides alone
DISSENT_PRIORITY = 100.0  # lowest priority in the queue of a dissent; detectors give less
MODEL_ERROR_PRIORITY = 1.0  # added to the priority if players agree with the label and the model does not


@dataclass(frozen=True)
class Play:
    """One answer of a player. label: our label at that time. is_known: whether reviewers had judged the picture."""

    player: str
    sha256: str
    answer: str
    label: str
    is_known: bool


@dataclass(frozen=True)
class Agreement:
    """The answer that players agree on.

    share: of the vote weight, 0 to 1. votes: players with this answer. players: all players who answered. label: ours.
    model_answer: the default model's; empty if there was none.
    """

    answer: str
    share: float
    votes: int
    players: int
    label: str = ""
    model_answer: str = ""

    @property
    def is_dissent(self) -> bool:
        """Whether the players disagree with our label."""
        return self.answer != self.label

    @property
    def reason(self) -> str:
        """The reason in the review queue."""
        votes = f"players: {self.votes} of {self.players} say {self.answer}"
        return votes if self.is_dissent else f"{votes}, and the model says {self.model_answer}"


@dataclass
class Record:
    """What one player answered about pictures with a known label."""

    right: int = 0
    wrong: int = 0

    @property
    def reliability(self) -> float:
        """Probability that an answer is right."""
        return (self.right + PRIOR_RIGHT) / (self.right + self.wrong + PRIOR_RIGHT + PRIOR_WRONG)

    @property
    def is_evidence(self) -> bool:
        """Whether guesses would hardly give as many right answers: the upper tail of the binomial at one half."""
        known = self.right + self.wrong
        tail = sum(math.comb(known, count) for count in range(self.right, known + 1))
        return known >= MIN_KNOWN and tail <= MAX_CHANCE * 2**known


def records(all_plays: Iterable[Play]) -> dict[str, Record]:
    """Player → record. The first answer about a picture counts: the truth comes after it."""
    answered: set[tuple[str, str]] = set()
    found: dict[str, Record] = defaultdict(Record)
    for play in all_plays:
        record = found[play.player]
        if play.is_known and (play.player, play.sha256) not in answered:
            answered.add((play.player, play.sha256))
            if play.answer == play.label:
                record.right += 1
            else:
                record.wrong += 1
    return dict(found)


def reliability(all_plays: Iterable[Play]) -> dict[str, float]:
    """Player → probability that an answer is right, estimated from pictures that reviewers judged."""
    return {player: record.reliability for player, record in records(all_plays).items()}


def with_a_say(all_plays: Iterable[Play], player_records: Mapping[str, Record]) -> list[Play]:
    """The answers of players with evidence; for a picture, of MAX_VOICES players of one network, the best of them."""
    voices: dict[tuple[str, str], set[str]] = defaultdict(set)  # picture, network → players
    trusted = [play for play in all_plays if player_records[play.player].is_evidence]
    for play in sorted(trusted, key=lambda play: -player_records[play.player].reliability):
        players = voices[play.sha256, network(play.player)]
        if len(players) < MAX_VOICES:
            players.add(play.player)
    return [play for play in trusted if play.player in voices[play.sha256, network(play.player)]]


def network(player: str) -> str:
    """What players of one network share; the player itself where the id does not tell."""
    return player[GROUP] if len(player) == ID_CHARACTERS else player


def agreements(all_plays: Iterable[Play], reliabilities: Mapping[str, float]) -> dict[str, Agreement]:
    """Picture → agreement, for pictures where enough players answered and most of the weight is on one answer.

    A player's last answer about a picture counts. Players without a reliability have no weight.
    """
    last: dict[str, dict[str, str]] = defaultdict(dict)  # picture → player → answer
    for play in all_plays:
        last[play.sha256][play.player] = play.answer
    agreed = {}
    for sha256, answers in last.items():
        weights: dict[str, float] = defaultdict(float)
        for player, answer in answers.items():
            p = reliabilities.get(player, 0.5)
            weights[answer] += max(0.0, min(MAX_VOTE_WEIGHT, math.log(p / (1 - p))))
        total = sum(weights.values())
        if len(answers) < MIN_PLAYERS or not total:
            continue
        answer = max(sorted(weights), key=lambda name: weights[name])
        share = weights[answer] / total
        if share >= AGREEMENT_SHARE:
            votes = sum(one == answer for one in answers.values())
            agreed[sha256] = Agreement(answer, share, votes, len(answers))
    return agreed


def objections(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, Agreement]:
    """Cluster → agreement, where players disagree with our label, or agree with it and the model does not.

    Only answers of players with evidence that are newer than the last judgement of the cluster count. cluster_of: as in
    `label_ledger.newest_answers`.
    """
    if cluster_of is None:
        cluster_of = clusters_by_image(connection)
    judged_at: dict[str, datetime] = {}
    last_judged = select(judgements.c.sha256, func.max(judgements.c.recorded_at).label("last"))
    for row in connection.execute(last_judged.group_by(judgements.c.sha256)):
        if cluster := cluster_of.get(row.sha256):
            judged_at[cluster] = max(judged_at.get(cluster, row.last), row.last)
    all_plays, new_plays = [], []
    new_names = renamed(connection, LABEL)  # players are asked with the labels of the version that they play with
    newest = {}
    for row in connection.execute(select(plays).order_by(plays.c.id)):
        cluster = cluster_of.get(row.sha256)
        if cluster is None:
            continue
        answer, label = (new_names.get(name, name) for name in (row.answer, row.label))
        play = Play(row.player, cluster, answer, label, cluster in judged_at)
        all_plays.append(play)
        if cluster not in judged_at or row.played_at > judged_at[cluster]:
            new_plays.append(play)
            newest[cluster] = row
    objecting = {}
    player_records = records(all_plays)
    reliabilities = {player: record.reliability for player, record in player_records.items()}
    for cluster, agreement in agreements(with_a_say(new_plays, player_records), reliabilities).items():
        row = newest[cluster]
        ours, models = (new_names.get(name, name) for name in (row.label, row.model_answer))
        compared = replace(agreement, label=ours, model_answer=models)
        if compared.is_dissent or compared.model_answer not in ("", compared.answer):
            objecting[cluster] = compared
    return objecting
