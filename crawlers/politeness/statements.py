"""What an answer says about training: the words of headers, of <meta> elements and of robots.txt. Pure functions.

Patterns from outside are compared part by part (`matches`); none becomes a regular expression.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from foundation.settings import AGENT_NAME

OBJECTIONS = ("noai", "noimageai", "noml", "notrain", "notraining", "noindex", "noimageindex", "none")
# A page's `noindex` keeps the page out of search results, as many shops do with /gallery/page/2. It does not object to
# the use of its photos.
META_OBJECTIONS = ("noai", "noimageai", "noml", "notrain", "notraining", "noimageindex")
# Said to a crawler that collects for training alone, these words too mean: not for training.
TO_AI_CRAWLERS = (*OBJECTIONS, "nofollow", "noarchive")
DIRECTIVES_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
TRAINING_USES = ("train-ai", "ai-train", "train-genai", "ai", "tdm", "bots")  # names of the use that we make
FOR_TRAINING, NOT_FOR_TRAINING = "train-ai=y", "train-ai=n"
YES, NO = ("y", "yes", "?1", "1", "true"), ("n", "no", "?0", "0", "false")
MAX_EVIDENCE_CHARS = 200
BETWEEN_WORDS = re.compile(r"[\s,;|]+")
PRODUCT = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True)
class Statement:
    """What something says about training on pictures. objection, permission: the evidence; empty where there is none.

    noted: an objection that the settings do not heed.
    """

    objection: str = ""
    permission: str = ""
    noted: str = ""

    @property
    def said(self) -> str:
        return self.objection or self.noted or self.permission

    @property
    def verdict(self) -> str:
        """A value of crawlers.ledger.signals.Verdict."""
        if self.objection:
            return "objects"
        return "noted" if self.noted else "allows" if self.permission else "silent"

    @property
    def preference(self) -> str:
        """The same in the vocabulary of IETF's aipref drafts; empty where nothing is said."""
        return NOT_FOR_TRAINING if self.objection or self.noted else FOR_TRAINING if self.permission else ""


SILENT = Statement()


def first_of(statements: Iterable[Statement]) -> Statement:
    """The first objection; else the first permission; else nothing."""
    known = list(statements)
    objection, permission, noted = (
        next(filter(None, (getattr(one, name) for one in known)), "") for name in ("objection", "permission", "noted")
    )
    return Statement(objection) if objection else Statement("", permission, noted)


def names_us(agent: str) -> bool:
    """Whether a name of a crawler is ours: the product token, alone, with a version, or inside a whole user agent."""
    return AGENT_NAME in PRODUCT.findall(agent.lower())


def product_of(agent: str) -> str:
    """A crawler's name in lower case, without its version: `gptbot` of `GPTBot/1.2`."""
    return agent.partition("/")[0].strip().lower()


def word_in(text: str, words: tuple[str, ...]) -> str:
    """The first of `words` that is a word of the text, in any case and with hyphens or without: `No-AI` is `noai`."""
    found = {re.sub(r"[-_]", "", word) for word in BETWEEN_WORDS.split(text.lower())}
    return next((word for word in words if word in found), "")


def robots_tag(value: str, ai_crawlers: frozenset[str] = frozenset()) -> str:
    """The objection in one X-Robots-Tag value, if it is said to us or to all robots.

    ai_crawlers: names in lower case; what is said to them alone is said to us.
    """
    words: tuple[str, ...] = OBJECTIONS
    for_us = True
    joined = ":".join(part.strip() for part in value.lower().split(":")).replace(":", ": ")
    for word in BETWEEN_WORDS.split(joined):
        name = word.removesuffix(":")
        if name == word:
            if for_us and (found := word_in(word, words)):
                return found
        elif name and not name.isdigit() and name not in DIRECTIVES_WITH_VALUE:  # `15:` is of a time
            is_ai = product_of(name) in ai_crawlers
            for_us = name == "*" or names_us(name) or is_ai
            words = TO_AI_CRAWLERS if is_ai else OBJECTIONS
    return ""


def usage(value: str) -> Statement:
    """`train-ai=n` of a structured dictionary; booleans are written y and n, yes and no, ?1 and ?0."""
    joined = "=".join(part.strip() for part in value.split("="))
    found: list[Statement] = []
    for member in BETWEEN_WORDS.split(joined):
        name, _, answer = member.partition("=")
        if name.lower() in TRAINING_USES:
            answer = answer.strip("\"'").lower()
            evidence = member[:MAX_EVIDENCE_CHARS]
            found.append(Statement(evidence if answer in NO else "", evidence if answer in YES else ""))
    return first_of(found)


def matches(pattern: str, path: str) -> bool:
    """Whether a path matches: `*` stands for anything, `$` at the end for the path's end; else a beginning is enough.

    Each part is looked for once, behind the one before it: nothing is tried again.
    """
    is_whole = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not parts:
        return not is_whole or path == first
    *middle, last = parts
    at = len(first)
    for part in middle:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return path.endswith(last) and len(path) - len(last) >= at if is_whole else path.find(last, at) >= 0
