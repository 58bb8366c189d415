"""Addresses under which reviewers' browsers find pictures: known only to who was sent them, and good for a time."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from foundation.errors import ConfigError
from foundation.settings import Settings


def picture_url(settings: Settings, sha256: str, now: datetime | None = None) -> str:
    """Address of the normalised picture, served by `isitcake serve`. Raises ConfigError without a key to sign."""
    if not settings.signing_key:
        raise ConfigError("pictures cannot be signed; set ISITCAKE_LABEL_STUDIO_API_KEY or ISITCAKE_SECRET")
    until = int(((now or datetime.now(UTC)) + timedelta(days=settings.review.pictures_days)).timestamp())
    base = settings.review.pictures_url.rstrip("/")
    return f"{base}/pictures/{sha256}.jpg?until={until}&sig={signature(settings, sha256, until)}"


def signature(settings: Settings, sha256: str, until: int) -> str:
    """40 hex digits. until: seconds since 1970 after which the address is dead."""
    return hmac.new(settings.signing_key, f"{sha256} {until}".encode(), hashlib.sha256).hexdigest()[:40]


def is_signed(settings: Settings, sha256: str, until: int, given: str, now: datetime | None = None) -> bool:
    """Whether this is an address we gave away, and still good."""
    if not settings.signing_key or until < (now or datetime.now(UTC)).timestamp():
        return False
    return hmac.compare_digest(signature(settings, sha256, until).encode(), given.encode())
