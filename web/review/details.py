"""What a reviewer may ask about one picture of a wall: what sources claim, why it is asked, what looks like it."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import clusters, features, queue
from dataset.project import Project
from dataset.suspicion.variety import alike, standardised
from networks.backbone import backbone

LOOK_ALIKES = 12
MOST_COMPARED = 20_000  # pictures that are compared with the chosen one; their features take 100 MB


class LookAlikes:
    """The features of a project's pictures in memory, read again when there are others."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._reading = threading.Lock()
        self._state: Any = None
        self._names: list[str] = []
        self._looks: NDArray[np.float32] = np.zeros((0, 1), dtype=np.float32)

    def of(self, sha256: str, count: int = LOOK_ALIKES) -> list[str]:
        """The pictures that look most like this one, of other clusters; empty for a picture without features."""
        with self._reading:
            self._read(sha256)
            names, looks = self._names, self._looks
        if sha256 not in names:
            return []
        return [names[i] for i in alike(looks, names.index(sha256), count)]

    def _read(self, sha256: str) -> None:
        name = backbone(self._project.settings.network).name
        is_ours = features.c.backbone == name
        with self._project.catalog.read() as connection:
            count = connection.execute(select(func.count()).select_from(features).where(is_ours)).scalar_one()
            if self._state == (name, count) and (sha256 in self._names or count <= MOST_COMPARED):
                return
            rows = connection.execute(
                select(features.c.sha256, features.c.vector)
                .join(clusters, clusters.c.representative == features.c.sha256)
                .where(is_ours)
                .distinct()
                .limit(MOST_COMPARED)
            ).all()
            if all(row.sha256 != sha256 for row in rows):
                own = select(features.c.sha256, features.c.vector).where(is_ours, features.c.sha256 == sha256)
                rows = [*rows, *connection.execute(own).all()]
        self._names = [row.sha256 for row in rows]
        if rows:
            vectors = np.stack([np.frombuffer(row.vector, dtype=np.float16) for row in rows]).astype(np.float32)
            self._looks = standardised(vectors)
        self._state = (name, count)


def claims_and_reasons(project: Project, pictures: list[str]) -> dict[str, tuple[str, list[str]]]:
    """What sources claim, and why the queue asks, by SHA-256."""
    with project.catalog.read() as connection:
        claims = connection.execute(
            select(standing.c.sha256, standing.c.source_label, standing.c.source).where(standing.c.sha256.in_(pictures))
        ).all()
        reasons = {
            row.sha256: list(row.reasons)
            for row in connection.execute(select(queue.c.sha256, queue.c.reasons).where(queue.c.sha256.in_(pictures)))
        }
    said = {row.sha256: f"{row.source} says {row.source_label}" for row in claims}
    return {sha256: (said.get(sha256, ""), reasons.get(sha256, [])) for sha256 in pictures}
