"""What may be a name, a label, a contact or a web address in isitcake.toml. Each function says why a text is not."""

import re
import unicodedata
from collections.abc import Sequence

from foundation.settings.names import RESERVED_LABELS, SEARCH_WORDS

MAX_NAME_CHARS = 64  # of a project, a label, a source
NAME_PATTERN = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_NAME_CHARS - 1}}}$"


def name_problem(text: str) -> str:
    """Why a text cannot be a name, with one that is near; empty where it can."""
    if re.fullmatch(NAME_PATTERN, text):
        return ""
    near = near_name(text)
    if len(text) > MAX_NAME_CHARS and near == text:
        return f"{text!r} is too long for a name; use at most {MAX_NAME_CHARS} characters"
    like = f", like {near[:MAX_NAME_CHARS]!r}" if near else ""
    return f"{text!r} is not a name; use letters a to z, digits, '-', '_' and '.'{like}"


def label_problem(label: str) -> str:
    """Why a text cannot be a label; empty where it can."""
    if label.casefold() in RESERVED_LABELS:
        return f"{label!r} is an answer that reviewers always have, or a word of the catalog; choose another label"
    return name_problem(label)


def new_label_problem(label: str) -> str:
    """Why a text cannot be a new label; empty where it can. A label that a project has may be a word of `search`."""
    return label_problem(label) or search_word_problem(label)


def search_word_problem(label: str) -> str:
    """Why `search` cannot tell a label from a word of its own; empty where it can."""
    if label.casefold() not in SEARCH_WORDS:
        return ""
    return f"{label!r} is a word with which `isitcake search` names pictures that have no label; choose another label"


def case_problem(labels: Sequence[str]) -> str:
    """Which two labels differ only in case; empty where none do."""
    seen: dict[str, str] = {}
    for label in labels:
        if (other := seen.setdefault(label.casefold(), label)) != label:
            return f"{other!r} and {label!r} differ only in capital letters; choose another label for one of them"
    return ""


def contact_problem(text: str) -> str:
    """Why site owners could not reach anybody there; empty where they can, and for an empty text."""
    if not text or re.match(r"(https?://\S+|mailto:\S+@\S+|\S+@\S+\.\S+)$", text):
        return ""
    return f"{text!r} is neither a web page nor an e-mail address; write one of these"


def address_problem(text: str) -> str:
    """Why a text is no web address; empty where it is one."""
    if re.match(r"https?://[^\s/]+", text):
        return ""
    return f"{text!r} is not a web address; write it with http:// or https://"


def near_name(text: str) -> str:
    """The text without accents, with `_` for what no name has; empty where nothing is left. It may be too long."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")
