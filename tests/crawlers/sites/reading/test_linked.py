"""What a style sheet draws: photos, and what is none."""

from crawlers import markup
from crawlers.sites.reading.linked import SiteStyle

STYLE = """
body { background: #fff url(wood.jpg) repeat }
.paper { background-image: url(paper.png); background-repeat: repeat-x }
.ico { background: url(ui.png) no-repeat }
.ico-cart { background: url(ui.png) no-repeat -40px -120px }
.hero { background: url(hero.jpg) no-repeat center }
.list { background-image: url(list.jpg); grid-template-columns: repeat(3, 1fr) }
.shot { background: url(shot.jpg) center -20% / cover }
"""
PAGE = '<div class="paper ico ico-cart hero list shot"></div>'


def test_tiles_and_sprites_are_no_photos() -> None:
    style = SiteStyle(STYLE, "https://a.example/css/")
    names = [url.rpartition("/")[2] for url in style.pictures_for(markup.read(PAGE))]
    assert names == ["hero.jpg", "list.jpg", "shot.jpg"]
