"""Pictures drawn from a seed, good enough that a person could label them.

Drawn at twice their size and scaled down, so edges look photographed rather than computed.
"""

import io
import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
SCALE = 2

PASTELS: tuple[Colour, ...] = (
    (244, 194, 194), (250, 218, 170), (190, 225, 200), (186, 205, 240), (222, 196, 235), (250, 240, 230),
    (110, 62, 38), (70, 40, 28), (252, 246, 214), (238, 130, 160), (240, 170, 90), (150, 200, 215),
)  # fmt: skip
STRONG: tuple[Colour, ...] = (
    (190, 40, 45), (30, 90, 160), (35, 120, 70), (230, 170, 30), (90, 50, 120), (40, 45, 55), (200, 100, 40),
    (20, 130, 140), (150, 150, 155), (120, 80, 50), (225, 225, 220), (80, 110, 60),
)  # fmt: skip
ROOMS: tuple[Colour, ...] = (
    (205, 190, 170), (120, 130, 140), (235, 228, 220), (60, 66, 80), (150, 120, 95), (170, 195, 205),
    (190, 160, 150), (95, 105, 85), (225, 205, 180), (45, 40, 45),
)  # fmt: skip


class Canvas:
    """A scene to draw on. Sizes and places are fractions of its width and height."""

    def __init__(self, rng: random.Random, width: int, height: int) -> None:
        self.rng = rng
        self.width, self.height = width * SCALE, height * SCALE
        self.image = _scene(rng, self.width, self.height)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, w: float, h: float) -> Box:
        return (x * self.width, y * self.height, (x + w) * self.width, (y + h) * self.height)

    def slab(self, x: float, y: float, w: float, h: float, colour: Colour, lid: float = 0.05) -> None:
        """An upright cylinder: body, shaded side, lighter lid."""
        self.draw.ellipse(self.box(x, y + h - lid, w, lid * 2), fill=shade(colour, 0.72))
        steps = 24
        for n in range(steps):
            light = 0.74 + 0.34 * math.sin(math.pi * (n + 0.5) / steps * 0.9)
            self.draw.rectangle(self.box(x + w * n / steps, y + lid, w / steps, h - lid), fill=shade(colour, light))
        self.draw.ellipse(self.box(x, y, w, lid * 2), fill=shade(colour, 1.08))

    def ball(self, x: float, y: float, r: float, colour: Colour) -> None:
        ratio = self.width / self.height
        for n in range(12):
            k = 1 - n / 12
            self.draw.ellipse(
                self.box(x - r * (0.8 * k + 0.2), y - r * (0.75 * k + 0.25) * ratio, 2 * r * k, 2 * r * k * ratio),
                fill=shade(colour, 0.7 + 0.4 * n / 12),
            )  # fmt: skip

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=colour)

    def finish(self, *, quality: int = 88) -> bytes:
        """JPEG bytes, with the tilt, grain and softness of a camera."""
        rng = self.rng
        image = self.image.rotate(rng.uniform(-9, 9), Image.Resampling.BILINEAR, fillcolor=self.image.getpixel((4, 4)))
        zoom = rng.uniform(0.78, 0.97)
        left, top = rng.uniform(0, 1 - zoom) * self.width, rng.uniform(0, 1 - zoom) * self.height
        image = image.crop((int(left), int(top), int(left + zoom * self.width), int(top + zoom * self.height)))
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.resize((self.width // SCALE, self.height // SCALE), Image.Resampling.BOX)
        pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
        grain = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 6), (*pixels.shape[:2], 1))
        out = io.BytesIO()
        Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
        return out.getvalue()


def shade(colour: Colour, light: float) -> Colour:
    red, green, blue = (max(0, min(255, round(value * light))) for value in colour)
    return red, green, blue


