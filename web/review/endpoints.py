"""stub"""

from starlette.requests import Request
from starlette.routing import BaseRoute

from dataset.project import Project
from web.pages.access import PageAccess


class ReviewEndpoints:
    def __init__(self, project: Project, access: PageAccess) -> None: ...
    def routes(self) -> list[BaseRoute]:
        return []

    def is_signed_in(self, request: Request) -> bool:
        return False
