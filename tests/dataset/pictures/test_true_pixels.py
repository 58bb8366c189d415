"""dataset/pictures/colours.py: the right pixels and sizes for every kind of picture, or a refusal with a name.

Each picture is made here from pixels that are known: four flat fields and a grey ramp, so that turning it shows.
"""

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dataset.pictures.colours import UPRIGHT
from dataset.pictures.decoding import Undecodable, accept, examine, normalise
from dataset.pictures.formats import name_of

WIDTH, HEIGHT = 320, 240
LOSSLESS_ERROR, JPEG_ERROR = 1.0, 6.0  # mean difference per channel, of 255
# HEIF of `true_rgb`, written by pillow-heif 1.8 (quality 90): our decoder has no encoder.
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABegABAAAAAAAABKkAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAA"
    "AAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAPPAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAPLoCQGEAAQArQgEBA3AAAAMAkA"
    "AAAwAAAwA8oAoIDxZbqSSmubgIaDAgAAADAyAAAAMAIWIAAQAHRAHBcrBiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAAFAAAAA"
    "8AAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAABLFtZGF0AAAEpSgBrwTyCkZjUuYqRUsv/j237jnTH0n1f5Db9DFmt/"
    "ssC04g5yb84biNc4+NJ3MeeFdc6tibYQ5SDwGt0/3yB7d3jber3krPJGNcFD8RXP3q8Lh07DKq//gzcgzbjaXaSVblcL/AyYJZPu4f/znY6+Gy"
    "cWqc7N7MiQrBDm4TrRD8IjQkDciB2L1/qj7xU13rZ172ZYoGk0++T7sdokAA9y1nNv7Yf//cMv/+MHDfVq3UNI3R837fc4wACZBmRa2AFaqTRU"
    "y8qq4GLrwA1LlI1vFq6NpgfhGwATsldWRcLJtW+hcAJ2SurIuFk2q7KC6v3AEmdwAWkuzhJaqwAFSyESYr+Mm/IlAZABMUtDdycpZs93AACJYd"
    "5cBNKhdvEfAD0AAAFVClkgAigB3Sh1/7eMt1vXB2/+pV1wZ484ccwo+TJHXYRNldWYUphrHIrwclR7QylO1DR1kg3OM/kPVPejHhJkDykOFIMa"
    "WcRd4YBJohrylruNUTQsXZp5Fkt/vAoDON0LlQkEAm9qydrY1T9/VDE+xD2N5LKsmzuVGblO6wNeLmgKAsRUUg89w9JT0+vmBvuquPQUj193Xr"
    "fb3kgQN22wCu7TKpbBQXY1J4Vxl9P/Yf478AAjdMdbsbJkf/JjvgAAeg0O5FAEL39b7tL+ECjYK4A1rGExfhkydLQsZGQAczmyHxgZ6MvjxgAP"
    "Q9B8dhCPhi6uIJgQASR+xCeL8wAtEMUAVqpNFTLyqreyaysAHBE98cRtGLq1NoAQIFzaoSO8PlyXeK3aK0NgmD8yhfFONGfHbkE5UMlz3WwA0f"
    "zx1tpWJsdniOGaKQfxafRiq4fcnqOIsj12bpEPOzmZBX/1XsDB4AA/nkVIv//oPsCgRlupvv9+veSV8p9z+sf/3DgqVHvtw0CMt8c/GMNJAjew"
    "A8MS4hH+ruVVLHQpVsAu6uhz+o8SbSyU7dWxZZcysULZYTIAAD0wnU+rVp+nAaGeH/oA2ITXGgyJiT9yOK6XUpYQzARuEcxUE5N5XYvq0S3gw1"
    "qTwhEwScOdt/tKKJjdbNHySBVVAvMU4ADFew07Bj5rnZrcrtBt9kysGFttn1vMwwH7cWfvgL7dCbCmZ73xqG64Jgfk0ndI+cEO2a/yTB/JgQCh"
    "AFIjcAAAMAAAMCo9MB+vJayftuWU+WMxd43eABC6SoKxjd394ndJFdh141OHoHNtgiG9UughfEhHv7xO6SK7DrxqcL5M7Ir0+wDLlgWIOviraj"
    "+5WTJUEBLi58S5Pcuu0/8Zp/PajA0wjkUxxFmfIlTguVW67fvBvtnMKCmq0aLh4NS7QMyXFzftdx3WN2R8mAWTJ6UZ/0PrSdg4CevDifuq8bZS"
    "q6wkrm73I9cClv/k3qOh4aWdaRY5zwoAAAAwAAAwAAAwCEm7S1dfmUEqNK58cxmFxXAwC0yQNAtPoP5z4LySWZiabuD8T2qGJNK3eOZGOEe/vE"
    "7pIrsOvGpwvkzspOzMgQTuABcwAV35a9aTg1u7prY8ESlHkgaRpZWKKTAxv4coy3/hWe0hUlRR2SltcHliJZUIv99lp+Rpg97dARcUS3ylDqgR"
    "QAAWE="
)


