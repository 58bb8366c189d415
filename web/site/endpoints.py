"""Pages about the project: home, report, versions and their cards, diffs, models, sources, probes, histories."""

import contextlib
import re
from collections.abc import Callable, Hashable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dataset.history import full_name
from dataset.labels.holding import Holding
from dataset.project import Project
from dataset.versions import published
from dataset.versions.published import VERSION_NAME
from foundation.errors import IsItCakeError, StorageError, UnknownImage, UnknownSource, UsageError
from training import models
from web.game.http import check_limit
from web.guard import PROBE_POLICY, SITE_POLICY, Limit
from web.http import get
from web.pages.access import PageAccess, View
from web.pages.diff import diff_html
from web.pages.home import home_html
from web.pages.leaderboard import leaderboard_html
from web.pages.rendered import Rendered, State, collected_state, marked_old, project_state, version_state
from web.pages.report import report_html
from web.pages.source import source_html
from web.pages.why import explain, why_html
from web.site.listings import models_html, probe_html, probes_html, version_html, versions_html
from web.site.papers import KINDS, paper_html, paper_of
from web.site.thumbs import Thumbs

SHA256_DIGITS = 64
SHA256_START = re.compile(r"[0-9a-f]{4,64}")
THUMB_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PAGES, PAGES_S = 120, 60  # most pages of one address, in so many seconds
THUMBS, THUMBS_S = 6000, 60  # most small pictures of one address, in so many seconds; a page may show a hundred
HISTORIES = 100  # pages about images that are kept in memory, of about 15 KB each
KEPT_PAGES = 40  # other pages that are kept in memory
PAGE_HEADERS = {"Content-Security-Policy": SITE_POLICY, "Cache-Control": "private, no-store"}
PROBE_HEADERS = {**PAGE_HEADERS, "Content-Security-Policy": PROBE_POLICY}
THUMB_HEADERS = {"Cache-Control": "private, max-age=60"}  # an erasure is to be seen soon
SeesThumbs = Callable[[Request], bool]


