"""The second stage: fingerprints, features, clusters, findings, the review queue, decisions.

Everything it writes but the decisions is derived and may be rebuilt; what was computed once is not
computed again.
"""

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from dataset import audit, decisions, prior, triage
from dataset.atomic import storage_errors
from dataset.catalog import replace, upsert
from dataset.clusters import clusters
from dataset.decoding import Undecodable, scaled_rgb
from dataset.detectors import DETECTORS, Finding, Subject
from dataset.detectors.base import UNUSABLE
from dataset.duplicates import Prints, candidates, confirm, needs_pictures
from dataset.features import Backbone, backbone
from dataset.fingerprints import RECIPE, fingerprint, luminance
from dataset.project import Project
from dataset.tables import clusters as clusters_table
from dataset.tables import compared, features, findings, fingerprints, images, pairs, queue, sightings
from isitcake.errors import StorageError
from isitcake.settings import NOT_LABELS

BATCH = 64
COMPARISON = f"{RECIPE}, views 1"  # a change of either compares everything anew
COMPARE_BLOCK = 2000  # new images at a time
PICTURES_KEPT = 4000  # decoded, 100 KB each
THREADS = 4

Progress = Callable[[str, int, int], None]  # what is done, how many of how many


@dataclass(frozen=True)
class CurateReport:
    """images: in the catalog. near_duplicates: images that show what another shows."""

    images: int
    clusters: int
    near_duplicates: int
    findings: dict[str, int]  # by detector
    queued: int
    set_aside: int
    decided: int  # labels that changed
    backbone: str

    def line(self) -> str:
        """What happened, in one line."""
        return (
            f"{self.images} images, {self.near_duplicates} near-duplicates, {self.queued} to review, "
            f"{self.set_aside} set aside"
        )


def curate(project: Project, progress: Progress | None = None) -> CurateReport:
    """Bring every derived table up to date with the blobs and the judgements. Safe to kill and rerun.

    Raises CatalogError or StorageError; what was computed is kept.
    """
    tell = progress or _silent
    net = backbone(project.settings.weights)
    _compute(project, fingerprints, fingerprints.c.recipe == RECIPE, _fingerprint_row, "fingerprints", tell)
    _compute(
        project,
        features,
        features.c.backbone == net.name,
        lambda sha, body: _feature_row(sha, body, net),
        "features",
        tell,
    )
    _compare(project, tell)
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        review = project.settings.review
        audited = round(review.budget * review.audit_share)
        report = _triage(connection, net.name, project.settings.project.labels, audited, now)
    tell("triage", report.images, report.images)
    return report


def _compute(
    project: Project,
    table: Any,
    current: Any,
    make: Callable[[str, bytes], dict[str, Any]],
    what: str,
    tell: Progress,
) -> None:
    """Rows of `table` for the images that lack a current one, written as they come."""
    with project.catalog.read() as connection:
        known = select(table.c.sha256).where(current)
        missing = connection.execute(
            select(images.c.sha256, images.c.format).where(images.c.sha256.not_in(known)).order_by(images.c.sha256)
        ).all()

    def one(image: Row[Any]) -> dict[str, Any]:
        path = project.blobs.path(image.sha256, image.format)
        try:
            content = path.read_bytes()
            if what == "fingerprints" and hashlib.sha256(content).hexdigest() != image.sha256:
                raise StorageError(f"{path} is not what was stored; restore it, or erase the image")
            return make(image.sha256, content)
        except FileNotFoundError as error:
            raise StorageError(f"{path} is gone; restore it, or erase the image") from error
        except Undecodable as error:
            raise StorageError(f"{path} is damaged ({error}); restore it, or erase the image") from error

    with ThreadPoolExecutor(THREADS) as pool, storage_errors(project.home):
        done = 0
        for part in _batches(missing):
            rows = list(pool.map(one, part))
            with project.catalog.write() as connection:
                upsert(connection, table, rows)
            done += len(rows)
            tell(what, done, len(missing))


def _fingerprint_row(sha256: str, content: bytes) -> dict[str, Any]:
    return fingerprint(content).row(sha256)


def _feature_row(sha256: str, content: bytes, net: Backbone) -> dict[str, Any]:
    vector = net.vector(scaled_rgb(content)).astype(np.float16)
    return {"sha256": sha256, "backbone": net.name, "vector": vector.tobytes()}


