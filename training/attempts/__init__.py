"""All attempts: the talk's four and newer ones. Each has a file of its own and follows `Attempt`."""

from collections.abc import Callable

from training.attempts.balanced import Balanced
from training.attempts.cnn import GreyCnn, RepairedCnn, TalkCnn
from training.attempts.linear import Linear
from training.attempts.protocol import Attempt, Fitted
from training.attempts.svm import Svm
from training.attempts.transfer import Transfer
from training.attempts.zero_shot import CocoZeroShot, MobileNetZeroShot

ATTEMPTS: tuple[Callable[[], Attempt], ...] = (
    MobileNetZeroShot,
    CocoZeroShot,
    TalkCnn,
    RepairedCnn,
    GreyCnn,
    Transfer,
    Linear,
    Svm,
    Balanced,
)

THE_TALKS = (MobileNetZeroShot.name, CocoZeroShot.name, TalkCnn.name, Transfer.name)  # names of its four attempts

__all__ = ["ATTEMPTS", "THE_TALKS", "Attempt", "Fitted"]
