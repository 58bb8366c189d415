from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Furniture:
    """Seen on most pages of its site: a header, a badge, a background; a gallery's photo is on a page or two."""

    name: ClassVar[str] = "furniture"
    version: ClassVar[int] = 1
    pages: ClassVar[int] = 4  # of a site, at least, before that says anything
    threshold: ClassVar[float] = 0.6  # share of the site's pages

    def examine(self, subject: Subject) -> Finding | None:
        if subject.site_pages < self.pages or subject.pages < self.threshold * subject.site_pages:
            return None
        score = subject.pages / subject.site_pages
        return found(Furniture, score, UNUSABLE, f"on {subject.pages} of the site's {subject.site_pages} pages")
