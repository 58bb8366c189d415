"""Logistic regression on frozen features. Its regularisation is chosen on the split validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from foundation.threads import one_thread
from networks.graph import Net, finished, gemm
from training.attempts.protocol import Fitted
from training.examples import Examples
from training.metrics import balanced_accuracy

MOST_IMAGES = 30_000  # to learn from; more change a head of some thousand numbers little, and take memory
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.1)  # values of C to choose from; smaller is simpler


@dataclass(frozen=True)
class Head:
    """Logits are vectors @ weights.T + bias. weights: (k, d); bias: (k,)."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        logits: NDArray[np.float64] = vectors.astype(np.float64) @ self.weights.T + self.bias
        return logits


def fit_head(
    vectors: NDArray[np.float32],
    labels: NDArray[np.str_],
    names: Sequence[str],
    strength: float,
    weights: NDArray[np.float64] | None = None,
) -> Head:
    """Fit on standardised vectors.

    names: the labels in the order of the logits. strength: C. weights: (n,); None gives each label the same weight.
    """
    scaler = StandardScaler().fit(vectors)
    model = LogisticRegression(C=strength, class_weight=None if weights is not None else "balanced", max_iter=2000)
    with one_thread():
        model.fit(scaler.transform(vectors), labels, sample_weight=weights)
    matrix, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels
        matrix, bias = np.concatenate([-matrix, matrix]) / 2, np.concatenate([-bias, bias]) / 2
    order = [list(model.classes_).index(label) for label in names]
    folded = matrix[order] / scaler.scale_
    return Head(folded, bias[order] - folded @ scaler.mean_)


class Linear:
    name = "linear"
    what = "logistic regression on frozen features"

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        vectors, labels = examples.features, examples.labels
        learn, choose = examples.to_learn(MOST_IMAGES), np.flatnonzero(examples.mask("validation"))
        learned = vectors[learn]
        heads = [fit_head(learned, labels[learn], examples.names, strength) for strength in STRENGTHS]

        def score(head: Head) -> float:
            if not len(choose):
                return 0.0
            answers = np.array(examples.names)[vectors.chosen(choose).each(head.logits).argmax(axis=1)]
            return balanced_accuracy(labels[choose], answers) or 0.0

        scores = [score(head) for head in heads]
        best = scores.index(max(scores))  # the first of equal ones, which is the simplest
        net = Net()
        logits = gemm(net, "features", "logits", heads[best].weights, heads[best].bias)
        graph = finished(examples.net.graph, net, logits, examples.names, {})
        probabilities = softmax(vectors.each(heads[best].logits), axis=1)
        return Fitted(graph, probabilities, {"strength": f"{STRENGTHS[best]:g}"}, learned_from=len(learn))
