"""Classify pictures: files, folders and URLs. An answer can name the most similar training pictures."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image
from sklearn.preprocessing import normalize

from dataset.reader import Undecodable, decode, decoded, load
from foundation.downloads import TooLarge, read_body
from foundation.errors import UsageError
from foundation.settings import Settings
from training.examples import Examples, Progress
from training.models import Model
from training.train import examples_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff")
MAX_DOWNLOAD_BYTES = 30_000_000
TIMEOUT_S = 20
NEIGHBOURS = 3  # similar training pictures in each answer


def predict(
    model: Model,
    sources: Sequence[str | Path],
    examples: Examples | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """file, label and probabilities of each picture. sources: files, folders with all that is below them, and URLs.

    examples: those that the model was trained on; with them, each answer has the most similar ones as `nearest`.
    Raises UsageError for a source that is missing or is no picture.
    """
    names = list(_pictures(sources))
    nearest = _nearest(examples) if examples else None
    answers = []
    for number, name in enumerate(names, 1):
        image = _decoded(name)
        probabilities = model.probabilities(image)
        answer: dict[str, Any] = {
            "file": name,
            "label": max(probabilities, key=lambda label: probabilities[label]),
            "probabilities": {label: round(value, 6) for label, value in probabilities.items()},
        }
        if nearest:
            answer["nearest"] = nearest(image)
        answers.append(answer)
        if progress:
            progress("pictures", number, len(names))
    return answers


def learned_from(settings: Settings, model: Model, progress: Progress | None = None) -> Examples:
    """The examples that a model was trained on."""
    return examples_of(settings, load(settings.home, model.version), progress)


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _pictures(sources: Sequence[str | Path]) -> Iterator[str]:
    for source in sources:
        path = Path(source)
        if _is_url(str(source)) or not path.is_dir():
            yield str(source)
            continue
        inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise UsageError(f"{source} has no pictures ({', '.join(SUFFIXES)}); name another folder")
        yield from inside


def _decoded(name: str) -> Image.Image:
    try:
        return decoded(_downloaded(name)) if _is_url(name) else decode(Path(name))
    except requests.RequestException as error:
        raise UsageError(f"{name} cannot be fetched ({type(error).__name__}); name another URL") from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); name a picture") from error
    except Undecodable as error:
        raise UsageError(f"{name} is not a picture that can be decoded ({error}); name another one") from error


def _downloaded(url: str) -> bytes:
    with requests.get(url, timeout=TIMEOUT_S, stream=True) as response:
        response.raise_for_status()
        try:
            return read_body(response, MAX_DOWNLOAD_BYTES)
        except TooLarge as error:
            raise UsageError(f"{url} is {error}; name a smaller picture") from error


def _nearest(examples: Examples) -> Callable[[Image.Image], list[dict[str, Any]]]:
    """A function from a picture to the most similar training pictures, by the cosine of centred frozen features."""
    trained = np.flatnonzero(examples.mask("train"))
    features = examples.features[trained].astype(np.float64)
    centre = features.mean(axis=0)
    directions = normalize(features - centre)

    def nearest(image: Image.Image) -> list[dict[str, Any]]:
        similarities = directions @ normalize((examples.net.vector(image) - centre)[None])[0]
        neighbours = []
        for number in np.argsort(-similarities, kind="stable")[:NEIGHBOURS]:
            row = examples.rows[trained[number]]
            neighbours.append(
                {
                    "file": str(examples.version.path / row.file),
                    "label": row.label,
                    "site": row.site,
                    "similarity": round(float(similarities[number]), 3),
                }
            )
        return neighbours

    return nearest
