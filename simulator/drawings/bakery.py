"""What bakers' sites show: cakes, biscuits, logos and banners, drawn so well that a person can label them."""

import io
import math
import random

from PIL import Image, ImageDraw

from simulator.drawings.canvas import PASTELS, ROOMS, SCALE, STRONG, Canvas, Colour, random_size, shade


def cake(rng: random.Random) -> bytes:
    """Tiers on a stand, with icing, candles, fruit or flowers."""
    canvas = Canvas(rng, *random_size(rng))
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
    canvas = Canvas(rng, *random_size(rng))
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


def recompressed(content: bytes, rng: random.Random) -> bytes:
    """The same photo as another page carries it: smaller, compressed again, a little brighter."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    factor = rng.uniform(0.6, 0.8)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    image = Image.eval(image, lambda value: min(255, round(value * 1.04)))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()
