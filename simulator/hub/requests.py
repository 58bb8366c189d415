"""A request to the simulated Hub, and its reply."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Request:
    """path: decoded, without the query. query: the first value of each. headers: names in lower case."""

    method: str
    url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def form(self) -> dict[str, list[str]]:
        """Fields of a form, or of JSON."""
        if "json" in self.headers.get("content-type", ""):
            return {name: value if isinstance(value, list) else [value] for name, value in self.json().items()}
        return parse_qs(self.body.decode())


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def said(value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


def refused(status: int, message: str, code: str = "") -> Reply:
    """An error as the Hub gives it: a message, and a code in a header for those that a client tells apart."""
    headers = {"Content-Type": "application/json", "X-Error-Message": message}
    return Reply(
        status, json.dumps({"error": message}).encode(), {**headers, **({"X-Error-Code": code} if code else {})}
    )
