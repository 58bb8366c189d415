"""The front of the review queue once new questions have come: pictures of one look are not asked about in a row."""

from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from dataset.catalog.tables import queue
from dataset.suspicion.derive import Derived
from dataset.suspicion.variety import ARRANGED, features_of, without_runs


def with_front(connection: Connection, backbone_name: str, derived: Derived) -> Derived:
    """With the priorities that the new questions, and those in the queue, get when its front is arranged anew."""
    asked, replaced = derived.asked, frozenset(derived.clustering.sha256)
    stored = {
        sha256: priority
        for sha256, priority in connection.execute(
            select(queue.c.sha256, queue.c.priority)
            .order_by(queue.c.priority.desc(), queue.c.sha256)
            .limit(ARRANGED + len(replaced))
        )
        if sha256 not in replaced
    }
    new = {question.sha256: question for question in asked}
    priorities = stored | {sha256: question.priority for sha256, question in new.items()}
    front = sorted(priorities, key=lambda sha256: (-priorities[sha256], sha256))[:ARRANGED]
    if not new.keys() & set(front):  # then the front stays as it is
        return derived
    vectors = features_of(connection, front, backbone_name)
    front = [sha256 for sha256 in front if sha256 in vectors]  # without one that was erased meanwhile
    order = without_runs(np.array([vectors[sha256] for sha256 in front]))
    arranged = {front[i]: priorities[sha256] for i, sha256 in zip(order, front, strict=True)}
    return replace(
        derived,
        asked=[replace(one, priority=arranged.get(one.sha256, one.priority)) for one in asked],
        moved={name: to for name, to in arranged.items() if name in stored and to != stored[name]},
    )