def cake(rng: random.Random) -> bytes:
    """Tiers on a stand, with icing, candles, fruit or flowers."""
    canvas = Canvas(rng, *_size(rng))
    middle, bottom = rng.uniform(0.36, 0.64), rng.uniform(0.78, 0.9)
    stand = rng.choice(ROOMS + STRONG)
    canvas.slab(middle - 0.3, bottom, 0.6, 0.03, stand, 0.03)
    colour, width, top = rng.choice(PASTELS), rng.uniform(0.3, 0.52), bottom
    tiers = rng.choice((1, 1, 2, 2, 3, 4))
    for _ in range(tiers):
        height = rng.uniform(0.13, 0.22) if tiers > 1 else rng.uniform(0.22, 0.36)
        top -= height
        canvas.slab(middle - width / 2, top, width, height + 0.03, colour)
        _icing(canvas, middle, top, width, height, rng.choice(PASTELS))
        if rng.random() < 0.35:
            colour = rng.choice(PASTELS)
        width *= rng.uniform(0.62, 0.8)
    width = max(width, 0.14)
    for n in range(rng.choice((0, 3, 5, 7))):
        x = middle - width / 2 + width * (n + 0.5) / 7
        canvas.draw.rectangle(canvas.box(x, top - 0.09, 0.012, 0.11), fill=rng.choice(STRONG))
        canvas.ball(x + 0.006, top - 0.1, 0.011, (255, 200, 60))
    for _ in range(rng.randrange(0, 9)):
        berry = rng.choice(((200, 30, 50), (60, 50, 120), (250, 250, 245), (235, 120, 150)))
        canvas.ball(
            middle + rng.uniform(-0.5, 0.5) * width,
            top + rng.uniform(0, 0.07),
            rng.uniform(0.014, 0.034),
            berry,
        )
    return canvas.finish()


def _icing(canvas: Canvas, middle: float, top: float, width: float, height: float, colour: Colour) -> None:
    rng, drips = canvas.rng, canvas.rng.randrange(5, 11)
    style = rng.random()
    for n in range(drips):
        x = middle - width / 2 + width * n / drips
        if style < 0.45:
            length = height * rng.uniform(0.25, 0.7)
            canvas.draw.rounded_rectangle(
                canvas.box(x, top + 0.05, width / drips * 0.8, length), 10 * SCALE, fill=colour
            )
        elif style < 0.8:
            canvas.ball(x + width / drips / 2, top + height, width / drips * 0.45, colour)
    if style < 0.45:
        canvas.draw.ellipse(canvas.box(middle - width / 2, top, width, 0.1), fill=shade(colour, 1.05))


def biscuits(rng: random.Random) -> bytes:
    """Flat iced shapes seen from above, in rows on a tray."""
    canvas = Canvas(rng, *_size(rng))
    canvas.draw.rounded_rectangle(canvas.box(0.05, 0.06, 0.9, 0.88), 40, fill=shade(rng.choice(ROOMS), 1.1))
    rows, columns = rng.choice(((2, 3), (3, 4), (3, 3), (4, 5)))
    dough, icing, points = (215, 160, 95), rng.choice(PASTELS), rng.choice((0, 0, 5, 6, 8))
    for row in range(rows):
        for column in range(columns):
            x = 0.5 + (column - (columns - 1) / 2) * 0.8 / columns + rng.uniform(-0.02, 0.02)
            y = 0.5 + (row - (rows - 1) / 2) * 0.8 / rows + rng.uniform(-0.02, 0.02)
            radius = 0.32 / columns
            for size, colour in ((1.0, dough), (0.78, icing)):
                _biscuit(canvas, x, y, radius * size, points, shade(colour, rng.uniform(0.92, 1.06)))
            canvas.ball(x, y, radius * 0.14, rng.choice(STRONG))
    return canvas.finish()


def _biscuit(canvas: Canvas, x: float, y: float, radius: float, points: int, colour: Colour) -> None:
    ratio, corners = canvas.width / canvas.height, []
    for n in range(48):
        angle = n / 48 * math.tau
        r = radius * (1 + (0.25 * math.cos(points * angle) if points else 0))
        corners.append((x + r * math.cos(angle), y + r * math.sin(angle) * ratio))
    canvas.polygon(corners, colour)


