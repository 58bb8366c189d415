"""A drawn scene that looks like a photo, to draw things on.

Drawn at twice its size and scaled down, so that edges look photographed and not computed.
"""

import io
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
SCALE = 2  # pixels drawn for each pixel of the picture, along one side

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
    """A scene to draw on. Positions and sizes are fractions of its width and height; (0, 0) is the top left."""

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


def random_size(rng: random.Random) -> tuple[int, int]:
    return rng.choice(((640, 480), (480, 640), (600, 600), (720, 540), (540, 720)))


def _scene(rng: random.Random, width: int, height: int) -> Image.Image:
    """A room, out of focus: wall, table, window light and a few things behind."""
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
