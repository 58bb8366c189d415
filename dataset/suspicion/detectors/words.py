import re
from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of

GRAPHIC = (
    r"logo|icons?|banner|badge|avatar|favicon|placeholder|sprite|arrow|divider|separator|pattern|screenshot|menu|flyer"
)
OTHER = (
    r"biscuits?|cookies?|macarons?|macaroons?|doughnuts?|donuts?|croissants?|pastr(?:y|ies)|bread|team|staff|owner"
    r"|ice.?creams?|gelato|sundaes?|puddings?|pies?|tarts?|scones?|bagels?|buns?|waffles?|pancakes?|sandwich(?:es)?"
    r"|pizzas?|coffees?|eclairs?|about.?us|shop.?front|store.?front|portrait|ingredients?|chocolates?|brownies?|muffins?|favou?rs?"
)


class Words:
    """A file name or an alt text names something else; it counts less if it names a cake too (`logo-cake.jpg`)."""

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 2
    cake: ClassVar[re.Pattern[str]] = re.compile(r"cake|torte|gateau", re.IGNORECASE)
    graphic: ClassVar[re.Pattern[str]] = re.compile(rf"(?<![a-z])(?:{GRAPHIC})(?![a-z])", re.IGNORECASE)
    other: ClassVar[re.Pattern[str]] = re.compile(rf"(?<![a-z])(?:{OTHER})(?![a-z])", re.IGNORECASE)

    def examine(self, subject: Subject) -> Finding | None:
        for pattern, proposes in ((self.graphic, UNUSABLE), (self.other, subject.other_label)):
            for text in subject.words:
                if match := pattern.search(text):
                    score = 0.4 if self.cake.search(text) else 0.8
                    return finding_of(Words, score, proposes, f"named {match[0]!r}")
        return None