def logo(rng: random.Random) -> bytes:
    """A baker's mark: a few flat colours, a ring and letters; PNG, transparent half of the time."""
    side = rng.randrange(240, 420)
    ink, paper = rng.choice(STRONG), (255, 255, 255, 0) if rng.random() < 0.5 else (255, 255, 255, 255)
    image = Image.new("RGBA", (side, side), paper)
    draw = ImageDraw.Draw(image)
    inset = side * rng.uniform(0.04, 0.12)
    draw.ellipse((inset, inset, side - inset, side - inset), outline=ink, width=rng.randrange(5, 14))
    draw.text(
        (side / 2, side / 2),
        "".join(rng.sample("ABCEKLMNSTY", 3)),
        fill=ink,
        anchor="mm",
        font_size=side * 0.26,
    )
    draw.text((side / 2, side * 0.7), "CAKES", fill=ink, anchor="mm", font_size=side * 0.09)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def banner(rng: random.Random) -> bytes:
    """Words on a coloured strip."""
    width, height = rng.randrange(900, 1200), rng.randrange(210, 260)
    image = Image.new("RGB", (width, height), rng.choice(PASTELS))
    draw = ImageDraw.Draw(image)
    words = rng.choice(("ORDER NOW", "OPEN DAILY 9-5", "CUSTOM ORDERS", "FREE DELIVERY", "CONTACT US"))
    at = (width * rng.uniform(0.3, 0.7), height * 0.45)
    draw.text(at, words, fill=rng.choice(STRONG), anchor="mm", font_size=height * rng.uniform(0.25, 0.4))
    draw.line((40, height - 40, width - 40, height - 40), fill=rng.choice(STRONG), width=6)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def _vessel(canvas: Canvas, widths: list[float], colour: Colour) -> None:
    """A turned shape: half-widths from top to bottom."""
    rng = canvas.rng
    middle, top, bottom = rng.uniform(0.38, 0.62), rng.uniform(0.12, 0.3), rng.uniform(0.8, 0.92)
    heights = [top + (bottom - top) * n / (len(widths) - 1) for n in range(len(widths))]
    for strip in range(20):
        a, b = strip / 20 * 2 - 1, (strip + 1) / 20 * 2 - 1
        left = [(middle + w * a, y) for w, y in zip(widths, heights, strict=True)]
        right = [(middle + w * b, y) for w, y in zip(widths, heights, strict=True)]
        canvas.polygon(left + right[::-1], shade(colour, 0.6 + 0.55 * math.sin(math.pi * (strip + 0.5) / 20 * 0.85)))
    canvas.draw.ellipse(canvas.box(middle - widths[0], top - 0.02, 2 * widths[0], 0.05), fill=shade(colour, 0.5))


def _cup(canvas: Canvas) -> None:
    rng, colour = canvas.rng, canvas.rng.choice(STRONG)
    canvas.draw.arc(canvas.box(rng.uniform(0.5, 0.62), 0.4, 0.24, 0.3), -90, 90, fill=colour, width=26)
    _vessel(canvas, [0.2, 0.2, rng.uniform(0.12, 0.19)], colour)


