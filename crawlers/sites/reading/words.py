"""What the words of attributes, keys and addresses say of a picture: whether it is one, and how large."""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit


def frozenset_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
PICTURE_WORDS = frozenset_of(
    """
    image images img imgs photo photos picture pictures pic pics poster thumb thumbnail thumbnails background
    backgrounds bg setbg cover banner hero slide slides gallery backdrop wallpaper foto fotos bild bilder
    imagen imagenes
    """
)
# After one of these words, a value is no address: `image-alt`, `photoId`.
OTHER_WORDS = frozenset_of(
    """
    alt id ids title caption width height type class name format size sizes ratio count color colour position
    style credit author by page link target index align fit repeat attachment text description label mode
    effect speed duration key slug tag tags role
    """
)
FULL_WORDS = frozenset_of(
    """
    full fullsize original orig large big zoom hires highres high hd xl xxl xlarge master max maximum retina
    raw huge fancybox lightbox pswp mfp magnify zoomed enlarged source highlight
    """
)
LAZY_WORDS = frozenset_of("lazy lazyload src srcset original echo ng v desktop main")
THUMB_WORDS = frozenset_of(
    """
    thumb thumbs thumbnail thumbnails tn small tiny mini micro preview placeholder lqip blur blurred low
    lowres loading loader fallback error default icon avatar xs sm spinner mobile blank base64
    msrc srct
    """
)
PAGE_WORDS = frozenset_of("url href link page permalink target action goto location product endpoint api")
PICTURE_FILE = re.compile(
    r"\.(?:jpe?g|jfif|pjpe?g|png|webp|avif|gif|bmp|tiff?|hei[cf])(?=[?#/:;!,@&%=]|\Z|\.(?:webp|avif)\b|_srz_)",
    re.IGNORECASE,
)
PICTURE_PATH = re.compile(r"\.(?:jpe?g|jfif|pjpe?g|png|webp|avif|gif|bmp|tiff?|hei[cf])\Z", re.IGNORECASE)
SERVICE = re.compile(  # addresses of pictures that end like nothing
    r"//images\.unsplash\.com/photo-|//(?:plus\.)?unsplash\.com/photos/[^/]{1,80}/download|//imagedelivery\.net/"
    r"|//lh\d\.(?:googleusercontent|ggpht)\.com/|/_next/image|/_vercel/image\?|/\.netlify/images\?|/_image\?|/cdn-cgi/image/"
    r"|//images\.squarespace-cdn\.com/content/|//static\.wixstatic\.com/media/|/isteam/ip/|//cdn\.sanity\.io/images/"
    r"|//images\.ctfassets\.net/|//[^/]{1,60}\.imgix\.net/|//picsum\.photos/|//ucarecdn\.com/|/image/upload/|/image/fetch/"
    r"|//media\.graphassets\.com/|//images\.prismic\.io/|//framerusercontent\.com/images/|//blogger\.googleusercontent\.com/img/",
    re.IGNORECASE,
)  # fmt: skip
# Parts of a file's name, and folders, that say which size of a picture an address is.
THUMB_PART = re.compile(
    r"(?:[-_. ](?:thumbs?|thumbnails?|tn|small|sm|s|t|mini|preview|min)|(?<=[a-z0-9])(?:thumb|_t))\Z"
    r"|\A(?:thumbs?|thumbnails?|tn|small|sm|s|t|mini|preview)[-_.]",
    re.IGNORECASE,
)
FULL_PART = re.compile(
    r"[-_. ](?:full|large|lg|big|orig|original|xl|zoom|hd)\Z|\A(?:full|large|big|orig|original)[-_.]", re.IGNORECASE
)
THUMB_FOLDER = re.compile(r"/(?:thumbs?|thumbnails?|tn|small|mini|previews?|_thumbs?)(?=/)", re.IGNORECASE)
FULL_FOLDER = re.compile(r"/(?:full|fulls|large|big|originals?|fullsize|zoom|hd)(?=/)", re.IGNORECASE)
# Folders of one picture in two sizes, where the file names are the same.
SMALL_FOLDERS = frozenset_of(
    """
    thumb thumbs thumbnail thumbnails tn small s t mini min preview previews medium m md sm xs low lowres slides
    resized web klein petit petites
    """
)
LARGE_FOLDERS = frozenset_of(
    """
    full fulls f large lg l big original originals orig o fullsize zoom hd hires hi-res highres high xl gross
    grand grandes
    """
)
MAX_FOLDERS = 20  # of an address that are looked at
WIX_NAME = re.compile(r"[\w.-]{1,80}~mv2(?:_d_\d{1,5}_\d{1,5}_s_\d{1,3}(?:_\d{1,3})?)?\.\w{3,4}\Z")
DRAWING = re.compile(r"\.(?:svgz?|ico)(?=[?#]|\Z)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def words_of(name: str) -> frozenset[str]:
    """The words of a name, in small letters: of `data-lazySrc`, data, lazy and src."""
    return frozenset(word.lower() for word in WORD.findall(name[:100]))


@lru_cache(maxsize=4096)
def is_picture_key(name: str) -> bool:
    """Whether a key or an attribute of this name holds a picture: `image`, `photoUrl`, `data-setbg`, not `imageAlt`."""
    words = [word.lower() for word in WORD.findall(name[:100])]
    return bool(words) and bool(PICTURE_WORDS & set(words)) and words[-1] not in OTHER_WORDS


@lru_cache(maxsize=4096)
def size_hint(name: str) -> int:
    """What a name says of the size: 3 full, 2 what a script shows, 1 nothing, 0 a thumbnail or a placeholder."""
    words = words_of(name)
    if words & THUMB_WORDS:
        return 0
    if words & FULL_WORDS:
        return 3
    return 2 if words & LAZY_WORDS and name not in ("src", "srcset") else 1


def names_a_picture(value: str) -> bool:
    """Whether an address ends like a picture's, has such a name inside, or belongs to a service of pictures."""
    return PICTURE_FILE.search(value) is not None or SERVICE.search(value) is not None


def is_picture_file(path: str) -> bool:
    """Whether the path of an address ends like a picture's."""
    return PICTURE_PATH.search(path) is not None


def name_without(url: str, folder: re.Pattern[str], part: re.Pattern[str]) -> tuple[str, str]:
    """Host with folder, and file name without its extension, both without words of size."""
    parts = urlsplit(url)
    path, _, name = parts.path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{parts.netloc}{folder.sub('', f'{path}/')}".lower(), part.sub("", stem).lower()


def names_apart_from(url: str, folders: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Host, folders and file name without its extension, with a mark in place of a folder that is one of these."""
    parts = urlsplit(url)
    *path, name = parts.path.split("/")
    for number, folder in enumerate(path[:MAX_FOLDERS]):
        if folder.lower() in folders:
            yield (parts.netloc, *path[:number], "*", *path[number + 1 :], name.rpartition(".")[0])
