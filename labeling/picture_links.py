"""Signed addresses of pictures for reviewers' browsers. Nobody can guess them, and they expire."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from dataset.catalog.tables import cursors
from dataset.catalog.writes import upsert
from dataset.project import Project
from foundation.errors import ConfigError
from foundation.settings import Settings

KEY_MARK = "pictures_key"
ASK_S = 5  # seconds for one picture
SERVE = (
    "start `isitcake serve` there, with the same ISITCAKE_SECRET or ISITCAKE_LABEL_STUDIO_API_KEY as here, or fix "
    "[review] pictures_url"
)
OTHER_KEY = (
    "reviewers see no picture in Label Studio: its tasks were sent with another ISITCAKE_SECRET or "
    "ISITCAKE_LABEL_STUDIO_API_KEY than is set here; set that one, or run `isitcake review push` with this one, which "
    "renews the addresses"
)


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


def fits_tasks(project: Project) -> bool:
    """Whether the tasks in Label Studio have addresses that our key opens; True where nothing was ever sent."""
    with project.catalog.read() as connection:
        recorded = connection.execute(select(cursors.c.value).where(cursors.c.name == KEY_MARK)).scalar()
    return recorded is None or recorded == _mark(project.settings)


def record_key(project: Project) -> None:
    """Remember with which key the addresses in Label Studio are signed now."""
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": KEY_MARK, "value": _mark(project.settings)}])


def problem_of(url: str) -> str:
    """Why a reviewer's browser would not get the picture at this address, asked from here; empty if it would."""
    import requests

    address = url.partition("/pictures/")[0]
    try:
        with requests.get(url, timeout=ASK_S, stream=True) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        return f"reviewers see no picture: {address} cannot be reached from here ({type(error).__name__}); {SERVE}"
    if status == 200:
        return ""
    return f"reviewers see no picture: {address} answered {status}; {SERVE}"


def _mark(settings: Settings) -> str:
    """Tells one key from another, and does not tell the key."""
    return hashlib.sha256(b"which key\0" + settings.signing_key).hexdigest()[:16] if settings.signing_key else "none"


def is_signed(settings: Settings, sha256: str, until: int, claimed: str, now: datetime | None = None) -> bool:
    """Whether `claimed` is our signature of this address, and the address has not expired."""
    if not settings.signing_key or until < (now or datetime.now(UTC)).timestamp():
        return False
    return hmac.compare_digest(signature(settings, sha256, until).encode(), claimed.encode())
