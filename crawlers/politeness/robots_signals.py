"""What a robots.txt says about training, beside what it lets us fetch: lines of signals, AI crawlers, licences."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from crawlers.politeness.rsl import MAX_LINKS
from crawlers.politeness.statements import MAX_EVIDENCE_CHARS, Statement, first_of, matches, names_us, product_of, usage
from foundation.settings import AGENT_NAME

SIGNAL_LINES = ("content-usage", "content-signal")
RULE_LINES = ("allow", "disallow")
MAX_RULES = 1_000  # of each kind; a site has one for each of its parts
SHOWN_NAMES = 3  # of AI crawlers in the evidence


@dataclass(frozen=True)
class Ban:
    """What one or several AI crawlers may fetch. names: as the file writes them. parser: Protego's, of their rules."""

    names: tuple[str, ...]
    parser: Any

    @property
    def evidence(self) -> str:
        more = f" and {len(self.names) - SHOWN_NAMES} more" if len(self.names) > SHOWN_NAMES else ""
        return f"robots.txt keeps out {', '.join(self.names[:SHOWN_NAMES])}{more}"[:MAX_EVIDENCE_CHARS]

    def forbids(self, url: str) -> bool:
        return not self.parser.can_fetch(url, AGENT_NAME)


@dataclass(frozen=True)
class RobotsSignals:
    """lines: Content-Usage and Content-Signal, name and value in order, of our group, or of `*` where we have none.

    to_ai: the same lines of groups of AI crawlers. bans: rules for these. licences: addresses of RSL documents.
    """

    lines: tuple[tuple[str, str], ...] = ()
    bans: tuple[Ban, ...] = ()
    licences: tuple[str, ...] = ()
    to_ai: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str, ai_crawlers: frozenset[str] = frozenset()) -> "RobotsSignals":
        """ai_crawlers: names in lower case of those whose rules are read."""
        groups = _Groups.read(text, ai_crawlers)
        own = AGENT_NAME if AGENT_NAME in groups.present else "*"
        to_ai = dict.fromkeys(line for agent in groups.rules for line in groups.signals[agent])
        licences = tuple(dict.fromkeys(groups.licences))[:MAX_LINKS]
        return cls(tuple(groups.signals[own]), _bans(groups), licences, tuple(to_ai)[:MAX_RULES])

    def statement(self, url: str) -> Statement:
        """What the lines that are about `url` say."""
        return _said(self.lines, url)

    def objection(self, url: str) -> str:
        return self.statement(url).objection

    def ban(self, url: str) -> str:
        """The evidence that AI crawlers may not fetch `url`, or not for training; empty where they may."""
        return next((ban.evidence for ban in self.bans if ban.forbids(url)), _said(self.to_ai, url).objection)

    @property
    def objects_somewhere(self) -> bool:
        """Whether it objects for some paths at least."""
        lines = (value.partition(" ")[2] if value.startswith("/") else value for _, value in (*self.lines, *self.to_ai))
        return bool(self.bans) or any(usage(line).objection for line in lines)

    def summary(self) -> str:
        """All that it says about training, in one line, for the receipt."""
        said = [f"{name.title()}: {value}" for name, value in dict.fromkeys([*self.lines, *self.to_ai])]
        said += [
            ban.evidence.removeprefix("robots.txt ") for ban in self.bans if not ban.parser.can_fetch("/", AGENT_NAME)
        ]
        return "; ".join([*said, *(f"License: {address}" for address in self.licences)])


@dataclass
class _Groups:
    """The groups of a robots.txt that matter. signals: lines by `*`, us, or an AI crawler. present: agents that occur.

    rules: numbers of the groups of each AI crawler; of_group: their rules. written: names as they stand in the file.
    """

    signals: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    present: set[str] = field(default_factory=set)
    rules: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    of_group: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    written: dict[str, str] = field(default_factory=dict)
    licences: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str, ai_crawlers: frozenset[str]) -> "_Groups":
        groups = cls()
        agents: set[str] = set()
        is_first_group, in_rules, number, n_rules = True, False, 0, 0
        for line in text.splitlines():
            name, colon, value = line.partition("#")[0].partition(":")
            name, value = name.strip().lower(), value.strip()
            if not colon:
                continue
            if name == "license":
                groups.licences += [value] if value and len(groups.licences) < MAX_RULES else []
            elif name in ("user-agent", "useragent", "user agent"):
                if in_rules:
                    agents.clear()
                    number += 1
                is_first_group = in_rules = False
                groups._begin(value, agents, ai_crawlers, number)
            else:
                in_rules = True
                if name in SIGNAL_LINES:
                    groups._signal(name, value, {"*"} if is_first_group else agents)
                elif name in RULE_LINES and agents & groups.rules.keys() and n_rules < MAX_RULES:
                    n_rules += 1
                    groups.of_group[number].append(f"{name}: {value}")
        return groups

    def _begin(self, value: str, agents: set[str], ai_crawlers: frozenset[str], number: int) -> None:
        product = product_of(value)
        agent = AGENT_NAME if names_us(value) else product
        if agent == AGENT_NAME or agent == "*":
            agents.add(agent)
            self.present.add(agent)
        elif product in ai_crawlers:
            agents.add(agent)
            self.written.setdefault(agent, value.partition("/")[0].strip())
            if self.rules[agent][-1:] != [number]:
                self.rules[agent].append(number)

    def _signal(self, name: str, value: str, agents: Iterable[str]) -> None:
        for agent in agents:
            self.present.add(agent)
            if len(self.signals[agent]) < MAX_RULES:
                self.signals[agent].append((name, value))


def _said(lines: Iterable[tuple[str, str]], url: str) -> Statement:
    """What lines of signals say of `url`: each may begin with a pattern of paths."""
    path = _path(url)
    found = []
    for name, value in lines:
        pattern, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
        if matches(pattern, path):
            said = usage(rest)
            title = f"robots.txt {name.title()}: "
            found.append(
                Statement(said.objection and title + said.objection, said.permission and title + said.permission)
            )
    return first_of(found)


def _bans(groups: _Groups) -> tuple[Ban, ...]:
    """Crawlers of the same groups share one parser: builders list fifty of them before one rule."""
    names: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for agent, numbers in groups.rules.items():
        names[tuple(numbers)].append(groups.written[agent])
    bans = []
    for groups_of, agents in names.items():
        rules = [rule for number in groups_of for rule in groups.of_group[number]]
        if any(rule.startswith("disallow") for rule in rules):
            bans.append(Ban(tuple(agents), Protego.parse("\n".join([f"User-agent: {AGENT_NAME}", *rules]))))
    return tuple(bans)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return "/"
