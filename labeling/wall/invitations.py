"""Links with which reviewers sign in to the wall. They expire, and the owner may revoke them.

A link holds a random token. The catalog keeps the token's digest, made with the project's secret: who reads the catalog
cannot make a link, and a new secret ends all links.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update

from dataset.catalog.tables import invitations
from dataset.catalog.writes import append
from dataset.labels import judgement_ledger
from dataset.project import Project
from foundation.errors import UsageError
from foundation.settings import Settings

DAYS = 30  # that a link is valid, unless another number is asked for
MOST_DAYS = 365
TOKEN_BYTES = 24  # 192 bits: nobody can guess one
TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
NAME = re.compile(r"[\w .@+'-]{1,64}")  # an e-mail address or a name: letters of any script, digits and a few marks


def invite(project: Project, name: str, now: datetime, days: int = DAYS) -> str:
    """Make a token for a reviewer. Raises UsageError for a name that cannot be one."""
    reviewer = " ".join(name.split())
    if not NAME.fullmatch(reviewer):
        raise UsageError(f"{name!r} is no name; use at most 64 letters, digits, blanks, dots, dashes, or an address")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with project.catalog.write() as connection:
        reviewer = judgement_ledger.spelling(connection).get(reviewer.casefold(), reviewer)
        append(connection, invitations, [
            {"digest": _digest(project.settings, token), "reviewer": reviewer, "made_at": now,
             "expires_at": now + timedelta(days=days)}
        ])  # fmt: skip
    return token


def link(settings: Settings, token: str) -> str:
    """The address that signs a reviewer in: of the web service, as browsers of reviewers see it."""
    base = settings.web.public_url or settings.review.pictures_url
    return f"{str(base).rstrip('/')}/review/enter/{token}"


def revoke(project: Project, name: str, now: datetime) -> int:
    """End all links of a reviewer. Returns how many were still valid. Raises UsageError where there are none."""
    is_valid = invitations.c.revoked_at.is_(None), invitations.c.expires_at > now
    with project.catalog.write() as connection:
        valid = connection.execute(select(invitations).where(*is_valid)).all()
        own = [row.digest for row in valid if row.reviewer.casefold() == " ".join(name.split()).casefold()]
        if not own:
            known = ", ".join(sorted({row.reviewer for row in valid})) or "nobody"
            raise UsageError(f"{name!r} has no valid link; those with one: {known}")
        connection.execute(update(invitations).where(invitations.c.digest.in_(own)).values(revoked_at=now))
    return len(own)


def reviewer_of(project: Project, token: str, now: datetime) -> str:
    """Whose token this is; empty for a token that is unknown, expired or revoked."""
    if not TOKEN.fullmatch(token):
        return ""
    with project.catalog.read() as connection:
        row = connection.execute(
            select(invitations).where(invitations.c.digest == _digest(project.settings, token))
        ).first()
    return str(row.reviewer) if row and row.revoked_at is None and row.expires_at > now else ""


def _digest(settings: Settings, token: str) -> str:
    return hmac.new(settings.signing_key, f"reviewer {token}".encode(), hashlib.sha256).hexdigest()
