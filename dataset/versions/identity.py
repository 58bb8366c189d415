"""What the id of a version is computed from, and the seal of version.json.

The id is over what the version says: rows, pictures, facts, card, croissant.json and diff, without times, names and
paths of a machine. Two machines that publish the same thing give the same id.

version.json also lists the digest of every file beside the pictures (`files`), and ends with a seal: a digest of
everything in it, times included. An erasure writes both anew; the id stays.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foundation.errors import DamagedVersion
from foundation.files import replace_file

FACTS = "version.json"
SEAL = "seal"
TEXTS = ("README.md", "croissant.json")  # in the id as published, without times
DIFF = "diff.parquet"
NOT_IN_ID = {SEAL, "id", "name", "parent", "created", "files", "erasures"}
ROWS_AT_ONCE = 10_000  # of a diff, in memory as objects of Python
DECIMALS = 4  # of numbers in the id: two machines may compute the last digits differently
FRESHNESS = "freshness"  # the gate that measures a time

_TIME = re.compile(r"\b\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
_NAME = re.compile(r"(?<![\d.])\d{4}\.\d{1,2}\.\d+(?!\d|\.\d)")  # of a version; it has the month of publishing


def tag(id_: str, erasures: int) -> str:
    """Short name of a version's state, which changes with each erasure: Hugging Face's cache and exports go by it."""
    return f"v{id_[:12]}-{erasures}"


def timeless(text: str, replaced: Iterable[str]) -> str:
    """Digest of a text without times and names of versions. replaced: other texts that are left out."""
    for part in filter(None, replaced):
        text = text.replace(part, "<>")
    return hashlib.sha256(_NAME.sub("<>", _TIME.sub("<>", text)).encode("utf-8", "surrogateescape")).hexdigest()


def not_in_texts(id_: str, manifest_sha256: str, facts: Mapping[str, Any]) -> list[str]:
    """What `timeless` leaves out of the card and croissant.json. facts: version.json."""
    forced = [gate.get("forced", "") for gate in facts["gates"] if gate["gate"] == FRESHNESS]
    return [*forced, manifest_sha256, id_, id_[:12]]


def diff_digest(table: Any) -> str:
    """Digest of the rows of diff.parquet: what they say, not how they are compressed. table: of Arrow."""
    digest = hashlib.sha256()
    for batch in table.to_batches(ROWS_AT_ONCE):
        for row in batch.to_pylist():
            digest.update(json.dumps(list(row.values()), ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def identity(facts: Mapping[str, Any], rows_root: str) -> str:
    """The id, 64 hex digits. facts: version.json. rows_root: root of the tree over rows and pictures."""
    kept = {key: value for key, value in facts.items() if key not in NOT_IN_ID}
    kept["gates"] = [
        {key: gate[key] for key in ("gate", "limit")} if gate["gate"] == FRESHNESS else gate for gate in facts["gates"]
    ]
    return hashlib.sha256(_canonical([rows_root, _rounded(kept)])).hexdigest()


def seal(facts: Mapping[str, Any]) -> str:
    """Digest of everything in version.json but the seal."""
    return hashlib.sha256(_canonical({key: value for key, value in facts.items() if key != SEAL})).hexdigest()


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write version.json in one step."""
    replace_file(folder / FACTS, facts_bytes(facts))


def facts_bytes(facts: Mapping[str, Any]) -> bytes:
    """version.json as it is written."""
    return (json.dumps(facts, indent=1) + "\n").encode()


def read_facts(folder: Path) -> dict[str, Any]:
    """version.json. Raises DamagedVersion with the reason alone."""
    try:
        content = json.loads((folder / FACTS).read_bytes())
    except (OSError, ValueError, RecursionError):
        raise DamagedVersion(f"{FACTS} is cut or not JSON") from None
    if not isinstance(content, dict):
        raise DamagedVersion(f"{FACTS} is not what a version has")
    return content


def change_facts(folder: Path, facts: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Write version.json with a change, and seal it, unless somebody changed it by hand before."""
    is_intact = facts.get(SEAL) == seal(facts)
    facts |= change
    if is_intact:
        facts[SEAL] = seal(facts)
    write_facts(folder, facts)


def replace_listed(folder: Path, name: str, content: bytes) -> None:
    """Replace a file of a version, and its digest in version.json. A file that was changed by hand stays unlisted.

    The digest is written first, so that after a kill the same change is made again and fits.
    """
    try:
        facts = read_facts(folder)
    except DamagedVersion:
        facts = {}
    files, digest = facts.get("files"), hashlib.sha256(content).hexdigest()
    if isinstance(files, dict) and file_digest(folder / name) == files.get(name, "") != digest:
        change_facts(folder, facts, {"files": {**files, name: digest}})
    replace_file(folder / name, content)


def list_instead(folder: Path, old: tuple[str, str], new: tuple[str, str]) -> None:
    """List a file in the place of another one in version.json. old, new: path and digest of each.

    Where the old one was changed by hand, or is not listed any more, nothing is done.
    """
    try:
        facts = read_facts(folder)
    except DamagedVersion:
        return
    files = facts.get("files")
    if isinstance(files, dict) and files.get(old[0]) == old[1]:
        others = {name: digest for name, digest in files.items() if name != old[0]}
        change_facts(folder, facts, {"files": dict(sorted([*others.items(), new]))})


def file_digest(path: Path) -> str:
    """SHA-256 of a regular file, links not followed; empty where it cannot be read."""
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
