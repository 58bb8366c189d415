"""What is said about training, in every spelling: words of headers, of <meta> elements, of robots.txt."""

import pytest

from crawlers.politeness import optout
from crawlers.politeness.ai_crawlers import ai_crawlers
from crawlers.politeness.statements import Statement, first_of, names_us, robots_tag, usage, word_in


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        ("noai noimageai", True),  # F27: no comma
        ("noindex noai", True),
        ("NoAI;NoImageAI", True),
        ("no-ai, no-image-ai", True),
        ("isitcakebot/0.1: noai", True),
        ("isitcakebot : noai", True),
        ("otherbot: noindex isitcakebot: noai", True),
        ("noai otherbot: noindex", True),
        ("GPTBot: noindex, nofollow", True),  # a crawler that collects for training alone
        ("googlebot: noai", False),
        ("otherbot: noai noimageai", False),
        ("all", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", False),
        ("max-image-preview:large, max-snippet:-1", False),
        ("https://example.org/noai", False),
        ("noairplanes", False),
    ],
)
def test_x_robots_tag_in_every_spelling(value: str, objects: bool) -> None:
    assert bool(robots_tag(value, ai_crawlers())) == objects


@pytest.mark.parametrize(
    ("element", "objects"),
    [
        ('<meta name=robots content="noai noimageai">', True),  # F27
        ('<meta http-equiv="X-Robots-Tag" content=noai>', True),  # F27
        ('<META HTTP-EQUIV="x-robots-tag" CONTENT="index, NoImageAI">', True),
        ('<meta name="isitcakebot" content="noai">', True),
        ('<meta name="isitcakebot/0.1" content="noml">', True),
        ('<meta name="GPTBot" content="noindex">', True),
        ('<meta name="CCBot" content="nofollow">', True),
        ('<meta http-equiv="tdm-reservation" content="1">', True),
        ('<meta name="content-signal" content="search=yes, ai-train=no">', True),
        ('<meta name="googlebot" content="noimageai">', False),
        ('<meta name="robots" content="noindex nofollow">', False),
        ('<meta name="tdm-reservation" content="0">', False),
        ('<meta name="description" content="noai">', False),
    ],
)
def test_meta_elements_in_every_spelling(element: str, objects: bool) -> None:
    said = optout.of_page(f"<html><head>{element}</head></html>", ai_crawlers())
    assert bool(said.objection) == objects


@pytest.mark.parametrize(
    ("value", "preference"),
    [
        ("train-ai=n", "train-ai=n"),
        ("search=yes, ai-train=no", "train-ai=n"),
        ("search=yes; ai-train=no", "train-ai=n"),
        ("search=yes ai-train = no", "train-ai=n"),
        ("AI-Train=NO", "train-ai=n"),
        ("train-ai=?0", "train-ai=n"),
        ('ai-train="no"', "train-ai=n"),
        ("ai-train=yes, train-genai=n", "train-ai=n"),  # the strictest holds
        ("ai-train=yes", "train-ai=y"),
        ("search=no", ""),
        ("ai-input=no", ""),
        ("no-ai-train=no", ""),
        ("", ""),
    ],
)
def test_usage_in_every_spelling(value: str, preference: str) -> None:
    assert usage(value).preference == preference


@pytest.mark.parametrize(
    ("agent", "ours"),
    [
        ("isitcakebot", True),
        ("IsItCakeBot/0.1", True),
        ("isitcakebot/0.1 (+https://example.org)", True),
        ("Mozilla/5.0 (compatible; isitcakebot/0.1)", True),
        ("isitcakebot-images", False),
        ("notisitcakebot", False),
        ("*", False),
    ],
)
def test_our_name_with_and_without_a_version(agent: str, ours: bool) -> None:
    """F27: `User-agent: isitcakebot/0.1` is about us."""
    assert names_us(agent) == ours


def test_an_objection_outweighs_a_permission() -> None:
    said = first_of([Statement(permission="a"), Statement("b"), Statement("c", noted="d")])
    assert said == Statement("b")
    assert first_of([Statement(), Statement(noted="d"), Statement(permission="a")]) == Statement("", "a", "d")
    assert [one.verdict for one in (said, Statement(), Statement(noted="d"))] == ["objects", "silent", "noted"]


def test_words_are_whole() -> None:
    assert word_in("no_ai", ("noai",)) == "noai"
    assert word_in("casinoai", ("noai",)) == ""
