"""Why an address is tried for a photo: the page names it, or a rule made it of one that the page names."""

from crawlers.sites.discovery import Candidate
from crawlers.sites.originals import originals, platform_of

NAMED = "named by the page"
MAX_PHOTOS = 1_000  # whose evidence is kept for `isitcake source probe`


def evidence(photo: Candidate) -> dict[str, str]:
    """The evidence for each offer of a photo, in words."""
    made: dict[str, str] = {}
    for offer in photo.offers:
        for guess in originals(offer)[:-1]:
            made.setdefault(guess, f"made by the rule for {platform_of(offer) or 'sizes in queries'} of {offer}")
    width = f", with a width of {photo.width_px} px" if photo.width_px else ""
    return {offer: made.get(offer, f"{NAMED}{width}") for offer in photo.offers}
