from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class OnMostPages:
    """Most pages of the site show the picture: a header, a badge or a background. A photo is on one or two pages."""

    name: ClassVar[str] = "furniture"  # as it is stored in catalogs
    version: ClassVar[int] = 1
    min_site_pages: ClassVar[int] = 4  # a site with fewer pages says nothing
    threshold: ClassVar[float] = 0.6  # share of the site's pages

    def examine(self, subject: Subject) -> Finding | None:
        if subject.site_pages < self.min_site_pages or subject.pages < self.threshold * subject.site_pages:
            return None
        score = subject.pages / subject.site_pages
        return finding_of(OnMostPages, score, UNUSABLE, f"on {subject.pages} of the site's {subject.site_pages} pages")
