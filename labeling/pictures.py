"""Addresses under which reviewers' browsers find pictures: known only to who was sent them."""

import hashlib
import hmac

from isitcake.errors import ConfigError
from isitcake.settings import Settings


def picture_url(settings: Settings, sha256: str) -> str:
    """Address of the normalised picture, served by `isitcake serve`. Raises ConfigError without a key to sign."""
    if not settings.signing_key:
        raise ConfigError("pictures cannot be signed; set ISITCAKE_LABEL_STUDIO_API_KEY or ISITCAKE_SECRET")
    return f"{settings.review.pictures_url.rstrip('/')}/pictures/{sha256}.jpg?sig={signature(settings, sha256)}"


def signature(settings: Settings, sha256: str) -> str:
    """40 hex digits."""
    return hmac.new(settings.signing_key, sha256.encode(), hashlib.sha256).hexdigest()[:40]


def is_signed(settings: Settings, sha256: str, given: str) -> bool:
    return bool(settings.signing_key) and hmac.compare_digest(signature(settings, sha256), given)
