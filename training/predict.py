"""What a model takes pictures for: files, folders and addresses, and the training pictures that look most alike."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import requests

from dataset.reader import Undecodable, decode, decoded, load
from foundation.errors import UsageError
from foundation.settings import Settings
from training.examples import Examples, Progress
from training.models import Model
from training.train import examples_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff")
MAX_BYTES = 30_000_000
TIMEOUT_S = 20
ALIKE = 3  # training pictures named with each answer


def predict(
    model: Model,
    named: Sequence[str | Path],
    examples: Examples | None = None,
    tell: Progress | None = None,
) -> list[dict[str, Any]]:
    """file, label and probabilities of each picture; folders are walked, addresses fetched.

    examples: those the model learned from; with them each answer says which are nearest. Raises UsageError for what is
    no picture.
    """
    files = list(_files(named))
    explain = _nearest(examples) if examples else None
    answers = []
    for number, name in enumerate(files, 1):
        image = _picture(name)
        found = model.probabilities(image)
        label = max(found, key=lambda one: found[one])
        answer: dict[str, Any] = {
            "file": name, "label": label, "probabilities": {k: round(v, 6) for k, v in found.items()}
        }  # fmt: skip
        if explain:
            answer["nearest"] = explain(image)
        answers.append(answer)
        if tell:
            tell("pictures", number, len(files))
    return answers


def learned_from(settings: Settings, model: Model, tell: Progress | None = None) -> Examples:
    """The examples that a model learned from, to explain its answers by."""
    return examples_of(settings, load(settings.home, model.version), tell)


def _files(named: Sequence[str | Path]) -> Iterator[str]:
    for name in named:
        path = Path(name)
        if str(name).startswith(("http://", "https://")) or not path.is_dir():
            yield str(name)
            continue
        inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise UsageError(f"{name} holds no pictures ({', '.join(SUFFIXES)}); name another folder")
        yield from inside


def _picture(name: str) -> Any:
    try:
        return decoded(_fetched(name)) if name.startswith(("http://", "https://")) else decode(Path(name))
    except requests.RequestException as error:
        raise UsageError(f"{name} cannot be fetched ({type(error).__name__}); name another address") from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); name a picture") from error
    except Undecodable as error:
        raise UsageError(f"{name} is not a picture that can be read ({error}); name another") from error


def _fetched(address: str) -> bytes:
    with requests.get(address, timeout=TIMEOUT_S, stream=True) as answer:
        answer.raise_for_status()
        content = b""
        for part in answer.iter_content(65_536):
            content += part
            if len(content) > MAX_BYTES:
                raise UsageError(f"{address} is over {MAX_BYTES // 1_000_000} MB; name a smaller picture")
    return content


def _nearest(examples: Examples) -> Callable[[Any], list[dict[str, Any]]]:
    """By the cosine of their frozen features, among those learned from."""
    learn = np.flatnonzero(examples.mask("train"))
    known = examples.features[learn].astype(np.float64)
    centre = known.mean(axis=0)
    known = _unit(known - centre)

    def look(image: Any) -> list[dict[str, Any]]:
        near = known @ _unit((examples.net.vector(image) - centre)[None])[0]
        found = []
        for place in np.argsort(-near, kind="stable")[:ALIKE]:
            row = examples.rows[learn[place]]
            path = examples.version.path / row.file
            found.append(
                {"file": str(path), "label": row.label, "site": row.site, "similarity": round(float(near[place]), 3)}
            )
        return found

    return look


def _unit(vectors: Any) -> Any:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
