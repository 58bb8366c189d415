"""Addresses that a crawl does not ask for: what they do, and what they are not.

Functions of addresses alone, linear in their input.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from crawlers.politeness.optout import matches

# One whole part of a path, in the languages that shops write.
ACTION_PARTS = frozenset((
    "cart", "basket", "checkout", "login", "log-in", "log_in", "signin", "sign-in", "sign_in", "logout",
    "log-out", "log_out", "signout", "sign-out", "sign_out", "signup", "sign-up", "register", "account",
    "my-account", "myaccount", "customer", "password", "lost-password", "reset-password", "wishlist",
    "wish-list", "compare", "unsubscribe", "wp-admin", "wp-login", "wp-json", "xmlrpc", "feed", "trackback",
    "email-protection", "add-to-cart", "addtocart", "add_to_cart", "add-to-wishlist", "warenkorb", "kasse",
    "anmelden", "abmelden", "merkzettel", "panier", "connexion", "deconnexion", "carrito", "carrello",
    "winkelwagen", "printable", "printer-friendly", "mailto",
))  # fmt: skip
# Parameters that do something by being asked for.
ACTION_NAMES = re.compile(
    r"add|remove|delete|vote|like|rate|share|print|logout|login|buy|replytocom|unsubscribe|removed_item|undo_item"
    r"|(?:add|remove|delete|move)[-_]?(?:to|from)[-_]?\w{1,40}|add[-_]?\w{0,10}[-_]?(?:cart|basket|wishlist|compare)"
    r"|(?:remove|delete)[-_]?(?:item|product)|(?:yith_)?wishlist\w{0,20}|wc-ajax|_?wp_?nonce",
    re.IGNORECASE,
)
VERB_NAMES = frozenset(("action", "act", "do", "task", "cmd", "op", "mode"))
VERBS = re.compile(
    r"(?<![a-z])(?:log-?(?:in|out|off|on)|sign-?(?:in|out|up)|add|remove|delete|buy|cart|basket|checkout|register|vote|like|share"
    r"|print|email|download|subscribe|report|edit|reply|wishlist|compare)(?![a-z])",
    re.IGNORECASE,
)
PAGE_SUFFIX = re.compile(r"\.(?:html?|xhtml|shtml|php\d?|phtml|aspx?|jspx?|do|cfm|cgi)\Z", re.IGNORECASE)
BINARY = re.compile(
    r"\.(?:pdf|docx?|docm|odt|ods|odp|rtf|xlsx?|xlsm|csv|tsv|pptx?|ppsx?|pptm|key|numbers|pages|epub|mobi|azw3?|djvu"
    r"|ps|eps|ai|psd|indd|sketch|dwg|dxf|stl|obj|ttf|otf|woff2?|eot|zip|rar|7z|tar|t?gz|tgz|bz2|tbz2?|xz|zst|lz|cab"
    r"|iso|img|dmg|pkg|exe|msi|apk|ipa|deb|rpm|bin|jar|war|swf|torrent|mp[234]|m4[avbp]|mov|avi|wmv|wma|flv|mkv|webm"
    r"|og[gvam]|opus|wav|aiff?|flac|aac|midi?|mpe?g|3gpp?|m3u8?|ts|vob|css|m?js|map|wasm|json|jsonld|xml|rss|atom"
    r"|ics|vcf|kml|kmz|gpx|sql|db|sqlite|bak|log|txt|md|ya?ml|ini|conf|sh|bat|ps1|py|c|h|cpp|dat)\Z",
    re.IGNORECASE,
)


def is_action(url: str) -> bool:
    """Whether asking for an address does something (carts, log-outs), or leads to what has no pictures (log-ins)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    for part in unquote(parts.path).lower().split("/"):
        if PAGE_SUFFIX.sub("", part) in ACTION_PARTS:
            return True
    for pair in parts.query.split("&"):
        name, _, value = unquote(pair).partition("=")
        if ACTION_NAMES.fullmatch(name) or (name.lower() in VERB_NAMES and VERBS.search(value)):
            return True
    return False


def is_binary(url: str) -> bool:
    """Whether an address ends like a file that is no page: a document, an archive, a film, a program."""
    try:
        return BINARY.search(urlsplit(url).path) is not None
    except ValueError:
        return True


def is_skipped(url: str, patterns: Sequence[str]) -> bool:
    """Whether a source leaves an address out. patterns: as in robots.txt, of paths with their query."""
    if not patterns:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    path = (
        f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}{'#' if parts.fragment else ''}{parts.fragment}"
    )
    return any(matches(pattern, path) for pattern in patterns)