def _triage(connection: Connection, backbone_name: str, labels: list[str], audited: int, now: datetime) -> CurateReport:
    """All that is decided across images, in one transaction. audited: pictures of the sample to wait for answers."""
    rows = connection.execute(
        select(images, fingerprints, features.c.vector)
        .join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        .join(features, features.c.sha256 == images.c.sha256)
        .where(features.c.backbone == backbone_name)
        .order_by(images.c.sha256)
    ).all()
    names = [row.sha256 for row in rows]
    number_of = _cluster(connection, rows)
    groups: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(number_of):
        groups[int(number)].append(index)
    best = {number: max(group, key=lambda i: _quality(rows[i])) for number, group in groups.items()}
    replace(
        connection,
        clusters_table,
        [
            {
                "sha256": names[i],
                "cluster": names[groups[int(number)][0]],
                "representative": names[best[int(number)]],
            }
            for i, number in enumerate(number_of)
        ],
    )
    said = _source_labels(connection)
    answers = decisions.newest_answers(connection)
    judged = {number: _judgement(answers, [names[i] for i in group]) for number, group in groups.items()}
    vectors = np.stack([np.frombuffer(r.vector, dtype=np.float16) for r in rows]).astype(np.float32) if rows else None
    suspicions: dict[int, list[Finding]] = {}
    waiting: list[dict[str, Any]] = []
    if vectors is not None:
        label_of = {i: sorted(said[name])[0] for i, name in enumerate(names) if said.get(name)}
        subjects = _subjects(
            connection, rows, vectors, labels, backbone_name, number_of, groups, label_of, best, judged
        )
        detectors = [detector() for detector in DETECTORS]
        suspicions = {
            i: [finding for detector in detectors if (finding := detector.examine(subject))]
            for i, subject in subjects.items()
        }
        waiting = _queue(names, groups, best, judged, subjects, suspicions)
    replace(connection, findings, [{"sha256": names[i], **asdict(f)} for i, found in suspicions.items() for f in found])
    replace(connection, queue, waiting)
    decided = decisions.settle(connection, now)
    audit.draw(connection, labels, audited, now)
    holding = decisions.latest(connection)
    return CurateReport(
        images=len(rows),
        clusters=len(groups),
        near_duplicates=len(rows) - len(groups),
        findings=dict(sorted(Counter(f.detector for found in suspicions.values() for f in found).items())),
        queued=len(waiting),
        set_aside=sum(decision.label == decisions.SET_ASIDE for decision in holding.values()),
        decided=decided,
        backbone=backbone_name,
    )


def _compare(project: Project, tell: Progress) -> None:
    """Compare images that were not compared yet with all there are; confirmed pairs are added.

    A block of new images at a time, each block whole or not at all: killed anywhere and run again, the pairs
    are the same.
    """
    with project.catalog.read() as connection:
        rows = connection.execute(
            select(fingerprints, images.c.format)
            .join(images, images.c.sha256 == fingerprints.c.sha256)
            .order_by(fingerprints.c.sha256)
        ).all()
        known = set(connection.execute(select(compared.c.sha256).where(compared.c.recipe == COMPARISON)).scalars())
    if not known:
        with project.catalog.write() as connection:
            replace(connection, pairs, [])
            replace(connection, compared, [])
    new = np.array([i for i, row in enumerate(rows) if row.sha256 not in known], dtype=np.int64)
    if not len(new):
        return
    prints = Prints.of(
        [row.views for row in rows],
        [row.mirrored for row in rows],
        [row.phash16 for row in rows],
        [row.detail for row in rows],
        [row.measures["top_colours"] for row in rows],
    )
    seen = np.array([i for i, row in enumerate(rows) if row.sha256 in known], dtype=np.int64)

    @functools.lru_cache(maxsize=PICTURES_KEPT)
    def picture(index: int) -> NDArray[np.uint8]:
        row = rows[index]
        return luminance(project.blobs.path(row.sha256, row.format).read_bytes())

    with ThreadPoolExecutor(THREADS) as pool, storage_errors(project.home):
        for begin in range(0, len(new), COMPARE_BLOCK):
            block = new[begin : begin + COMPARE_BLOCK]
            among = np.sort(np.concatenate([seen, block]))
            places = candidates(prints.subset(among), np.searchsorted(among, block))

            def look(item: Any, among: NDArray[np.int64] = among) -> dict[str, Any] | None:
                (a, b), placements = item
                pair = int(among[a]), int(among[b])
                pixels = [picture(i) for i in pair] if needs_pictures(prints, pair) else []
                found = confirm(prints, pair, placements, pixels)
                return {"a": rows[pair[0]].sha256, "b": rows[pair[1]].sha256, **asdict(found)} if found else None

            found = [row for row in pool.map(look, places.items()) if row]
            with project.catalog.write() as connection:
                upsert(connection, pairs, found)
                upsert(connection, compared, [{"sha256": rows[i].sha256, "recipe": COMPARISON} for i in block])
            seen = among
            tell("comparing", begin + len(block), len(new))


