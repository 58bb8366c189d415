"""Pictures drawn from a seed: the same seed gives the same bytes."""

from simulator.drawings.bakery import banner, biscuits, cake, logo, recompressed
from simulator.drawings.everyday import DRAWN, thing

__all__ = ["DRAWN", "banner", "biscuits", "cake", "logo", "recompressed", "thing"]
