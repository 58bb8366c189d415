"""Plan a review round: divide its budget of questions among their purposes.

Reviewers cannot see the purpose of a question.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select

from dataset.catalog.tables import asked, audit, clusters, cursors, images, judgements, queue, splits
from dataset.catalog.writes import upsert
from dataset.certificates.ledger import next_looks
from dataset.labels import label_ledger
from dataset.labels.audit import ticket
from dataset.labels.players import DISSENT_PRIORITY
from dataset.labels.vocabulary import UNUSABLE, WITHDRAWN, DecisionOrigin, JudgementOrigin, Purpose
from dataset.labels.withheld import withheld
from dataset.quarantine import in_quarantine, is_whole
from foundation.settings import Settings

TEST_SPLITS = ("test", "test_unseen_sites")
TEST_PRIORITY_FACTOR = 1.5  # a wrong label misleads most where models are tested
MAX_DISPUTES = 2  # further answers that we ask for before the adjudicator decides
AUDITED_PER_EXCLUDED = 9  # pictures of the audit sample for each one that was excluded automatically
ASKED_ONCE = (Purpose.RISK, Purpose.AUDIT, Purpose.CERTIFY)  # a picture is not asked about again for another of these
KNOWN_FROM_REVIEWERS = 2  # so many reviewers, all with the same answer, make an answer known


@dataclass(frozen=True)
class Question:
    """One question about one picture. key: names the question and does not tell its purpose."""

    key: str
    sha256: str
    purpose: Purpose
    round: int


@dataclass(frozen=True)
class Plan:
    """questions: to send, in this order. withdrawn: keys of older questions to withdraw.

    waiting: questions that were sent before and have no answer. note: a remark for the user.
    """

    questions: Sequence[Question]
    withdrawn: Sequence[str]
    waiting: int
    note: str = ""


@dataclass(frozen=True)
class Round:
    """images: in the catalog when the round started. is_new: it starts now."""

    number: int
    images: int
    is_new: bool = False


@dataclass(frozen=True)
class Pick:
    """A picture that may be asked about, for one purpose."""

    purpose: Purpose
    sha256: str


@dataclass(frozen=True)
class Share:
    """What one purpose may take of a budget. limit: questions. picks: in order of preference."""

    purpose: Purpose
    limit: int
    picks: Sequence[Pick]


def plan(connection: Connection, settings: Settings, studio_url: str, now: datetime, another_round: bool) -> Plan:
    """What this round has left to ask in this Label Studio. Records the round; the caller records the questions.

    A round is [review] budget questions. A new one starts when images were collected since the last one, or, with
    another_round, when every question of the last one has an answer. Questions about pictures that were withheld since
    are withdrawn at any time: Label Studio has no card to put in front of them.
    """
    kept_back = withheld(connection, settings).keys()  # the wall asks about these
    review, labels = settings.review, settings.project.labels
    answered = set(connection.execute(judged_images()).scalars())
    answered_alone = set(connection.execute(judged_images(alone=True)).scalars())
    sent = _sent(connection, studio_url)
    waiting = [row for row in sent if row.sha256 not in answered]
    current = _current_round(connection, studio_url, now, is_over=another_round and not waiting)
    risky = _risky(connection, review.budget)
    withdrawn = dict.fromkeys(row.ask for row in waiting if row.sha256 in kept_back)
    withdrawn |= _no_longer_risky(waiting, risky) if current.is_new else {}
    kept = [row for row in waiting if row.ask not in withdrawn]
    in_budget = [row for row in sent if row.round == current.number and row.ask not in withdrawn]
    in_budget += [row for row in kept if row.round != current.number]
    in_round = {row.sha256 for row in in_budget}
    asked_before = in_round | {row.sha256 for row in sent if row.purpose in ASKED_ONCE}
    room = max(0, review.budget - len(in_budget))
    shares = [
        Share(Purpose.DISPUTE, review.budget, _disputed(connection, sent)),
        Share(
            Purpose.AUDIT, round(review.budget * review.audit_share), _drawn(connection, asked_before | answered_alone)
        ),
        Share(Purpose.CERTIFY, review.budget, _of_certificate(connection, labels, asked_before, review.budget)),
        Share(Purpose.GOLD, round(review.budget * review.gold_share), _known(connection, current.number, in_round)),
        Share(
            Purpose.REPEAT,
            round(review.budget * review.repeat_share),
            _answered_once(connection, sent, current.number),
        ),
    ]
    broken = in_quarantine(connection).keys() | kept_back
    shares = [replace(share, picks=[pick for pick in share.picks if pick.sha256 not in broken]) for share in shares]
    others = _divided(shares, Counter(row.purpose for row in in_budget), room)
    used = asked_before | {pick.sha256 for pick in others}
    risk = [Pick(Purpose.RISK, sha256) for sha256 in risky if sha256 not in used | broken][: room - len(others)]
    questions = [
        Question(_key(pick.sha256, current.number, pick.purpose), pick.sha256, pick.purpose, current.number)
        for pick in _mixed(risk, others)
    ]
    note = "" if questions or room else f"all {review.budget} questions of this round's budget are sent"
    return Plan(questions, list(withdrawn), len(kept), note)


def _no_longer_risky(waiting: Iterable[Any], risky: Iterable[str]) -> dict[str, None]:
    """Keys of waiting questions about pictures that the queue would not ask about now, in the order of `waiting`."""
    still_risky = set(risky)
    rows = [row for row in waiting if row.purpose == Purpose.RISK and row.sha256 not in still_risky]
    return dict.fromkeys(row.ask for row in rows)


def _divided(shares: Iterable[Share], spent: Counter[str], room: int) -> list[Pick]:
    """Picks of all shares, each picture once, at most `room`. spent: questions of this budget by purpose."""
    picks: list[Pick] = []
    for share in shares:
        left = max(0, min(share.limit - spent[share.purpose], room - len(picks)))
        taken = {pick.sha256 for pick in picks}
        picks += [pick for pick in share.picks if pick.sha256 not in taken][:left]
    return picks


def needs_adjudicator(connection: Connection, studio_url: str) -> bool:
    """Whether a picture waits for the adjudicator."""
    return any(pick.purpose == Purpose.ADJUDICATE for pick in _disputed(connection, _sent(connection, studio_url)))


def _sent(connection: Connection, studio_url: str) -> list[Any]:
    """Rows of questions that were sent to this Label Studio and not withdrawn."""
    is_here = asked.c.project.startswith(f"{studio_url}/", autoescape=True)
    return list(connection.execute(select(asked).where(is_here, asked.c.withdrawn_at.is_(None))).all())


def ranked(rows: Any) -> Any:
    """Rows of the queue, the next to be asked first."""
    factor = case((splits.c.split.in_(TEST_SPLITS), TEST_PRIORITY_FACTOR), else_=1.0)
    joined = rows.outerjoin(splits, splits.c.sha256 == queue.c.sha256)
    return joined.order_by((queue.c.priority * factor).desc(), queue.c.sha256)


def judged_images(*, alone: bool = False) -> Any:
    """SHA-256 of images with an answer, about themselves or about another image of their cluster.

    alone: without those that were only confirmed on walls.
    """
    other = clusters.alias()
    is_alone = judgements.c.origin != JudgementOrigin.CONFIRMED.value
    return (
        select(clusters.c.sha256)
        .join(other, other.c.cluster == clusters.c.cluster)
        .join(judgements, judgements.c.sha256 == other.c.sha256)
        .where(judgements.c.id.in_(_current_judgements()), *([is_alone] if alone else []))
    )


def judged_in_queue() -> Any:
    """SHA-256 of the queue's images with an answer, found from the answers: fast where few images have one."""
    other = clusters.alias()
    return (
        select(queue.c.sha256)
        .select_from(judgements)
        .join(other, other.c.sha256 == judgements.c.sha256)
        .join(clusters, clusters.c.cluster == other.c.cluster)
        .join(queue, queue.c.sha256 == clusters.c.sha256)
        .where(judgements.c.id.in_(_current_judgements()))
    )


