"""What went wrong, in the words of notes and reasons."""

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from crawlers.politeness.refusals import Disallowed, HostPaused
from crawlers.sites.failures import image_failure, page_failure
from crawlers.source_health import NoteKind
from foundation.network.addresses import Refused


def answered(status: int) -> HttpError:
    return HttpError(Response("http://a.example/", status=status))


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (answered(404), NoteKind.NOT_FOUND, "answered 404"),
        (answered(403), NoteKind.BLOCKED, "answered 403"),
        (answered(500), NoteKind.SERVER_ERROR, "answered 500"),
        (answered(418), NoteKind.PAGE_FAILED, "answered 418"),
        (CannotResolveHostError("no such host"), NoteKind.DNS, "dns: no such host"),
        (Refused("address: private host"), NoteKind.PRIVATE_ADDRESS, "address: private host"),
        (Disallowed("robots.txt: disallowed"), NoteKind.ROBOTS, "robots.txt: disallowed"),
        (HostPaused("host paused: answered 429"), NoteKind.BLOCKED, "host paused: answered 429"),
        (DownloadTimeoutError(), NoteKind.UNREACHABLE, "DownloadTimeoutError"),
        (PlaywrightTimeout("Timeout 30000ms exceeded"), NoteKind.UNREACHABLE, "Timeout 30000ms exceeded"),
        (PlaywrightError("net::ERR_CONNECTION_REFUSED"), NoteKind.UNREACHABLE, "net::ERR_CONNECTION_REFUSED"),
        (PlaywrightError("the browser died"), NoteKind.PAGE_FAILED, "the browser died"),
    ],
)
def test_a_page_that_could_not_be_read(error: Exception, kind: NoteKind, text: str) -> None:
    assert page_failure(error) == (kind, text)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CannotResolveHostError("no such host"), "dns: no such host"),
        (DownloadTimeoutError("45 s"), "timeout"),
        (HostPaused("host paused: answered 429"), "host paused: answered 429"),
        (DownloadCancelledError("larger than download maxsize"), "too large"),
        (DownloadFailedError("[lost]"), "DownloadFailedError: [lost]"),
        (ValueError(), "ValueError: ValueError"),
    ],
)
def test_an_image_that_could_not_be_fetched(error: Exception, reason: str) -> None:
    """As the ledger keeps it."""
    assert image_failure(error) == reason
