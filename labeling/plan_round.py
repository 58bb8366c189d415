"""What a round of review asks: the budget, split by what each question is for.

Risk finds wrong labels, the audit says how many are left, gold and repeats say what the reviewers' answers are worth,
disputes settle what those who answered disagree on. Reviewers cannot tell which is which.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, or_, select

from dataset.catalog.tables import asked, audit, clusters, cursors, images, judgements, queue, splits
from dataset.catalog.writes import upsert
from dataset.labels import decisions, label_ledger
from dataset.labels.audit import ticket
from dataset.labels.players import DISSENT_PRIORITY
from dataset.labels.vocabulary import UNUSABLE
from foundation.settings import ReviewSection

RISK, AUDIT, GOLD, REPEAT, DISPUTE, ADJUDICATE = "risk", "audit", "gold", "repeat", "dispute", "adjudicate"
TEST_SPLITS = ("test", "test_unseen_sites")
IN_TEST = 1.5  # times as soon
MOST_DISPUTED = 2  # further answers asked for before somebody has the last word
SET_ASIDE_EVERY = 9  # pictures of the sample for one that was set aside
KNOWN_BY = 2  # people of one mind that make an answer known


@dataclass(frozen=True)
class Ask:
    """One question about one picture. ask: its key, which says nothing to who sees it."""

    ask: str
    sha256: str
    purpose: str
    round: int


@dataclass(frozen=True)
class Plan:
    """asks: to send, in the order of asking. withdrawn: keys of older questions that are asked no more.

    waiting: questions sent before that nobody answered.
    """

    asks: Sequence[Ask]
    withdrawn: Sequence[str]
    waiting: int
    note: str = ""


def plan(connection: Connection, review: ReviewSection, studio: str, now: datetime, another_round: bool) -> Plan:
    """What this round still has to ask in this Label Studio. Notes the round; the caller notes the questions.

    A round is [review] budget questions. A new one starts when images were collected since the last, or,
    with another_round, when every question of the last is answered.
    """
    judged = set(connection.execute(judged_images()).scalars())
    before = _sent(connection, studio)
    waiting = [row for row in before if row.sha256 not in judged]
    round_, is_new = _round(connection, studio, now, another_round and not waiting)
    risky = _risky(connection, review.budget)
    withdrawn: list[str] = []
    if is_new:
        wanted = set(risky)
        withdrawn = [row.ask for row in waiting if row.purpose == RISK and row.sha256 not in wanted]
    stays = [row for row in waiting if row.ask not in set(withdrawn)]
    now_asked = [row for row in before if row.round == round_] + [row for row in stays if row.round != round_]
    spent: dict[str, int] = defaultdict(int)
    for row in now_asked:
        spent[row.purpose] += 1
    room = max(0, review.budget - len(now_asked))
    taken = {row.sha256 for row in now_asked} | {row.sha256 for row in before if row.purpose in (RISK, AUDIT)}
    parts = {
        DISPUTE: _disputed(connection, before),
        AUDIT: _drawn(connection, taken | judged),
        GOLD: _known(connection, round_, {row.sha256 for row in now_asked}),
        REPEAT: _answered_once(connection, before, round_),
    }
    limits = {
        DISPUTE: review.budget,
        AUDIT: round(review.budget * review.audit_share),
        GOLD: round(review.budget * review.gold_share),
        REPEAT: round(review.budget * review.repeat_share),
    }
    others: list[tuple[str, str]] = []
    for purpose, found in parts.items():
        left = max(0, min(limits[purpose] - spent[purpose], room - len(others)))
        chosen = [pair for pair in found if pair[1] not in {sha256 for _, sha256 in others}][:left]
        others += chosen
    used = taken | {sha256 for _, sha256 in others}
    risk = [(RISK, sha256) for sha256 in risky if sha256 not in used][: room - len(others)]
    asks = [Ask(_key(sha256, round_, purpose), sha256, purpose, round_) for purpose, sha256 in _mixed(risk, others)]
    note = "" if asks or room else f"this round's budget of {review.budget} is asked for"
    return Plan(asks, withdrawn, len(stays), note)


def needs_adjudicator(connection: Connection, studio: str) -> bool:
    """Whether a question waits for who has the last word."""
    return any(purpose == ADJUDICATE for purpose, _ in _disputed(connection, _sent(connection, studio)))


def _sent(connection: Connection, studio: str) -> list[Any]:
    """Questions that this Label Studio was sent and that were not withdrawn."""
    ours = asked.c.project.startswith(f"{studio}/", autoescape=True)
    return list(connection.execute(select(asked).where(ours, asked.c.withdrawn_at.is_(None))).all())


def ranked(chosen: Any) -> Any:
    """Rows of the queue in the order of asking: a wrong label misleads most where models are tested."""
    weight = case((splits.c.split.in_(TEST_SPLITS), IN_TEST), else_=1.0)
    joined = chosen.outerjoin(splits, splits.c.sha256 == queue.c.sha256)
    return joined.order_by((queue.c.priority * weight).desc(), queue.c.sha256)


def judged_images() -> Any:
    """Images answered for: themselves, or another picture of their cluster."""
    other = clusters.alias()
    return (
        select(clusters.c.sha256)
        .join(other, other.c.cluster == clusters.c.cluster)
        .join(judgements, judgements.c.sha256 == other.c.sha256)
        .where(judgements.c.id.in_(_standing()))
    )


def may_be_asked() -> Any:
    """Rows of the queue that wait for a person: nobody answered, or players think otherwise since."""
    return or_(queue.c.priority >= DISSENT_PRIORITY, queue.c.sha256.not_in(judged_images()))


def _standing() -> Any:
    """Judgements that are the newest of their reviewer about their picture, and no withdrawal."""
    newest = select(func.max(judgements.c.id)).group_by(judgements.c.sha256, judgements.c.reviewer).scalar_subquery()
    return select(judgements.c.id).where(judgements.c.id.in_(newest), judgements.c.answer != decisions.WITHDRAWN)


def _round(connection: Connection, studio: str, now: datetime, is_over: bool) -> tuple[int, bool]:
    """Number of the round, and whether it starts now."""
    cursor = f"round:{studio}"
    value = connection.execute(select(cursors.c.value).where(cursors.c.name == cursor)).scalar()
    last: dict[str, Any] = json.loads(value) if value else {"number": 0, "images": -1}
    collected = connection.execute(select(func.count()).select_from(images)).scalar_one()
    if not (collected > last["images"] or is_over):
        return last["number"], False
    begun: dict[str, Any] = {"number": last["number"] + 1, "images": collected, "started_at": now.isoformat()}
    upsert(connection, cursors, [{"name": cursor, "value": json.dumps(begun)}])
    return begun["number"], True


def _risky(connection: Connection, limit: int) -> list[str]:
    found = ranked(select(queue.c.sha256)).where(may_be_asked()).limit(2 * limit)
    return list(connection.execute(found).scalars())


def _drawn(connection: Connection, but: set[str]) -> list[tuple[str, str]]:
    """The random sample, with a picture that was set aside without a person after every SET_ASIDE_EVERY."""
    sample = connection.execute(select(audit.c.sha256).order_by(audit.c.ticket)).scalars()
    best = set(connection.execute(select(clusters.c.representative).distinct()).scalars())
    aside = sorted(
        (
            sha256
            for sha256, decision in label_ledger.latest(connection).items()
            if decision.origin == "detector" and decision.label == UNUSABLE and sha256 in best and sha256 not in but
        ),
        key=ticket,
    )
    found = []
    for place, sha256 in enumerate((sha256 for sha256 in sample if sha256 not in but), 1):
        found.append((AUDIT, sha256))
        if place % SET_ASIDE_EVERY == 0 and aside:
            found.append((AUDIT, aside.pop(0)))
    return found


def _disputed(connection: Connection, before: Iterable[Any]) -> list[tuple[str, str]]:
    """Pictures whose answers do not settle: one more opinion, twice at most, then the last word."""
    opinions = label_ledger.opinions_of(connection)
    asked_again: dict[str, list[str]] = defaultdict(list)
    judged = set(connection.execute(judged_images()).scalars())
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    answers: dict[str, int] = {cluster: sum(opinion.counts.values()) for cluster, opinion in opinions.items()}
    for row in before:
        if row.purpose in (DISPUTE, ADJUDICATE):
            asked_again[cluster_of.get(row.sha256, row.sha256)].append(row.purpose)
    found = []
    best = {row.cluster: row.representative for row in connection.execute(select(clusters))}
    for cluster, opinion in sorted(opinions.items()):
        if not opinion.is_open or best.get(cluster) not in judged:
            continue
        again = asked_again[cluster]
        if ADJUDICATE in again:
            continue
        # One at a time: the next only when the last was answered.
        if answers[cluster] < 1 + len(again):
            continue
        found.append((DISPUTE if len(again) < MOST_DISPUTED else ADJUDICATE, best[cluster]))
    return found


def _known(connection: Connection, round_: int, but: set[str]) -> list[tuple[str, str]]:
    """Pictures whose answer is known, in an order of this round."""
    answers = label_ledger.newest_answers(connection)
    best = {row.cluster: row.representative for row in connection.execute(select(clusters))}
    known = []
    for cluster, given in answers.items():
        said = {answer.answer for answer in given}
        is_known = any(answer.is_final for answer in given) or (len(given) >= KNOWN_BY and len(said) == 1)
        if is_known and cluster in best and best[cluster] not in but:
            known.append(best[cluster])
    return [(GOLD, sha256) for sha256 in sorted(known, key=lambda sha: _key(sha, round_, GOLD))]


def _answered_once(connection: Connection, before: Iterable[Any], round_: int) -> list[tuple[str, str]]:
    """Pictures that one person answered in an earlier round and that were never repeated."""
    repeated = {row.sha256 for row in before if row.purpose == REPEAT}
    earlier = {row.sha256 for row in before if row.round < round_ and row.purpose in (RISK, AUDIT)} - repeated
    people: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(
        select(judgements.c.sha256, judgements.c.reviewer).where(judgements.c.origin == "label_studio")
    ):
        people[row.sha256].add(row.reviewer)
    once = [sha256 for sha256 in earlier if len(people[sha256]) == 1]
    return [(REPEAT, sha256) for sha256 in sorted(once, key=lambda sha: _key(sha, round_, REPEAT))]


def _key(sha256: str, round_: int, purpose: str) -> str:
    return hashlib.sha256(f"isitcake ask\0{sha256}\0{round_}\0{purpose}".encode()).hexdigest()[:16]


def _mixed(risk: list[tuple[str, str]], others: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Risk in its order, the others spread evenly among it in an order of no meaning."""
    shuffled = sorted(others, key=lambda pair: ticket(pair[1]))
    placed = [((place + 0.5) / len(risk), pair) for place, pair in enumerate(risk)]
    placed += [((place + 0.5) / len(shuffled), pair) for place, pair in enumerate(shuffled)]
    return [pair for _, pair in sorted(placed, key=lambda entry: entry[0])]
