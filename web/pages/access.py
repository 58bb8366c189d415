"""Who may see the pages beside the game: the report, leaderboards, contact sheets and the histories of images.

The owner, that is: whoever sits at the machine itself, or has a signed link; everybody with [web] public_pages.
"""

import hashlib
import hmac
import re
import time
from enum import IntEnum
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from foundation.settings import Settings
from web.gate.gate import visitor_of
from web.gate.listening import LOOPBACK_NAMES, Listening, host_of

LINK_DAYS = 30
OWNER_COOKIE = "isitcake_owner"  # until.signature of the owner's link, so that links between pages work
UNTIL = re.compile(r"\d{1,12}")  # Unix time in seconds
NOT_YOURS = (
    "this page is for the owner of the project: open it on the machine itself, or with the link that `isitcake serve` "
    "prints; [web] public_pages shows it to everybody"
)


class View(IntEnum):
    """How much of a page a visitor may see."""

    NOTHING = 0
    PUBLIC = 1  # without the answers of reviewers
    OWNER = 2


class PageAccess:
    """listening: None where requests come from this process only: all of them are the owner's."""

    def __init__(self, settings: Settings, listening: Listening | None) -> None:
        self._settings = settings
        self._listening = listening

    def view(self, request: Request) -> View:
        """What this visitor may see."""
        if self._listening is None or self._has_link(request):
            return View.OWNER
        return View.PUBLIC if self._settings.web.public_pages or self.is_at_the_machine(request) else View.NOTHING

    def check(self, request: Request) -> View:
        """What this visitor may see. Raises HTTPException 403 for nothing."""
        view = self.view(request)
        if view is View.NOTHING:
            raise HTTPException(403, NOT_YOURS)
        return view

    def sees_all_pictures(self, request: Request) -> bool:
        """Whether this visitor may see pictures that no version holds: the owner, and whoever sits at the machine."""
        return self.view(request) is View.OWNER or self.is_at_the_machine(request)

    def remember(self, request: Request, response: Response) -> None:
        """Keep the owner's link in a cookie, so that the links of the page work too."""
        until, given = request.query_params.get("until", ""), request.query_params.get("sig", "")
        if self._listening is not None and self._is_owners(until, given):
            is_secure = visitor_of(request).scheme == "https"
            seconds = int(until) - int(time.time())
            response.set_cookie(
                OWNER_COOKIE, f"{until}.{given}", seconds, httponly=True, samesite="lax", secure=is_secure
            )

    def is_at_the_machine(self, request: Request) -> bool:
        """Whether a browser of this machine asks. With a public address, a proxy of this machine looks the same."""
        visitor = visitor_of(request)
        public_host = host_of(urlsplit(self._settings.web.public_url).netloc)
        return (
            visitor.is_loopback
            and visitor.is_direct
            and host_of(visitor.host) in LOOPBACK_NAMES
            and public_host in ("", *LOOPBACK_NAMES)
        )

    def _has_link(self, request: Request) -> bool:
        kept_until, _, kept = request.cookies.get(OWNER_COOKIE, "").partition(".")
        until, given = request.query_params.get("until", ""), request.query_params.get("sig", "")
        return self._is_owners(until, given) or self._is_owners(kept_until, kept)

    def _is_owners(self, until: str, given: str) -> bool:
        if not UNTIL.fullmatch(until) or int(until) < time.time() or not self._settings.signing_key:
            return False
        return hmac.compare_digest(_signature(self._settings, int(until)).encode(), given.encode())


def owner_link(settings: Settings, base_url: str, path: str) -> str:
    """A link that opens this page, and every other one, for LINK_DAYS. Empty without a secret to sign it."""
    if not settings.signing_key:
        return ""
    until = int(time.time()) + LINK_DAYS * 24 * 3600
    return f"{base_url.rstrip('/')}{path}?until={until}&sig={_signature(settings, until)}"


def _signature(settings: Settings, until: int) -> str:
    """40 hex digits. A picture's signature is of another text, and opens no page."""
    return hmac.new(settings.signing_key, f"pages {until}".encode(), hashlib.sha256).hexdigest()[:40]
