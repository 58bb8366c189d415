"""The isitcake.toml that `isitcake init` writes: for labels of the user's own, or with the sources of the talk."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from foundation.settings.texts import MAX_NAME_CHARS

PAGES = (
    (
        "the-london-baker",
        ("https://www.thelondonbaker.com/cupcakes", "https://www.thelondonbaker.com/sculpted_cakes"),
    ),
    ("hemus-sweet-sensation", ("https://hemussweetsensation.com/portfolio-2/",)),
    ("everything-just-baked", ("https://www.everythingjustbaked.com/cake-gallery",)),
    ("nina-maria-charles", ("https://ninamariacharles.com/gallery/",)),
    ("the-sugar-dreams", ("https://www.thesugardreams.net/gallery",)),
    ("julie-mcallister-cakes", ("https://juliemcallistercakes.com/custom-cakes/",)),
    (
        "the-sweet-stop-of-rva",
        ("https://www.thesweetstopofrva.com/noveltycakes", "https://www.thesweetstopofrva.com/weddingcakes"),
    ),
    ("april-julian", ("https://apriljulian.com/portfolio",)),
    ("cake-yall", ("https://cakeyall.com/pages/info",)),
    ("layers-cake-studio", ("https://www.layerscakestudio.com/",)),
    ("a-pinch-of-spirit", ("https://www.apinchofspirit.com/gallery",)),
    ("my-cake-buds", ("https://www.mycakebuds.com/products",)),
    ("mann-and-co-bake-shop", ("https://mannandcobakeshop.com/pages/custom-cake",)),
    (
        "the-sculpted-slice",
        (
            "https://www.thesculptedslice.com/gallery-home/celebration-cakes",
            "https://www.thesculptedslice.com/gallery-home/sculpted-cakes",
            "https://www.thesculptedslice.com/gallery-home/wedding-cakes",
        ),
    ),
)
QUERIES = (
    "cup", "vase", "candle", "bottle", "plate", "tray", "thimble", "flowerpot", "dog", "cat", "hat", "book",
    "food", "reptile", "toy", "shoe", "bag", "purse", "guitars", "cars", "burgers", "cleaning products",
    "lizards", "football", "pineapple", "oranges", "teddy", "cheese", "game boy",
)  # fmt: skip

HEAD = """\
# Is it cake?  This file says what to collect and how. All keys: docs/configuration.md
# Secrets are never written here; set the variables ISITCAKE_LABEL_STUDIO_API_KEY, ISITCAKE_UNSPLASH_ACCESS_KEY.

[project]
name = "is-it-cake"
labels = ["cake", "not_cake"]
subject = "cake"                # a pack: what detectors and reviewers know of cakes; remove it for other labels
home = "library"                # folder for everything that this program writes
contact = ""                    # your web page or e-mail address: site owners see it; required for crawling

[catalog]
url = "sqlite"                  # or "postgresql+psycopg://user@host/name"

[crawl]
allow_private_hosts = []        # like "127.0.0.1:8101"; all other private addresses are refused
# A source of kind "site" may have: depth = 2, pages = 1000 (limits of a crawl), skip = ["/blog/"] (pages left out)

[review]
budget = 200                    # questions per review round
answers_needed = 1
label_studio_url = "http://127.0.0.1:8080"
pictures_url = "http://127.0.0.1:8090"   # address of `isitcake serve` for reviewers' browsers

# [models]
# folder = "models"             # for weights that `isitcake models fetch` downloads, of a detector for example
"""

SITE = """
[[sources]]
name = "{name}"
kind = "site"                   # pages over HTTP; a browser only for pages that need one
label = "cake"
start_urls = [
{urls}
]
licence = "all rights reserved; research use"
"""

PHOTOS = """
[[sources]]
name = "everyday-objects"
kind = "unsplash"
label = "not_cake"
queries = [
{queries}
]
per_query = 10
permission = ""                 # Unsplash requires permission for ML; refused while this is empty
base_url = "https://api.unsplash.com"
licence = "Unsplash License"

