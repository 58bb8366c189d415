"""The table `triage`: what triage has learned, and what it had read by then."""

import hashlib
from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import Connection, select

from dataset.catalog.tables import triage
from dataset.catalog.writes import replace
from dataset.duplicates.compare_new import COMPARISON
from dataset.suspicion import triage as rules
from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.fitted.model import TriageModel
from dataset.suspicion.fitted.packed import Packed
from dataset.suspicion.kept.marks import Marks
from dataset.suspicion.packs import pack
from dataset.suspicion.variety import features_of
from foundation.settings import Settings
from foundation.version import VERSION

FORM = 1  # of what is kept, and of how it is fitted: after a change, triage learns anew


@dataclass(frozen=True)
class Kept:
    """A row of the table. images: how many the model was fitted to. model: of fitted.packed."""

    images: int
    marks: Marks
    model: bytes

    def model_for(self, connection: Connection, backbone_name: str, evidence: Evidence) -> TriageModel | None:
        """The model, ready to judge the images of this evidence; None if a picture that it needs was just erased."""
        read = Packed.read(self.model)
        clustering = evidence.clustering
        index = {sha256: number for number, sha256 in enumerate(clustering.sha256)}
        labels = set(clustering.claimed_labels.values())
        needed = read.names(labels)
        features = features_of(connection, sorted(needed), backbone_name)
        return read.model(index, labels, features) if features.keys() == needed else None


def read_kept(connection: Connection, recipe: str) -> Kept | None:
    """What was kept under this recipe; None if there is nothing."""
    row = connection.execute(select(triage).where(triage.c.recipe == recipe)).first()
    if row is None:
        return None
    return Kept(row.images, Marks(**{**row.marks, "derived": tuple(row.marks["derived"])}), row.model)


def keep(connection: Connection, recipe: str, kept: Kept) -> None:
    """Keep this in the place of what was kept before."""
    row = {"id": 1, "recipe": recipe, "images": kept.images, "marks": asdict(kept.marks), "model": kept.model}
    replace(connection, triage, [row])


def recipe_of(settings: Settings, backbone_name: str, seen_recipe: str) -> str:
    """What judging depends on besides the catalog: the networks, the settings and the program. seen_recipe: of
    pictures.seen.
    """
    parts = [
        FORM,
        VERSION,
        _digest_of_pack(settings.project.subject),
        backbone_name,
        seen_recipe,
        COMPARISON,
        settings.project.labels,
        settings.project.subject,
        {name: section.model_dump(mode="json") for name, section in settings.labels.items()},
        settings.safety.model_dump(mode="json"),
        [[detector.name, detector.version] for detector in DETECTORS],
        [rules.SIGNALS, rules.BIAS],
    ]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _digest_of_pack(subject: str) -> str:
    """Of its words, classes and priors."""
    chosen = pack(subject)
    if chosen is None:
        return ""
    digest = hashlib.sha256(repr(chosen).encode())
    for path in sorted(chosen.priors.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()
