"""Pairs of towers: one gives vectors of pictures, the other of texts. The cosine says how well a text fits a picture.

The files are in [models] folder. Without the tower of texts, or without the package `tokenizers`, a pair gives features
and no classes.
"""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundation.errors import StorageError
from foundation.settings import CLIP, PICTURE_TOWER, SIGLIP2, TEXT_TOWER, TOKENIZER
from networks.session import session

Three = tuple[float, float, float]


@dataclass(frozen=True)
class Texts:
    """What is said of one answer. names: go into the pair's template. sentences: are taken as they are."""

    names: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """How one pair takes pictures and texts.

    mean, deviation: of R, G and B in 0 to 1. is_cropped: the shorter side is scaled, with a bicubic filter, and the
    centre cut out; else the whole picture is squeezed into a square, with a linear filter. template: of a name. tokens:
    length of a text. padding: the token that fills it. scale: of the cosine, to logits.
    """

    name: str
    mean: Three
    deviation: Three
    is_cropped: bool
    template: str
    tokens: int
    padding: str
    scale: float


# Both scale by 100: it is CLIP's trained scale, and about SigLIP's. The files of single towers do not hold it. SigLIP's
# bias, which they do not hold either, is the same for every text, so that a softmax does without it.
PAIRS = (
    Pair(SIGLIP2, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), False, "this is a photo of {}.", 64, "<pad>", 100.0),
    Pair(
        CLIP, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), True, "a photo of a {}.", 77,
        "<|endoftext|>", 100.0,
    ),
)  # fmt: skip


def pair_of(picture_tower: Path) -> Pair | None:
    """The pair whose tower of pictures has this file name; None for any other file."""
    return next((pair for pair in PAIRS if PICTURE_TOWER.format(pair.name) == picture_tower.name), None)


def lacks(pair: Pair, folder: Path, texts: Mapping[str, Texts]) -> str:
    """What is missing before texts can be compared, and how to get it; empty if nothing is. texts: by answer."""
    files = [name for kind in (TEXT_TOWER, TOKENIZER) if not (folder / (name := kind.format(pair.name))).is_file()]
    if files and pair.name == CLIP:
        return f"{' and '.join(files)} in [models] folder, which you have to put there; no such file is pinned"
    if files:
        return f"{' and '.join(files)}; run `isitcake models fetch {pair.name}`"
    if importlib.util.find_spec("tokenizers") is None:
        return 'the package tokenizers; pip install "isitcake[pairs]"'
    unnamed = [answer for answer, said in texts.items() if not (said.names or said.sentences)]
    return f"texts that mean {unnamed[0]}; name them in [labels.{unnamed[0]}] means" if unnamed else ""


def text_vectors(pair: Pair, folder: Path, texts: Mapping[str, Texts]) -> list[NDArray[np.float32]]:
    """For each answer, in the order of `texts`: (m, d) vectors of length 1 of its m texts.

    Raises StorageError for a damaged file, and for a text that the tokenizer does not know.
    """
    tower = TextTower(pair, folder)
    return [tower.vectors(said) for said in texts.values()]


class TextTower:
    """The tower of texts of a pair, loaded. Raises StorageError for a damaged file."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self._pair, self._path = pair, folder / TEXT_TOWER.format(pair.name)
        words = folder / TOKENIZER.format(pair.name)
        try:
            self._tokens_of = _tokenizer(pair, words)
        except Exception as error:  # the library raises plain exceptions
            raise StorageError(f"{words} is not a usable tokenizer ({error}); replace it") from error
        with self._its_errors():
            self._tower = session(self._path.read_bytes())
            self._output = chosen_output([entry.name for entry in self._tower.get_outputs()], "text_embeds")
            self._inputs = [entry.name for entry in self._tower.get_inputs()]

    def vectors(self, said: Texts) -> NDArray[np.float32]:
        """(m, d) vectors of length 1 of m texts. Raises StorageError for a text that the tokenizer does not know."""
        with self._its_errors():
            numbers = self._tokens_of(_sentences(self._pair, said))
            return _unit(self._tower.run([self._output], _feed(numbers, self._inputs))[0])

    @contextlib.contextmanager
    def _its_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise StorageError(f"{self._path} is not a usable tower of texts ({error}); replace it") from error


def chosen_output(names: Sequence[str], embedding: str) -> str:
    """The output of a tower that is compared: the embedding, or SigLIP's pooled output. Raises ValueError."""
    for name in (embedding, "pooler_output"):
        if name in names:
            return name
    raise ValueError(f"it has neither an output `{embedding}` nor `pooler_output`")


def _sentences(pair: Pair, said: Texts) -> list[str]:
    """In lower case: SigLIP2 was trained on such texts, and CLIP's tokenizer ignores the case."""
    return [text.lower() for text in (*map(pair.template.format, said.names), *said.sentences)]


def _tokenizer(pair: Pair, path: Path) -> Callable[[list[str]], NDArray[np.int64]]:
    """A function from m texts to (m, tokens) numbers, cut or filled to this length."""
    from tokenizers import Tokenizer  # of the extra `pairs`

    tokenizer = Tokenizer.from_file(str(path))
    number = tokenizer.token_to_id(pair.padding)
    if number is None:
        raise ValueError(f"it has no token {pair.padding}")
    tokenizer.enable_truncation(pair.tokens)
    tokenizer.enable_padding(length=pair.tokens, pad_id=number, pad_token=pair.padding)
    return lambda texts: np.array([encoded.ids for encoded in tokenizer.encode_batch(texts)], dtype=np.int64)


def _feed(numbers: NDArray[np.int64], inputs: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The mask is all ones: SigLIP2 was trained without one, and CLIP reads nothing behind the end of a text."""
    feed = {"input_ids": numbers, "attention_mask": np.ones_like(numbers)}
    return {name: values for name, values in feed.items() if name in inputs}


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
