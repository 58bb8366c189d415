"""Combine the answers of the game's players about a picture. They never decide a label by themselves.

The vote of a player weighs as much as the share of right answers that the player gives about pictures with a known
label. A new player's vote weighs little.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import judgements, plays
from dataset.labels.label_ledger import clusters_by_image

MIN_PLAYERS = 3  # with fewer players, a picture has no agreement
AGREEMENT_SHARE = 0.6  # share of the vote weight that counts as agreement
PRIOR_RIGHT, PRIOR_WRONG = 3.0, 2.0  # answers that every player starts with: right three times in five
MAX_VOTE_WEIGHT = 1.5  # log-odds of being right; about 82 %
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


def reliability(all_plays: Iterable[Play]) -> dict[str, float]:
    """Player → probability that an answer is right, estimated from pictures that reviewers judged."""
    right: dict[str, float] = defaultdict(lambda: PRIOR_RIGHT)
    wrong: dict[str, float] = defaultdict(lambda: PRIOR_WRONG)
    players: dict[str, None] = {}
    for play in all_plays:
        players[play.player] = None
        if play.is_known:
            (right if play.answer == play.label else wrong)[play.player] += 1
    return {player: right[player] / (right[player] + wrong[player]) for player in players}


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

    Only answers that are newer than the last judgement of the cluster count. cluster_of: as in
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
    newest = {}
    for row in connection.execute(select(plays).order_by(plays.c.id)):
        cluster = cluster_of.get(row.sha256)
        if cluster is None:
            continue
        play = Play(row.player, cluster, row.answer, row.label, cluster in judged_at)
        all_plays.append(play)
        if cluster not in judged_at or row.played_at > judged_at[cluster]:
            new_plays.append(play)
            newest[cluster] = row
    objecting = {}
    for cluster, agreement in agreements(new_plays, reliability(all_plays)).items():
        row = newest[cluster]
        compared = replace(agreement, label=row.label, model_answer=row.model_answer)
        if compared.is_dissent or compared.model_answer not in ("", compared.answer):
            objecting[cluster] = compared
    return objecting
