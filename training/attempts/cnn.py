"""Networks trained from scratch: the talk's, the repaired one, and the repaired one without colour. Needs torch.

The talk's network answered "not cake" to everything. `talk-cnn` trains it in the same way: pixels from 0 to 255, few
epochs and no weights for the smaller class. `repaired-cnn` has the same layers and differs in training only: pixels
around zero, random flips and shifts, labels of equal weight, a learning-rate schedule. torch trains the network; the
exported graph is built from its weights without torch.
"""

import importlib.util
from typing import Any, ClassVar

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from scipy.special import softmax

from networks.graph import Net, finished, gemm, planes
from training.attempts.protocol import Fitted
from training.examples import Examples

SIDE_PX = 64
CHANNELS = (16, 32)
DENSE_UNITS = 64
SEED = 20261124
TRAINING_BATCH = 32  # images
PREDICTION_BATCH = 256  # images
MOST_IMAGES = 20_000  # to learn from
SHIFT_PX = 6  # largest random shift


class _Cnn:
    """Layers: conv 16, pool, conv 32, pool, dense 64."""

    name: ClassVar[str]
    what: ClassVar[str]
    epochs: ClassVar[int] = 10
    is_repaired: ClassVar[bool] = True
    is_grey: ClassVar[bool] = False

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return "" if importlib.util.find_spec("torch") else "needs torch; run `make cnn` to install it"

    def fit(self, examples: Examples) -> Fitted:
        pixels = examples.planes(SIDE_PX, is_grey=self.is_grey)
        learn = examples.to_learn(MOST_IMAGES)
        numbers = np.array([examples.names.index(label) for label in examples.labels[learn].tolist()])
        layers = self._train(pixels[learn], numbers, len(examples.names), examples)
        facts = {"epochs": str(self.epochs), "side": str(SIDE_PX)}
        probabilities = softmax(self._logits(pixels, layers), axis=1)
        return Fitted(self._graph(layers, examples), probabilities, facts, learned_from=len(learn))

    def _train(
        self, pixels: NDArray[np.uint8], numbers: NDArray[np.int64], labels: int, examples: Examples
    ) -> dict[str, NDArray[np.float32]]:
        import torch
        from torch import nn

        torch.set_num_threads(1)  # the network is so small that more threads make it slower
        generator = torch.Generator().manual_seed(SEED)
        torch.manual_seed(SEED)
        model = _module(nn, pixels.shape[1], labels)
        weight = None
        if self.is_repaired:
            counts = np.bincount(numbers, minlength=labels)
            weight = torch.tensor(counts.sum() / labels / np.maximum(counts, 1), dtype=torch.float32)
        loss_of = nn.CrossEntropyLoss(weight=weight)
        steps = self.epochs * -(-len(pixels) // TRAINING_BATCH)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2 if self.is_repaired else 0.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps) if self.is_repaired else None
        inputs, truth = torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(numbers)
        for epoch in range(self.epochs):
            model.train()
            for part in torch.randperm(len(inputs), generator=generator).split(TRAINING_BATCH):
                batch = inputs[part]
                if self.is_repaired:
                    batch = _augmented(torch, batch / 127.5 - 1, generator)
                optimiser.zero_grad()
                loss_of(model(batch), truth[part]).backward()
                optimiser.step()
                if schedule:
                    schedule.step()
            examples.progress(f"epochs of {self.name}", epoch + 1, self.epochs)
        return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}

    def _logits(self, pixels: NDArray[np.uint8], layers: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        import torch
        from torch import nn

        model = _module(nn, pixels.shape[1], len(layers["9.bias"]))
        model.load_state_dict({name: torch.from_numpy(value) for name, value in layers.items()})
        model.eval()
        logits = []
        with torch.no_grad():
            for part in chunked(range(len(pixels)), PREDICTION_BATCH):
                batch = torch.from_numpy(pixels[part].astype(np.float32))
                logits.append(model(batch / 127.5 - 1 if self.is_repaired else batch).numpy())
        return np.concatenate(logits).astype(np.float64)

    def _graph(self, layers: dict[str, NDArray[np.float32]], examples: Examples) -> Any:
        net = Net()
        last = planes(net, SIDE_PX, is_grey=self.is_grey)
        if self.is_repaired:
            last = net.put("Div", [last, net.floats("half", 127.5)], "scaled")
            last = net.put("Sub", [last, net.floats("one", 1.0)], "centred")
        for number in (0, 3):
            weights = net.floats(f"conv{number}_w", layers[f"{number}.weight"])
            bias = net.floats(f"conv{number}_b", layers[f"{number}.bias"])
            last = net.put("Conv", [last, weights, bias], f"conv{number}", pads=[1, 1, 1, 1])
            last = net.put("Relu", [last], f"relu{number}")
            last = net.put("MaxPool", [last], f"pool{number}", kernel_shape=[2, 2], strides=[2, 2])
        flat = net.put("Flatten", [last], "flat")
        dense = net.put("Relu", [gemm(net, flat, "dense", layers["7.weight"], layers["7.bias"])], "dense_relu")
        logits = gemm(net, dense, "logits", layers["9.weight"], layers["9.bias"])
        return finished(None, net, logits, examples.names, {})


def _module(nn: Any, channels: int, labels: int) -> Any:
    size = SIDE_PX // 4
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(CHANNELS[0], CHANNELS[1], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(CHANNELS[1] * size * size, DENSE_UNITS), nn.ReLU(),
        nn.Linear(DENSE_UNITS, labels),
    )  # fmt: skip


def _augmented(torch: Any, batch: Any, generator: Any) -> Any:
    """Mirror half of the images; shift the batch by some pixels; make each image a little lighter or darker."""
    mirrored = torch.rand(len(batch), generator=generator) < 0.5
    batch = torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
    x, y = (int(torch.randint(-SHIFT_PX, SHIFT_PX + 1, (1,), generator=generator)) for _ in range(2))
    batch = torch.roll(batch, (y, x), (2, 3))
    light = torch.rand((len(batch), 1, 1, 1), generator=generator) * 0.4 - 0.2
    return batch + light


class TalkCnn(_Cnn):
    name = "talk-cnn"
    what = "a small network from scratch: conv 16, conv 32, dense 64, pixels from 0 to 255"
    is_repaired = False


class RepairedCnn(_Cnn):
    name = "repaired-cnn"
    what = "the same network with normalised and augmented pictures, balanced labels and a schedule"
    epochs = 30


class GreyCnn(_Cnn):
    name = "grey-cnn"
    what = "the repaired network without colour"
    epochs = 30
    is_grey = True
