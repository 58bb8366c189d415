"""Everyday objects, drawn so well that a person can tell them from cakes."""

import math
import random
from collections.abc import Callable

from simulator.drawings.canvas import STRONG, Canvas, Colour, random_size, shade


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
    canvas = Canvas(rng, *random_size(rng))
    DRAWN.get(query, rng.choice(list(DRAWN.values())))(canvas)
    return canvas.finish()
