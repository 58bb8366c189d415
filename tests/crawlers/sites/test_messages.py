"""Messages between `isitcake collect` and the process of a crawl."""

import pytest

from crawlers.ledger.reports import SourceReport
from crawlers.sites.messages import CrawlOptions, Failed, Finished, Message, Progress, SiteTraits, message_from_json
from foundation.errors import CatalogError, CrawlError, UnknownSource

REPORT = SourceReport("one", 3, "done", 2, 5, 4, {"stored": 4, "failed": 1}, {"failed: answered 404": 1}, ["a note"])


@pytest.mark.parametrize(
    "message",
    [
        Progress(pages=3, images=17),
        Finished(REPORT, SiteTraits({"wix": 4}, ["http://a.example/: meta robots: noai"], rendered_pages=1)),
        Failed("no space left", "StorageError"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_survives_its_line(message: Message) -> None:
    line = message.to_json()
    assert "\n" not in line
    assert message_from_json(line) == message


def test_options_survive_the_command_line() -> None:
    """What is left out has its default."""
    options = CrawlOptions(pages=1, depth=0, min_delay_s=0.5)
    assert CrawlOptions.from_json(options.to_json()) == options
    assert CrawlOptions.from_json("{}") == CrawlOptions()


def test_an_error_is_raised_as_what_it_was() -> None:
    """With its class and its message; a class that we do not know becomes CrawlError."""
    assert isinstance(Failed.of(UnknownSource("no source 'x'")).to_error(), UnknownSource)
    error = Failed.of(CatalogError("the catalog is locked")).to_error()
    assert (type(error), str(error)) == (CatalogError, "the catalog is locked")
    assert type(Failed("why", "SystemExit").to_error()) is CrawlError
    assert type(Failed("why", "__doc__").to_error()) is CrawlError


@pytest.mark.parametrize("line", ["", "Traceback", "{}", "[]", '{"progress": {"pages": 1}}', '{"report": {}}'])
def test_a_line_that_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        message_from_json(line)