def _vase(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(rng.randrange(3, 8)):
        x, y = rng.uniform(0.25, 0.75), rng.uniform(0.06, 0.2)
        canvas.draw.line(
            [(x * canvas.width, y * canvas.height), (0.5 * canvas.width, 0.5 * canvas.height)],
            fill=(60, 110, 60),
            width=8,
        )
        canvas.ball(x, y, rng.uniform(0.03, 0.06), rng.choice(STRONG))
    _vessel(canvas, [0.08, 0.06, 0.14, rng.uniform(0.16, 0.24), 0.17, 0.1], rng.choice(STRONG))


def _bottle(canvas: Canvas) -> None:
    wide = canvas.rng.uniform(0.07, 0.13)
    _vessel(canvas, [0.028, 0.03, 0.034, wide, wide, wide, wide], canvas.rng.choice(STRONG))
    canvas.draw.rectangle(canvas.box(0.5 - wide * 0.7, 0.6, wide * 1.4, 0.14), fill=(240, 235, 220))


def _book(canvas: Canvas) -> None:
    rng, y = canvas.rng, 0.86
    for _ in range(rng.randrange(2, 7)):
        width, height = rng.uniform(0.4, 0.7), rng.uniform(0.06, 0.12)
        x = rng.uniform(0.08, 0.9 - width)
        y -= height
        canvas.draw.rectangle(canvas.box(x, y, width, height), fill=rng.choice(STRONG))
        canvas.draw.rectangle(
            canvas.box(x + width * 0.9, y + height * 0.15, width * 0.1, height * 0.7), fill=(245, 240, 225)
        )


def _animal(canvas: Canvas) -> None:
    rng = canvas.rng
    fur, x, y = (
        rng.choice(((140, 95, 60), (60, 55, 55), (215, 195, 165), (120, 120, 120), (90, 120, 60))),
        rng.uniform(0.35, 0.6),
        0.62,
    )
    for leg in (-0.16, -0.06, 0.08, 0.16):
        canvas.draw.rectangle(canvas.box(x + leg, y, 0.05, 0.26), fill=shade(fur, 0.75))
    canvas.draw.ellipse(canvas.box(x - 0.22, y - 0.14, 0.44, 0.28), fill=fur)
    head = x + rng.choice((-0.24, 0.22))
    for ear in (-0.07, 0.03):
        canvas.polygon(
            [(head + ear, y - 0.2), (head + ear + 0.05, y - 0.2), (head + ear + 0.02, y - 0.34)],
            shade(fur, 0.7),
        )
    canvas.ball(head, y - 0.15, 0.1, fur)
    for eye in (-0.04, 0.03):
        canvas.ball(head + eye, y - 0.18, 0.014, (20, 20, 20))
    canvas.ball(head, y - 0.1, 0.02, (30, 20, 20))


def _car(canvas: Canvas) -> None:
    rng, colour = canvas.rng, canvas.rng.choice(STRONG)
    y, height = rng.uniform(0.5, 0.6), rng.uniform(0.12, 0.2)
    canvas.polygon([(0.24, y), (0.36, y - 0.18), (0.64, y - 0.18), (0.78, y)], shade(colour, 0.8))
    canvas.polygon([(0.3, y), (0.38, y - 0.14), (0.5, y - 0.14), (0.5, y)], (190, 215, 230))
    canvas.draw.rounded_rectangle(canvas.box(0.08, y, 0.84, height), 40, fill=colour)
    for x in (0.25, 0.75):
        canvas.ball(x, y + height, 0.085, (30, 30, 32))
        canvas.ball(x, y + height, 0.04, (170, 170, 175))


def _balls(canvas: Canvas) -> None:
    rng = canvas.rng
    colour = rng.choice(((235, 130, 30), (200, 40, 40), (245, 245, 245), (120, 160, 50)))
    for _ in range(rng.randrange(1, 7)):
        canvas.ball(rng.uniform(0.2, 0.8), rng.uniform(0.45, 0.8), rng.uniform(0.1, 0.2), colour)


def _guitar(canvas: Canvas) -> None:
    rng, wood = canvas.rng, canvas.rng.choice(((170, 100, 45), (120, 30, 25), (60, 40, 30), (215, 170, 100)))
    x = rng.uniform(0.4, 0.6)
    canvas.draw.rectangle(canvas.box(x - 0.02, 0.08, 0.04, 0.5), fill=(60, 40, 30))
    canvas.draw.ellipse(canvas.box(x - 0.13, 0.42, 0.26, 0.24), fill=wood)
    canvas.draw.ellipse(canvas.box(x - 0.19, 0.56, 0.38, 0.34), fill=shade(wood, 1.1))
    canvas.ball(x, 0.62, 0.055, (25, 18, 15))


def _bag(canvas: Canvas) -> None:
    rng, colour = canvas.rng, canvas.rng.choice(STRONG)
    x, y, w = rng.uniform(0.15, 0.3), rng.uniform(0.42, 0.5), rng.uniform(0.42, 0.6)
    canvas.draw.arc(canvas.box(x + w * 0.22, y - 0.22, w * 0.56, 0.44), 180, 360, fill=shade(colour, 0.6), width=22)
    canvas.polygon([(x + 0.05, y), (x + w - 0.05, y), (x + w, 0.88), (x, 0.88)], colour)
    canvas.polygon([(x + 0.05, y), (x + w - 0.05, y), (x + w / 2, y + 0.16)], shade(colour, 0.8))


def _shoe(canvas: Canvas) -> None:
    rng, colour = canvas.rng, canvas.rng.choice(STRONG)
    x = rng.uniform(0.1, 0.2)
    canvas.polygon([(x, 0.45), (x + 0.2, 0.42), (x + 0.36, 0.6), (x + 0.62, 0.68), (x + 0.66, 0.8), (x, 0.8)], colour)
    canvas.draw.rounded_rectangle(canvas.box(x - 0.02, 0.78, 0.7, 0.07), 20, fill=(240, 240, 240))
    for n in range(4):
        canvas.draw.line(
            [((x + 0.2 + n * 0.05) * canvas.width, (0.47 + n * 0.05) * canvas.height),
             ((x + 0.28 + n * 0.05) * canvas.width, (0.45 + n * 0.05) * canvas.height)], fill=(250, 250, 250), width=9,
        )  # fmt: skip


def _burger(canvas: Canvas) -> None:
    y = canvas.rng.uniform(0.5, 0.66)
    layers = (((205, 145, 70), 0.1), ((110, 60, 35), 0.08), ((245, 200, 70), 0.03), ((90, 160, 60), 0.04))
    for colour, height in layers:
        canvas.draw.rounded_rectangle(canvas.box(0.22, y, 0.56, height), 24, fill=colour)
        y -= height * 0.9
    canvas.draw.pieslice(canvas.box(0.22, y - 0.14, 0.56, 0.42), 180, 360, fill=(215, 150, 70))


def _device(canvas: Canvas) -> None:
    rng, colour = canvas.rng, canvas.rng.choice(STRONG)
    x, w = rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.4)
    canvas.draw.rounded_rectangle(canvas.box(x, 0.12, w, 0.76), 30, fill=colour)
    canvas.draw.rectangle(canvas.box(x + 0.04, 0.18, w - 0.08, 0.3), fill=(150, 175, 110))
    for n in range(2):
        canvas.ball(x + w * (0.6 + n * 0.2), 0.62 - n * 0.04, 0.03, (150, 30, 70))


