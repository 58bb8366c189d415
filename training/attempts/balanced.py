"""Logistic regression in which every group weighs the same, with scale and threshold from sites left out.

A group is a label and what the source claims, as in the headline. Otherwise a model learns "a photo from the API"
instead of "not cake". The features are those of the picture and of its mirror image, averaged. See
docs/decisions/0026-the-balanced-attempt.md.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from networks.graph import Net, finished, gemm, mirrored
from training.attempts.left_out import (
    LeftOut,
    Told,
    calibrated,
    folds,
    group_weights,
    logits_left_out,
    nobody,
    scored,
    threshold,
)
from training.attempts.linear import MOST_IMAGES, Head, fit_head
from training.attempts.protocol import Fitted
from training.examples import Examples

STRENGTHS = (0.0003, 0.001, 0.003)  # values of C, whose heads are averaged; looser ones fail on other sites


def fit_balanced(
    vectors: NDArray[np.float32],
    labels: NDArray[np.str_],
    sites: NDArray[np.str_],
    claims: NDArray[np.str_],
    names: Sequence[str],
    told: Told = nobody,
) -> tuple[Head, LeftOut | None]:
    """The calibrated head, and how good such heads are on sites left out; None where none can be.

    vectors: (n, d). labels, sites, claims (source labels): (n,). names: the labels in the order of the logits. told: as
    for `logits_left_out`.
    """

    def fit(learn: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        head = fit_uncalibrated(vectors[learn], labels[learn], claims[learn], names)
        return lambda rest: head.logits(vectors[rest])

    logits = logits_left_out(fit, labels, folds(sites, claims), names, told)
    head = fit_uncalibrated(vectors, labels, claims, names)
    known = ~np.isnan(logits[:, 0])
    if len(np.unique(labels[known])) < len(names):
        return head, None
    judged, truth, claimed = logits[known], labels[known], claims[known]
    matrix, bias = calibrated(judged, truth, names, group_weights(truth, claimed))
    if len(names) == 2:
        scaled = judged @ matrix.T
        cut = threshold(scaled[:, 1] - scaled[:, 0], truth, claimed, names[1])
        bias = np.array([cut, -cut]) / 2
    left_out = scored(judged @ matrix.T + bias, truth, claimed, names)
    return Head(matrix @ head.weights, matrix @ head.bias + bias), left_out


def fit_uncalibrated(
    vectors: NDArray[np.float32], labels: NDArray[np.str_], claims: NDArray[np.str_], names: Sequence[str]
) -> Head:
    """The mean of the heads of all strengths; every group has the same weight."""
    weights = group_weights(labels, claims)
    heads = [fit_head(vectors, labels, names, strength, weights) for strength in STRENGTHS]
    return Head(np.mean([head.weights for head in heads], axis=0), np.mean([head.bias for head in heads], axis=0))


class Balanced:
    name = "balanced"
    what = "logistic regression on a picture and its mirror image, weighted against shortcuts"

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        vectors, learn = examples.mirrored, examples.to_learn(MOST_IMAGES)
        of_rows = (examples.labels[learn], examples.sites[learn], examples.claims[learn])
        told = partial(examples.progress, f"fits of {self.name}")
        head, left_out = fit_balanced(vectors[learn], *of_rows, examples.names, told)
        facts = {} if left_out is None else {"sites_left_out": f"{left_out.headline:.3f} ± {left_out.error:.3f}"}
        net = Net()
        logits = gemm(net, "features", "logits", head.weights, head.bias)
        graph = finished(mirrored(examples.net.graph), net, logits, examples.names, {})
        return Fitted(graph, softmax(vectors.each(head.logits), axis=1), facts, left_out, len(learn))
