"""Classify pictures: files, folders and URLs. An answer can name the most similar training pictures."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataset.reader import Undecodable, decode, decoded, load
from foundation.errors import UsageError
from foundation.network.addresses import Refused
from foundation.network.downloads import TooLarge, TooSlow
from foundation.network.outgoing import Failures, Limits, Outgoing
from foundation.settings import AGENT_NAME, Settings
from foundation.version import VERSION
from training.examples import Examples, Progress
from training.models import Model

SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".jxl",
)  # fmt: skip
LIMITS = Limits(max_bytes=30_000_000, max_s=120, timeout_s=20)  # a picture of 30 MB over a slow line
PIPES = ("/dev/fd/", "/dev/stdin")  # that a shell makes; another one without a writer would be waited for
NEIGHBOURS = 3  # similar training pictures in each answer


def predict(
    model: Model,
    sources: Sequence[str | Path],
    examples: Examples | None = None,
    progress: Progress | None = None,
    outgoing: Outgoing | None = None,
    skip: Callable[[str, str], None] | None = None,
) -> list[dict[str, Any]]:
    """file, label, probabilities and model of each picture. sources: files, folders with all below them, and URLs.

    examples: those that the model was trained on; with them, each answer has the most similar ones as `nearest`.
    outgoing: downloads URLs; the default asks public hosts only. skip: called with the name of a source that is missing
    or of a picture that cannot be read, and why; it has no answer, and the others have. Raises UsageError for an empty
    name; without `skip` also for what cannot be read.
    """
    outgoing = outgoing or Outgoing(f"{AGENT_NAME}/{VERSION}")
    found = list(_pictures(sources))
    nearest = _nearest(examples, model) if examples else None
    answers = []
    for number, (name, problem) in enumerate(found, 1):
        try:
            if problem:
                raise UsageError(problem)
            image = _decoded(name, outgoing)
        except UsageError as error:
            if skip is None:
                raise
            skip(name, str(error))
            continue
        probabilities = model.probabilities(image)
        answer: dict[str, Any] = {
            "file": name,
            "label": max(probabilities, key=lambda label: probabilities[label]),
            "probabilities": {label: round(value, 6) for label, value in probabilities.items()},
            "model": model.id,
        }
        if nearest:
            answer["nearest"] = nearest(image)
        answers.append(answer)
        if progress:
            progress("pictures", number, len(found))
    return answers


def learned_from(settings: Settings, model: Model, progress: Progress | None = None) -> Examples:
    """The examples that a model was trained on."""
    from training.train import examples_of  # costs two seconds to import, for every attempt

    return examples_of(settings, load(settings.home, model.version), progress)


def outgoing_of(settings: Settings) -> Outgoing:
    """Downloads pictures under the project's name, and from the private hosts that it allows."""
    return Outgoing(settings.user_agent, frozenset(settings.crawl.allow_private_hosts))


def _is_url(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _pictures(sources: Sequence[str | Path]) -> Iterator[tuple[str, str]]:
    """The name of each picture; or of a source that has none, with the reason."""
    for source in sources:
        path, name = Path(source), str(source)
        if not name.strip():
            raise UsageError("an empty name; name a picture, a folder or a URL")
        if not _is_url(name) and not _exists(path):
            yield name, f"{name} does not exist; name a picture, a folder or a URL"
        elif _is_url(name) or not path.is_dir():
            yield name, ""
        else:
            inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and not p.is_dir())
            nothing = (name, f"{name} has no pictures ({', '.join(SUFFIXES)}); name another folder")
            yield from ((one, "") for one in inside) if inside else [nothing]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a folder that may not be read, or a name that is too long
        return False


def _decoded(name: str, outgoing: Outgoing) -> Image.Image:
    if not _is_url(name) and not Path(name).is_file() and not name.startswith(PIPES):
        raise UsageError(f"{name} is not a file, or a link to none")
    try:
        return decoded(_downloaded(name, outgoing)) if _is_url(name) else decode(Path(name))
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror})") from error
    except Undecodable as error:
        raise UsageError(f"{name} is not a picture that can be decoded ({error})") from error


def _downloaded(url: str, outgoing: Outgoing) -> bytes:
    try:
        answer = outgoing.get(url, LIMITS)
    except TooLarge as error:
        raise UsageError(f"{url} is {error}; name a smaller picture") from error
    except TooSlow as error:
        raise UsageError(f"{url} is {error}; try again later, or name another URL") from error
    except Refused as error:
        raise UsageError(
            f"{url} is not fetched ({error}); name another URL, or list a private host in [crawl] allow_private_hosts"
        ) from error
    except Failures as error:
        raise UsageError(f"{url} cannot be fetched ({type(error).__name__}); name another URL") from error
    if answer.status != 200:
        raise UsageError(f"{url} cannot be fetched (answered {answer.status}); name another URL")
    return answer.body


def _nearest(examples: Examples, model: Model) -> Callable[[Image.Image], list[dict[str, Any]]]:
    """A function from a picture to the most similar training pictures, by the cosine of centred frozen features."""
    from sklearn.preprocessing import normalize  # costs a second to import

    trained = np.flatnonzero(examples.mask("train"))
    directions = examples.features[trained]  # the largest array here: it is changed in place
    centre = directions.mean(axis=0, dtype=np.float64).astype(np.float32)
    directions -= centre
    normalize(directions, copy=False)

    def nearest(image: Image.Image) -> list[dict[str, Any]]:
        similarities = directions @ normalize((examples.net.vector(image) - centre)[None])[0]
        neighbours = []
        for number in np.argsort(-similarities, kind="stable")[:NEIGHBOURS]:
            row = examples.rows[trained[number]]
            neighbours.append(
                {
                    "file": str(examples.version.pictures.where(row)),
                    "label": model.as_now(row.label),
                    "site": row.site,
                    "similarity": round(float(similarities[number]), 3),
                }
            )
        return neighbours

    return nearest
