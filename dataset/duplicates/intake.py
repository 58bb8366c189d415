"""Take a picture in: everything that later stages do with its pixels, done once while its source is at hand.

A picture that passes cannot stop curating or publishing, because the same code has run on the same bytes.
"""

import hashlib
from dataclasses import dataclass, replace

from dataset.duplicates.fingerprints import HASHED_PX, Fingerprint, fingerprint_of
from dataset.pictures.decoding import Header, Undecodable, accept, large_in_turn, normalised
from dataset.pictures.hash_lists import HashLists
from dataset.pictures.rights import Rights
from dataset.pictures.seen import Seen, recognise
from dataset.pictures.text_lines import SEARCHED_SIDE_PX


@dataclass(frozen=True)
class Intake:
    """A picture that passed. normalised: its normalised picture, as JPEG. rights: what its bytes say about use.

    seen: lines of text, without objects, which need a network; None where they were not searched. listed: name of the
    hash list that has the picture, empty where none has; None where it was not compared.
    """

    sha256: str
    header: Header
    fingerprint: Fingerprint
    normalised: bytes
    rights: Rights
    seen: Seen | None
    listed: str | None = None


def take_in(content: bytes, *, with_text: bool = True, lists: HashLists | None = None) -> Intake:
    """Decode, fingerprint, search text and normalise. Raises Undecodable with the reason, whatever goes wrong.

    with_text: search text. lists: compare with these. A JPEG is decoded at its smallest and its largest scale here;
    those between read the same bytes.
    """
    try:
        with large_in_turn(content):
            picture = accept(content, HASHED_PX)
            fingerprint = fingerprint_of(picture)
            seen = recognise(picture.upright(SEARCHED_SIDE_PX), None) if with_text else None
            sha256 = hashlib.sha256(content).hexdigest()
            made = Intake(sha256, picture.header, fingerprint, normalised(picture), picture.rights, seen)
        return made if lists is None else replace(made, listed=lists.list_of(content))
    except Undecodable:
        raise
    except Exception as error:
        raise Undecodable(f"damaged: {error or type(error).__name__}") from error
