"""A version's identity: the root of a Merkle tree over its rows and files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def leaf(salt: str, row: Mapping[str, Any], file_sha256: str) -> str:
    """Digest of one row and its file, 64 hex digits. The salt keeps it from being guessed once erased."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{salt}\n{file_sha256}\n{text}".encode()).hexdigest()


def root(leaves: Sequence[str]) -> str:
    """Root over leaves in their order; that of nothing is the digest of nothing."""
    level = [bytes.fromhex(digest) for digest in leaves] or [hashlib.sha256(b"").digest()]
    while len(level) > 1:
        pairs = [level[start : start + 2] for start in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + b"".join(pair)).digest() for pair in pairs]
    return level[0].hex()
