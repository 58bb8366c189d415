"""The talk's transfer learning: a dense layer of 128 units on frozen features. It was the talk's best attempt."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from networks.graph import Net, finished, gemm
from training.attempts.protocol import Fitted
from training.examples import Examples

HIDDEN_UNITS = 128
SEED = 20261124
EPOCHS = 100
MOST_IMAGES = 10_000  # to learn from, in each epoch


class Transfer:
    name = "transfer"
    what = "a dense layer of 128 units on frozen features"

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        vectors, learn = examples.features, examples.to_learn(MOST_IMAGES)
        learned = vectors[learn]
        scaler = StandardScaler().fit(learned)
        order = {name: number for number, name in enumerate(examples.names)}
        numbers = np.array([order[label] for label in examples.labels[learn].tolist()])
        model = MLPClassifier((HIDDEN_UNITS,), alpha=1e-3, max_iter=EPOCHS, random_state=SEED, n_iter_no_change=EPOCHS)
        _fit_all_epochs(model, scaler.transform(learned), numbers)
        first, last = model.coefs_
        first_bias, last_bias = model.intercepts_
        if last.shape[1] == 1:  # scikit-learn keeps one output for two labels
            last, last_bias = np.concatenate([-last, last], axis=1) / 2, np.concatenate([-last_bias, last_bias]) / 2
        folded = first.T / scaler.scale_
        offset = first_bias - folded @ scaler.mean_

        def logits_of(block: NDArray[np.float32]) -> NDArray[np.float64]:
            hidden = np.maximum(block.astype(np.float64) @ folded.T + offset, 0)
            return np.asarray(hidden @ last + last_bias, dtype=np.float64)

        net = Net()
        dense = net.put("Relu", [gemm(net, "features", "dense", folded, offset)], "dense_relu")
        logits = gemm(net, dense, "logits", last.T, last_bias)
        graph = finished(examples.net.graph, net, logits, examples.names, {})
        probabilities = softmax(vectors.each(logits_of), axis=1)
        return Fitted(graph, probabilities, {"epochs": str(EPOCHS)}, learned_from=len(learn))


def _fit_all_epochs(model: MLPClassifier, vectors: NDArray[np.float32], numbers: NDArray[np.int64]) -> None:
    """Fit without scikit-learn's warning that more epochs would change the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectors, numbers)
