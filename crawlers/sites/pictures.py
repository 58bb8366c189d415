"""A link that leads to a picture, whatever its address looks like: what was read as a page is the photo itself."""

from typing import Any

from crawlers.ledger.signals import OPT_OUT
from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.identity import Offer
from crawlers.sites.reading.mentions import Evidence


async def linked_picture(crawler: Any, response: Any) -> list[dict[str, Any]]:
    """The item of an answer that is a picture, seen on the page that links it; none for any other answer."""
    if not (response.headers.get("Content-Type") or b"").lower().startswith(b"image/"):
        return []
    said = await crawler.robots.picture_statement(response.url, headers_of(response))
    crawler.ledger.consent.prefer(response.url, said.preference)
    page_url = (response.request.headers.get("Referer") or response.url.encode()).decode("latin-1")
    photo = Candidate(
        (Offer(response.url, Evidence.NAMED, "link"),),
        page_url,
        rejected=f"{OPT_OUT}{said.objection}" if said.objection else "",
        content=response.body,
    )
    return [{"page_url": page_url, "photos": [photo]}]


def headers_of(response: Any) -> list[tuple[str, str]]:
    """Names and values of the headers of an answer, in order."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]
