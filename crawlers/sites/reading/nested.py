"""Addresses inside addresses: what an image service shrinks stands in its own address. Pure, linear in its input."""

import base64
import binascii
import json
import re
from urllib.parse import unquote, urlsplit

SERVICES = re.compile(  # paths of services whose parameter is the picture, whatever it looks like
    r"/_next/image/?\Z|/_vercel/image/?\Z|/\.netlify/images/?\Z|/_image/?\Z|/_gatsby/(?:image|file)\b|/_ipx/"
    r"|/timthumb\.php\Z|/image_proxy|/imageproxy|/imgproxy",
    re.IGNORECASE,
)
SERVICE_HOSTS = re.compile(
    r"(?:^|\.)(?:images\.weserv\.nl|wsrv\.nl|images\.duckduckgo\.com|external-content\.\w{1,20}\.com)\Z"
)
PARAMETERS = (
    "url", "u", "href", "src", "source", "image", "img", "imageurl", "image_url", "mediaurl", "file", "path", "pic",
    "photo", "imgurl", "original",
)  # fmt: skip
PICTURE = re.compile(r"\.(?:jpe?g|jfif|png|webp|avif|gif|bmp|tiff?)(?=[?#@]|\Z)", re.IGNORECASE)
WEB = re.compile(r"https?:/{1,2}(?=[^/])|https?%3[aA]%2[fF]%2[fF]", re.IGNORECASE)
HOST_AND_PATH = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}[a-z]{2,24}(?::\d{1,5})?/\S", re.IGNORECASE)
CLOUDFLARE = re.compile(r"/cdn-cgi/image/[^/?]*+/(?=.)")
CLOUDIMG = re.compile(r"\.cloudimg\.io/(?:v7/|(?:width|height|crop|fit|cdn|bound)/[^/]{1,20}/[^/]{1,60}/)")
IPX = re.compile(
    r"/_ipx/(?:_|[a-z]{1,20}(?:_[^/,&]{1,60})?(?:[,&][a-z]{1,20}(?:_[^/,&]{1,60})?){0,12})/(?=.)", re.IGNORECASE
)
IMGPROXY = re.compile(r"/plain/(?=.)")
THUMBOR = re.compile(r"//[^/]++/(?:[^/]{1,60}/)?(?:unsafe|[\w-]{27}=)/")
THUMBOR_OPTION = re.compile(
    r"(?:trim(?::[\w-]{1,30})?|meta|\d{1,5}x\d{1,5}:\d{1,5}x\d{1,5}|(?:adaptive-|full-)?(?:full-)?fit-in"
    r"|-?\d{0,5}x-?\d{0,5}|left|center|right|top|middle|bottom|smart|filters:[^/]*+)/"
)
SHORTPIXEL = re.compile(r"//(?:sp)?cdn\.shortpixel\.ai/(?:spai\d?|spio\d?|client)/[^/?]*+/")
STATICALLY = re.compile(r"//cdn\.statically\.io/img/(?=[^/?]++/)")
STATICALLY_OPTIONS = re.compile(r"/(?:(?:f|w|h|q|quality|format)=[^/,?]{1,20},?){1,6}(?=/)")
EDITS = re.compile(r"/(eyJ[A-Za-z0-9+/_-]{20,4000}={0,2})\Z")  # JSON in base64, of the AWS Serverless Image Handler
FETCH = re.compile(r"/image/fetch/(?=.)")
MAX_OPTIONS = 12  # segments of options before the address


def inner_address(url: str) -> str | None:
    """The address, relative or not, that stands inside `url`; None if none does."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return _of_path(url, parts.scheme, parts.netloc) or _of_query(parts.path, parts.query, parts.hostname or "")


def page_parameter(url: str) -> str | None:
    """A picture in a parameter of a page's address, as in viewer.html?img=/full/1.jpg."""
    return _of_query("", url.partition("?")[2].partition("#")[0], "")


