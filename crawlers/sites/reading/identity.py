"""Which mentions of a page are one photo, and in which order its addresses are worth asking. Pure functions."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from crawlers.sites.originals import GENERAL_RULES, Guess, guesses, is_proven
from crawlers.sites.reading.attributes import TEMPLATE
from crawlers.sites.reading.furniture import is_furniture_address
from crawlers.sites.reading.mentions import NOT_CONTENT, Evidence, Mention, Named
from crawlers.sites.reading.notations import named_width
from crawlers.sites.reading.words import (
    FULL_FOLDER,
    FULL_PART,
    MAX_FOLDERS,
    THUMB_FOLDER,
    THUMB_PART,
    name_without,
)

MIN_ENDS = 2  # addresses in scripts that must be ends of addresses in one folder
MAX_OFFERS = 40  # addresses to try that are kept for one photo
MAX_UNPROVEN = 2  # guesses of one address that nothing but their rules speak for
MIN_SHARERS = 3  # elements with photos of their own that link one picture: it is no photo of theirs
MIN_SIZE_PX = 100  # of a size in a srcset; a placeholder has less
TEMPLATE_WIDTH_PX = 2048  # for `_{width}x`, where nothing better is known
IN_NO_SCRIPT = ("@meta", "@sitemap", "@style")  # how addresses are named that stand in no element and in no script


@dataclass(frozen=True)
class Offer:
    """An address to try for a photo. way: how the page names it, and the rules that made it of that.

    width_px: that is named for it; 0 if none is. hint: see words.size_hint. is_proven: False for a guess that nothing
    but its rule speaks for. name: of the picture in all its sizes, as rules of its host and general ones have it.
    """

    url: str
    evidence: Evidence
    way: str = ""
    width_px: int = 0
    hint: int = 1
    is_proven: bool = True
    name: str = ""


@dataclass
class Photo:
    """Mentions that are one photo. named: its addresses, each once, the likely largest first."""

    mention: Mention
    named: list[Named] = field(default_factory=list)

    @classmethod
    def of(cls, mention: Mention) -> "Photo":
        return cls(replace(mention, named=list(mention.named)))

    def add(self, mention: Mention) -> None:
        whole = self.mention
        whole.named += mention.named
        is_better = bool(mention.alt) and mention.is_shown > whole.is_shown  # a link says what a press does
        whole.alt = mention.alt if is_better else whole.alt or mention.alt
        whole.caption = whole.caption or mention.caption
        whole.rejected = _rejection(whole, mention)
        whole.is_shown = whole.is_shown or mention.is_shown
        whole.display_px = max(whole.display_px, mention.display_px)


def _rejection(one: Mention, other: Mention) -> str:
    """Why two mentions of a photo are rejected. What shows it, or links it, knows better than a script or a meta."""
    if one.rejected and other.rejected:
        return one.rejected
    rejected, plain = (one, other) if one.rejected else (other, one)
    says_nothing = not plain.is_shown and not plain.is_link
    return rejected.rejected if says_nothing and rejected.rejected.startswith(NOT_CONTENT) else ""


class Identity:
    """Joins the mentions of a page. proven: general rules that the host of a page was seen to follow, `rule host`.

    spend: is told each address that a rule made. What this page proves is added to `proven`.
    """

    def __init__(self, base: str, proven: set[str], spend: Callable[[str], None]) -> None:
        self._base = base
        self._proven = proven
        self._spend = spend
        self._guesses: dict[str, list[Guess]] = {}
        self._names: dict[str, str] = {}

    def photos(self, mentions: Iterable[Mention]) -> list[Photo]:
        """The photos of a page in reading order."""
        kept = list(mentions)
        self._prove(kept)
        kept = self._without_decoration(kept)
        by_name: dict[str, Photo] = {}
        photos: list[Photo] = []
        for mention in kept:
            name = self.name(mention.best.url)
            if name in by_name:
                by_name[name].add(mention)
            else:
                by_name[name] = Photo.of(mention)
                photos.append(by_name[name])
        photos = self._without_parts(_with_their_links(photos))
        photos = _with_their_ends(photos, self._base)
        for photo in photos:
            photo.named = _ranked(photo.mention.named)
            if is_furniture_address(photo.named[0].url):
                photo.mention.rejected = photo.mention.rejected or f"{NOT_CONTENT}its address says so"
        return _with_their_metas(photos)

    def name(self, url: str) -> str:
        """One name for a photo in all its sizes."""
        if url not in self._names:
            self._names[url] = next((one.url for one in self.guesses(url) if is_proven(one, self._proven)), url)
        return self._names[url]

    def guesses(self, url: str) -> list[Guess]:
        if url not in self._guesses:
            self._guesses[url] = guesses(url, self._base)
            for guess in self._guesses[url]:
                self._spend(guess.url)
        return self._guesses[url]

    def offers(self, photos: Sequence[Photo]) -> list[tuple[Offer, ...]]:
        """For each photo, the addresses to try, in order: originals of the largest, what the page names, other guesses.

        What a general rule makes of two photos, or of one into another, is no original of either.
        """
        contested = self._contested(photos)
        return [tuple(self._offers_of(photo, contested)[:MAX_OFFERS]) for photo in photos]

    def _offers_of(self, photo: Photo, contested: set[str]) -> list[Offer]:
        offers: dict[str, Offer] = {}

        def original(named: Named) -> str:
            return next((guess.url for guess in self.guesses(named.url)), named.url)

        def add_guesses(named: Named) -> None:
            made = [(guess, is_proven(guess, self._proven)) for guess in self.guesses(named.url)]
            unproven = [guess.url for guess, proven in made if not proven and guess.url not in contested]
            if any(proven for _, proven in made):
                unproven = []
            for guess, proven in made:
                is_asked = proven or guess.url in unproven[:MAX_UNPROVEN]
                if guess.url not in offers and is_asked and not TEMPLATE.search(guess.url):
                    way = f"{named.way} {'+'.join(guess.rules)}"
                    offers[guess.url] = Offer(guess.url, Evidence.GUESS, way, 0, named.hint, proven, original(named))

        add_guesses(photo.named[0])
        for named in photo.named:
            url = TEMPLATE.sub(str(TEMPLATE_WIDTH_PX), named.url)
            evidence = named.evidence if url == named.url else Evidence.GUESS
            if url not in offers:
                offers[url] = Offer(url, evidence, named.way, named.width_px, named.hint, name=original(named))
            elif evidence != Evidence.GUESS:  # the page names what a rule made, too
                offers[url] = replace(offers[url], evidence=evidence, width_px=named.width_px, is_proven=True)
        for named in photo.named[1:]:
            if named.hint >= photo.named[0].hint or not self._is_only_guessed(named):
                add_guesses(named)
        return list(offers.values())

    def _is_only_guessed(self, named: Named) -> bool:
        """Whether no rule that is proven makes anything of an address."""
        return not any(is_proven(guess, self._proven) for guess in self.guesses(named.url))

    def _contested(self, photos: Sequence[Photo]) -> set[str]:
        """Unproven guesses that more than one photo has, and those that are the name of another photo."""
        owners: dict[str, set[int]] = defaultdict(set)
        for number, photo in enumerate(photos):
            for named in photo.named:
                owners[named.url].add(number)
                for guess in self.guesses(named.url):
                    if not is_proven(guess, self._proven):
                        owners[guess.url].add(number)
        return {url for url, some in owners.items() if len(some) > 1}

    def _prove(self, mentions: Iterable[Mention]) -> None:
        """Learn which general rules hold: where a srcset names the width that the name or the query has.

        Two sizes of one name in one element prove the rule too.
        """
        for mention in mentions:
            makers: Counter[str] = Counter()
            for named in mention.named:
                for guess in self.guesses(named.url):
                    general = [rule for rule in guess.rules if rule in GENERAL_RULES]
                    if not general:
                        continue
                    makers[guess.url] += 1
                    is_named = named.is_written and abs(named_width(named.url) - named.width_px) <= 1
                    if is_named or makers[guess.url] > 1:
                        host = urlsplit(guess.url).netloc
                        self._proven.update(f"{rule} {host}" for rule in general)

    def _without_decoration(self, mentions: list[Mention]) -> list[Mention]:
        """Mentions without addresses that elements share which otherwise differ: placeholders, spinners, one target."""
        holders: dict[str, list[Mention]] = defaultdict(list)
        for mention in mentions:
            for url in {one.url for one in mention.named}:
                holders[url].append(mention)
        hidden: set[str] = set()  # shown by no element that has something better
        linked: set[str] = set()  # only linked, by elements that show other photos
        for url, some in holders.items():
            if len(some) < 2 or all(url in _sizes(mention) for mention in some):
                continue
            others = [self._other(mention, url) for mention in some]
            differing = {name for name in others if name}
            if len(differing) < 2:
                continue
            is_below = sum(bool(other) and mention.best.url != url for mention, other in zip(some, others, strict=True))
            if is_below > 1:
                hidden.add(url)
            elif len(differing) >= MIN_SHARERS:
                linked.add(url)
        if not hidden and not linked:
            return mentions
        kept = []
        for mention in mentions:
            named = [one for one in mention.named if one.url not in hidden and one.url not in linked]
            if named:
                kept.append(replace(mention, named=named))
            elif mention.is_shown and not {one.url for one in mention.named} & hidden:
                kept.append(mention)
        return kept

    def _other(self, mention: Mention, url: str) -> str:
        """The name of the best address of a mention that is another photo than `url`; empty if there is none."""
        name = self.name(url)
        others = [one for one in mention.named if one.url != url]
        for one in sorted(others, key=lambda one: -one.rank):
            if self.name(one.url) != name:
                return self.name(one.url)
        return ""

    def _without_parts(self, photos: list[Photo]) -> list[Photo]:
        """Photos whose addresses are all among those of exactly one other are joined to it.

        Those whose best address is a size of both, too: they were shown small here and large there.
        """
        names = [{self.name(one.url) for one in photo.mention.named} for photo in photos]
        owners: dict[str, list[int]] = defaultdict(list)
        for number, some in enumerate(names):
            for name in some:
                owners[name].append(number)
        kept = []
        joined: set[int] = set()
        for number, photo in enumerate(photos):
            best = photo.mention.best.url
            larger = [other for other in owners[self.name(best)] if other != number][:2]
            whole = photos[larger[0]] if len(larger) == 1 and larger[0] not in joined else None
            is_size = whole is not None and best in _sizes(photo.mention) & _sizes(whole.mention)
            if whole is not None and (is_size or names[number] < names[larger[0]]):
                whole.add(photo.mention)
                joined.add(number)
            else:
                kept.append(photo)
        return kept


def _sizes(mention: Mention) -> set[str]:
    """Addresses of a mention that it names with a width, as a srcset does: each is the whole photo in one size."""
    return {one.url for one in mention.named if one.is_written and one.width_px >= MIN_SIZE_PX}


def _ranked(named: Iterable[Named]) -> list[Named]:
    """Each address once, the likely largest first."""
    best: dict[str, Named] = {}
    for one in named:
        if one.url not in best or one.says_more_than(best[one.url]):
            best[one.url] = one
    return sorted(best.values(), key=lambda one: -one.rank)


def _with_their_links(photos: list[Photo]) -> list[Photo]:
    """A thumbnail and the link beside it are one photo where their names differ by words of size alone."""
    full: dict[tuple[str, str], Photo] = {}
    for photo in photos:
        if photo.mention.is_link and not photo.mention.is_shown:
            full.setdefault(name_without(photo.mention.best.url, FULL_FOLDER, FULL_PART), photo)
    if not full:
        return photos
    joined: set[int] = set()
    for photo in photos:
        if photo.mention.is_link or id(photo) in joined:
            continue
        url = photo.mention.best.url
        name = name_without(url, THUMB_FOLDER, THUMB_PART)
        link = full.get(name)
        if link is not None and id(link) not in joined and not link.mention.is_shown:
            photo.add(link.mention)
            joined.add(id(link))
    return [photo for photo in photos if id(photo) not in joined]


def _with_their_metas(photos: list[Photo]) -> list[Photo]:
    """What only metas name is no content where the page shows a file of that name as something else than content."""
    furniture = {_file(one): one.mention.rejected for one in photos if one.mention.rejected.startswith(NOT_CONTENT)}
    for photo in photos:
        if furniture and all(one.way.startswith("@meta") for one in photo.named):
            photo.mention.rejected = photo.mention.rejected or furniture.get(_file(photo), "")
    return photos


def _file(photo: Photo) -> str:
    return urlsplit(photo.named[0].url).path.rpartition("/")[2]


def _with_their_ends(photos: list[Photo], base: str) -> list[Photo]:
    """What scripts name by the end of its address, as `pics.forEach(name => folder + name)` does, is the photo that the
    page shows there: where two or more such ends lead to one folder.
    """
    folder = base.partition("?")[0].rpartition("/")[0] + "/"
    ends = {
        url[len(folder) :]: photo
        for photo in photos
        if _is_of_a_script(photo) and (url := photo.mention.best.url).startswith(folder)
    }
    found: dict[str, list[tuple[Photo, Photo]]] = defaultdict(list)
    for photo in photos if len(ends) >= MIN_ENDS else []:
        parts = () if _is_of_a_script(photo) else photo.mention.best.url.partition("?")[0].split("/")
        for number in range(3, min(len(parts), MAX_FOLDERS)):
            if end := ends.get("/".join(parts[number:])):
                found["/".join(parts[:number])].append((photo, end))
    joined: set[int] = set()
    for pairs in found.values():
        for photo, end in pairs if len(pairs) >= MIN_ENDS else []:
            if id(end) not in joined:
                named = [replace(one, hint=0) for one in end.mention.named]
                photo.add(replace(end.mention, named=named))
                joined.add(id(end))
    return [photo for photo in photos if id(photo) not in joined]


def _is_of_a_script(photo: Photo) -> bool:
    whole = photo.mention
    ways = [one.way for one in whole.named]
    return not whole.is_shown and not any(not way.startswith("@") or way.startswith(IN_NO_SCRIPT) for way in ways)
