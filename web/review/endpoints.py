"""The wall: sign-in, pictures, answers."""

import re
import threading
from datetime import UTC, datetime
from typing import Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dataset.labels import label_ledger
from dataset.labels.vocabulary import WITHDRAWN
from dataset.labels.withheld import is_withheld, withheld
from dataset.project import Project
from foundation.errors import UsageError
from foundation.settings import NOT_LABELS
from labeling.guideline import instructions
from labeling.wall import answers, walls
from labeling.wall.invitations import MOST_DAYS, invite
from labeling.wall.walls import Wall
from web.game.http import check_limit, read_json
from web.guard import REVIEW_POLICY, Limit
from web.http import get, path_integer, post
from web.pages.access import PageAccess, View
from web.pages.thumbnails import templates
from web.pictures import neutral_card, normalised_file
from web.review.details import LookAlikes, claims_and_reasons
from web.review.sessions import NOT_SIGNED_IN, Sessions

HEADERS = {"Content-Security-Policy": REVIEW_POLICY, "Cache-Control": "private, no-store"}
PICTURE_HEADERS = {"Cache-Control": "private, max-age=60"}
WALL_ID = re.compile(r"[0-9a-f]{16}")
ODD = re.compile(r"(\d{1,3}):(\d{1,2})")  # place on the wall, and number of the answer
ENTRIES, ENTRIES_S = 30, 60  # most tries of one address to sign in, in so many seconds
WALLS, WALLS_S = 120, 60  # most walls and details that one address asks for
TAPS, TAPS_S = 2000, 60  # most answers of one address; a room of reviewers may share one


