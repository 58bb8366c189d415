"""The diff file of an audit: what to remove and what to relabel, file by file, signed. It can be sent to the owner."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from foundation.errors import UsageError
from foundation.files import replace_file
from foundation.version import VERSION
from isitcake.auditing.audit import Audit, Suspect
from isitcake.auditing.library import File
from isitcake.auditing.signature import FIELD, own_fingerprint, signed, signer

FORMAT = "isitcake fixes"
MAX_BYTES = 512 << 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _inside(path: str) -> str:
    """The path. Raises ValueError if it leads out of the data set, or to something hidden, such as .git."""
    parts = PurePosixPath(path).parts
    is_hidden = any(part.startswith(".") for part in parts)
    if not parts or path.startswith("/") or "\0" in path or is_hidden or "/".join(parts) != path:
        raise ValueError(f"{path!r} is no path inside the data set, or is hidden")
    return path


class Named(_Part):
    """A file of the data set. path: relative to its folder, with `/`."""

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        return _inside(path)


class Fix(Named):
    """One proposal. action: remove the file, or move it into the folder of another label.

    reason: duplicate, leak (the same picture is in another split), or label. keeps: the file that stays in its place.
    decided: whether it is to be applied; a person sets it for labels. label_folder, to: for `relabel`, the folder of
    the label, and the new label.
    """

    action: Literal["remove", "relabel"]
    reason: Literal["duplicate", "leak", "label"]
    keeps: Named | None = None
    label: str = ""
    label_folder: str = ""
    to: str = ""
    error_probability: float | None = None
    because: list[str] = []
    decided: bool

    @field_validator("to", "label")
    @classmethod
    def _one_folder(cls, label: str) -> str:
        if label.startswith(".") or "/" in label or "\0" in label:
            raise ValueError(f"{label!r} is no label")
        return label

    @field_validator("label_folder")
    @classmethod
    def _folder_inside(cls, folder: str) -> str:
        return _inside(folder) if folder else folder

    @model_validator(mode="after")
    def _label_has_a_folder(self) -> "Fix":
        if self.action == "relabel" and (
            not self.to or not self.label_folder or not self.path.startswith(f"{self.label_folder}/")
        ):
            raise ValueError(f"{self.path!r} is not in its label_folder, or has no `to`")
        if self.action == "relabel" and PurePosixPath(self.label_folder).name == self.to:
            raise ValueError(f"{self.path!r} has the label {self.to!r} already")
        return self

    @model_validator(mode="after")
    def _copy_keeps_the_other(self) -> "Fix":
        if self.reason != "label" and not self.keeps:
            raise ValueError(f"{self.path!r} is a {self.reason} of a file that `keeps` has to name")
        return self


class Fixes(_Part):
    """A diff file. dataset: name of the folder, to show. files: how many the audit read."""

    format: Literal["isitcake fixes"]
    version: Literal[1]
    made_by: str
    created: str
    dataset: str
    files: int
    fixes: list[Fix]


@dataclass(frozen=True)
class SignedFixes:
    """fixes: of a file whose signature holds. signer: fingerprint of the key."""

    fixes: Fixes
    signer: str


def fixes_of(audit: Audit) -> Fixes:
    """What the audit proposes. Decided is what needs no person: copies with one label and the same colours."""
    removed = {removal.file.path for removal in audit.copies.removals}
    found = [
        Fix(
            action="remove",
            reason="leak" if removal.reason == "leak" else "duplicate",
            keeps=_named(removal.keeps),
            label=removal.file.label,
            decided=removal.is_decided,
            because=removal.doubts,
            **_named(removal.file).model_dump(),
        )
        for removal in audit.copies.removals
    ]
    for suspect in audit.proposed:
        found += _relabelled(suspect, (file for file in suspect.files if file.path not in removed))
    return Fixes(
        format="isitcake fixes",
        version=1,
        made_by=f"isitcake {VERSION}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dataset=audit.dataset.name,
        files=len(audit.files),
        fixes=found,
    )


def _relabelled(suspect: Suspect, files: Iterable[File]) -> list[Fix]:
    is_label = suspect.suggestion is not None
    return [
        Fix(
            action="relabel" if is_label else "remove",
            reason="label",
            label=file.label,
            label_folder=file.label_folder if is_label else "",
            to=suspect.suggestion or "",
            error_probability=suspect.error_probability,
            because=list(suspect.reasons),
            decided=False,
            **_named(file).model_dump(),
        )
        for file in files
    ]


def _named(file: File) -> Named:
    return Named(path=file.path, sha256=file.sha256)


def write_fixes(path: Path, fixes: Fixes) -> str:
    """Write the diff file, signed by the user's key. Returns the key's fingerprint. Raises StorageError, UsageError."""
    content = signed(fixes.model_dump())
    replace_file(path, _text(content))
    return signer(content)


def sign_again(path: Path) -> SignedFixes:
    """Sign a file that a person changed: from now on it is that person's word. Raises UsageError."""
    content = _read(path)
    _checked(path, content)
    content = signed(content)
    replace_file(path, _text(content))
    return SignedFixes(_checked(path, content), signer(content))


def read_fixes(path: Path) -> SignedFixes:
    """Read a diff file. Raises UsageError if it is none, or if its signature does not hold."""
    content = _read(path)
    fixes = _checked(path, content)
    try:
        return SignedFixes(fixes, signer(content))
    except ValueError as error:
        raise UsageError(
            f"{path} {error}; if the change is yours, sign it with `isitcake audit --sign {path}`, else ask its author"
        ) from None


def require_signer(path: Path, read: SignedFixes, named: str) -> None:
    """Raises UsageError unless the fixes are the user's own, or of the key whose fingerprint is `named`."""
    if named and named != read.signer:
        raise UsageError(f"{path} is signed by key {read.signer}, not by {named}; ask its author which file is right")
    if not named and read.signer != own_fingerprint():
        raise UsageError(
            f"{path} is signed by key {read.signer}, which is not yours; if its author tells you the same fingerprint, "
            f"add `--signer {read.signer}`"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB; it is no file of fixes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give a file that --fixes wrote") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON; give a file that --fixes wrote") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is no file of fixes; give a file that --fixes wrote")
    return content


def _checked(path: Path, content: Mapping[str, Any]) -> Fixes:
    try:
        return Fixes.model_validate({name: value for name, value in content.items() if name != FIELD})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {where}: {message}; correct it, or write the file again with --fixes") from None


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()
