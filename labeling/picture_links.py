"""Signed addresses of pictures for reviewers' browsers. Nobody can guess them, and they expire."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from foundation.errors import ConfigError
from foundation.settings import Settings


def picture_url(settings: Settings, sha256: str, now: datetime | None = None) -> str:
    """Address of a normalised picture, which `isitcake serve` serves. Raises ConfigError without a key to sign with."""
    if not settings.signing_key:
        raise ConfigError("no key to sign picture addresses with; set ISITCAKE_LABEL_STUDIO_API_KEY or ISITCAKE_SECRET")
    until = int(((now or datetime.now(UTC)) + timedelta(days=settings.review.pictures_days)).timestamp())
    base = settings.review.pictures_url.rstrip("/")
    return f"{base}/pictures/{sha256}.jpg?until={until}&sig={signature(settings, sha256, until)}"


def signature(settings: Settings, sha256: str, until: int) -> str:
    """40 hex digits. until: when the address expires, in seconds since 1970."""
    return hmac.new(settings.signing_key, f"{sha256} {until}".encode(), hashlib.sha256).hexdigest()[:40]


def is_signed(settings: Settings, sha256: str, until: int, claimed: str, now: datetime | None = None) -> bool:
    """Whether `claimed` is our signature of this address, and the address has not expired."""
    if not settings.signing_key or until < (now or datetime.now(UTC)).timestamp():
        return False
    return hmac.compare_digest(signature(settings, sha256, until).encode(), claimed.encode())
