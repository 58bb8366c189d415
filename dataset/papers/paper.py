"""A paper about a version: sections of questions with their answers, and what only a person can answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from foundation.settings import PapersSection

PROVIDER = "the provider of the model"  # who fills what no dataset can know


@dataclass(frozen=True)
class Table:
    """head: names of the columns. rows: texts and whole numbers; numbers stand right."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Entry:
    """A question and its answer. answer: paragraphs. gap: who has to add something, and where; empty: nobody."""

    question: str
    answer: Sequence[str] = ()
    table: Table | None = None
    gap: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    entries: Sequence[Entry]


@dataclass(frozen=True)
class Paper:
    """kind: datasheet or ai-act. about: what the paper is, and what it is not. made: the day."""

    kind: str
    title: str
    project: str
    version: str
    version_id: str
    made: str
    about: Sequence[str]
    sections: Sequence[Section] = field(default_factory=list)

    @property
    def gaps(self) -> int:
        """How many questions wait for a person."""
        return sum(bool(entry.gap) for section in self.sections for entry in section.entries)

    def line(self) -> str:
        """The paper in one line."""
        questions = sum(len(section.entries) for section in self.sections)
        return f"{self.title}, version {self.version}: {questions} questions, {self.gaps} of them wait for a person"


def own_words(papers: PapersSection, key: str, *known: str) -> tuple[list[str], str]:
    """Answer and gap of a question that a person has to answer. key: of [papers]. known: what the catalog adds."""
    said = str(getattr(papers, key)).strip()
    return [*([said] if said else []), *known], "" if said else f"[papers] {key} in isitcake.toml"


def asked_of_person(papers: PapersSection, question: str, key: str, *known: str) -> Entry:
    """A question that a person has to answer. Arguments as in own_words."""
    answer, gap = own_words(papers, key, *known)
    return Entry(question, answer, gap=gap)
