"""What one triage decides from: all images, or those that are new with what triage learned before."""

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, delete

from dataset.catalog.tables import audit, triage
from dataset.suspicion.derive import Derived
from dataset.suspicion.evidence import Evidence, Pictures, are_current, read_evidence
from dataset.suspicion.fitted.fit import BY_NAME_FROM
from dataset.suspicion.fitted.model import TriageModel
from dataset.suspicion.fitted.packed import packed
from dataset.suspicion.kept.front import with_front
from dataset.suspicion.kept.ledger import Kept, keep, read_kept
from dataset.suspicion.kept.marks import Marks, count_of, judged_pairs, new_part, rows_of_triage, state_digest

KEPT_FROM = BY_NAME_FROM  # images from which on it pays to keep what triage learned


@dataclass(frozen=True)
class Reading:
    """kept, part, model, state: none of them where all images are judged anew. marks: how far the tables were. state:
    digest of what the part was chosen from.
    """

    recipe: str
    backbone_name: str
    marks: Marks
    evidence: Evidence
    kept: Kept | None = None
    part: Pictures | None = None
    model: TriageModel | None = None
    state: str = ""

    @classmethod
    def of(cls, connection: Connection, recipe: str, backbone_name: str, folder: Path) -> "Reading":
        """Read everything, so that triage decides without a lock on the catalog. folder: for a temporary file."""
        marks, kept = Marks.read(connection), read_kept(connection, recipe)
        state = state_digest(connection, backbone_name) if kept else ""
        part = new_part(connection, backbone_name, kept.marks, kept.images) if kept else None
        if kept and part is not None:
            evidence = read_evidence(connection, backbone_name, folder, part)
            model = kept.model_for(connection, backbone_name, evidence) if part.sha256 else None
            if model or not part.sha256:
                return cls(recipe, backbone_name, marks, evidence, kept, part, model, state)
        return cls(recipe, backbone_name, marks, read_evidence(connection, backbone_name, folder))

    def arranged(self, connection: Connection, derived: Derived) -> Derived:
        """With the front of the queue in order, where new questions join those that are there."""
        return derived if self.part is None else with_front(connection, self.backbone_name, derived)

    def without_evidence(self) -> "Reading":
        """The same, for the time in which rows are written: the evidence takes memory."""
        return replace(self, evidence=replace(self.evidence, images=type(self.evidence.images)(), surroundings={}))

    def is_current(self, connection: Connection) -> bool:
        """Whether these are the images now. If not, somebody erased, added or compared one since they were read.

        What sources showed since does not matter: the next triage judges it.
        """
        if self.part is None:
            return are_current(connection, self.backbone_name, self.evidence.pictures)
        is_kept = read_kept(connection, self.recipe) == self.kept
        return is_kept and state_digest(connection, self.backbone_name) == self.state

    def keep(self, connection: Connection, derived: Derived) -> None:
        """Keep what triage has learned, for the next one, after its rows were written and its sample was drawn."""
        marks = replace(
            self.marks,
            audit=count_of(connection, audit),
            derived=rows_of_triage(connection),
            pairs=judged_pairs(connection),
        )
        n_images = len(derived.clustering.sha256)
        if self.kept is not None and self.part is not None:
            keep(connection, self.recipe, replace(self.kept, marks=marks))
        elif derived.model and n_images >= KEPT_FROM:
            keep(connection, self.recipe, Kept(n_images, marks, packed(derived.model, derived.clustering.sha256)))
        else:
            connection.execute(delete(triage))