def true_rgb() -> NDArray[np.uint8]:
    """(height, width, 3) pixels: red, green, blue and a ramp, with a white corner."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2] = (200, 40, 30)
    pixels[: HEIGHT // 2, WIDTH // 2 :] = (40, 180, 60)
    pixels[HEIGHT // 2 :, : WIDTH // 2] = (50, 60, 210)
    pixels[HEIGHT // 2 :, WIDTH // 2 :] = np.linspace(0, 255, WIDTH // 2).astype(np.uint8)[None, :, None]
    pixels[:20, :30] = 255
    return pixels


def true_grey() -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(true_rgb()).convert("L"))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def as_stored(content: bytes) -> NDArray[np.float64]:
    """Pixels of the normalised picture, at the size of the original."""
    header = examine(content)
    with Image.open(io.BytesIO(normalise(content))) as image:
        return np.asarray(image.resize((header.width, header.height), Image.Resampling.BOX), dtype=np.float64)


def error(content: bytes, truth: NDArray[np.uint8]) -> float:
    """Mean difference per channel; the sizes are the same."""
    found = as_stored(content)
    if truth.ndim == 2:
        truth = np.repeat(truth[..., None], 3, axis=2)
    assert found.shape == truth.shape
    return float(np.abs(found - truth).mean())


def grey_tiff(samples: NDArray[Any], sample_format: int, **tags: int) -> bytes:
    """An uncompressed grey TIFF with samples of any depth."""
    entries = [
        (256, 3, samples.shape[1]), (257, 3, samples.shape[0]), (258, 3, samples.dtype.itemsize * 8), (259, 3, 1),
        (262, 3, tags.get("photometric", 1)), (273, 4, 0), (277, 3, 1), (278, 3, samples.shape[0]),
        (279, 4, samples.nbytes), (339, 3, sample_format),
    ]  # fmt: skip
    if "most" in tags:
        entries.append((281, 3, tags["most"]))
    entries.sort()
    offset = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHIHH", tag, kind, 1, value, 0)
        if kind == 3
        else struct.pack("<HHII", tag, kind, 1, offset if tag == 273 else value)
        for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + b"\0\0\0\0" + samples.tobytes()


def png(samples: NDArray[Any], colour_type: int, *chunks: bytes) -> bytes:
    """A PNG of 16 bits per sample. samples: (height, width, channels), of 16 bits."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