class SiteEndpoints:
    """is_reviewer: whether a request comes from a reviewer who is signed in; reviewers see every picture.

    holding: the labels that hold, which the search reads too.
    """

    def __init__(self, project: Project, access: PageAccess, is_reviewer: SeesThumbs, holding: Holding) -> None:
        self._project = project
        self._access = access
        self._is_reviewer = is_reviewer
        self._pages_limit = Limit(PAGES, PAGES_S)
        self._thumbs_limit = Limit(THUMBS, THUMBS_S)
        self._pages = Rendered(KEPT_PAGES)
        self._large = Rendered(most=6, shows_old=True)  # reports and leaderboards take seconds: others do not wait
        self._histories = Rendered(HISTORIES)
        self._holding = holding
        self._thumbs = Thumbs(project)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/", self.home),
            get("/report", self.newest_report),
            get("/report/{version}", self.report),
            get("/versions", self.versions),
            get("/versions/{version}", self.version),
            get("/versions/{version}/{kind}", self.paper),
            get("/diffs/{old}/{new}", self.diff),
            get("/models", self.models),
            get("/models/{version}", self.leaderboard),
            get("/probes", self.probes),
            get("/probes/{name}", self.probe),
            get("/sources/{name}", self.source),
            get("/why/{sha256}", self.why),
            get("/thumbs/{name}", self.thumb),
        ]

    async def warm_up(self) -> None:
        """Make the pages that people open first, so that nobody waits for them after a start."""
        pages = [
            (("home", True), lambda: home_html(self._project, with_names=True, holding=self._holding), self._pages),
            (("home", False), lambda: home_html(self._project, with_names=False, holding=self._holding), self._pages),
            (("report",), lambda: report_html(self._project, served=True), self._large),
        ]
        if board := await run_in_threadpool(models.newest_version, self._project.home):
            pages.append(
                (("models", board), lambda: leaderboard_html(self._project, board, served=True)[1], self._large)
            )
        for key, make, kept in pages:
            with contextlib.suppress(IsItCakeError):  # whoever opens the page is told
                await kept.page(key, await run_in_threadpool(project_state, self._project), make)

    def kept(self) -> list[Hashable]:
        """Names of the pages that are ready."""
        return [*self._pages.kept(), *self._large.kept(), *self._histories.kept()]

    async def home(self, request: Request) -> Response:
        """The pipeline at a glance; for those who may not see it, the game."""
        view = self._access.view(request)
        if view is View.NOTHING:
            return RedirectResponse("/play", 303)
        with_names = view is View.OWNER
        return await self._page(
            request,
            ("home", with_names),
            lambda: home_html(self._project, with_names=with_names, holding=self._holding),
        )

    async def newest_report(self, request: Request) -> Response:
        return await self._page(request, ("report",), lambda: report_html(self._project, served=True), self._large)

    async def report(self, request: Request) -> Response:
        name = _version_name(request, "version")
        return await self._page(
            request, ("report", name), lambda: report_html(self._project, name, served=True), self._large
        )

    async def versions(self, request: Request) -> Response:
        return await self._page(request, ("versions",), lambda: versions_html(self._project))

    async def version(self, request: Request) -> Response:
        """A version and its dataset card."""
        name = _version_name(request, "version")
        return await self._page(
            request,
            ("version", name),
            lambda: version_html(self._project, name),
            state=lambda project: version_state(project, name),
        )

    async def paper(self, request: Request) -> Response:
        """The datasheet of a version, or its summary of training content."""
        name, kind = _version_name(request, "version"), str(request.path_params["kind"])
        if kind not in KINDS:
            raise HTTPException(404)

        def make() -> str:
            return paper_html(paper_of(self._project, kind, name), served=True)

        return await self._page(request, (kind, name), make, self._large)

    async def diff(self, request: Request) -> Response:
        old, new = _version_name(request, "old"), _version_name(request, "new")

        def make() -> str:
            return diff_html(self._project, published.diff(self._project.home, old, new), served=True)

        return await self._page(
            request, ("diff", old, new), make, state=lambda project: version_state(project, old, new)
        )

    async def models(self, request: Request) -> Response:
        return await self._page(request, ("models",), lambda: models_html(self._project))

    async def leaderboard(self, request: Request) -> Response:
        """All models of one version, on the newest version's tests."""
        name = _version_name(request, "version")
        return await self._page(
            request, ("models", name), lambda: leaderboard_html(self._project, name, served=True)[1], self._large
        )

    async def probes(self, request: Request) -> Response:
        self._access.check(request)
        check_limit(request, self._pages_limit)
        content = await run_in_threadpool(probes_html, self._project)
        return self._response(request, content)

    async def probe(self, request: Request) -> Response:
        self._access.check(request)
        check_limit(request, self._pages_limit)
        content = await run_in_threadpool(probe_html, self._project, request.path_params["name"])
        if content is None:
            raise HTTPException(404)
        return HTMLResponse(content, headers=PROBE_HEADERS)

    async def source(self, request: Request) -> Response:
        """What became of every file or address of a source."""
        name = request.path_params["name"]
        if not SOURCE_NAME.fullmatch(name):
            raise HTTPException(404)

        def make() -> str:
            try:
                return source_html(self._project, name)
            except UnknownSource:  # its message has the path of isitcake.toml
                raise UnknownSource(f"no source {name!r} in this project") from None

        return await self._page(request, ("source", name), make, state=collected_state)

    async def why(self, request: Request) -> Response:
        """The history of one image, for whoever knows its SHA-256 or the first digits. The owner sees reviewers as
        numbers, others see none of their answers: a reviewer is not to know what others said.
        """
        sha256 = request.path_params["sha256"].lower()
        if not SHA256_START.fullmatch(sha256):
            raise HTTPException(404, "the address of an image has the first digits of its SHA-256, at least four")
        if len(sha256) < SHA256_DIGITS:
            self._access.check(request)
            check_limit(request, self._pages_limit)
            if not self._access.sees_all_pictures(request):  # they know a whole name, or none
                raise HTTPException(404, "the address of an image has its whole SHA-256")
            try:
                return RedirectResponse(f"/why/{await run_in_threadpool(full_name, self._project, sha256)}", 303)
            except UsageError as error:
                raise HTTPException(404, str(error)) from None
        with_answers = self._access.view(request) is View.OWNER

        def make() -> str:
            return why_html(self._project, explain(self._project, sha256), with_answers=with_answers, served=True)

        return await self._page(request, ("why", sha256, with_answers), make, self._histories)

    async def thumb(self, request: Request) -> Response:
        """A small picture. Those that no version holds are for the owner, the machine itself and reviewers."""
        name = THUMB_NAME.fullmatch(request.path_params["name"])
        if not name:
            raise HTTPException(404)
        check_limit(request, self._thumbs_limit)
        sees_all = self._access.sees_all_pictures(request) or await run_in_threadpool(self._is_reviewer, request)
        opened = sees_all and request.query_params.get("open") == "1"
        if not sees_all:
            self._access.check(request)
            if not await run_in_threadpool(self._is_published, name[1]):
                raise HTTPException(404)
        try:
            content = await run_in_threadpool(self._thumbs.content, name[1], opened=opened)
        except UnknownImage:
            raise HTTPException(404) from None
        except StorageError:
            raise HTTPException(410, "this picture was deleted") from None
        return Response(content, media_type="image/jpeg", headers=THUMB_HEADERS)

    async def _page(
        self,
        request: Request,
        key: Hashable,
        make: Callable[[], str],
        kept: Rendered | None = None,
        state: Callable[[Project], State] = project_state,
    ) -> Response:
        """The page of this key for the present state of the project. Unknown names are answered with 404."""
        self._access.check(request)
        check_limit(request, self._pages_limit)
        try:
            page = await (kept or self._pages).page(key, await run_in_threadpool(state, self._project), make)
        except UsageError as error:
            raise HTTPException(404, str(error)) from None
        return self._response(request, marked_old(page) if page.is_old else page.content)

    def _response(self, request: Request, content: str) -> Response:
        response = HTMLResponse(content, headers=PAGE_HEADERS)
        self._access.remember(request, response)
        return response

    def _is_published(self, sha256: str) -> bool:
        """Whether the newest version holds the picture."""
        version = published.newest(self._project.home)
        return version is not None and version.pictures.holds(sha256)


def _version_name(request: Request, part: str) -> str:
    """The name of a version in the path. Raises HTTPException 404 for what cannot be one."""
    name = str(request.path_params[part])
    if not VERSION_NAME.fullmatch(name):
        raise HTTPException(404)
    return name
