"""Which pictures may be given on: the licences that are known to permit it."""

import re
from collections.abc import Collection

from dataset.versions.manifest import NOT_STATED

# A published picture is resized, so a licence has to permit changed copies: none with "no derivatives" (ND) does.
_PERMITS = re.compile(
    r"\bcc0\b|\bpublic domain\b|creativecommons\.org/publicdomain/"
    r"|\bcc[ -]by(-nc)?(-sa)?(?![\w-])|creativecommons\.org/licenses/by(-nc)?(-sa)?/",
    re.IGNORECASE,
)
_FORBIDS = re.compile(r"\bby(-nc)?-nd\b|\bno[ -]?deriv", re.IGNORECASE)


def permits_sharing(licence: str) -> bool:
    """Whether a licence, as a source states it, is known to permit that others are given the published picture.

    Known are CC0, the public domain, and the licences of Creative Commons but those without derivatives. What else
    permits it, only the publisher knows.
    """
    return bool(_PERMITS.search(licence)) and not _FORBIDS.search(licence)


def may_be_shared(licence: str, allowed: Collection[str]) -> bool:
    """allowed: licences, word by word, that the publisher says may be shared; NOT_STATED for an empty one."""
    stated = licence.strip() or NOT_STATED
    return stated in allowed or permits_sharing(stated)
