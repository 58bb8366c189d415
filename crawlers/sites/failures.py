"""What went wrong with a page or an image, in the words of a run's notes and reasons."""

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.spidermiddlewares.httperror import HttpError

from crawlers.politeness.refusals import Disallowed, HostPaused, LeftSite, OptedOut
from crawlers.source_health import NoteKind, kind_of_status
from foundation.network.addresses import Refused, parse

MAX_ERROR_CHARS = 200
PRIVATE = "private host"  # the words of foundation.network.addresses
KINDS: tuple[tuple[tuple[type[BaseException], ...], NoteKind], ...] = (
    ((CannotResolveHostError,), NoteKind.DNS),
    ((HostPaused,), NoteKind.BLOCKED),
    ((Refused,), NoteKind.PRIVATE_ADDRESS),
    ((LeftSite,), NoteKind.MOVED),
    ((Disallowed,), NoteKind.ROBOTS),
    ((OptedOut,), NoteKind.OPTED_OUT),
    (
        (DownloadTimeoutError, DownloadConnectionRefusedError, DownloadFailedError, PlaywrightTimeout),
        NoteKind.UNREACHABLE,
    ),
)


def page_failure(error: BaseException, url: str = "") -> tuple[NoteKind, str]:
    """Kind and text of why the page at `url` could not be read."""
    if isinstance(error, HttpError):
        status: int = error.response.status
        return kind_of_status(status) or NoteKind.PAGE_FAILED, f"answered {status}"
    text = str(error) or type(error).__name__
    if isinstance(error, Refused) and PRIVATE in text and (key := _host_port(url)):
        text = f'{text}; if it is yours, add "{key}" to [crawl] allow_private_hosts'
    kind = next((kind for types, kind in KINDS if isinstance(error, types)), NoteKind.PAGE_FAILED)
    if kind == NoteKind.PAGE_FAILED and isinstance(error, PlaywrightError) and "net::ERR_CONNECTION" in text:
        kind = NoteKind.UNREACHABLE  # Chromium's own error codes reach us as text only
    return kind, f"dns: {text}" if kind == NoteKind.DNS else text


def _host_port(url: str) -> str:
    """As `[crawl] allow_private_hosts` lists it; empty for what is no address."""
    try:
        return parse(url).host_port
    except Refused:
        return ""


def image_failure(error: BaseException) -> str:
    """Why an image could not be fetched, as the ledger keeps it."""
    name = type(error).__name__
    text = str(error).strip() or name
    if isinstance(error, CannotResolveHostError):
        return f"dns: {text[:MAX_ERROR_CHARS]}"
    if "Timeout" in name:
        return "timeout"
    if isinstance(error, HostPaused):
        return text
    if "Cancelled" in name and "maxsize" in text:
        return "too large"
    return f"{name}: {text[:MAX_ERROR_CHARS]}"
