"""library/erased.jsonl: every tombstone once more, outside the catalog. Hashes only, a line each, in base64.

A catalog that is restored from a backup is older than the erasures after it. Opening the project gives it the missing
tombstones back, and erases again what came back with it. A cursor in the catalog says which state of the file it has.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import cursors, erasures, tombstones
from dataset.catalog.writes import insert_new, upsert
from dataset.project import Project
from foundation.files import replace_file, storage_errors
from foundation.sharing.machines import is_shared, of_this_machine

KINDS = ("sha256", "url", "phash16", "imprint")  # of tombstones; this program writes no phash16
CURSOR = "erased.jsonl"
RESTORED = "erased before the catalog was restored"
HASH = re.compile("[0-9a-f]{64}")  # SHA-256s, and imprints and perceptual hashes of 256 bits

Key = tuple[str, str]  # kind and value of a tombstone


def append(project: Project, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add tombstones to the file, inside the transaction that writes them, and flush it.

    If the process is killed before that transaction ends, the next command that opens the project takes them from here.
    """
    path = project.erased_file
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b"\n" if _is_torn(path) else b"")
            file.write("".join(_line(row["kind"], row["value"], row["erased_at"]) for row in rows).encode())
            file.flush()
            os.fsync(file.fileno())
    _remember(project, connection)


def merge(project: Project) -> None:
    """Give catalog and file the tombstones that only the other one has. Begin to erase again what came back."""
    if is_merged(project):
        return
    path = project.erased_file
    with project.catalog.write(erasing=True) as connection:
        written, is_whole = _read(path)
        buried = {
            (row.kind, row.value): row.erased_at
            for row in connection.execute(select(tombstones.c.kind, tombstones.c.value, tombstones.c.erased_at))
        }
        back = [key for key in written if key not in buried]
        rows = [{"kind": key[0], "value": key[1], "reason": RESTORED, "erased_at": written[key]} for key in back]
        insert_new(connection, tombstones, rows)
        again = [value for kind, value in back if kind == "sha256"]
        row = {"reason": RESTORED, "begun_at": datetime.now(UTC), "done_at": None}
        upsert(connection, erasures, [{"sha256": sha256, **row} for sha256 in again])
        if not is_whole or any(HASH.fullmatch(value) for _, value in buried.keys() - written.keys()):
            everything = {**buried, **written}
            lines = [_line(kind, value, at) for (kind, value), at in everything.items()]
            replace_file(path, "".join(lines).encode())
        _remember(project, connection)


def is_merged(project: Project) -> bool:
    """Whether the catalog and the file have the same tombstones."""
    with project.catalog.read() as connection:
        name = of_this_machine(project.settings, CURSOR)
        known = connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
        has_tombstones = connection.execute(select(tombstones.c.value).limit(1)).first() is not None
        now = _state(project, connection)
    return (known or "") == now and (bool(known) or not has_tombstones)


def _remember(project: Project, connection: Connection) -> None:
    row = {"name": of_this_machine(project.settings, CURSOR), "value": _state(project, connection)}
    upsert(connection, cursors, [row])


def _state(project: Project, connection: Connection) -> str:
    """What tells one state of file and catalog from another; of the catalog only where others write to it, too."""
    state = _state_of_file(project.erased_file)
    if not is_shared(project.settings):
        return state
    buried = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    return f"{state} {buried}" if buried else state


def _state_of_file(path: Path) -> str:
    """Its size and the digest of its end. Empty without a file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            return f"{size} {hashlib.sha256(file.read()).hexdigest()[:16]}"
    except FileNotFoundError:
        return ""


def _line(kind: str, value: str, erased_at: datetime) -> str:
    """One line of the file; none for what is no hash, since a name that somebody mistyped is on no picture."""
    if not HASH.fullmatch(value):
        return ""
    value = base64.b64encode(bytes.fromhex(value)).decode()
    return json.dumps({"kind": kind, "value": value, "erased_at": erased_at.isoformat()}) + "\n"


def _is_torn(path: Path) -> bool:
    """Whether the last line has no end: a program was killed while it wrote it."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _read(path: Path) -> tuple[dict[Key, datetime], bool]:
    """The tombstones of the file, and whether each of its lines is one. Lines that cannot be read are left out."""
    found: dict[Key, datetime] = {}
    is_whole = True
    for line in path.read_bytes().splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
            kind, at = record["kind"], datetime.fromisoformat(record["erased_at"])
            value = base64.b64decode(record["value"], validate=True).hex()
            if kind not in KINDS or not HASH.fullmatch(value) or at.tzinfo is None:
                raise ValueError(line)
        except (ValueError, KeyError, TypeError):
            is_whole = False
        else:
            found[kind, value] = at
    return found, is_whole