GREY: dict[str, tuple[Callable[[], bytes], str]] = {
    "1 bit": (lambda: saved(Image.fromarray(true_grey()).convert("1", dither=Image.Dither.NONE), "TIFF"), "1 bit"),
    "8 bits": (lambda: saved(Image.fromarray(true_grey()), "TIFF"), ""),
    "8 bits, white is 0": (lambda: grey_tiff(255 - true_grey(), 1, photometric=0), ""),
    "12 bits in 16": (lambda: grey_tiff(true_grey().astype("<u2") * 16 + 8, 1), ""),
    "12 bits in 16, stated": (lambda: grey_tiff(true_grey().astype("<u2") * 16 + 8, 1, most=4095), ""),
    "10 bits in 16, stated": (lambda: grey_tiff(true_grey().astype("<u2") * 4 + 2, 1, most=1023), ""),
    "16 bits": (lambda: grey_tiff(true_grey().astype("<u2") * 257, 1), ""),
    "16 bits, white is 0": (lambda: grey_tiff((255 - true_grey()).astype("<u2") * 257, 1, photometric=0), ""),
    "16 bits, big-endian": (lambda: saved(Image.fromarray(true_grey().astype(">u2") * 257), "TIFF"), ""),
    "signed 16 bits": (lambda: grey_tiff(true_grey().astype("<i2") * 128, 2), ""),
    "32 bits": (lambda: grey_tiff(true_grey().astype("<u4") * 0x01010101, 1), ""),
    "signed 32 bits": (lambda: grey_tiff(true_grey().astype("<i4") * 0x00808080, 2), ""),
    "8 bits in 32": (lambda: saved(Image.fromarray(true_grey().astype(np.int32)), "TIFF"), ""),
    "16 bits in 32": (lambda: saved(Image.fromarray(true_grey().astype(np.int32) * 257), "TIFF"), ""),
    "float to 1": (lambda: grey_tiff(true_grey().astype("<f4") / 255, 3), ""),
    "float to 255": (lambda: saved(Image.fromarray(true_grey().astype(np.float32)), "TIFF"), ""),
    "float to 65535": (lambda: grey_tiff(true_grey().astype("<f4") * 257, 3), ""),
    "PNG of 16 bits": (lambda: png(true_grey()[..., None].astype(np.uint16) * 257, 0), ""),
    "dark PNG of 16 bits": (lambda: png(true_grey()[..., None].astype(np.uint16) * 16, 0), "dark"),
}  # fmt: skip


@pytest.mark.parametrize("kind", GREY)
def test_grey_of_every_depth(kind: str) -> None:
    """Data F14: black is black and white is white, whatever number stands for white."""
    make, truth = GREY[kind]
    expected = {
        "": true_grey(), "dark": true_grey() // 16, "1 bit": np.where(true_grey() > 127, 255, 0).astype(np.uint8),
    }[truth]  # fmt: skip
    assert error(make(), expected) < 2.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: grey_tiff(true_grey().astype("<i2") - 128, 2),
        lambda: grey_tiff(true_grey().astype("<f4") - 9, 3),
        lambda: grey_tiff(np.full((HEIGHT, WIDTH), np.nan, "<f4"), 3),
        lambda: grey_tiff(true_grey().astype("<f8") / 255, 3),
    ],
)
def test_samples_whose_white_nobody_knows_are_refused(make: Callable[[], bytes]) -> None:
    """Data F14: and no black picture is stored instead."""
    with pytest.raises(Undecodable, match=r"samples|TIFF"):
        examine(make())


COLOUR: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda image: saved(image, "JPEG", quality=95, subsampling=0),
    "PNG": lambda image: saved(image, "PNG"),
    "palette PNG": lambda image: saved(image.quantize(256), "PNG"),
    "PNG of 16 bits": lambda image: png(np.asarray(image).astype(np.uint16) * 257, 2),
    "RGBA": lambda image: saved(image.convert("RGBA"), "PNG"),
    "GIF": lambda image: saved(image.quantize(256), "GIF"),
    "animated GIF": lambda image: saved(image.quantize(256), "GIF", save_all=True, append_images=[inverted(image)]),
    "animated WebP": lambda image: saved(image, "WEBP", lossless=True, save_all=True, append_images=[inverted(image)]),
    "APNG": lambda image: saved(image, "PNG", save_all=True, append_images=[inverted(image)]),
    "WebP": lambda image: saved(image, "WEBP", lossless=True),
    "AVIF": lambda image: saved(image, "AVIF", quality=95, subsampling="4:4:4"),
    "BMP": lambda image: saved(image, "BMP"),
    "TIFF": lambda image: saved(image, "TIFF"),
    "TIFF, LZW": lambda image: saved(image, "TIFF", compression="tiff_lzw"),
    "TIFF, planes": lambda image: planar_tiff(np.asarray(image)),
    "TIFF, CMYK": lambda image: saved(image.convert("CMYK"), "TIFF"),
    "TIFF, LAB": lambda image: saved(as_lab(image), "TIFF"),
    "JPEG, CMYK": lambda image: saved(image.convert("CMYK"), "JPEG", quality=95),
}


