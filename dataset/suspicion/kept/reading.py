"""What one triage decides from: all images, or those that are new with what triage learned before."""

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, delete, func, select

from dataset.catalog.tables import clusters, triage
from dataset.suspicion.derive import Derived
from dataset.suspicion.evidence import Evidence, Part, are_current, read_evidence
from dataset.suspicion.fitted.fit import BY_NAME_FROM
from dataset.suspicion.fitted.model import TriageModel
from dataset.suspicion.fitted.packed import packed
from dataset.suspicion.kept.ledger import Kept, keep, read_kept
from dataset.suspicion.kept.marks import Marks, answers_digest, new_part

KEPT_FROM = BY_NAME_FROM  # images from which on it pays to keep what triage learned


@dataclass(frozen=True)
class Reading:
    """kept, part, model: None where all images are judged anew. marks: how far the tables were."""

    recipe: str
    backbone_name: str
    marks: Marks
    evidence: Evidence
    kept: Kept | None = None
    part: Part | None = None
    model: TriageModel | None = None

    @classmethod
    def of(cls, connection: Connection, recipe: str, backbone_name: str, folder: Path) -> "Reading":
        """Read everything, so that triage decides without a lock on the catalog. folder: for a temporary file."""
        marks, kept = Marks.read(connection), read_kept(connection, recipe)
        part = new_part(connection, backbone_name, kept.marks, kept.images) if kept else None
        evidence = read_evidence(connection, backbone_name, folder, part)
        if not kept or not part:
            return cls(recipe, backbone_name, marks, evidence)
        model = kept.model_for(connection, backbone_name, evidence) if part.pictures.sha256 else None
        return cls(recipe, backbone_name, marks, evidence, kept, part, model)

    @property
    def is_nothing_new(self) -> bool:
        """Whether nothing came since, so that there is nothing to decide."""
        return self.part is not None and not self.part.pictures.sha256

    def without_evidence(self) -> "Reading":
        """The same, for the time in which rows are written: the evidence takes memory."""
        return replace(self, evidence=replace(self.evidence, images=type(self.evidence.images)(), surroundings={}))

    def is_current(self, connection: Connection) -> bool:
        """Whether these are the images now. If not, somebody erased, added or compared one since they were read."""
        if self.kept is None or self.part is None:
            return are_current(connection, self.backbone_name, self.evidence.pictures)
        if read_kept(connection, self.recipe) != self.kept:
            return False
        return new_part(connection, self.backbone_name, self.kept.marks, self.kept.images) == self.part

    def keep(self, connection: Connection, derived: Derived, answers_before: str) -> None:
        """Keep what triage has learned, for the next one. answers_before: digest of them before this one wrote."""
        if self.kept is None:
            connection.execute(delete(triage))
        n_clusters = connection.execute(select(func.count()).select_from(clusters)).scalar_one()
        is_same = answers_before == self.marks.answers
        answers = answers_digest(connection) if is_same else self.marks.answers  # this triage drew into the sample
        marks = replace(self.marks, clusters=n_clusters, answers=answers)
        if self.kept is not None:
            keep(connection, self.recipe, replace(self.kept, marks=marks))
        elif derived.model and len(derived.clustering.sha256) >= KEPT_FROM:
            content = packed(derived.model, derived.clustering.sha256)
            keep(connection, self.recipe, Kept(len(derived.clustering.sha256), marks, content))
