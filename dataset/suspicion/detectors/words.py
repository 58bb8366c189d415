from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Words:
    """A file name or an alt text names another answer, by the words of a pack or of [labels.X] means.

    A text that names the claimed label too says less (`logo-cake.jpg`), or nothing where two labels are named.
    """

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 3

    def examine(self, subject: Subject) -> Finding | None:
        meanings, label = subject.meanings, subject.source_label
        own = meanings.support.get(label)
        for answer, pattern in meanings.words.items():
            for text in subject.words if answer != label else ():
                if match := pattern.search(text):
                    score = 0.4 if own and own.search(text) else 0.8
                    return finding_of(Words, score, answer, f"named {match[0]!r}")
        for answer, pattern in meanings.names.items():
            for text in subject.words if answer != label else ():
                if (match := pattern.search(text)) and not (own and own.search(text)):
                    return finding_of(Words, 0.8, answer, f"named {match[0]!r}")
        return None