def inverted(image: Image.Image) -> Image.Image:
    return Image.fromarray(255 - np.asarray(image))


def as_lab(image: Image.Image) -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    assert converted
    return converted


def planar_tiff(pixels: NDArray[np.uint8]) -> bytes:
    """A TIFF that stores one colour after the other."""
    height, width, _ = pixels.shape
    planes = pixels.transpose(2, 0, 1).tobytes()
    entries = 10
    after = 8 + 2 + 12 * entries + 4
    bits, offsets, counts = after, after + 6, after + 18
    start = after + 30
    size = height * width
    short, long = "<HHIHH", "<HHII"
    rows = [
        struct.pack(short, 256, 3, 1, width, 0), struct.pack(short, 257, 3, 1, height, 0),
        struct.pack(long, 258, 3, 3, bits), struct.pack(short, 259, 3, 1, 1, 0), struct.pack(short, 262, 3, 1, 2, 0),
        struct.pack(long, 273, 4, 3, offsets), struct.pack(short, 277, 3, 1, 3, 0),
        struct.pack(short, 278, 3, 1, height, 0), struct.pack(long, 279, 4, 3, counts),
        struct.pack(short, 284, 3, 1, 2, 0),
    ]  # fmt: skip
    values = struct.pack("<3H3I3I", 8, 8, 8, start, start + size, start + 2 * size, size, size, size)
    return b"II*\0" + struct.pack("<IH", 8, entries) + b"".join(rows) + b"\0\0\0\0" + values + planes


@pytest.mark.parametrize("kind", COLOUR)
def test_colours_of_every_kind(kind: str) -> None:
    """Data F14: the first frame of an animation, CMYK as Adobe inverts it, planes, palettes, 16 bits."""
    content = COLOUR[kind](Image.fromarray(true_rgb()))
    assert error(content, true_rgb()) < JPEG_ERROR


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_pictures_stand_upright_and_have_their_size(kind: str, turn: int) -> None:
    """Data F14: width and height are those of the upright picture, also of a TIFF that Pillow turns itself."""
    exif = Image.Exif()
    exif[0x0112] = turn
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(turn, UPRIGHT.get(turn))
    image = Image.fromarray(true_rgb())
    turned = image.transpose(back) if back is not None else image
    options = {"quality": 95, "subsampling": "4:4:4"} if kind in ("JPEG", "AVIF") else {}
    content = saved(turned, kind, exif=exif, **options)
    header = examine(content)
    assert (header.width, header.height) == (WIDTH, HEIGHT) == accept(content, 10_000).upright(10_000).size
    assert error(content, true_rgb()) < JPEG_ERROR


