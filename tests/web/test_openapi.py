"""Security 13: requests that a tool derives from the service's description, and what it then expects of the answers."""

from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from schemathesis import checks
from starlette.routing import Route

from dataset.project import Project
from simulator.web_service import Serve, Serving
from web.app import create_app

SCHEMA = Path(__file__).with_name("openapi.yaml")
EXAMPLES = 60  # requests to each operation
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
description = schemathesis.openapi.from_path(SCHEMA)
visitors = count()


@pytest.fixture(scope="module")
def described(serve: Serve) -> Serving:
    """A service behind a proxy: each request comes from another visitor, so that limits are not reached."""
    return serve('trusted_proxies = ["127.0.0.1"]')


def test_every_route_is_described(bakery: Project) -> None:
    """Sockets apart: OpenAPI has no words for them."""
    routes = {
        (method.lower(), route.path)
        for route in create_app(bakery).routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    paths: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["paths"]
    assert routes == {(method, path) for path, methods in paths.items() for method in methods}


@description.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case, described: Serving) -> None:
    """Security 13: no 5xx but "not now", and every answer is of a kind that the description names."""
    number = next(visitors)
    headers = {"X-Forwarded-For": f"198.18.{number // 250 % 250}.{number % 250 + 1}"}
    case.call_and_validate(base_url=described.url, headers=headers, checks=CHECKS, allow_redirects=False)
    assert "Traceback" not in described.printed()