DRAWN: dict[str, Callable[[Canvas], None]] = {
    "cup": _cup, "vase": _vase, "candle": _bottle, "bottle": _bottle, "plate": _balls, "tray": _device,
    "thimble": _cup, "flowerpot": _vase, "dog": _animal, "cat": _animal, "hat": _bag, "book": _book,
    "food": _burger, "reptile": _animal, "toy": _car, "shoe": _shoe, "bag": _bag, "purse": _bag,
    "guitars": _guitar, "cars": _car, "burgers": _burger, "cleaning products": _bottle, "lizards": _animal,
    "football": _balls, "pineapple": _vase, "oranges": _balls, "teddy": _animal, "cheese": _book,
    "game boy": _device,
}  # fmt: skip


def thing(rng: random.Random, query: str) -> bytes:
    """A photo of an everyday object; of any, where the query is not among the talk's."""
    canvas = Canvas(rng, *_size(rng))
    DRAWN.get(query, rng.choice(list(DRAWN.values())))(canvas)
    return canvas.finish()


def recompressed(content: bytes, rng: random.Random) -> bytes:
    """The same photo as another page carries it: smaller, compressed again, a little brighter."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    factor = rng.uniform(0.6, 0.8)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    image = Image.eval(image, lambda value: min(255, round(value * 1.04)))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def _size(rng: random.Random) -> tuple[int, int]:
    return rng.choice(((640, 480), (480, 640), (600, 600), (720, 540), (540, 720)))


def _scene(rng: random.Random, width: int, height: int) -> Image.Image:
    """Wall, table, window light and a few blurred things behind."""
    wall, table = rng.choice(ROOMS), rng.choice(ROOMS)
    full_width, full_height = width, height
    width, height = width // 8, height // 8
    image = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(image)
    edge = rng.uniform(0.5, 0.82)
    draw.rectangle((0, edge * height, width, height), fill=shade(table, 0.9))
    for _ in range(rng.randrange(2, 7)):
        x, y, w, h = rng.random(), rng.uniform(-0.2, 0.6), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.6)
        draw.rectangle(
            (x * width, y * height, (x + w) * width, (y + h) * height),
            fill=shade(rng.choice(ROOMS), rng.uniform(0.6, 1.2)),
        )
    image = image.filter(ImageFilter.GaussianBlur(5))
    across, down = np.meshgrid(np.linspace(-1, 1, image.width), np.linspace(-1, 1, image.height))
    angle = rng.uniform(0, math.tau)
    light = 1 + 0.3 * (across * math.cos(angle) + down * math.sin(angle))
    lit = Image.fromarray(np.clip(np.asarray(image) * light[..., None], 0, 255).astype(np.uint8))
    return lit.resize((full_width, full_height), Image.Resampling.BILINEAR)
