"""The summary of training content: the template's three parts, domains by size, and what is the provider's to fill."""

from dataclasses import replace

import pytest
from rows import TWO_SITES, made_facts, made_source

from dataset.papers.ai_act import ABOUT, ai_act_summary, asked_domains
from dataset.papers.paper import PROVIDER, Entry, Paper
from foundation.settings import CrawlSection, PapersSection, SafetySection


def entry_of(paper: Paper, beginning: str) -> Entry:
    found = [entry for section in paper.sections for entry in section.entries if entry.question.startswith(beginning)]
    assert len(found) == 1, [entry.question for entry in found]
    return found[0]


@pytest.mark.parametrize(
    ("domains", "is_small", "asked"),
    [
        (0, False, 0),
        (1, False, 1),
        (10, False, 1),
        (11, False, 2),
        (300, False, 30),
        (21, True, 2),
        (90_000, True, 1000),
    ],
)
def test_how_many_domains_the_template_asks_for(domains: int, is_small: bool, asked: int) -> None:
    assert asked_domains(domains, is_small=is_small) == asked


def test_the_largest_domains_come_first_and_as_many_as_asked() -> None:
    domains = entry_of(ai_act_summary(made_facts(domains=300)), "2.3 Largest")
    assert domains.table is not None
    assert len(domains.table.rows) == 30
    sizes = [float(str(row[3]).removesuffix(" MB")) for row in domains.table.rows]
    assert sizes == sorted(sizes, reverse=True)
    small = made_facts(domains=300)
    papers = small.settings.model_copy(update={"papers": PapersSection(small_provider=True)})
    fewer = entry_of(ai_act_summary(replace(small, settings=papers)), "2.3 Largest")
    assert fewer.table is not None
    assert len(fewer.table.rows) == 15
    assert "5 %" in fewer.answer[0]


def test_the_crawler_is_named_with_what_it_does() -> None:
    paper = ai_act_summary(made_facts())
    assert "isitcakebot/" in entry_of(paper, "2.3 Crawlers: names").answer[0]
    assert "https://example.org/us" in entry_of(paper, "2.3 Crawlers: names").answer[0]
    behaviour = " ".join(entry_of(paper, "2.3 Crawlers: behaviour").answer)
    assert all(word in behaviour for word in ("robots.txt", "CAPTCHA", "paywall"))
    assert entry_of(paper, "2.3 Period").answer == ["From 2026-11-01 to 2026-11-03."]


def test_opt_outs_are_counted_and_what_the_settings_heed_is_said() -> None:
    facts = made_facts()
    said = " ".join(entry_of(ai_act_summary(facts), "3.1 Reservations").answer)
    assert "Objections kept out 4 addresses" in said
    assert "counts as an objection" in said
    noted = facts.settings.model_copy(update={"crawl": CrawlSection(ai_crawler_bans="note")})
    other = " ".join(entry_of(ai_act_summary(replace(facts, settings=noted)), "3.1 Reservations").answer)
    assert "is not taken for an objection" in other


def test_the_paper_says_only_what_is_done_today() -> None:
    """A version may be older than the lists and the network."""
    facts = made_facts()
    without = " ".join(entry_of(ai_act_summary(facts), "3.2").answer)
    assert "Today's configuration names no hash list" in without
    assert "no network looks for explicit pictures" in without
    safety = SafetySection(hash_lists=["a.txt"], contact="the hotline", nsfw="opennsfw")
    settings = facts.settings.model_copy(update={"safety": safety})
    with_both = " ".join(entry_of(ai_act_summary(replace(facts, settings=settings)), "3.2").answer)
    assert "Today's configuration names 1 hash list" in with_both
    assert "when it was published is not recorded" in with_both
    assert "Versions that were published before are not changed by that" in with_both
    assert "Every picture" not in with_both


def test_the_providers_fields_are_left_to_the_provider() -> None:
    """And the page says that it is no legal advice."""
    paper = ai_act_summary(made_facts())
    for beginning in ("1.1", "1.2", "3.1 Code"):
        entry = entry_of(paper, beginning)
        assert (list(entry.answer), entry.gap) == ([], PROVIDER)
    assert "not legal advice" in " ".join(ABOUT)


def test_kinds_of_sources_stand_in_their_own_parts() -> None:
    sources = [*TWO_SITES, made_source("photos", "openverse", 5), made_source("mine", "folder", 6)]
    paper = ai_act_summary(made_facts(sources))
    tables = {
        beginning: [row[0] for row in table.rows] if (table := entry_of(paper, beginning).table) else []
        for beginning in ("2.3 Content", "2.3 Pictures from photo services", "2.6")
    }
    assert list(tables.values()) == [["baker", "other"], ["photos"], ["mine"]]
    none = ai_act_summary(made_facts([made_source("mine", "folder", 6)], domains=0))
    assert entry_of(none, "2.3 Data crawled").answer == ["None: no web site was crawled."]