# [[sources]]
# name = "my-own-photos"
# kind = "folder"
# label = "not_cake"
# path = "photos"
# licence = "CC0-1.0"
"""


def default_config() -> str:
    """A commented configuration file with the 18 pages and 29 queries of the talk."""
    sites = "".join(SITE.format(name=name, urls="\n".join(f'    "{url}",' for url in urls)) for name, urls in PAGES)
    rows = [QUERIES[start : start + 8] for start in range(0, len(QUERIES), 8)]
    queries = "\n".join("    " + " ".join(f'"{query}",' for query in row) for row in rows)
    return HEAD + sites + PHOTOS.format(queries=queries)


OWN_HEAD = """\
# What to collect and how. All keys: docs/configuration.md. Secrets are never written here, but in variables.

[project]
name = {name}
labels = {labels}    # their order numbers them; `unusable` and `unsure` are answers that reviewers always have
home = "library"    # folder for everything that this program writes
contact = {contact}    # your web page or e-mail address: site owners see it; required for crawling, not for folders

[review]
budget = 200    # questions per review round
"""

LABEL = """
[labels.{key}]
means = []    # other names of it, as in file names or ImageNet's classes, such as ["coffee mug", "cup"]
definition = ""    # one sentence for reviewers: what counts, and what does not
"""

SOURCE = """
[[sources]]
name = {name}
kind = {kind}
label = {label}
{where}
licence = ""    # what may be done with the pictures; it is published with each of them
"""

MORE_SOURCES = """
# A source of kind "site" may have: depth = 2, pages = 1000 (limits of a crawl), skip = ["/blog/"] (pages left out)

# [[sources]]
# name = "everyday"
# kind = "openverse"    # photos with open licences; also: commons, unsplash
# label = {label}
# queries = ["cup", "vase"]
# per_query = 20
"""


def own_config(
    labels: Sequence[str], folders: Sequence[tuple[str, str]], sites: Sequence[tuple[str, str]], contact: str = ""
) -> str:
    """A commented file for these labels. folders, sites: paths and addresses, each with its label."""
    parts = [
        OWN_HEAD.format(name=_quoted(_project_name(labels)), labels=json.dumps(list(labels)), contact=_quoted(contact))
    ]
    parts += [
        LABEL.format(key=label if re.fullmatch(r"[\w-]+", label, re.ASCII) else _quoted(label)) for label in labels
    ]
    taken: dict[str, int] = {}
    for path, label in folders:
        name = _source_name(PurePath(path).name, label, taken)
        parts.append(_source(name, "folder", label, f"path = {_quoted(path)}"))
    for url, label in sites:
        name = _source_name(urlsplit(url).hostname or "", label, taken)
        parts.append(_source(name, "site", label, f"start_urls = [{_quoted(url)}]"))
    return "".join([*parts, MORE_SOURCES.format(label=_quoted(labels[-1]))])


def _project_name(labels: Sequence[str]) -> str:
    """All labels where that is short enough for a name: "mug-or-bowl"; else "mug-or-11-more"."""
    name = "-or-".join(labels)
    more = f"-or-{len(labels) - 1}-more"
    return name if len(name) <= MAX_NAME_CHARS else f"{labels[0][: MAX_NAME_CHARS - len(more)]}{more}"


def _source(name: str, kind: str, label: str, where: str) -> str:
    return SOURCE.format(name=_quoted(name), kind=_quoted(kind), label=_quoted(label), where=where)


def _source_name(text: str, label: str, taken: dict[str, int]) -> str:
    """A name of letters, digits and hyphens that no other source has, from the label where the text has no letter of
    the alphabet. taken: counts names, is changed.
    """
    letters = (
        unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode() for one in (text.casefold(), label)
    )
    names = (re.sub(r"[^a-z0-9]+", "-", one.lower().removeprefix("www.")).strip("-")[:50] for one in letters)
    name = next(filter(None, names), "source")
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


def _quoted(text: str) -> str:
    """As a string of TOML."""
    return json.dumps(text, ensure_ascii=False)