def may_be_asked() -> Any:
    """Condition on the queue: the image has no answer, or players of the game contradict its label; it is whole."""
    is_open = or_(queue.c.priority >= DISSENT_PRIORITY, queue.c.sha256.not_in(judged_images()))
    return and_(is_open, is_whole(queue.c.sha256))


def not_answered_alone() -> Any:
    """Condition on the queue: nobody answered about the image alone, as the audit needs it; it is whole."""
    return and_(queue.c.sha256.not_in(judged_images(alone=True)), is_whole(queue.c.sha256))


def _current_judgements() -> Any:
    """Ids of each reviewer's newest judgement about each picture, without withdrawn ones."""
    newest = select(func.max(judgements.c.id)).group_by(judgements.c.sha256, judgements.c.reviewer).scalar_subquery()
    return select(judgements.c.id).where(judgements.c.id.in_(newest), judgements.c.answer != WITHDRAWN)


def _current_round(connection: Connection, studio_url: str, now: datetime, is_over: bool) -> Round:
    """The round that is under way, or a new one. is_over: every question has an answer and another is wanted."""
    cursor = f"round:{studio_url}"
    value = connection.execute(select(cursors.c.value).where(cursors.c.name == cursor)).scalar()
    content: dict[str, Any] = json.loads(value) if value else {"number": 0, "images": -1}
    last = Round(content["number"], content["images"])
    n_images = connection.execute(select(func.count()).select_from(images)).scalar_one()
    if not (n_images > last.images or is_over):
        return last
    current = Round(last.number + 1, n_images, is_new=True)
    content = {"number": current.number, "images": current.images, "started_at": now.isoformat()}
    upsert(connection, cursors, [{"name": cursor, "value": json.dumps(content)}])
    return current


def _risky(connection: Connection, budget: int) -> list[str]:
    rows = ranked(select(queue.c.sha256)).where(may_be_asked()).limit(2 * budget)
    return list(connection.execute(rows).scalars())