def _of_query(path: str, query: str, host: str) -> str | None:
    """What a parameter names: a picture by its extension, or anything where the path is known to be a service's."""
    if not query:
        return None
    is_service = bool(SERVICES.search(path) or SERVICE_HOSTS.search(host))
    for pair in query.split("&", 50)[:50]:
        name, _, raw = pair.partition("=")
        if name.lower() not in PARAMETERS or not raw:
            continue
        value = unquote(raw)
        if value.startswith(("http%3A", "https%3A", "%2F")):
            value = unquote(value)
        has_web = value.startswith(("http://", "https://", "//", "/"))
        if is_service and not has_web and HOST_AND_PATH.match(value):
            value, has_web = f"https://{value}", True
        if value.startswith("data:"):
            continue
        if (is_service and has_web) or PICTURE.search(value.partition("?")[0]):
            return value
    return None


def _of_path(url: str, scheme: str, host: str) -> str | None:
    head = url.partition("?")[0]
    if found := CLOUDFLARE.search(head):
        return _whole(url[found.end() :]) or f"{scheme}://{host}/{url[found.end() :]}"
    if found := IPX.search(head):
        rest = head[found.end() :]
        return _whole(rest) or f"{head[: found.start()]}/{rest}"
    if found := CLOUDIMG.search(head):
        rest = head[found.end() :]
        return _whole(rest) or (f"https://{rest}" if HOST_AND_PATH.match(rest) else None)
    if found := SHORTPIXEL.search(head):
        rest = head[found.end() :]
        return _whole(rest) or (f"https://{rest}" if HOST_AND_PATH.match(rest) else None)
    if found := STATICALLY.search(head):
        return f"https://{STATICALLY_OPTIONS.sub('', head[found.end() :], count=1)}"
    if (found := IMGPROXY.search(head)) and WEB.match(head, found.end()):
        return _whole(re.sub(r"@\w{1,5}\Z", "", head[found.end() :]))
    if (found := EDITS.search(head)) and (plain := _without_edits(found[1])):
        return f"{head[: found.start()]}/{plain}"
    if found := THUMBOR.search(head):
        return _of_thumbor(head[found.end() :])
    if (found := FETCH.search(head)) and (start := WEB.search(url, found.end())):
        return _whole(url[start.start() :])
    after_host = url.find("/", len(scheme) + 3)
    if after_host > 0 and (start := WEB.search(head, after_host)) and PICTURE.search(unquote(head[start.start() :])):
        return _whole(url[start.start() :])
    return None


def _of_thumbor(rest: str) -> str | None:
    for _ in range(MAX_OPTIONS):
        found = THUMBOR_OPTION.match(rest)
        if not found:
            break
        rest = rest[found.end() :]
    return _whole(rest) or (f"https://{rest}" if HOST_AND_PATH.match(rest) else None)


def _whole(text: str) -> str | None:
    """The web address that `text` is, percent-encoded as a whole or not, and with one slash after its scheme or two."""
    if not WEB.match(text):
        return _decoded(text)
    if "%3a" in text[:10].lower():
        text = unquote(text)
    return re.sub(r"\A(https?:)/(?=[^/])", r"\1//", text)


def _without_edits(text: str) -> str | None:
    """The JSON in base64 that names a picture and its edits, without the edits; None if it names none."""
    try:
        value = json.loads(base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)))
        if not isinstance(value, dict) or not isinstance(value.get("key"), str) or "edits" not in value:
            return None
        del value["edits"]
        return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    except (ValueError, RecursionError):  # a hostile one has a thousand brackets
        return None


def _decoded(text: str) -> str | None:
    """The web address that is written in base64, as imgproxy does; None if none is."""
    packed = re.match(r"[A-Za-z0-9_/-]{16,4000}", text)
    if packed is None or not text.startswith(("aHR0c", "L2")):
        return None
    plain = packed[0].replace("/", "")
    try:
        value = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    return value if value.startswith(("http://", "https://")) else None
