"""Which addresses are one host, and which are one page: `www.`, default ports, sessions and orders make no difference.

Functions of addresses alone, linear in their input.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit, urlunsplit

from w3lib.url import canonicalize_url

DEFAULT_PORTS = {"http": ":80", "https": ":443"}
HASH_ROUTE = re.compile(r"!?/")  # how the fragment of an address begins that a script reads as a path
# Names of session ids that common programs write into addresses.
SESSION_NAME = re.compile(
    r"phpsessid|jsessionid|sessionid|session_id|session|sessid|sess|sid|oscsid|zenid|xtcsid|cfid|cftoken"
    r"|aspsessionid\w{0,40}",
    re.IGNORECASE,
)
# Marks that only count visitors, or say where on the site one came from.
VISITOR_MARK = re.compile(
    r"(?:utm|mtm|hsa)_\w{1,40}|pk_(?:campaign|kwd|keyword|source|medium|content|cid)|fbclid|gclid|dclid|yclid|twclid|ttclid"
    r"|msclkid|li_fat_id|igshid|wbraid|gbraid|gad_source|gad_campaignid|srsltid"
    r"|_ga|_gl|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|__cf_chl_\w{1,20}"
    r"|pr_(?:rec_id|rec_pid|ref_pid|seq|prod_strat)|_(?:pos|fid|ss|psq|sid|v)",  # of Shopify: a place in a list
    re.IGNORECASE,
)
# A list in another order is the same list; the value must look like an order, because `sort=cakes` chooses.
ORDER_NAME = re.compile(
    r"(?:order|sort)(?:[-_]?(?:by|dir|direction|order|ing))?|product_list_(?:order|dir)", re.IGNORECASE
)
ORDER_VALUE = re.compile(
    r"(?:menu[-_]?order|manual|relevance|featured|default|position|random|rand|popular(?:ity)?|rating|(?:best|top)[-_]?"
    r"selling|date|created(?:[-_]at)?|newest|latest|oldest|price|name|title|(?:a|de)sc(?:ending)?|low|high|to|(?:pd?|products?|sales)(?=\.)"
    r"|sales|sku|model|quantity|[-_.+ ]|%20|%2b){1,8}",
    re.IGNORECASE,
)
PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid|sessionid)=[^;/?#]{1,200}", re.IGNORECASE)
RANDOM_VALUE = re.compile(r"(?=[^0-9]{0,200}[0-9])[A-Za-z0-9_.,%-]{8,200}")  # eight characters with a digit, or more
MIN_SESSION_LINKS = 3  # links to so many paths must carry a value before it counts as the visitor's own
SESSION_SHARE = 0.8  # and so many of all links of the page


def site_host(url: str) -> str:
    """The `host[:port]` that an address is of, in one spelling: no `www.`, no default port. Empty if there is none."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower().rpartition("@")[2]
    except ValueError:
        return ""
    return host.removesuffix(DEFAULT_PORTS.get(parts.scheme, "\0")).rstrip(".").removeprefix("www.")


def is_hash_route(url: str) -> bool:
    """Whether the fragment of an address is a path of a single-page application."""
    return HASH_ROUTE.match(url.partition("#")[2]) is not None


def page_key(url: str) -> str:
    """One text for all addresses of a page: scheme, `www.`, default port, order of the query and sessions apart."""
    try:
        parts = urlsplit(without_session(url))
    except ValueError:
        return url
    fragment = parts.fragment.rstrip("/")  # links to places of a page have none: it was cut off
    try:
        key = canonicalize_url(urlunsplit(("http", site_host(url), parts.path, parts.query, "")))
    except ValueError:
        key = url
    return f"{key}#{fragment}" if fragment else key


def without_session(url: str, names: frozenset[str] = frozenset()) -> str:
    """The address without session ids, visitor marks and orders. names: of further parameters that are sessions."""
    if "?" not in url and ";" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    path = PATH_SESSION.sub("", parts.path)
    kept = [pair for pair in parts.query.split("&") if not _says_nothing(pair, names)]
    query = "&".join(kept)
    if path == parts.path and query == parts.query:
        return url
    return urlunsplit((parts.scheme, parts.netloc, path, query, parts.fragment))


def session_names(links: Iterable[str]) -> Iterator[str]:
    """Parameters that hold the visitor's session, judged by the links of one page.

    Nearly all of them carry it, with one random value, to several paths.
    """
    links = list(links)
    paths: dict[str, set[str]] = {}
    carried: Counter[str] = Counter()
    for url in links:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        for pair in set(parts.query.split("&")):
            name, _, value = pair.partition("=")
            if name and RANDOM_VALUE.fullmatch(value):
                carried[pair] += 1
                paths.setdefault(pair, set()).add(parts.path)
    for pair, count in carried.items():
        if len(paths[pair]) >= MIN_SESSION_LINKS and count >= SESSION_SHARE * len(links):
            yield pair.partition("=")[0].lower()


def _says_nothing(pair: str, names: frozenset[str]) -> bool:
    """Whether a parameter has no part in what the page shows."""
    name, _, value = pair.partition("=")
    if ORDER_NAME.fullmatch(name) and ORDER_VALUE.fullmatch(value):
        return True
    if VISITOR_MARK.fullmatch(name) or name.lower() in names:
        return True
    return SESSION_NAME.fullmatch(name) is not None and RANDOM_VALUE.fullmatch(value) is not None
