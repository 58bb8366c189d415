"""Who is signed in to the wall: a cookie holds the token of the reviewer's link."""

from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dataset.project import Project
from labeling.wall.invitations import MOST_DAYS, reviewer_of
from web.gate.gate import visitor_of

COOKIE = "isitcake_reviewer"
NOT_SIGNED_IN = (
    "the wall is for reviewers: open the link that you were given, or ask the owner for one "
    "(`isitcake review invite NAME`)"
)


class Sessions:
    """Every request asks the catalog: a link that was revoked ends at once."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def reviewer(self, request: Request) -> str:
        """The reviewer's name; empty for a visitor who is not signed in."""
        return reviewer_of(self._project, request.cookies.get(COOKIE, ""), datetime.now(UTC))

    def check(self, request: Request) -> str:
        """The reviewer's name. Raises HTTPException 403 for a visitor who is not signed in."""
        if not (name := self.reviewer(request)):
            raise HTTPException(403, NOT_SIGNED_IN)
        return name

    def sign_in(self, request: Request, response: Response, token: str) -> bool:
        """Keep a valid token in the browser, where scripts cannot read it. Returns whether it is valid."""
        if not reviewer_of(self._project, token, datetime.now(UTC)):
            return False
        is_secure = visitor_of(request).scheme == "https"
        response.set_cookie(
            COOKIE, token, MOST_DAYS * 24 * 3600, httponly=True, samesite="lax", secure=is_secure, path="/"
        )
        return True

    def sign_out(self, response: Response) -> None:
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
