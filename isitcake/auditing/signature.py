"""Sign a file of fixes with a key of this user: Ed25519. See docs/decisions/0037.

The signature proves that who holds the key wrote exactly this content. Whose key it is, the reader has to know from
elsewhere: the key's fingerprint is what people compare.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from foundation.errors import UsageError
from foundation.files import storage_errors

ALGORITHM = "Ed25519"
FIELD = "signature"
PURPOSE = b"isitcake fixes 1\0"  # a signature of this key about anything else proves nothing here
FINGERPRINT_CHARACTERS = 16
KEY_NAME = "signing-key.pem"


def key_path() -> Path:
    """Where the user's key is: in the folder for configuration of the user, not of a project."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"
    return folder / "isitcake" / KEY_NAME


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with a signature by the user's key, in place of an older one. The first use makes the key.

    Raises UsageError if the key's file holds something else, StorageError if it cannot be written.
    """
    key = _own_key()
    unsigned = {name: value for name, value in content.items() if name != FIELD}
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = {
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(public).decode(),
        "value": base64.b64encode(key.sign(_message(unsigned))).decode(),
    }
    return {**unsigned, FIELD: signature}


def signer(content: Mapping[str, Any]) -> str:
    """Fingerprint of the key that signed the content. Raises ValueError, with the reason, if none did."""
    signature = content.get(FIELD)
    if not isinstance(signature, Mapping):
        raise ValueError("has no signature")
    if signature.get("algorithm") != ALGORITHM:
        raise ValueError(f"is not signed with {ALGORITHM}")
    unsigned = {name: value for name, value in content.items() if name != FIELD}
    try:
        public = base64.b64decode(str(signature.get("public_key")), validate=True)
        value = base64.b64decode(str(signature.get("value")), validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(value, _message(unsigned))
    except (binascii.Error, ValueError):
        raise ValueError("has a signature that cannot be read") from None
    except InvalidSignature:
        raise ValueError("was changed after it was signed") from None
    return fingerprint(public)


def require_key() -> None:
    """Make the user's key if there is none. Raises UsageError, StorageError."""
    _own_key()


def own_fingerprint() -> str:
    """Fingerprint of the user's key; empty while there is none."""
    if not key_path().is_file():
        return ""
    return fingerprint(_own_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def fingerprint(public_key: bytes) -> str:
    """What people compare: the first digits of the key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:FINGERPRINT_CHARACTERS]


def _message(unsigned: Mapping[str, Any]) -> bytes:
    """What is signed: the content in one spelling, whatever spaces and order of keys the file has."""
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return PURPOSE + text.encode()


def _own_key() -> Ed25519PrivateKey:
    path = key_path()
    if not path.is_file():
        _make_key(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} holds no key that can be read ({type(error).__name__}); move it away") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds a key of another kind; move it away, and the next use makes one")
    return key


def _make_key(path: Path) -> None:
    """Write a new key that only this user can read. If another process is faster, its key stays."""
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if not path.exists():
                os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink(missing_ok=True)
