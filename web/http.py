"""HTTP rules that all routes share: routes for GET only, integers in paths."""

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.routing import Route

INTEGER = TypeAdapter(int)
Endpoint = Callable[[Request], Any]


class InvalidPath(Exception):
    """A part of the path has the wrong type. problems: a list of pydantic's error descriptions."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(problems)
        self.problems = problems


def get(path: str, endpoint: Endpoint) -> Route:
    """A route that answers GET and nothing else. Starlette alone would add HEAD."""
    route = Route(path, endpoint)
    route.methods = {"GET"}
    return route


def post(path: str, endpoint: Endpoint) -> Route:
    """A route that answers POST."""
    return Route(path, endpoint, methods=["POST"])


def path_integer(request: Request, name: str) -> int:
    """An integer that is part of the path. Raises InvalidPath, which the client sees as status 422."""
    try:
        return INTEGER.validate_python(request.path_params[name])
    except ValidationError as error:
        problems = [
            {"type": problem["type"], "loc": ["path", name], "msg": problem["msg"], "input": problem["input"]}
            for problem in error.errors()
        ]
        raise InvalidPath(problems) from None
