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

from crawlers.politeness.refusals import Disallowed, HostPaused, OptedOut
from crawlers.source_health import NoteKind, kind_of_status
from foundation.network.addresses import Refused

MAX_ERROR_CHARS = 200
KINDS: tuple[tuple[tuple[type[BaseException], ...], NoteKind], ...] = (
    ((CannotResolveHostError,), NoteKind.DNS),
    ((HostPaused,), NoteKind.BLOCKED),
    ((Refused,), NoteKind.PRIVATE_ADDRESS),
    ((Disallowed,), NoteKind.ROBOTS),
    ((OptedOut,), NoteKind.OPTED_OUT),
    (
        (DownloadTimeoutError, DownloadConnectionRefusedError, DownloadFailedError, PlaywrightTimeout),
        NoteKind.UNREACHABLE,
    ),
)


def page_failure(error: BaseException) -> tuple[NoteKind, str]:
    """Kind and text of why a page could not be read."""
    if isinstance(error, HttpError):
        status: int = error.response.status
        return kind_of_status(status) or NoteKind.PAGE_FAILED, f"answered {status}"
    text = str(error) or type(error).__name__
    kind = next((kind for types, kind in KINDS if isinstance(error, types)), NoteKind.PAGE_FAILED)
    if kind == NoteKind.PAGE_FAILED and isinstance(error, PlaywrightError) and "net::ERR_CONNECTION" in text:
        kind = NoteKind.UNREACHABLE  # Chromium's own error codes reach us as text only
    return kind, f"dns: {text}" if kind == NoteKind.DNS else text


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