def _cluster(connection: Connection, rows: Sequence[Row[Any]]) -> NDArray[np.int64]:
    index = {row.sha256: i for i, row in enumerate(rows)}
    found = [
        (index[row.a], index[row.b])
        for row in connection.execute(select(pairs.c.a, pairs.c.b))
        if row.a in index and row.b in index
    ]
    return clusters(len(rows), np.array(found, dtype=np.int64).reshape(-1, 2), [_quality(row) for row in rows])


def _beliefs(
    rows: Sequence[Row[Any]], number_of: NDArray[np.int64], label_of: dict[int, str], judged: dict[int, str]
) -> dict[int, dict[str, float]]:
    """Out-of-fold probability of each label, by image, learnt from what is believed now."""
    taught = [i for i in label_of if judged[int(number_of[i])] not in NOT_LABELS]
    if not taught:
        return {}
    vectors = np.stack([np.frombuffer(rows[i].vector, dtype=np.float16).astype(np.float32) for i in taught])
    labels = [judged[int(number_of[i])] or label_of[i] for i in taught]
    trusted = np.array([bool(judged[int(number_of[i])]) for i in taught])
    answers = triage.out_of_fold(vectors, labels, number_of[taught], trusted)
    return dict(zip(taught, answers, strict=True))


def _subjects(
    connection: Connection,
    rows: Sequence[Row[Any]],
    vectors: NDArray[np.float32],
    labels: list[str],
    backbone_name: str,
    number_of: NDArray[np.int64],
    groups: dict[int, list[int]],
    label_of: dict[int, str],
    best: dict[int, int],
    judged: dict[int, str],
) -> dict[int, Subject]:
    """What detectors are shown of every image that a source vouches for, by its index."""
    beliefs = _beliefs(rows, number_of, label_of, judged)
    shipped = prior.load(backbone_name)
    believed = prior.known(shipped, labels) if shipped else []
    measures = [prior.measure_row(row.width, row.height, row.size_bytes, row.detail, row.measures) for row in rows]
    looks = (
        shipped.probabilities(vectors, np.array(measures, dtype=np.float32)) if shipped else np.zeros((len(rows), 0))
    )
    asked = [(best[number], answer) for number, answer in judged.items() if answer and best[number] in label_of]
    votes = [
        triage.UNSURE_VOTE if answer == "unsure" else 1.0 if answer != label_of[i] else -1.0 for i, answer in asked
    ]
    who = np.array([i for i, _ in asked], dtype=np.int64)
    alike = triage.lookalikes(vectors, who, np.array(votes))
    wrong = [(i, answer) for (i, answer), vote in zip(asked, votes, strict=True) if vote > 0]
    words, pages, site_pages = _surroundings(connection)
    found = {}
    for i, row in enumerate(rows):
        if i not in label_of:
            continue
        chances = dict(zip(shipped.labels, looks[i].tolist(), strict=True)) if shipped else {}
        members = groups[int(number_of[i])]
        others = [label for label in labels if label != label_of[i]]
        found[i] = Subject(
            width=row.width,
            height=row.height,
            detail=row.detail,
            measures=row.measures,
            source_label=label_of[i],
            source_labels=frozenset(label_of[j] for j in members if j in label_of),
            probabilities=beliefs.get(i, {}),
            prior=chances if len(believed) > 1 else {},
            is_surely_unusable=bool(shipped)
            and not judged[int(number_of[i])]
            and triage.surely_unusable(chances.get(UNUSABLE, 0.0), row.measures),
            lookalikes=float(alike[i]),
            lookalike_answer=_likest(vectors, i, wrong),
            words=words.get(row.sha256, ()),
            pages=pages.get(row.sha256, (0, ""))[0],
            site_pages=site_pages.get(pages.get(row.sha256, (0, ""))[1], 0),
            other_label=others[0] if len(others) == 1 else UNUSABLE,
        )
    return found


