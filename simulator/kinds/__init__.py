"""Kinds of sites that crawlers get wrong. tests/crawlers/test_kinds.py and benchmarks/crawlers/kinds.py crawl them."""

from simulator.kinds.growing import GROWING
from simulator.kinds.kind import Kind
from simulator.kinds.pressed import PRESSED
from simulator.kinds.scripted import SCRIPTED
from simulator.kinds.walked import WALKED

KINDS: tuple[Kind, ...] = (*WALKED, *SCRIPTED, *GROWING, *PRESSED)
