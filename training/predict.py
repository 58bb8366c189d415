"""Classify pictures: files, folders and URLs; and name the training pictures that look most alike."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dataset.reader import Undecodable, decode, decoded, load
from foundation.addresses import Refused
from foundation.downloads import TooLarge, TooSlow
from foundation.errors import UsageError
from foundation.outgoing import Failures, Limits, Outgoing
from foundation.settings import AGENT_NAME, Settings
from foundation.version import VERSION
from training.examples import Examples, Progress
from training.models import Model
from training.train import examples_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff")
LIMITS = Limits(max_bytes=30_000_000, max_s=120, timeout_s=20)  # a picture of 30 MB over a slow line
NEAREST = 3  # training pictures named with each answer


def predict(
    model: Model,
    paths: Sequence[str | Path],
    examples: Examples | None = None,
    tell: Progress | None = None,
    outgoing: Outgoing | None = None,
) -> list[dict[str, Any]]:
    """file, label and probabilities of each picture. Folders are walked, URLs are fetched.

    examples: those that the model learned from; with them each answer names the nearest. outgoing: fetches URLs; the
    default asks public hosts only. Raises UsageError for a file that is not a picture.
    """
    outgoing = outgoing or Outgoing(f"{AGENT_NAME}/{VERSION}")
    files = list(_files(paths))
    explain = _nearest(examples) if examples else None
    answers = []
    for number, name in enumerate(files, 1):
        image = _picture(name, outgoing)
        probabilities = model.probabilities(image)
        label = max(probabilities, key=lambda one: probabilities[one])
        answer: dict[str, Any] = {
            "file": name, "label": label, "probabilities": {k: round(v, 6) for k, v in probabilities.items()}
        }  # fmt: skip
        if explain:
            answer["nearest"] = explain(image)
        answers.append(answer)
        if tell:
            tell("pictures", number, len(files))
    return answers


def learned_from(settings: Settings, model: Model, tell: Progress | None = None) -> Examples:
    """The examples that a model learned from, to explain its answers."""
    return examples_of(settings, load(settings.home, model.version), tell)


def outgoing_of(settings: Settings) -> Outgoing:
    """Fetches pictures under the project's name, and from the private hosts that it allows."""
    return Outgoing(settings.user_agent, frozenset(settings.crawl.allow_private_hosts))


def _files(paths: Sequence[str | Path]) -> Iterator[str]:
    for name in paths:
        path = Path(name)
        if _is_address(str(name)) or not path.is_dir():
            yield str(name)
            continue
        inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise UsageError(f"{name} holds no pictures ({', '.join(SUFFIXES)}); name another folder")
        yield from inside


def _picture(name: str, outgoing: Outgoing) -> Any:
    try:
        return decoded(_fetched(name, outgoing)) if _is_address(name) else decode(Path(name))
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); name a picture") from error
    except Undecodable as error:
        raise UsageError(f"{name} is not a picture that can be read ({error}); name another") from error


def _is_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _fetched(address: str, outgoing: Outgoing) -> bytes:
    try:
        answer = outgoing.get(address, LIMITS)
    except TooLarge as error:
        raise UsageError(f"{address} is {error}; name a smaller picture") from error
    except TooSlow as error:
        raise UsageError(f"{address} is {error}; try again later, or name another address") from error
    except Refused as error:
        raise UsageError(
            f"{address} is not fetched ({error}); name another address, or list a private host in [crawl] "
            "allow_private_hosts"
        ) from error
    except Failures as error:
        raise UsageError(f"{address} cannot be fetched ({type(error).__name__}); name another address") from error
    if answer.status != 200:
        raise UsageError(f"{address} cannot be fetched (answered {answer.status}); name another address")
    return answer.body


def _nearest(examples: Examples) -> Callable[[Any], list[dict[str, Any]]]:
    """A function that names the nearest training pictures, by the cosine of their frozen features."""
    learn = np.flatnonzero(examples.mask("train"))
    known = examples.features[learn].astype(np.float64)
    centre = known.mean(axis=0)
    known = _unit(known - centre)

    def nearest(image: Any) -> list[dict[str, Any]]:
        near = known @ _unit((examples.net.vector(image) - centre)[None])[0]
        named = []
        for number in np.argsort(-near, kind="stable")[:NEAREST]:
            row = examples.rows[learn[number]]
            path = examples.version.path / row.file
            named.append(
                {"file": str(path), "label": row.label, "site": row.site, "similarity": round(float(near[number]), 3)}
            )
        return named

    return nearest


def _unit(vectors: Any) -> Any:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
