"""Pages as each website builder writes them, and the originals that stand behind them."""

import re
from pathlib import Path

import pytest

from crawlers.sites.discovery import candidates

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.html"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_photo_of_a_page_is_one_candidate_at_its_original(path: Path) -> None:
    """What stands in the page's first comment: the addresses to ask first, no more and no fewer."""
    html = path.read_text(encoding="utf-8")
    head = re.match(r"<!-- page: (\S+)\noriginals:\n(.+?)\n-->", html, re.DOTALL)
    assert head
    assert sorted(photo.image_url for photo in candidates(html, head[1])) == sorted(head[2].splitlines())