def _drawn(connection: Connection, without: set[str]) -> list[Pick]:
    """The audit sample, with an automatically excluded picture after every AUDITED_PER_EXCLUDED of it."""
    sample = connection.execute(select(audit.c.sha256).order_by(audit.c.ticket)).scalars()
    representatives = set(connection.execute(select(clusters.c.representative).distinct()).scalars()) - without
    excluded = sorted(
        (
            sha256
            for sha256, decision in label_ledger.latest(connection).items()
            if decision.origin == DecisionOrigin.DETECTOR and decision.label == UNUSABLE
            if sha256 in representatives
        ),
        key=ticket,
    )
    picks = []
    for count, sha256 in enumerate((sha256 for sha256 in sample if sha256 not in without), 1):
        picks.append(Pick(Purpose.AUDIT, sha256))
        if count % AUDITED_PER_EXCLUDED == 0 and excluded:
            picks.append(Pick(Purpose.AUDIT, excluded.pop(0)))
    return picks


def _disputed(connection: Connection, sent: Iterable[Any]) -> list[Pick]:
    """Pictures that their answers do not settle: first for MAX_DISPUTES further answers, then for the adjudicator.

    One that is stopped, because it has enough answers, goes to the adjudicator at once.
    """
    answered = set(connection.execute(judged_images()).scalars())
    rows = connection.execute(select(clusters)).all()
    cluster_of = {row.sha256: row.cluster for row in rows}
    representative_of = {row.cluster: row.representative for row in rows}
    asked_again: dict[str, list[str]] = defaultdict(list)  # purposes by cluster
    for row in sent:
        if row.purpose in (Purpose.DISPUTE, Purpose.ADJUDICATE):
            asked_again[cluster_of.get(row.sha256, row.sha256)].append(row.purpose)
    picks = []
    for cluster, opinion in sorted(label_ledger.opinions_of(connection).items()):
        purposes = asked_again[cluster]
        if opinion.is_settled or representative_of.get(cluster) not in answered or Purpose.ADJUDICATE in purposes:
            continue
        if sum(opinion.counts.values()) < 1 + len(purposes):
            continue  # the last further question waits for its answer
        purpose = Purpose.DISPUTE if opinion.is_open and len(purposes) < MAX_DISPUTES else Purpose.ADJUDICATE
        picks.append(Pick(purpose, representative_of[cluster]))
    return picks


def _of_certificate(connection: Connection, labels: Sequence[str], without: set[str], most: int) -> list[Pick]:
    """What the open design looks at next."""
    return [Pick(Purpose.CERTIFY, sha256) for sha256 in next_looks(connection, labels, most, without)]


def _known(connection: Connection, round_number: int, without: set[str]) -> list[Pick]:
    """Pictures with a known answer, in an order that is different in each round."""
    representative_of = {row.cluster: row.representative for row in connection.execute(select(clusters))}
    known = []
    for cluster, given in label_ledger.newest_answers(connection).items():
        answers = [answer for answer in given if not answer.is_confirmed]
        is_unanimous = len(answers) >= KNOWN_FROM_REVIEWERS and len({answer.answer for answer in answers}) == 1
        is_known = is_unanimous or any(answer.is_final for answer in answers)
        if is_known and cluster in representative_of and representative_of[cluster] not in without:
            known.append(representative_of[cluster])
    return _in_order_of_round(known, round_number, Purpose.GOLD)


def _answered_once(connection: Connection, sent: Iterable[Any], round_number: int) -> list[Pick]:
    """Pictures that one person answered in an earlier round and that were never asked again."""
    repeated = {row.sha256 for row in sent if row.purpose == Purpose.REPEAT}
    earlier = {
        row.sha256 for row in sent if row.round < round_number and row.purpose in (Purpose.RISK, Purpose.AUDIT)
    } - repeated
    reviewers: dict[str, set[str]] = defaultdict(set)
    is_from_studio = judgements.c.origin == JudgementOrigin.LABEL_STUDIO.value
    for row in connection.execute(select(judgements.c.sha256, judgements.c.reviewer).where(is_from_studio)):
        reviewers[row.sha256].add(row.reviewer)
    once = [sha256 for sha256 in earlier if len(reviewers[sha256]) == 1]
    return _in_order_of_round(once, round_number, Purpose.REPEAT)


def _in_order_of_round(pictures: Iterable[str], round_number: int, purpose: Purpose) -> list[Pick]:
    ordered = sorted(pictures, key=lambda sha256: _key(sha256, round_number, purpose))
    return [Pick(purpose, sha256) for sha256 in ordered]


def _key(sha256: str, round_number: int, purpose: Purpose) -> str:
    return hashlib.sha256(f"isitcake ask\0{sha256}\0{round_number}\0{purpose}".encode()).hexdigest()[:16]


def _mixed(risk: Sequence[Pick], others: Iterable[Pick]) -> list[Pick]:
    """`risk` in its order, with the others spread evenly among it in a random order."""
    shuffled = sorted(others, key=lambda pick: ticket(pick.sha256))
    placed = [((index + 0.5) / len(risk), pick) for index, pick in enumerate(risk)]
    placed += [((index + 0.5) / len(shuffled), pick) for index, pick in enumerate(shuffled)]
    return [pick for _, pick in sorted(placed, key=lambda entry: entry[0])]
