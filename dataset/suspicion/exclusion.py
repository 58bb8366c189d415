"""Exclude pictures automatically where no prior applies: only once this project's own answers have shown it right."""

from collections.abc import Mapping
from dataclasses import replace

from dataset.labels.vocabulary import UNSURE
from dataset.suspicion import triage
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors.certain import certain
from dataset.suspicion.queue import Suspicion


def is_proven(clustering: Clustering, suspicions: Mapping[int, Suspicion]) -> bool:
    """Whether answers about pictures that look unusable prove that it is right to exclude them. suspicions: by image.

    Until then they are only first in the queue.
    """
    about = (clustering.answer_about(image) for image in _looking(clustering, suspicions))
    return triage.is_proven([answer for answer in about if answer not in ("", UNSURE)])


def with_exclusions(clustering: Clustering, suspicions: Mapping[int, Suspicion]) -> Mapping[int, Suspicion]:
    """The suspicions, with the pictures excluded that look unusable and that nobody answered about."""
    looking = _looking(clustering, suspicions)
    return {**suspicions, **{i: _excluded(suspicions[i]) for i in looking if not clustering.answer_about(i)}}


def _looking(clustering: Clustering, suspicions: Mapping[int, Suspicion]) -> list[int]:
    return [image for image in clustering.representatives if image in suspicions and suspicions[image].looks_unusable]


def _excluded(suspicion: Suspicion) -> Suspicion:
    return replace(suspicion, is_surely_unusable=True, findings=(certain(None), *suspicion.findings))
