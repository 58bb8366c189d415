"""The talk's four attempts and better ones: one small file each, behind one protocol."""

from collections.abc import Callable

from training.attempts.best import Best
from training.attempts.cnn import GreyCnn, RepairedCnn, TalkCnn
from training.attempts.linear import Linear
from training.attempts.protocol import Attempt, Fitted
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
    Best,
)

__all__ = ["ATTEMPTS", "Attempt", "Fitted"]
