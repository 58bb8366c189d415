"""Why an address is tried for a photo: the page names it, or a rule made it of one that the page names."""

from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.identity import Offer

MAX_PHOTOS = 1_000  # whose evidence is kept for `isitcake source probe`


def evidence(photo: Candidate) -> dict[str, str]:
    """The evidence for each address of a photo, in words."""
    return {offer.url: _words(offer) for offer in photo.tries}


def _words(offer: Offer) -> str:
    width = f", {offer.width_px} px" if offer.width_px else ""
    return f"{offer.evidence}{width}{f' ({offer.way})' if offer.way else ''}"