class ReviewEndpoints:
    def __init__(self, project: Project, access: PageAccess, look_alikes: LookAlikes) -> None:
        self._project = project
        self._access = access
        self._sessions = Sessions(project)
        self._alike = look_alikes
        self._settler = Settler(project)
        self._entries_limit = Limit(ENTRIES, ENTRIES_S)
        self._walls_limit = Limit(WALLS, WALLS_S)
        self._taps_limit = Limit(TAPS, TAPS_S)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/review", self.page),
            get("/review/enter/{token}", self.enter),
            post("/review/begin", self.begin),
            post("/review/leave", self.leave),
            post("/review/walls", self.next_wall),
            get("/review/walls/{wall}/{slot}", self.details),
            get("/review/walls/{wall}/{slot}/picture", self.picture),
            post("/review/walls/{wall}/confirm", self.confirm),
            post("/review/walls/{wall}/reopen", self.reopen),
            post("/review/walls/{wall}/{slot}", self.tap),
        ]

    def is_signed_in(self, request: Request) -> bool:
        return bool(self._sessions.reviewer(request))

    def page(self, request: Request) -> Response:
        """The wall; for a visitor who is not signed in, how to get there."""
        reviewer = self._sessions.reviewer(request)
        may_begin = self._may_begin(request)
        if not reviewer and not may_begin:
            raise HTTPException(403, NOT_SIGNED_IN)
        text = templates.get_template("review.html").render(
            served=True,
            guest="reviewer" if self._access.view(request) is View.NOTHING else "",
            reviewer=reviewer,
            answers=self._answers,
            instructions=instructions(self._project),
        )
        response = HTMLResponse(text, headers=HEADERS)
        self._access.remember(request, response)
        return response

    def enter(self, request: Request) -> Response:
        """Sign in with a link."""
        check_limit(request, self._entries_limit)
        token = request.path_params["token"]
        response = RedirectResponse("/review", 303)
        if self._sessions.sign_in(request, response, token):
            return response
        raise HTTPException(403, "this link is not valid any more; ask the owner of the project for a new one")

    async def begin(self, request: Request) -> Response:
        """Sign in without a link, for whoever sits at the machine and for the owner."""
        check_limit(request, self._entries_limit)
        if not self._may_begin(request):
            raise HTTPException(403, NOT_SIGNED_IN)
        name = str((await read_json(request)).get("name", ""))
        try:
            token = await run_in_threadpool(invite, self._project, name, datetime.now(UTC), MOST_DAYS)
        except UsageError as error:
            raise HTTPException(422, str(error)) from None
        response = JSONResponse({"reviewer": " ".join(name.split())}, headers=HEADERS)
        self._sessions.sign_in(request, response, token)
        return response

    async def leave(self, request: Request) -> Response:
        """Sign out in this browser."""
        await read_json(request)
        response = JSONResponse({}, headers=HEADERS)
        self._sessions.sign_out(response)
        return response

    async def next_wall(self, request: Request) -> Response:
        """The reviewer's open wall, or a new one."""
        reviewer = await run_in_threadpool(self._sessions.check, request)
        check_limit(request, self._walls_limit)
        fields = await read_json(request)
        most = fields.get("most")
        wall = await run_in_threadpool(
            walls.next_wall,
            self._project,
            reviewer,
            datetime.now(UTC),
            most if isinstance(most, int) else walls.MOST_PICTURES,
            is_second=fields.get("second") is True,
        )
        return JSONResponse(self._as_json(wall) if wall else {"wall": ""}, headers=HEADERS)

    async def tap(self, request: Request) -> Response:
        """Keep the answer about one picture, or take it back."""
        reviewer = await run_in_threadpool(self._sessions.check, request)
        check_limit(request, self._taps_limit)
        wall, slot = _wall_id(request), path_integer(request, "slot")
        fields = await read_json(request)
        at = fields.get("at")
        answer = str(fields.get("answer", WITHDRAWN))
        try:
            await run_in_threadpool(
                answers.tap, self._project, reviewer, (wall, slot), answer, at if isinstance(at, int) else 0,
                datetime.now(UTC),
            )  # fmt: skip
        except answers.NoSuchWall as error:
            raise HTTPException(409, str(error)) from None
        return JSONResponse({}, headers=HEADERS)

    async def confirm(self, request: Request) -> Response:
        """End a wall: odd pictures have the answers that are named, all others that were seen are confirmed."""
        reviewer = await run_in_threadpool(self._sessions.check, request)
        check_limit(request, self._walls_limit)
        wall = _wall_id(request)
        fields = await read_json(request)
        seconds = fields.get("seconds")
        finished = answers.Finished(
            self._odd(str(fields.get("odd", ""))),
            _places(str(fields.get("unseen", ""))),
            float(seconds) if isinstance(seconds, int | float) else 0.0,
        )
        try:
            done = await run_in_threadpool(answers.confirm, self._project, reviewer, wall, finished, datetime.now(UTC))
        except answers.NoSuchWall as error:
            raise HTTPException(409, str(error)) from None
        return JSONResponse(vars(done), headers=HEADERS, background=BackgroundTask(self._settler.settle))

    async def reopen(self, request: Request) -> Response:
        """Take the confirmation of the last wall back."""
        reviewer = await run_in_threadpool(self._sessions.check, request)
        check_limit(request, self._walls_limit)
        wall = _wall_id(request)
        await read_json(request)
        try:
            await run_in_threadpool(answers.reopen, self._project, reviewer, wall, datetime.now(UTC))
        except answers.NoSuchWall as error:
            raise HTTPException(409, str(error)) from None
        return JSONResponse({}, headers=HEADERS, background=BackgroundTask(self._settler.settle))

    def details(self, request: Request) -> Response:
        """What sources claim about a picture, why it is asked, and pictures that look like it."""
        reviewer = self._sessions.check(request)
        check_limit(request, self._walls_limit)
        wall, sha256 = self._picture(request, reviewer)
        claim, reasons = claims_and_reasons(self._project, [sha256])[sha256]
        similar = self._alike.of(sha256)
        on_wall = {name: slot for slot, name in wall.pictures.items()}
        tiles = [{"picture": f"/thumbs/{name}.jpg", "slot": on_wall.get(name, -1)} for name in similar]
        return JSONResponse({"claim": claim, "reasons": reasons, "alike": tiles}, headers=HEADERS)

    def picture(self, request: Request) -> Response:
        """A picture of a wall, in full size; one that may be explicit is a card, until the reviewer opens it."""
        _, sha256 = self._picture(request, self._sessions.check(request))
        if request.query_params.get("open") != "1":
            with self._project.catalog.read() as connection:
                if is_withheld(connection, self._project.settings, sha256):
                    return Response(neutral_card(), media_type="image/jpeg", headers=HEADERS)
        path = normalised_file(self._project, sha256)
        return FileResponse(path, media_type="image/jpeg", headers={**HEADERS, **PICTURE_HEADERS})

    @property
    def _answers(self) -> list[str]:
        return [*self._project.settings.project.labels, *NOT_LABELS]

    def _may_begin(self, request: Request) -> bool:
        return self._access.view(request) is View.OWNER or self._access.is_at_the_machine(request)

    def _picture(self, request: Request, reviewer: str) -> tuple[Wall, str]:
        """The wall and the SHA-256 of a picture on it. Raises HTTPException 404."""
        wall_id, slot = _wall_id(request), path_integer(request, "slot")
        with self._project.catalog.read() as connection:
            row = walls.find_wall(connection, wall_id, reviewer)
            wall = walls.load(connection, row) if row else None
        if wall is None or slot not in wall.pictures:
            raise HTTPException(404)
        return wall, wall.pictures[slot]

    def _odd(self, text: str) -> dict[int, str]:
        """Answers by place. text: as the page sends it, such as 3:1,17:0. Raises HTTPException 400."""
        odd: dict[int, str] = {}
        for part in filter(None, text.split(",")):
            match = ODD.fullmatch(part)
            if match is None or int(match[2]) >= len(self._answers):
                raise HTTPException(400, "the odd pictures are not what the page sends; load it again")
            odd[int(match[1])] = self._answers[int(match[2])]
        return odd

    def _as_json(self, wall: Wall) -> dict[str, Any]:
        claims = claims_and_reasons(self._project, list(wall.pictures.values()))
        with self._project.catalog.read() as connection:
            waits = withheld(connection, self._project.settings)
        return {
            "wall": wall.id,
            "label": wall.label,
            "answers": self._answers,
            "pictures": [
                {
                    "slot": slot,
                    "picture": f"/thumbs/{sha256}.jpg",
                    "claim": claims[sha256][0],
                    "waits": waits.get(sha256, ""),
                }
                for slot, sha256 in sorted(wall.pictures.items())
            ],
            "tapped": {str(slot): answer for slot, answer in wall.tapped.items()},
        }


class Settler:
    """Decides labels anew after walls, in the background: once for all that end meanwhile."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._settling = threading.Lock()
        self._is_due = threading.Event()

    def settle(self) -> None:
        """Settle now, or let the one that is at it do it again."""
        self._is_due.set()
        while self._is_due.is_set() and self._settling.acquire(blocking=False):
            try:
                self._is_due.clear()
                label_ledger.settle_answers(self._project.catalog, datetime.now(UTC))
            finally:
                self._settling.release()


def _wall_id(request: Request) -> str:
    """Raises HTTPException 404 for what is no id: a database may not take every text."""
    wall = str(request.path_params["wall"])
    if not WALL_ID.fullmatch(wall):
        raise HTTPException(404)
    return wall


def _places(text: str) -> set[int]:
    """Places on a wall. Raises HTTPException 400 for other text."""
    parts = [part for part in text.split(",") if part]
    if not all(re.fullmatch(r"\d{1,3}", part) for part in parts):
        raise HTTPException(400, "the pictures that were not seen are not what the page sends; load it again")
    return {int(part) for part in parts}