def _likest(vectors: NDArray[np.float32], index: int, wrong: list[tuple[int, str]]) -> str:
    """What people said of the picture, among those labelled wrongly, that looks most like this one."""
    if not wrong:
        return UNUSABLE
    others = vectors[[i for i, _ in wrong]]
    likeness = others @ vectors[index] / np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    return wrong[int(likeness.argmax())][1]


def _surroundings(
    connection: Connection,
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[int, str]], dict[str, int]]:
    """By image its names and alt texts, and on how many pages of which site it is; by site its pages."""
    words: dict[str, set[str]] = defaultdict(set)
    on: dict[tuple[str, str], set[str]] = defaultdict(set)
    whole: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(sightings)):
        words[row.sha256] |= {row.image_url.split("?")[0].rpartition("/")[2], row.alt} - {""}
        on[row.sha256, row.site].add(row.page_url)
        whole[row.site].add(row.page_url)
    pages: dict[str, tuple[int, str]] = {}
    for (sha256, site), seen in on.items():
        pages[sha256] = max(pages.get(sha256, (0, "")), (len(seen), site))
    return (
        {sha256: tuple(sorted(texts)) for sha256, texts in words.items()},
        pages,
        {site: len(seen) for site, seen in whole.items()},
    )


def signals_of(subject: Subject, found: list[Finding]) -> dict[str, float]:
    """What the probability of a wrong label is made of."""
    given = subject.source_label
    signals = {finding.detector: finding.score for finding in found if finding.detector in triage.SIGNALS}
    if given in subject.prior:
        signals["prior"] = triage.logit(1 - subject.prior[given])
    if given in subject.probabilities:
        signals["out_of_fold"] = triage.logit(1 - subject.probabilities[given])
    signals["lookalikes"] = subject.lookalikes
    return signals


def _queue(
    names: list[str],
    groups: dict[int, list[int]],
    best: dict[int, int],
    judged: dict[int, str],
    subjects: dict[int, Subject],
    suspicions: dict[int, list[Finding]],
) -> list[dict[str, Any]]:
    """Rows of the review queue: every cluster that nobody judged and that is not set aside."""
    taught = [
        (signals_of(subjects[i], suspicions[i]), judged[number] != subjects[i].source_label)
        for number, i in best.items()
        if i in subjects and judged[number] not in ("", "unsure")
    ]
    calibration = triage.calibrate([signals for signals, _ in taught], [wrong for _, wrong in taught])
    waiting = []
    for number, members in groups.items():
        i = best[number]
        if judged[number] or i not in subjects or subjects[i].is_surely_unusable:
            continue
        found = suspicions[i]
        signals = signals_of(subjects[i], found)
        probability = calibration.probability(signals)
        waiting.append(
            {
                "sha256": names[i],
                "priority": triage.priority(probability, len(members)),
                "suggested_label": triage.suggestion(found, subjects[i].source_label, subjects[i].prior),
                "error_probability": probability,
                "reasons": [f"{finding.detector}: {finding.evidence}" for finding in found],
            }
        )
    return waiting


def _judgement(answers: Any, members: Iterable[str]) -> str:
    """What people say of a cluster; empty where nobody did or they disagree."""
    given = {answer.reviewer: answer for member in sorted(members) for answer in answers.get(member, [])}
    if not given:
        return ""
    return decisions.decide(list(given.values()), frozenset(), 0.0).label


def _source_labels(connection: Connection) -> dict[str, set[str]]:
    said: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label).distinct()):
        said[row.sha256].add(row.source_label)
    return said


def _quality(row: Row[Any]) -> tuple[int, float, bool, int, str]:
    """The most pixels represent a cluster, then the sharpest, then what loses nothing, then the most bytes."""
    lossless = row.format in ("PNG", "BMP", "TIFF")
    return row.width * row.height, row.measures["edges"], lossless, row.size_bytes, row.sha256


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _silent(_what: str, _done: int, _total: int) -> None: ...
