"""Thumbnails of images, also of those that are gone."""

import base64
import io

import pytest
from PIL import Image

from dataset.project import Project
from web.pages.thumbnails import THUMBNAIL_PX, all_thumbnails, templates


def test_a_tile_holds_a_small_picture(collected: Project) -> None:
    """Its title is the start of the SHA-256 where no other one is named."""
    thumbnails = all_thumbnails(collected)
    sha256 = min(thumbnails.formats)
    tile = thumbnails.tile(sha256, "a text")
    kind, _, content = tile.source.partition(",")
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert max(picture.size) == THUMBNAIL_PX
    assert kind == "data:image/jpeg;base64"
    assert (tile.text, tile.title) == ("a text", sha256[:16])
    assert thumbnails.tile(sha256, "", "a title").title == "a title"


def test_a_picture_that_is_gone_has_a_tile_that_says_so(collected: Project) -> None:
    tile = all_thumbnails(collected).tile("0" * 64, "a text")
    assert (tile.source, tile.text, tile.title) == ("", "a text", "0000000000000000: the picture is gone")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '" onerror="alert(1)'])
def test_a_page_escapes_texts_from_the_web(collected: Project, text: str) -> None:
    tile = all_thumbnails(collected).tile("0" * 64, text)
    page = templates.get_template("diff.html").render(old="a", new="b", kinds=[("added", 1, [tile])])
    assert text not in page
