"""27 ways in which a web site changes a photo, each giving another file."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

LONGEST_PX = 1400  # longer side of the photos that are measured


def base(content: bytes) -> Image.Image:
    """The photo as RGB on white, its longer side at most LONGEST_PX."""
    image = Image.open(io.BytesIO(content))
    if image.mode in ("RGBA", "LA", "P", "PA"):
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    image = image.convert("RGB")
    image.thumbnail((LONGEST_PX, LONGEST_PX))
    return image


def encoded(image: Image.Image, quality: int = 88, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return out.getvalue()


def _scaled(image: Image.Image, factor: float) -> bytes:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return encoded(image.resize(size, Image.Resampling.LANCZOS))


def _part(image: Image.Image, left: float, top: float, right: float, bottom: float) -> bytes:
    w, h = image.size
    return encoded(image.crop((round(left * w), round(top * h), round(right * w), round(bottom * h))))


def _cut(image: Image.Image, shape: float, place: float = 0.5) -> bytes:
    """The largest part with this width / height. place: 0 at the start of the longer side, 1 at its end."""
    w, h = image.size
    width, height = min(w, round(h * shape)), min(h, round(w / shape))
    left, top = round((w - width) * place), round((h - height) * place)
    return encoded(image.crop((left, top, left + width, top + height)))


def _thumbnail(image: Image.Image, blur: bool) -> bytes:
    small = image.resize((147, max(1, round(image.height * 147 / image.width))), Image.Resampling.LANCZOS)
    return encoded(small.filter(ImageFilter.GaussianBlur(2)) if blur else small)


def _watermark(image: Image.Image) -> bytes:
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    font = ImageFont.load_default(max(12, image.width // 10))
    where = (image.width * 0.2, image.height * 0.45)
    ImageDraw.Draw(layer).text(where, "SAMPLE CAKES", font=font, fill=(255, 255, 255, 150))
    return encoded(Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"))


def _caption(image: Image.Image) -> bytes:
    bar = max(8, round(image.height * 0.12))
    framed = Image.new("RGB", (image.width, image.height + bar), "black")
    framed.paste(image, (0, 0))
    font = ImageFont.load_default(max(8, bar // 2))
    ImageDraw.Draw(framed).text((10, image.height + bar // 5), "Happy birthday to you", font=font, fill="white")
    return encoded(framed)


def _border(image: Image.Image) -> bytes:
    pad = round(min(image.size) * 0.05)
    framed = Image.new("RGB", (image.width + 2 * pad, image.height + 2 * pad), "white")
    framed.paste(image, (pad, pad))
    return encoded(framed)


VARIANTS: dict[str, Callable[[Image.Image], bytes]] = {
    "resize 25 %": lambda i: _scaled(i, 0.25),
    "resize 50 %": lambda i: _scaled(i, 0.5),
    "resize 75 %": lambda i: _scaled(i, 0.75),
    "resize 150 %": lambda i: _scaled(i, 1.5),
    "JPEG q10": lambda i: encoded(i, 10),
    "JPEG q30": lambda i: encoded(i, 30),
    "JPEG q60": lambda i: encoded(i, 60),
    "JPEG q95": lambda i: encoded(i, 95),
    "WebP": lambda i: encoded(i, 80, "WEBP"),
    "grey": lambda i: encoded(i.convert("L")),
    "brightness 0.7": lambda i: encoded(ImageEnhance.Brightness(i).enhance(0.7)),
    "brightness 1.3": lambda i: encoded(ImageEnhance.Brightness(i).enhance(1.3)),
    "contrast 1.4": lambda i: encoded(ImageEnhance.Contrast(i).enhance(1.4)),
    "147 px": lambda i: _thumbnail(i, blur=False),
    "147 px, blurred": lambda i: _thumbnail(i, blur=True),
    "watermark": _watermark,
    "caption bar": _caption,
    "border 5 %": _border,
    "crop 5 %": lambda i: _part(i, 0.025, 0.025, 0.975, 0.975),
    "crop 10 %": lambda i: _part(i, 0.05, 0.05, 0.95, 0.95),
    "crop 10 %, corner": lambda i: _part(i, 0.1, 0.1, 1.0, 1.0),
    "crop 20 %": lambda i: _part(i, 0.1, 0.1, 0.9, 0.9),
    "square": lambda i: _cut(i, 1),
    "square, at the start": lambda i: _cut(i, 1, 0.0),
    "4:5": lambda i: _cut(i, 4 / 5),
    "rotation 2°": lambda i: encoded(i.rotate(2, Image.Resampling.BICUBIC)),
    "mirror": lambda i: encoded(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


def harder(image: Image.Image, seed: int) -> dict[str, bytes]:
    """Changes beyond what counts as the same picture (docs/decisions/0004), and some at its limit."""
    rng = random.Random(seed)

    def anywhere(part: float, picture: Image.Image = image) -> bytes:
        """A crop at any place that keeps this part of the area; its shape changes a little."""
        width = min(1.0, part**0.5 * rng.uniform(0.93, 1.07))
        height = min(1.0, part / width)
        left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        return _part(picture, left, top, left + width, top + height)

    barred = image.copy()
    ImageDraw.Draw(barred).rectangle((0, round(image.height * 0.4), image.width, round(image.height * 0.6)), "white")
    return {
        **{f"{part:.0%} of it, anywhere": anywhere(part) for part in (0.9, 0.8, 0.7, 0.6)},
        "80% of it, mirrored": anywhere(0.8, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        "square, anywhere": _cut(image, 1, rng.random()),
        "4:3": _cut(image, 4 / 3),
        "16:9": _cut(image, 16 / 9),
        "rotation 3°": encoded(image.rotate(3, Image.Resampling.BICUBIC)),
        "a bar over the middle fifth": encoded(barred),
    }
