"""What a robots.txt says about training: groups that name AI crawlers (F28), and signals. Names ai_crawlers.py."""

from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text

from crawlers.politeness.ai_crawlers import ai_crawlers
from crawlers.politeness.robots_signals import RobotsSignals
from simulator.server import Scripted, Server

# The switch "block AI" of website builders: many names, one rule.
BUILDERS_SWITCH = "".join(
    f"User-agent: {name}\n"
    for name in ("GPTBot", "ChatGPT-User", "CCBot", "anthropic-ai", "Google-Extended", "img2dataset", "FacebookBot")
)


@pytest.mark.parametrize(
    ("rules", "banned"),
    [
        (f"{BUILDERS_SWITCH}Disallow: /\n\nUser-agent: *\nAllow: /\n", True),
        ("User-agent: *\nDisallow:\n\nUser-agent: GPTBot\nDisallow: /\n", True),
        ("user-agent: gptbot/1.2\ndisallow: *\n", True),
        ("User-agent: Bytespider\nDisallow: /cakes/\n", True),
        ("User-agent: img2dataset\nDisallow: /*.jpg$\n", True),
        ("User-agent: CCBot # archive\nDisallow: / # all\n", True),
        ("User-agent: CCBot\nAllow: /a\n\nUser-agent: CCBot\nDisallow: /\n", True),  # groups of one name are one group
        ("User-agent: CCBot\nUser-agent: SomethingElse\nCrawl-delay: 5\nDisallow: /\n", True),
        ("User-agent: Applebot-Extended\nDisallow: /\nAllow: /cakes\n", False),  # the longest rule wins
        ("User-agent: GPTBot\nContent-Signal: ai-train=no\nAllow: /\n", True),
        ("User-agent: GPTBot\nDisallow: /private/\n", False),
        ("User-agent: GPTBot\nDisallow:\n", False),
        ("User-agent: GPTBot\nAllow: /\n", False),
        ("User-agent: AhrefsBot\nDisallow: /\n", False),  # search optimisers
        ("User-agent: ChatGPT-User\nDisallow: /\n", False),  # fetches one page for a person
        ("User-agent: Googlebot\nDisallow: /\n", False),
        ("User-agent: GPTBotany\nDisallow: /\n", False),
        ("Disallow: /\n", False),
        ("", False),
    ],
)
def test_rules_for_ai_crawlers(rules: str, banned: bool) -> None:
    """F28: only crawlers that collect for training, only the paths that they may not fetch."""
    signals = RobotsSignals.parse(rules, ai_crawlers())
    assert bool(signals.ban("https://a.example/cakes/1.jpg")) == banned


def test_the_evidence_names_the_crawlers() -> None:
    signals = RobotsSignals.parse(f"{BUILDERS_SWITCH}Disallow: /\n", ai_crawlers())
    assert signals.ban("https://a.example/") == "robots.txt keeps out GPTBot, CCBot, anthropic-ai and 3 more"


def test_the_list_has_the_crawlers_that_everybody_names() -> None:
    assert {"gptbot", "ccbot", "google-extended", "applebot-extended", "claudebot", "bytespider", "meta-externalagent",
            "img2dataset", "amazonbot", "diffbot", "cohere-ai", "imagesiftbot"} <= ai_crawlers()  # fmt: skip
    assert not {"googlebot", "bingbot", "chatgpt-user", "ahrefsbot", "isitcakebot", "*"} & ai_crawlers()


@pytest.mark.parametrize(
    ("rules", "preference"),
    [
        ("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n", "train-ai=n"),
        ("Content-Signal: ai-train=no\n", "train-ai=n"),  # before the first group: for everybody
        ("User-agent: isitcakebot/0.1\nContent-Signal: ai-train=no\n", "train-ai=n"),
        ("User-agent: *\nContent-Usage: /cakes train-ai=n\n", "train-ai=n"),
        ("User-agent: *\nContent-Usage: /*.jpg$ train-ai=n\n", "train-ai=n"),
        ("User-agent: *\nContent-Usage: /pies train-ai=n\n", ""),
        ("User-agent: *\nContent-Signal: ai-train=yes\n", "train-ai=y"),
        ("User-agent: bingbot\nContent-Signal: ai-train=no\n", ""),
        ("User-agent: isitcakebot\nContent-Signal: tdm=yes\nUser-agent: *\nContent-Signal: tdm=no\n", "train-ai=y"),
    ],
)  # fmt: skip
def test_signal_lines(rules: str, preference: str) -> None:
    assert RobotsSignals.parse(rules, ai_crawlers()).statement("https://a.example/cakes/1.jpg").preference == preference


@pytest.mark.parametrize("setting", ["objection", "note"])
def test_a_site_that_bans_ai_crawlers_is_not_collected_unless_the_settings_say_so(tmp_path: Path, setting: str) -> None:
    """F28: by default no picture is requested; with "note" it is, and the manifest says train-ai=n."""
    answers: dict[str, Any] = {
        "/robots.txt": text(f"{BUILDERS_SWITCH}Disallow: /\n"),
        "/": html('<img src="/a.jpg">'),
        "/a.jpg": jpeg(1),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    path = tmp_path / "isitcake.toml"
    path.write_text(path.read_text().replace("[crawl]", f'[crawl]\nai_crawler_bans = "{setting}"'))
    crawled(project)
    server.stop()
    requested = [hit for hit in server.log if hit.is_image]
    ((outcome, reason),) = outcome_by_name(project).values()
    if setting == "objection":
        assert requested == []
        assert (outcome, reason) == ("rejected", "opt-out: robots.txt keeps out GPTBot, CCBot, anthropic-ai and 3 more")
    else:
        assert len(requested) == 1
        assert outcome == "stored"


def test_our_name_with_a_version_forbids_us(tmp_path: Path) -> None:
    """F27: a group for `isitcakebot/0.1` comes before the group for everybody."""
    rules = "User-agent: *\nAllow: /\n\nUser-agent: IsItCakeBot/0.1\nDisallow: /private\n"
    page = html('<img src="/private/a.jpg"><img src="/b.jpg">')
    server = Server(Scripted({"/robots.txt": text(rules), "/": page, "/private/a.jpg": jpeg(1), "/b.jpg": jpeg(2)}))
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert [hit.path for hit in server.log if hit.is_image] == ["/b.jpg"]
