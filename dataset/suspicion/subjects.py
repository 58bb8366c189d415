"""From what is known of every image to what is suspected of it, and to the review queue."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from dataset.catalog.tables import sightings
from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion import shipped_prior, triage
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.lookalikes import Lookalikes
from foundation.settings import NOT_LABELS
from networks.backbone import Backbone


def subjects_of(
    connection: Connection,
    rows: Sequence[Row[Any]],
    vectors: NDArray[np.float32],
    labels: list[str],
    net: Backbone,
    number_of: NDArray[np.int64],
    groups: dict[int, list[int]],
    label_of: dict[int, str],
    best: dict[int, int],
    judged: dict[int, str],
) -> dict[int, Subject]:
    """What detectors are shown of every image that a source vouches for, by its index."""
    beliefs = _beliefs(rows, number_of, label_of, judged)
    shipped = shipped_prior.load(net.name)
    believed = shipped_prior.known(shipped, labels) if shipped else []
    measures = [
        shipped_prior.measure_row(row.width, row.height, row.size_bytes, row.detail, row.measures, row.objects)
        for row in rows
    ]
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
    novel = triage.novelty(vectors, [label_of.get(i, "") for i in range(len(rows))], number_of)
    classes = net.classes(vectors)
    words, pages, site_pages = _surroundings(connection)
    chances_of = [dict(zip(shipped.labels, row.tolist(), strict=True)) if shipped else {} for row in looks]
    sure = [
        bool(shipped) and triage.surely_unusable(chances.get(UNUSABLE, 0.0), row.measures)
        for chances, row in zip(chances_of, rows, strict=True)
    ]
    checked = [judged[int(number_of[i])] for i in best.values() if sure[i] and judged[int(number_of[i])]]
    if not triage.is_precise([answer for answer in checked if answer != "unsure"]):
        sure = [False] * len(rows)
    found = {}
    for i, row in enumerate(rows):
        if i not in label_of:
            continue
        chances = chances_of[i]
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
            is_surely_unusable=sure[i] and not judged[int(number_of[i])],
            objects=row.objects or {},
            classes=classes[i],
            text_lines=row.text_lines,
            text_share=row.text_share,
            novelty=float(novel[i]),
            labels=tuple(labels),
            lookalikes=float(alike[i]),
            lookalike_answer=_likest(vectors, i, wrong) if alike[i] >= Lookalikes.threshold else UNUSABLE,
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
