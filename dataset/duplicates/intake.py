"""Take a picture in: everything that later stages do with its pixels, done once while its source is at hand.

A picture that passes cannot stop curating or publishing, because the same code has run on the same bytes.
"""

import hashlib
from dataclasses import dataclass

from dataset.duplicates.fingerprints import HASHED_PX, Fingerprint, fingerprint_of
from dataset.pictures.decoding import FEATURES_PX, Header, Undecodable, accept, large_in_turn, normalised
from dataset.pictures.rights import Rights


@dataclass(frozen=True)
class Intake:
    """A picture that passed. normalised: its normalised picture, as JPEG. rights: what its bytes say about use."""

    sha256: str
    header: Header
    fingerprint: Fingerprint
    normalised: bytes
    rights: Rights


def take_in(content: bytes) -> Intake:
    """Decode, fingerprint and normalise. Raises Undecodable with the reason, whatever goes wrong."""
    try:
        with large_in_turn(content):
            picture = accept(content, HASHED_PX)
            fingerprint = fingerprint_of(picture)
            picture.upright(FEATURES_PX)
            sha256 = hashlib.sha256(content).hexdigest()
            return Intake(sha256, picture.header, fingerprint, normalised(picture), picture.rights)
    except Undecodable:
        raise
    except Exception as error:
        raise Undecodable(f"damaged: {error or type(error).__name__}") from error
