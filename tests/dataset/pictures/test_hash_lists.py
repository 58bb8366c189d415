"""Hash lists: what is on one is known by its bytes or by what it shows; near misses are not."""

import hashlib
import io
import json
import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from dataset.pictures.hash_lists import hash_lists
from dataset.pictures.pdq import LEAST_QUALITY, SAME_BITS, pdq
from foundation.errors import ConfigError
from foundation.settings import Settings
from foundation.settings_file import load
from simulator import drawings


def picture(number: int) -> bytes:
    return drawings.cake(random.Random(f"listed {number}"))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def encoded(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def settings(folder: Path, lists: dict[str, str], more: str = 'contact = "the hotline"') -> Settings:
    for name, text in lists.items():
        (folder / name).write_text(text)
    (folder / "isitcake.toml").write_text(f"[safety]\nhash_lists = {json.dumps(list(lists))}\n{more}\n")
    return load(folder / "isitcake.toml", environ={})


def test_the_bytes_of_a_listed_file_are_known(tmp_path: Path) -> None:
    """In either case of letters, beside comments and empty lines; one other byte is another file."""
    content = picture(1)
    digest = hashlib.md5(content).hexdigest()
    lists = hash_lists(settings(tmp_path, {"md5.txt": f"# a list\n\n{digest.upper()}  # the first\n{'0' * 32}\n"}))
    assert lists.list_of(content) == "md5.txt"
    assert lists.list_of(content + b"\0") == ""
    assert lists.list_of(picture(2)) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda image: encoded(image, quality=40),
        lambda image: encoded(image.resize((220, 220))),
        lambda image: encoded(image.resize((900, 900)), "PNG"),
        lambda image: encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        lambda image: encoded(image.transpose(Image.Transpose.ROTATE_90), "WEBP"),
    ],
    ids=["again as JPEG", "smaller", "larger PNG", "mirrored", "turned WebP"],
)
def test_what_a_listed_picture_shows_is_known_in_other_files(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    image = opened(picture(1))
    lists = hash_lists(settings(tmp_path, {"pdq.txt": pdq(image).hex()}))
    assert lists.list_of(change(image)) == "pdq.txt"


def test_other_pictures_are_near_misses(tmp_path: Path) -> None:
    """Other cakes, a crop, and one bit more than may differ."""
    image = opened(picture(1))
    one = pdq(image)
    flipped = int(one.hex(), 16) ^ ((1 << (SAME_BITS + 1)) - 1)
    lists = hash_lists(settings(tmp_path, {"far.txt": f"{flipped:064x}"}))
    assert lists.list_of(picture(1)) == ""
    near = hash_lists(settings(tmp_path, {"near.txt": f"{int(one.hex(), 16) ^ ((1 << SAME_BITS) - 1):064x}"}))
    assert near.list_of(picture(1)) == "near.txt"
    whole = hash_lists(settings(tmp_path, {"pdq.txt": one.hex()}))
    assert [whole.list_of(picture(number)) for number in range(2, 12)] == [""] * 10
    assert whole.list_of(encoded(image.crop((150, 150, 450, 450)))) == ""


def test_a_picture_without_detail_is_on_no_list_by_its_looks(tmp_path: Path) -> None:
    """Its hash means nothing: every blank page would be on the list."""
    blank = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(blank).line((0, 0, 40, 40), "grey", 3)
    found = pdq(blank)
    assert found.quality < LEAST_QUALITY
    assert hash_lists(settings(tmp_path, {"pdq.txt": found.hex()})).list_of(encoded(blank)) == ""


def test_bytes_that_are_no_picture_are_on_no_list_of_pictures(tmp_path: Path) -> None:
    assert hash_lists(settings(tmp_path, {"pdq.txt": "ab" * 32})).list_of(b"\xff\xd8 nothing") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# fine\n0123\n", r"bad.txt, line 2: neither 32 hex digits \(MD5\) nor 64 \(PDQ\), but 4 characters; fix"),
        ("g" * 32, "bad.txt, line 1: "),
        (f"{'a' * 32}\n{'b' * 40}\n", "bad.txt, line 2: .* but 40 characters"),
    ],
)
def test_a_broken_line_is_named_with_its_file(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        hash_lists(settings(tmp_path, {"bad.txt": text}))


def test_a_missing_list_and_a_missing_contact_are_said(tmp_path: Path) -> None:
    given = settings(tmp_path, {"gone.txt": ""})
    (tmp_path / "gone.txt").unlink()
    with pytest.raises(ConfigError, match=r"safety.hash_lists: .*gone.txt cannot be read"):
        hash_lists(given)
    with pytest.raises(ConfigError, match="hash_lists needs contact"):
        settings(tmp_path, {"md5.txt": ""}, more="")


def test_a_list_that_changed_is_read_again(tmp_path: Path) -> None:
    given = settings(tmp_path, {"md5.txt": "0" * 32})
    before = hash_lists(given)
    (tmp_path / "md5.txt").write_text(f"{'0' * 32}\n{hashlib.md5(picture(3)).hexdigest()}\n")
    after = hash_lists(given)
    assert (before.list_of(picture(3)), after.list_of(picture(3))) == ("", "md5.txt")
    assert before.digest != after.digest
