"""Logistic regression in which every group weighs the same, with strength and threshold from sites left out.

A group is a label and what the source claims, as in the headline. Otherwise a model learns "a photo from the API"
instead of "not cake". The features are those of the picture and of its mirror image, averaged. See
docs/decisions/0026-the-balanced-attempt.md.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from networks.graph import Net, finished, gemm, mirrored
from training.attempts.left_out import (
    LeftOut,
    calibrated,
    folds,
    group_weights,
    logits_left_out,
    losses,
    not_clearly_worse,
    scored,
)
from training.attempts.linear import Head, fit_head
from training.attempts.protocol import Fitted
from training.examples import Examples

STRENGTHS = (0.0003, 0.001, 0.003)  # values of C; looser ones fail on sites of other platforms
USUAL_STRENGTH = 0.001  # where no site can be left out


def fit_balanced(
    vectors: NDArray[np.float32],
    labels: NDArray[np.str_],
    sites: NDArray[np.str_],
    claims: NDArray[np.str_],
    names: Sequence[str],
) -> tuple[Head, list[float], LeftOut | None]:
    """The calibrated head, its strengths, and how good such heads are on sites left out; None where none can be.

    vectors: (n, d). labels, sites, claims (source labels): (n,). names: the labels in the order of the logits.
    """
    weights, fold = group_weights(labels, claims), folds(sites, claims)

    def fit_at(strength: float) -> Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.float64]]]:
        def fit(learn: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
            within = group_weights(labels[learn], claims[learn])
            head = fit_head(vectors[learn], labels[learn], names, strength, within)
            return lambda rest: head.logits(vectors[rest])

        return fit

    candidates = {strength: logits_left_out(fit_at(strength), labels, fold, names) for strength in STRENGTHS}
    known = ~np.isnan(candidates[STRENGTHS[0]][:, 0])
    if len(np.unique(labels[known])) < len(names):
        return fit_head(vectors, labels, names, USUAL_STRENGTH, weights), [USUAL_STRENGTH], None
    scales = [calibrated(logits[known], labels[known], names, weights[known]) for logits in candidates.values()]
    judged = [
        logits[known] @ matrix.T + bias for logits, (matrix, bias) in zip(candidates.values(), scales, strict=True)
    ]
    weighted = [weights[known] * losses(logits, labels[known], names) for logits in judged]
    kept = not_clearly_worse(weighted, fold[known])
    heads = [
        Head(matrix @ head.weights, matrix @ head.bias + bias)
        for head, (matrix, bias) in ((fit_head(vectors, labels, names, STRENGTHS[k], weights), scales[k]) for k in kept)
    ]
    mean = Head(np.mean([head.weights for head in heads], axis=0), np.mean([head.bias for head in heads], axis=0))
    left_out = scored(np.mean([judged[k] for k in kept], axis=0), labels[known], claims[known], names)
    return mean, [STRENGTHS[k] for k in kept], left_out


class Balanced:
    name = "balanced"
    what = "logistic regression on a picture and its mirror image, weighted against shortcuts, chosen on sites left out"

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        learn = examples.mask("train") & np.isin(examples.labels, examples.names)
        vectors = examples.mirrored
        head, strengths, left_out = fit_balanced(
            vectors[learn], examples.labels[learn], examples.sites[learn], examples.claims[learn], examples.names
        )
        facts = {"strengths": ", ".join(f"{strength:g}" for strength in strengths)}
        net = Net()
        logits = gemm(net, "features", "logits", head.weights, head.bias)
        graph = finished(mirrored(examples.net.graph), net, logits, examples.names, {})
        return Fitted(graph, softmax(head.logits(vectors), axis=1), facts, left_out)