def wide_profile() -> tuple[bytes, Image.Image]:
    """A profile with red and blue exchanged, and the true picture in its colours."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(srgb[128:132], "big")
    places = {srgb[132 + 12 * i : 136 + 12 * i].decode(): 132 + 12 * i for i in range(count)}
    red, blue = places["rXYZ"], places["bXYZ"]
    srgb[red + 4 : red + 12], srgb[blue + 4 : blue + 12] = srgb[blue + 4 : blue + 12], srgb[red + 4 : red + 12]
    return bytes(srgb), Image.fromarray(true_rgb()[..., ::-1].copy())


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "palette", "JPEG", "GIF"])
def test_a_profile_of_colours_is_obeyed(kind: str) -> None:
    """Data F14: also that of a palette, and of a picture with transparent pixels."""
    profile, image = wide_profile()
    content = {
        "RGB": lambda: saved(image, "PNG", icc_profile=profile),
        "RGBA": lambda: saved(image.convert("RGBA"), "PNG", icc_profile=profile),
        "palette": lambda: saved(image.quantize(256), "PNG", icc_profile=profile),
        "JPEG": lambda: saved(image, "JPEG", quality=95, subsampling=0, icc_profile=profile),
        "GIF": lambda: saved(image.quantize(256), "WEBP", lossless=True, icc_profile=profile),
    }[kind]()
    assert error(content, true_rgb()) < JPEG_ERROR


@pytest.mark.parametrize("kind", ["LA", "RGBA", "P", "L16"])
def test_transparent_pixels_are_white(kind: str) -> None:
    """Data F14: with every way to say that a pixel is transparent."""
    grey, opaque = true_grey(), np.full((HEIGHT, WIDTH), 255, np.uint8)
    opaque[:100] = 0
    expected = np.where(opaque == 0, 255, grey).astype(np.uint8)
    image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(opaque)])
    if kind == "L16":
        key = b"tRNS" + struct.pack(">H", 7)
        deep = np.where(opaque == 0, 7, grey.astype(np.uint16) * 257)[..., None]
        chunk = struct.pack(">I", 2) + key + struct.pack(">I", zlib.crc32(key))
        content = png(deep, 0, chunk)
    elif kind == "P":
        palette = Image.fromarray(np.where(opaque == 0, 255, np.minimum(grey, 254)).astype(np.uint8), "P")
        palette.putpalette([level for level in range(256) for _ in range(3)])
        content = saved(palette, "PNG", transparency=255)
    else:
        content = saved(image.convert(kind), "PNG")
    assert examine(content).has_alpha
    assert error(content, expected) < 2.5


def test_heic_is_read() -> None:
    """Use 17: photos of telephones."""
    content = base64.b64decode(HEIC)
    assert (examine(content).format, examine(content).width, examine(content).height) == ("HEIF", WIDTH, HEIGHT)
    assert error(content, true_rgb()) < JPEG_ERROR


NAMED: dict[str, Callable[[], bytes]] = {
    "JPEG 2000 is not read": lambda: saved(Image.fromarray(true_rgb()), "JPEG2000"),
    "JPEG XL is not read": lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "ICO is not read": lambda: saved(Image.fromarray(true_rgb()), "ICO"),
    "PSD is not read": lambda: b"8BPS\0\1" + bytes(100),
    "not an image: SVG": lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "not an image: HTML": lambda: b"\n<!DOCTYPE html><html></html>",
    "not an image: PDF": lambda: saved(Image.fromarray(true_rgb()), "PDF"),
    "not an image: video": lambda: b"\0\0\0\x20ftypisom" + bytes(100),
    "not an image: text": lambda: b"my cakes, in German: K\xc3\xa4sekuchen",
    "not an image: unknown bytes": lambda: bytes(range(200, 256)) * 4,
    "damaged: TIFF that cannot be opened": lambda: b"II*\0" + bytes(100),
    "JPEG of 12 bits is not read": lambda: saved(Image.fromarray(true_rgb()), "JPEG").replace(
        b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", NAMED)
def test_a_format_that_is_not_read_is_named(reason: str) -> None:
    """Data F13: Use 17: nobody has to guess what a file was."""
    with pytest.raises(Undecodable, match=reason):
        examine(NAMED[reason]())


def test_the_names_of_formats_come_from_their_first_bytes() -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"):
        assert name_of(saved(Image.fromarray(true_rgb()), kind)[:40]) == kind


def test_a_palette_in_a_tiff() -> None:
    """Data F14: a palette of TIFF has 16 bits per colour."""
    image = Image.fromarray(true_rgb()).quantize(64)
    expected = np.asarray(image.convert("RGB"))
    assert error(saved(image, "TIFF"), expected) < LOSSLESS_ERROR * 3
