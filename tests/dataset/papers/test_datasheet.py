"""The datasheet: seven parts, every question answered with numbers of the catalog or marked as a gap."""

from dataclasses import replace

import pytest
from rows import TWO_SITES, made_facts

from dataset.papers.datasheet import datasheet
from dataset.papers.paper import Paper
from dataset.versions.facts import Audit
from foundation.settings import PapersSection

PARTS = ["Motivation", "Composition", "Collection process", "Preprocessing", "Uses", "Distribution", "Maintenance"]


def text_of(paper: Paper) -> str:
    return "\n".join(text for section in paper.sections for entry in section.entries for text in entry.answer)


def test_the_seven_parts_are_there_and_every_question_says_something() -> None:
    paper = datasheet(made_facts())
    assert [part for part, section in zip(PARTS, paper.sections, strict=True) if part in section.title] == PARTS
    entries = [entry for section in paper.sections for entry in section.entries]
    assert [entry.question for entry in entries if not (entry.answer or entry.gap)] == []
    assert len({entry.question for entry in entries}) == len(entries)


def test_numbers_are_those_of_the_version() -> None:
    said = text_of(datasheet(made_facts()))
    assert "3 images: 2 cake, 1 not_cake." in said
    assert "No licence is stated for 1 of 3 images" in said
    assert "from 2026-11-01 to 2026-11-03" in said
    assert "The originals were 2 JPEG, 1 PNG, 3.0 MB together." in said


def test_what_only_a_person_knows_is_a_gap_with_its_key() -> None:
    """Filled, it is that person's own words; no gap is left then but those that are no text."""
    paper = datasheet(made_facts())
    gaps = {entry.gap for section in paper.sections for entry in section.entries if entry.gap}
    keys = [key for key in PapersSection.model_fields if key != "small_provider"]
    assert gaps == {f"[papers] {key} in isitcake.toml" for key in keys}
    filled = PapersSection.model_validate({key: f"words about {key}" for key in keys})
    settings = made_facts().settings.model_copy(update={"papers": filled})
    done = datasheet(replace(made_facts(), settings=settings))
    assert done.gaps == 0
    assert all(f"words about {key}" in text_of(done) for key in keys)


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (None, "The share of wrong labels was not measured by a random sample."),
        (Audit(100, 2, 0.002, 0.07), "found 2 wrong labels: 2.0% (95 % interval 0.2% to 7.0%)."),
    ],
)
def test_label_error_is_stated_only_where_it_was_measured(audit: Audit | None, said: str) -> None:
    facts = made_facts()
    assert said in text_of(datasheet(replace(facts, version=replace(facts.version, audit=audit))))


def test_a_version_without_web_sites_says_that_nobody_was_asked() -> None:
    sources = [replace(source, kind="folder") for source in TWO_SITES]
    facts = made_facts(sources)
    nobody = replace(facts.consent, first="", last="", answers={})
    said = text_of(datasheet(replace(facts, consent=nobody)))
    assert "nobody was asked" in said
    assert "Web sites are crawled" not in said
