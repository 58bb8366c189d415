"""The second stage: measures pictures, finds duplicates and doubtful labels, orders the review queue, decides labels.

Everything it writes is derived and may be rebuilt, except the decisions. A second run computes only what is new.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from dataset.catalog import writes
from dataset.catalog.tables import clusters, findings, queue
from dataset.damage import find_damage
from dataset.duplicates.compare_new import compare_new
from dataset.erasure.erase_listed import ErasedListed, erase_listed
from dataset.labels import audit, label_ledger
from dataset.labels.withheld import withheld
from dataset.layout.keep import keep_map
from dataset.pictures import seen
from dataset.project import Project
from dataset.quarantine import listed as quarantine_list
from dataset.quarantine import quarantine, release_restored, sentence
from dataset.suspicion.derive import Derived, derive
from dataset.suspicion.kept.ledger import recipe_of
from dataset.suspicion.kept.marks import count_of
from dataset.suspicion.kept.reading import Reading
from dataset.suspicion.meanings import meanings, texts_of_answers
from dataset.suspicion.measure_new import Networks, measure_new
from foundation.memory import Cost, Meter
from foundation.safe_text import counted
from foundation.sharing.machines import share
from networks import explicit, objects
from networks.backbone import Backbone, backbone

CURATE_LOCK = "curate"
TRIES_WITHOUT_LOCK = 3  # another process seldom changes the pictures during triage, and hardly ever three times

Progress = Callable[[str, int, int], None]  # name of the step, how many are done, how many there are


@dataclass(frozen=True)
class CurateReport:
    """images: in the catalog. near_duplicates: images that show the same picture as another. decided: changed labels.

    findings: by detector. set_aside: pictures that are excluded automatically; copies count once. quarantined: images
    that are left out because their originals are missing or damaged, each with what is wrong. listed: pictures on a
    hash list, which were erased. cost: of this run.
    """

    images: int
    clusters: int
    near_duplicates: int
    findings: dict[str, int]
    queued: int
    set_aside: int
    decided: int
    backbone: str
    quarantined: list[str] = field(default_factory=list)
    listed: ErasedListed = field(default_factory=ErasedListed)
    cost: Cost | None = None

    def line(self) -> str:
        """One line for people."""
        text = (
            f"{counted(self.images, 'image')}, {counted(self.near_duplicates, 'near-duplicate')}, "
            f"{self.queued} to review, {self.set_aside} excluded automatically"
        )
        return "; ".join(filter(None, [text, sentence(self.quarantined), self.listed.line()]))


def curate(project: Project, progress: Progress | None = None) -> CurateReport:
    """Bring every derived table up to date with the images and the answers. It may be killed and run again.

    Several may run at once, on one machine or on several: they share the pictures to measure, and one compares and
    triages. An image whose original is missing or damaged is left out until it is whole again. Raises CatalogError, or
    StorageError if the originals are out of reach; what was computed until then is kept.
    """
    tell, meter = progress or _silent, Meter()
    listed = erase_listed(project, tell)
    release_restored(project)
    quarantine(project, find_damage(project, all_sizes=True, hashed_bytes=0))
    net = backbone(project.settings.network, texts_of_answers(project.settings))
    settings = project.settings
    found = explicit.explicit_network(settings.explicit_network)
    detector = objects.detector(settings.detector)
    measure_new(project, Networks(net, detector, found), tell)
    with _alone(project, tell):  # whoever waits finds little to do
        compare_new(project, tell)
        keep_map(project, net.name, tell)
        report = _triage(project, net, seen.recipe(detector, found), tell)
    return changed(report, listed=listed, cost=meter.cost(report.images))


@contextmanager
def _alone(project: Project, tell: Progress) -> Iterator[None]:
    """Hold the lock of comparing and triage; where another program holds it, say so and wait."""
    with ExitStack() as stack:
        try:
            stack.enter_context(project.alone(CURATE_LOCK, 0))
        except TimeoutError:
            tell("waiting for another `curate`", 0, 0)
            stack.enter_context(project.alone(CURATE_LOCK))
        yield


def _triage(project: Project, net: Backbone, seen_recipe: str, tell: Progress) -> CurateReport:
    """Derive clusters, findings and the queue without a lock on the catalog, then write them in one short transaction.

    If somebody erases, adds or compares images meanwhile, it starts again; the last try holds the lock.
    """
    meant = meanings(project.settings)
    if net.texts:
        meant = meant.of_texts(net.texts)
    recipe = recipe_of(project.settings, net.name, seen_recipe)
    for _ in range(TRIES_WITHOUT_LOCK):
        with project.catalog.read() as connection:
            reading = Reading.of(connection, recipe, net.name, project.home)
        tell("triage", 0, len(reading.evidence.images))  # none: nothing came since the last one
        derived = derive(reading.evidence, meant, net, reading.model)
        with project.catalog.read() as connection:
            derived = reading.arranged(connection, derived)
        reading = reading.without_evidence()  # its memory is used again to write
        with project.catalog.write() as connection:
            if reading.is_current(connection):
                decided, hides = _write(connection, project, reading, derived)
                break
    else:
        with project.catalog.write() as connection:
            reading = Reading.of(connection, recipe, net.name, project.home)
            derived = derive(reading.evidence, meant, net, reading.model)
            decided, hides = _write(connection, project, reading, reading.arranged(connection, derived))
    if hides:
        share(project.settings)
    report = _report(project, decided, net.name)
    tell("triage", report.images, report.images)
    return report


def _write(connection: Connection, project: Project, reading: Reading, derived: Derived) -> tuple[int, bool]:
    """Write the derived tables, decide labels and draw the audit sample. Returns how many labels changed, and whether
    reports were removed, because they may show what nobody is to see now.

    Decisions are made here, from the answers as they are now: an answer that came during triage counts.
    """
    now = datetime.now(UTC)
    before = withheld(connection, project.settings).keys()
    if reading.part is None:
        writes.replace(connection, clusters, derived.clusters)
        writes.replace(connection, findings, derived.findings)
        writes.replace(connection, queue, derived.queue)
        decided = label_ledger.settle(connection, now)
    else:
        decided = _write_part(connection, derived, now)
    hides = bool(withheld(connection, project.settings).keys() - before)
    if hides:
        project.remove_reports()  # before the commit: after a kill, none is left that shows these pictures
    review = project.settings.review
    audit.draw(connection, project.settings.project.labels, round(review.budget * review.audit_share), now)
    reading.keep(connection, derived)
    return decided, hides


def _write_part(connection: Connection, derived: Derived, now: datetime) -> int:
    """Write the rows of the images that were judged, and no others."""
    names = derived.clustering.sha256
    if not names:
        return 0
    writes.replace_some(connection, clusters, names, derived.clusters)
    writes.replace_some(connection, findings, names, derived.findings)
    writes.replace_some(connection, queue, names, derived.queue)
    for sha256, priority in derived.moved.items():
        connection.execute(queue.update().where(queue.c.sha256 == sha256).values(priority=priority))
    return label_ledger.settle(
        connection, now, set(map(derived.clustering.name, range(len(derived.clustering.members))))
    )


def _report(project: Project, decided: int, backbone_name: str) -> CurateReport:
    detector = findings.c.detector
    by_detector = select(detector, func.count().label("found")).group_by(detector).order_by(detector)
    with project.catalog.read() as connection:
        excluded = label_ledger.excluded(connection)
        images = count_of(connection, clusters)
        n_clusters = connection.execute(select(func.count(clusters.c.cluster.distinct()))).scalar_one()
        return CurateReport(
            images=images,
            clusters=n_clusters,
            near_duplicates=images - n_clusters,
            findings={row.detector: row.found for row in connection.execute(by_detector)},
            queued=count_of(connection, queue),
            set_aside=len(excluded),
            decided=decided,
            backbone=backbone_name,
            quarantined=list(quarantine_list(project).values()),
        )


def _silent(_step: str, _done: int, _total: int) -> None: ...
