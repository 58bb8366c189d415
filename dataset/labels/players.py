"""What players of the game say of a picture: many light votes, never a label by themselves.

A player is worth what he gets right on pictures that people have judged; who plays for the first time is worth little.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import judgements, plays
from dataset.labels.label_ledger import clusters_by_image

VOTES_FROM = 3  # players, under whom nothing is said
MOST = 0.6  # of the weight, from which players are of one mind
PRIOR = (3.0, 2.0)  # right and wrong answers that everybody starts with
HEAVIEST = 1.5  # log-odds
PLAYERS_FIRST = 100.0  # priority in the queue, above any that detectors give
BEATEN = 1.0  # more priority, where players beat the model


@dataclass(frozen=True)
class Play:
    """One answer. label: ours when it was given. is_known: whether people had judged the picture."""

    player: str
    sha256: str
    answer: str
    label: str
    is_known: bool


@dataclass(frozen=True)
class Mind:
    """What players are of one mind about. share: of their weight, 0 to 1; votes: who said so; players: who answered.

    label: ours. model_answer: the champion's.
    """

    answer: str
    share: float
    votes: int
    players: int
    label: str = ""
    model_answer: str = ""

    @property
    def is_dissent(self) -> bool:
        """Whether they think otherwise than our label."""
        return self.answer != self.label

    @property
    def reason(self) -> str:
        told = f"players: {self.votes} of {self.players} say {self.answer}"
        return told if self.is_dissent else f"{told}, and the model says {self.model_answer}"


def reliability(given: Iterable[Play]) -> dict[str, float]:
    """Probability that a player's answer is right, from pictures that people judged."""
    counts: dict[str, list[float]] = defaultdict(lambda: list(PRIOR))
    for play in given:
        counts[play.player]  # known by having played
        if play.is_known:
            counts[play.player][play.answer != play.label] += 1
    return {player: right / (right + wrong) for player, (right, wrong) in counts.items()}


def minds(given: Iterable[Play], worth: Mapping[str, float]) -> dict[str, Mind]:
    """Where enough players answered and most say the same. A player's last answer to a picture counts."""
    last: dict[str, dict[str, str]] = defaultdict(dict)
    for play in given:
        last[play.sha256][play.player] = play.answer
    found = {}
    for sha256, answers in last.items():
        weights: dict[str, float] = defaultdict(float)
        for player, answer in answers.items():
            odds = worth.get(player, 0.5)
            weights[answer] += max(0.0, min(HEAVIEST, math.log(odds / (1 - odds))))
        whole = sum(weights.values())
        if len(answers) < VOTES_FROM or not whole:
            continue
        answer = max(sorted(weights), key=lambda name: weights[name])
        share = weights[answer] / whole
        if share >= MOST:
            votes = sum(said == answer for said in answers.values())
            found[sha256] = Mind(answer, share, votes, len(answers))
    return found


def objections(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, Mind]:
    """Clusters, by name, where most players think otherwise than our label, or than the model and rightly so.

    Answers given since people last judged the picture count. cluster_of: as in `label_ledger.newest_answers`.
    """
    if cluster_of is None:
        cluster_of = clusters_by_image(connection)
    judged: dict[str, datetime] = {}
    newest = select(judgements.c.sha256, func.max(judgements.c.recorded_at).label("last")).group_by(judgements.c.sha256)
    for row in connection.execute(newest):
        if cluster := cluster_of.get(row.sha256):
            judged[cluster] = max(judged.get(cluster, row.last), row.last)
    given, since = [], []
    last = {}
    for row in connection.execute(select(plays).order_by(plays.c.id)):
        cluster = cluster_of.get(row.sha256)
        if cluster is None:
            continue
        play = Play(row.player, cluster, row.answer, row.label, cluster in judged)
        given.append(play)
        if cluster not in judged or row.played_at > judged[cluster]:
            since.append(play)
            last[cluster] = row
    found = {}
    for cluster, mind in minds(since, reliability(given)).items():
        whole = replace(mind, label=last[cluster].label, model_answer=last[cluster].model_answer)
        if whole.is_dissent or whole.model_answer not in ("", whole.answer):
            found[cluster] = whole
    return found
