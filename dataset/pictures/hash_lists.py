"""Hash lists of [safety] hash_lists: pictures that must not be stored or shown, known by their hashes only.

A list is a text file with one hash on a line: 32 hex digits are the MD5 of a file's bytes, 64 the PDQ hash of what a
picture shows. What follows `#` is a comment. The content of a list is never written anywhere.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.pictures import pdq
from dataset.pictures.decoding import Undecodable, accept, large_in_turn
from foundation.errors import ConfigError
from foundation.files import in_words
from foundation.settings import Settings

ON_A_LIST = "on a hash list"  # how the reason of an outcome begins; the name of the list follows
MD5, PDQ = 32, 64  # hex digits
HEX = re.compile("[0-9a-f]+")
HASHES_AT_ONCE = 1 << 16  # of lists, compared with one picture


@dataclass(frozen=True)
class HashLists:
    """md5: name of the list by hash. pdq_words: (n, 4). pdq_names: name of the list of each. digest: of everything."""

    md5: dict[str, str] = field(default_factory=dict)
    pdq_words: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 4), np.uint64))
    pdq_names: tuple[str, ...] = ()
    digest: str = ""

    def __bool__(self) -> bool:
        return bool(self.md5 or self.pdq_names)

    def list_of(self, content: bytes) -> str:
        """Name of the list that has the picture; empty where none has. content: bytes of whatever kind."""
        if self.md5 and (name := self.md5.get(hashlib.md5(content, usedforsecurity=False).hexdigest())):
            return name
        return self._shown_in(content) if self.pdq_names else ""

    def _shown_in(self, content: bytes) -> str:
        """Name of the list that has what the picture shows, also turned or mirrored."""
        try:
            with large_in_turn(content):
                picture = accept(content, pdq.LARGEST_PX)
                shown = [picture.upright(pdq.LARGEST_PX)]
                if picture.header.has_alpha:  # other programs drop transparency instead of putting it on white
                    shown.append(picture.pixels(pdq.LARGEST_PX).convert("RGB"))
                hashes = [found.words for found in map(pdq.pdq, shown) if found.is_telling]
        except Undecodable:  # it shows nothing, and is refused for that
            return ""
        if not hashes:
            return ""
        words = np.concatenate(hashes)
        for start in range(0, len(self.pdq_words), HASHES_AT_ONCE):
            part = self.pdq_words[start : start + HASHES_AT_ONCE]
            bits = np.bitwise_count(part[:, None, :] ^ words[None, :, :]).sum(axis=2, dtype=np.int64).min(axis=1)
            near = int(bits.argmin())
            if bits[near] <= pdq.SAME_BITS:
                return self.pdq_names[start + near]
        return ""


def reason_of(name: str) -> str:
    """The reason of an outcome for a picture on a list. name: of the list."""
    return f"{ON_A_LIST}: {name}"


def hash_lists(settings: Settings) -> HashLists:
    """The lists of [safety] hash_lists; empty without any. Raises ConfigError with file, line and fix."""
    paths = [(settings.root / Path(name).expanduser()).resolve() for name in settings.safety.hash_lists]
    return _read(tuple((path, _state(settings, path)) for path in paths)) if paths else HashLists()


def _state(settings: Settings, path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigError(
            f"{settings.config_path}: safety.hash_lists: {path} cannot be read ({error.strerror}); put the list there, "
            "or remove it from hash_lists; without it nothing is collected"
        ) from None
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=2)
def _read(files: Sequence[tuple[Path, tuple[int, int]]]) -> HashLists:
    """Lists are read once; they may have millions of lines. files: paths, with what changes when the file does."""
    md5: dict[str, str] = {}
    raw: list[bytes] = []
    names: list[str] = []
    for path, _ in files:
        for number, line in enumerate(_lines(path), 1):
            digits = line.partition("#")[0].strip().lower()
            if not digits:
                continue
            if not HEX.fullmatch(digits) or len(digits) not in (MD5, PDQ):
                raise ConfigError(
                    f"{path}, line {number}: neither {MD5} hex digits (MD5) nor {PDQ} (PDQ), but {len(digits)} "
                    "characters; fix or remove the line"
                )
            if len(digits) == MD5:
                md5.setdefault(digits, path.name)
            else:
                raw.append(bytes.fromhex(digits))
                names.append(path.name)
    words = np.frombuffer(b"".join(raw), dtype=">u8").reshape(-1, 4).astype(np.uint64)
    digest = hashlib.sha256("".join(sorted(md5)).encode() + b"".join(sorted(raw))).hexdigest()
    return HashLists(md5, words, tuple(names), digest)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not a text file that can be read ({in_words(error)}); fix or replace it"
        ) from None
