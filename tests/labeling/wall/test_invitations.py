"""Links with which reviewers sign in."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from dataset.catalog.tables import invitations
from dataset.project import Project
from foundation.errors import UsageError
from labeling.wall.invitations import invite, link, reviewer_of, revoke

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_link_is_valid_until_it_expires(collected: Project) -> None:
    token = invite(collected, "  Ann  Baker ", NOW, days=2)
    assert reviewer_of(collected, token, NOW + timedelta(days=1)) == "Ann Baker"
    assert reviewer_of(collected, token, NOW + timedelta(days=3)) == ""
    assert link(collected.settings, token) == f"http://127.0.0.1:8090/review/enter/{token}"


def test_a_revoked_link_ends_at_once(collected: Project) -> None:
    """All of that person's; a name without a link is an error that lists the names."""
    tokens = [invite(collected, name, NOW) for name in ("ann", "ann", "bob")]
    assert revoke(collected, "ANN", NOW) == 2
    assert [reviewer_of(collected, token, NOW) for token in tokens] == ["", "", "bob"]
    with pytest.raises(UsageError, match="bob"):
        revoke(collected, "ann", NOW)


def test_the_catalog_opens_no_door(collected: Project) -> None:
    """It holds a digest made with the secret: another secret ends the link, and the digest is no token."""
    token = invite(collected, "ann", NOW)
    with collected.catalog.read() as connection:
        digest = connection.execute(select(invitations.c.digest)).scalar_one()
    assert token not in digest
    assert reviewer_of(collected, digest, NOW) == ""
    secrets = collected.settings.secrets.model_copy(update={"secret": SecretStr("0f1e2d3c4b5a69788796")})
    settings = collected.settings.model_copy(update={"secrets": secrets})
    assert reviewer_of(Project(settings, collected.catalog, collected.blobs), token, NOW) == ""


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "<b>", "a\nb\x00", "a/b"])
def test_what_is_no_name_is_refused(collected: Project, name: str) -> None:
    with pytest.raises(UsageError):
        invite(collected, name, NOW)


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "ä" * 32, "x" * 5000])
def test_what_is_no_token_opens_nothing(collected: Project, token: str) -> None:
    assert reviewer_of(collected, token, NOW) == ""
