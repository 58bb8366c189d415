"""Protects the public pages: security headers, nicknames that may be shown, limits on the rate and size of requests."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable

# For pages that are one file: styles and thumbnails lie inside the page, and no script runs.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# For pages of the service without a script, and for the wall, which has one.
SITE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
REVIEW_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PROBE_POLICY = PAGE_POLICY.replace(
    "form-action 'none'", "form-action 'self'"
)  # one file, with the service's search box
GAME_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
GAME_HEADERS = {
    "Content-Security-Policy": GAME_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NICKNAME = re.compile(r"[\w .'-]{1,20}")  # letters of any script, digits and a few marks
DEFAULT_NICKNAME = "somebody"
RUDE = re.compile(r"fuck|shit|cunt|nigg|faggot|hitler|nazi|penis|porn|bitch|wank|rape", re.IGNORECASE)


def clean_nickname(text: object) -> str:
    """The nickname with single spaces between words, or the default one for an empty text.

    Raises ValueError for a nickname that is too long, has other characters or is rude.
    """
    name = " ".join(str(text or "").split())
    if not name:
        return DEFAULT_NICKNAME
    if not NICKNAME.fullmatch(name):
        raise ValueError("a nickname has at most 20 characters: letters, digits, spaces, dots, dashes, apostrophes")
    if RUDE.search(re.sub(r"[\W_0-9]", "", name)):
        raise ValueError("this nickname is not allowed; please choose another one")
    return name


class Limit:
    """Allows each address `count` requests in `seconds`. Keeps the `remembered` addresses that asked last."""

    def __init__(
        self, count: int, seconds: float, remembered: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._seconds, self._remembered, self._clock = count, seconds, remembered, clock
        self._balances: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when that was

    def allows(self, address: str) -> bool:
        """Count one request of this address. Returns whether it is within the limit."""
        now = self._clock()
        left, counted_at = self._balances.pop(address, (float(self._count), now))
        left = min(float(self._count), left + (now - counted_at) * self._count / self._seconds)
        is_allowed = left >= 1
        self._balances[address] = (left - 1 if is_allowed else left, now)
        if len(self._balances) > self._remembered:
            self._balances.popitem(last=False)
        return is_allowed
