"""Generated sites of ten makes, as tools and people write them. tests/crawlers/test_makes.py crawls them."""

from simulator.makes.applications import hash_routes, next_like, vite
from simulator.makes.make import Make
from simulator.makes.pages import bootstrap, builder, fancybox, frames, lightgallery, photoswipe, plain


def makes() -> tuple[Make, ...]:
    """One site of each make."""
    return (
        plain(), bootstrap(), lightgallery(), photoswipe(), fancybox(), builder(), next_like(), vite(), hash_routes(),
        frames(),
    )  # fmt: skip
