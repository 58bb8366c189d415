"""dataset.pictures.normalised: pictures are made once, from originals that are whole."""

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from dataset.pictures.decoding import DERIVED_RECIPE, examine, normalise, normalised_size
from dataset.pictures.normalised import NormalisedPictures
from dataset.pictures.originals import LocalBlobs
from foundation.errors import StorageError
from simulator import drawings


@pytest.fixture
def pictures(tmp_path: Path) -> NormalisedPictures:
    return NormalisedPictures(tmp_path, LocalBlobs(tmp_path / "blobs"))


def test_a_picture_is_normalised_under_its_recipe(pictures: NormalisedPictures, tmp_path: Path) -> None:
    content = drawings.cake(random.Random(1))
    sha256 = pictures.originals.put(content, "JPEG")
    path = pictures.make(sha256, "JPEG")
    assert path == tmp_path / "derived" / DERIVED_RECIPE / sha256[:2] / f"{sha256}.jpg" == pictures.path(sha256)
    assert path.read_bytes() == normalise(content)
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert max(image.size) == 1024


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("image_format", "size"),
    [
        ("PNG", (641, 480)),
        *(("JPEG", size) for size in ((5, 3), (1, 2000), (640, 481), (1024, 1024), (4097, 4099), (8195, 4099))),
    ],
)
def test_the_size_of_a_normalised_picture_is_known_from_its_header(
    image_format: str, size: tuple[int, int], orientation: int
) -> None:
    """Also of a large JPEG, which is decoded at a half, and of one that lies on its side."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, "tan").save(out, image_format, exif=exif)
    header = examine(out.getvalue())
    with Image.open(io.BytesIO(normalise(out.getvalue()))) as image:
        assert image.size == normalised_size(header.format, header.width, header.height)


def test_a_picture_that_exists_needs_no_original(pictures: NormalisedPictures) -> None:
    sha256 = pictures.originals.put(drawings.cake(random.Random(1)), "JPEG")
    path = pictures.make(sha256, "JPEG")
    pictures.originals.discard(sha256)
    assert pictures.make(sha256, "JPEG") == path


def test_a_damaged_or_missing_original_is_an_error(pictures: NormalisedPictures) -> None:
    """The message names the original."""
    sha256 = pictures.originals.put(b"not a picture", "JPEG")
    with pytest.raises(StorageError, match=rf"{sha256}.jpg is damaged \(not an image.*restore it"):
        pictures.make(sha256, "JPEG")
    with pytest.raises(StorageError, match="is gone"):
        pictures.make("ab" * 32, "JPEG")
