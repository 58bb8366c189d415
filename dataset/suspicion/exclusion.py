"""Exclude pictures automatically where no prior applies: only once this project's own answers have shown it right."""

from collections.abc import Mapping
from dataclasses import replace

from dataset.labels.vocabulary import UNSURE
from dataset.suspicion import triage
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors.certain import certain
from dataset.suspicion.queue import Suspicion


def with_proven(clustering: Clustering, suspicions: Mapping[int, Suspicion]) -> Mapping[int, Suspicion]:
    """The suspicions, with the pictures that look unusable excluded, if answers about such pictures prove it right.

    Until then they are only first in the queue. suspicions: by image.
    """
    looking = [
        image for image in clustering.representatives if image in suspicions and suspicions[image].looks_unusable
    ]
    answers = [answer for image in looking if (answer := clustering.answer_about(image)) not in ("", UNSURE)]
    if not triage.is_proven(answers):
        return suspicions
    return {**suspicions, **{i: _excluded(suspicions[i]) for i in looking if not clustering.answer_about(i)}}


def _excluded(suspicion: Suspicion) -> Suspicion:
    return replace(suspicion, is_surely_unusable=True, findings=(certain(None), *suspicion.findings))
