"""What keeps a public game safe: names that can be shown, headers, limits on who asks how often and how much."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NICKNAME = re.compile(r"[\w .'-]{1,20}")  # letters of any script, digits, a few marks
RUDE = re.compile(r"fuck|shit|cunt|nigg|faggot|hitler|nazi|penis|porn|bitch|wank|rape", re.IGNORECASE)
BODY_BYTES = 4096  # of a request that is no picture


def nickname(given: object) -> str:
    """The name to show. Raises ValueError for one that nobody should read on a wall."""
    name = " ".join(str(given or "").split())
    if not name:
        return "somebody"
    if not NICKNAME.fullmatch(name):
        raise ValueError("a nickname has at most 20 letters, digits, blanks, dots and dashes")
    if RUDE.search(re.sub(r"[\W_0-9]", "", name)):
        raise ValueError("please take another nickname")
    return name


class Limit:
    """At most `count` in `seconds` from one address; the oldest of many addresses are forgotten."""

    def __init__(
        self, count: int, seconds: float, remembered: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._seconds, self._remembered, self._clock = count, seconds, remembered, clock
        self._left: OrderedDict[Any, tuple[float, float]] = OrderedDict()

    def allows(self, address: object) -> bool:
        """Whether one more may pass; it is counted."""
        now = self._clock()
        left, last = self._left.pop(address, (float(self._count), now))
        left = min(float(self._count), left + (now - last) * self._count / self._seconds)
        passes = left >= 1
        self._left[address] = (left - 1 if passes else left, now)
        if len(self._left) > self._remembered:
            self._left.popitem(last=False)
        return passes
