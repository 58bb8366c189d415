"""Which photos wait until another page shows whether they are content."""

from crawlers.sites.discovery import Candidate, candidates
from crawlers.sites.walking.doubtful import Doubtful

SITE = "https://a.example"
LOGO, CAKE = '<div class="logo"><img src="/logos.jpg"></div>', '<img src="/{}.jpg">'


def photos(html: str, page: str) -> list[Candidate]:
    return candidates(html, f"{SITE}/{page}")


def names(found: list[Candidate]) -> list[str]:
    return [one.image_url.rpartition("/")[2] for one in found]


def og(name: str) -> str:
    return f'<meta property="og:image" content="/{name}.jpg">'


def test_a_logo_is_content_where_another_page_shows_it_as_such() -> None:
    doubtful = Doubtful()
    assert names(doubtful.without(photos(f"{LOGO}{CAKE.format(1)}", "1"))) == ["1.jpg"]
    assert names(list(doubtful.left(set()))) == ["logos.jpg"]
    assert names(doubtful.without(photos('<p><img src="/logos.jpg"></p>', "2"))) == ["logos.jpg"]
    assert list(doubtful.left({f"{SITE}/logos.jpg"})) == []


def test_one_picture_in_the_metas_of_all_pages_is_no_content() -> None:
    """Neither on the pages that show photos, nor on one that shows none."""
    doubtful = Doubtful()
    for number in range(5):
        shown = CAKE.format(number) if number < 4 else ""
        assert names(doubtful.without(photos(f"{og('share')}{shown}", str(number)))) == [f"{number}.jpg"][: number < 4]
        assert doubtful.released() == []
    assert [one.rejected for one in doubtful.left(set())] == ["not content: named for the whole site"]


def test_pages_that_name_a_photo_of_their_own_in_metas_keep_it() -> None:
    doubtful = Doubtful()
    for number in range(3):
        doubtful.without(photos(f"{og(f'own{number}')}{og('share')}{CAKE.format(number)}", str(number)))
    released = doubtful.released()
    assert [item["page_url"] for item in released] == [f"{SITE}/{number}" for number in range(3)]
    assert names([item["photos"][0] for item in released]) == ["own0.jpg", "own1.jpg", "own2.jpg"]


def test_what_is_alone_on_its_page_is_kept() -> None:
    assert names(Doubtful().without(photos(og("only"), "1"))) == ["only.jpg"]
